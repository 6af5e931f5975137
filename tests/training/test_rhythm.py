"""Click tracks have the tempo they were made at; a cut loop has a seam, a whole one none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.training.sounds import clicks, hiss, tone
from training.rhythm import grid_errors_s, octave_error, onset_times, seam_db, tempo_bpm


@settings(max_examples=6, deadline=None)
@given(bpm=st.floats(60.0, 190.0), division=st.sampled_from([1, 2, 4]))
def test_the_tempo_of_clicks_is_found_within_half_a_percent(bpm: float, division: int) -> None:
    sound = clicks(bpm * division / 60.0, seconds=6.0)
    assert octave_error(tempo_bpm(sound), bpm) < 0.005


@settings(max_examples=6, deadline=None)
@given(bpm=st.floats(60.0, 190.0))
def test_clicks_on_the_grid_are_on_it_within_two_milliseconds(bpm: float) -> None:
    sound = clicks(bpm / 60.0, seconds=4.0)
    errors = grid_errors_s(sound, bpm)
    assert len(errors) == int(4.0 * bpm / 60.0)
    assert errors.max() < 0.0035
    assert np.median(errors) < 0.002


def test_clicks_that_are_late_are_late_by_as_much() -> None:
    late = np.concatenate((np.zeros((round(0.02 * SAMPLE_RATE_HZ), 2), np.float32), clicks(2.0)))
    assert np.median(grid_errors_s(late, 120.0)) == pytest.approx(0.02, abs=0.002)
    assert onset_times(late)[0] == pytest.approx(0.02, abs=0.003)


def test_what_never_begins_has_no_tempo() -> None:
    silent = np.zeros((SAMPLE_RATE_HZ, 2), np.float32)
    assert tempo_bpm(silent) == 0.0
    assert not len(onset_times(silent))
    assert octave_error(0.0, 120.0) == np.inf


def test_halves_and_doubles_count_as_the_same_tempo() -> None:
    assert octave_error(60.0, 120.0) == octave_error(240.0, 120.0) == 0.0
    assert octave_error(118.0, 120.0) == pytest.approx(0.017, abs=0.001)
    assert octave_error(90.0, 120.0) > 0.3


def whole_turns(hz: float) -> FloatArray:
    return tone(hz, seconds=1.0, decay_s=1e9)


@pytest.mark.parametrize("hz", [100.0, 440.0, 3000.0])
def test_a_tone_of_whole_turns_has_no_seam_and_a_cut_one_has(hz: float) -> None:
    assert seam_db(whole_turns(hz)) < 1.0
    assert seam_db(whole_turns(hz)[: -round(0.3 * SAMPLE_RATE_HZ / hz)]) > 10.0


def test_an_attack_on_the_first_beat_is_no_seam_among_others() -> None:
    assert seam_db(clicks(4.0)) < 1.0
    assert seam_db(hiss(channels=2)) < 1.0
    broken = clicks(4.0)
    broken[-2000:] += np.linspace(0.0, 1.0, 2000, dtype=np.float32)[:, None]
    assert seam_db(broken) > 3.0
