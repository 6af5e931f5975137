"""Laws of musical keys: one spelling each, read as musicians write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.api import GenerationRequest
from generator.errors import RequestError
from generator.keys import KEYS, key_index, parse_key


@given(st.sampled_from(KEYS))
def test_every_key_is_its_own_spelling(key: str) -> None:
    assert parse_key(key) == key
    assert KEYS[key_index(key) - 1] == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("F#m", "F# minor"),
        ("Bb", "Bb major"),
        ("C major", "C major"),
        ("a", "A major"),
        ("am", "A minor"),
        ("AM", "A major"),
        ("E♭ min", "Eb minor"),
        ("d#maj", "Eb major"),
        ("Cb", "B major"),
        ("B#m", "C minor"),
        (" g  minor ", "G minor"),
        ("bbm", "Bb minor"),
        ("b minor", "B minor"),
    ],
)
def test_a_key_is_read_as_musicians_write_it(text: str, key: str) -> None:
    assert parse_key(text) == key
    assert GenerationRequest("pad", 0, key=text).key == key


@pytest.mark.parametrize("text", ["", "H", "C dorian", "F##", "🎹", "#", "mm", "C major major"])
def test_an_unknown_key_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="key"):
        parse_key(text)


@given(st.text(max_size=20))
def test_any_text_is_a_key_or_a_request_error(text: str) -> None:
    with contextlib.suppress(RequestError):
        assert parse_key(text) in KEYS
