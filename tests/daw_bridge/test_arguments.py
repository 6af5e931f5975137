"""Laws of arguments: what is taken for what, and what travels back."""

import pytest

from daw_bridge.arguments import Argument, Kind, check_argument, tagged

SWITCH = Argument("switch", Kind.BOOL, default=False)
LEVEL = Argument("level", Kind.FLOAT, default=0.0)


@pytest.mark.parametrize(("tag", "value"), [("T", True), ("i", 1), ("f", 1.0), ("h", 1)])
def test_one_of_any_type_is_true(tag: str, value: object) -> None:
    assert check_argument(SWITCH, tag, value) is True


@pytest.mark.parametrize(("tag", "value"), [("i", 2), ("f", 0.5), ("s", "on"), ("f", float("nan"))])
def test_what_is_neither_one_nor_zero_is_no_switch(tag: str, value: object) -> None:
    with pytest.raises(ValueError, match="send T or F, 1 or 0"):
        check_argument(SWITCH, tag, value)


def test_values_travel_with_their_declared_tags() -> None:
    assert tagged([SWITCH, LEVEL], (False, 0.5)) == (("F", False), ("f", 0.5))
    assert tagged([SWITCH], True) == (("T", True),)
