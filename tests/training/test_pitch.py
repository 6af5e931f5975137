"""Tones of known pitch and chords of known key are read as what they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.api import SAMPLE_RATE_HZ, FloatArray
from generator.keys import KEYS
from tests.training.sounds import hiss, midi_hz, tone
from training.pitch import cents_between, chroma, key_number, note_hz, pitch_hz, same_notes

HITS = 0.5


@settings(max_examples=10, deadline=None)
@given(
    note=st.floats(28.0, 100.0), partials=st.integers(1, 8), seconds=st.sampled_from([0.15, 1.0])
)
def test_the_pitch_of_a_tone_is_found_within_five_cents(
    note: float, partials: int, seconds: float
) -> None:
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    assert cents_between(pitch_hz(tone(hz, seconds=seconds, partials=partials)), hz) < 5.0


def test_a_tone_in_hiss_keeps_its_pitch_and_hiss_has_none() -> None:
    assert cents_between(pitch_hz(tone(220.0, partials=4) + 0.1 * hiss()), 220.0) < 10.0
    assert pitch_hz(hiss()) == 0.0
    assert pitch_hz(np.zeros((SAMPLE_RATE_HZ, 2), np.float32)) == 0.0
    assert cents_between(0.0, 440.0) == np.inf


def test_notes_have_their_frequencies() -> None:
    assert note_hz("A4") == 440.0
    assert note_hz("C4") == pytest.approx(261.6256, abs=1e-3)
    assert note_hz("F#2") == pytest.approx(note_hz("Gb2")) == pytest.approx(midi_hz(42))


def test_a_chord_is_made_of_its_classes() -> None:
    found = chroma(chord((60, 64, 67)))
    assert set(np.argsort(found)[-3:]) == {0, 4, 7}
    assert found.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("number", range(24))
def test_a_cadence_has_its_key(number: int) -> None:
    found = key_number(cadence(number))
    assert found == number, KEYS[int(found)]
    assert same_notes(found, KEYS[number])
    assert not same_notes(found, KEYS[(number + 1) % 12 + number // 12 * 12])


def test_relative_keys_have_the_same_notes_and_silence_has_no_key() -> None:
    assert same_notes(float(KEYS.index("C major")), "A minor")
    assert same_notes(float(KEYS.index("F# minor")), "A major")
    assert not same_notes(float(KEYS.index("C major")), "C minor")
    assert not same_notes(key_number(np.zeros((9, 2), np.float32)), "C major")


def chord(notes: tuple[int, ...]) -> FloatArray:
    parts = [tone(midi_hz(note), seconds=HITS, partials=4) for note in notes]
    return np.asarray(np.sum(parts, axis=0) / len(parts), np.float32)


def cadence(number: int) -> FloatArray:
    """Tonic, subdominant, dominant, tonic."""
    tonic, third = 55 + (number + 5) % 12, 3 if number >= 12 else 4
    roots = ((0, third), (5, third), (7, 4), (0, third))
    return np.concatenate([chord((tonic + r, tonic + r + t, tonic + r + 7)) for r, t in roots])
