"""Laws of pattern matching: equal to a slow twin, and quick on what keeps others busy."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.patterns import match_part

PIECES = st.sampled_from(["*", "?", "a", "b", "c", "[ab]", "[!a]", "[a-c]", "{a,bc}", "{ab,}"])
NAMES = st.text("abcd", max_size=8)
AS_REGEX = {"*": ".*", "?": ".", "[!a]": "[^a]", "{a,bc}": "(?:a|bc)", "{ab,}": "(?:ab|)"}


@given(st.lists(PIECES, max_size=6), NAMES)
def test_matches_what_a_regular_expression_matches(pieces: list[str], name: str) -> None:
    slow = re.fullmatch("".join(AS_REGEX.get(piece, piece) for piece in pieces), name)
    assert match_part("".join(pieces), name) is (slow is not None)


@given(st.text("*?[]{},!-ab", max_size=12), NAMES)
def test_any_pattern_has_an_answer(pattern: str, name: str) -> None:
    assert match_part(pattern, name) in (True, False)


@pytest.mark.parametrize("pattern", ["*" * 12 + "b", "*a" * 100 + "b", "{a,aa,aaa}" * 20 + "b"])
def test_nothing_keeps_the_matcher_busy(pattern: str) -> None:
    begun_s = time.perf_counter()
    assert not match_part(pattern, "a" * 60)
    assert time.perf_counter() - begun_s < 0.25


def test_unclosed_brackets_match_nothing() -> None:
    assert not match_part("[ab", "a")
    assert not match_part("{ab", "ab")
