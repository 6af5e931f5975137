"""The law of copies: what the library makes of a dataclass, and nothing else is touched."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.replacing import replace
from daw_bridge.session_decision import Moment
from daw_bridge.session_slot import SlotState
from daw_bridge.session_state import SessionState, new_session

BIG: list[Any] = [new_session(3, entropy=1), SlotState(), Moment(5)]


@pytest.mark.parametrize("one", BIG, ids=lambda one: type(one).__name__)
@given(data=st.data())
def test_a_copy_is_what_the_library_makes(one: Any, data: st.DataObject) -> None:
    names = [field.name for field in dataclasses.fields(one)]
    changes = data.draw(st.dictionaries(st.sampled_from(names), st.integers()))
    before = dataclasses.asdict(one)
    copy = replace(one, **changes)
    assert copy == dataclasses.replace(one, **changes)
    assert repr(copy) == repr(dataclasses.replace(one, **changes))
    assert (copy is one, dataclasses.asdict(one)) == (False, before)


@pytest.mark.parametrize("one", BIG, ids=lambda one: type(one).__name__)
def test_a_field_that_is_not_there_is_refused_and_a_copy_is_frozen(one: Any) -> None:
    with pytest.raises(TypeError, match="gian"):
        replace(one, gian=1)
    name = dataclasses.fields(one)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(replace(one), name, 1)


def test_big_states_are_copied_in_one_go() -> None:
    """The way that is quick is taken, and misses nothing that a constructor would do."""
    for kind in (SessionState, SlotState):
        assert "__slots__" not in vars(kind)
        assert not hasattr(kind, "__post_init__")
