"""The note that words name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.notes import note_number


@pytest.mark.parametrize(
    ("words", "midi"),
    [
        ("saw lead, C4", 60), ("a4 flute", 69), ("808 bass, F#1", 30), ("Bb3 choir", 58),
        ("E♭2", 39), ("C-1 rumble", 0), ("C#-1", 1), ("G9", 127), ("A9", 0), ("808 kick", 0),
        ("C7 chord", 0), ("C 7 chord", 0), ("F# minor", 0), ("abc4", 0), ("C42", 0), ("", 0),
        ("C7 chord over A2", 45),
    ],
)  # fmt: skip
def test_notes_are_read_and_nothing_else(words: str, midi: int) -> None:
    assert note_number(words) == midi


@given(st.integers(1, 127))
def test_every_note_is_read_back(midi: int) -> None:
    name = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"][midi % 12]
    assert note_number(f"warm pad, {name}{midi // 12 - 1}, long") == midi


def test_the_first_text_that_names_a_note_counts() -> None:
    assert note_number("pad", "lead, A4", "bass, E1") == 69
