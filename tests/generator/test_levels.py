"""Laws of levels: a loop gets the loudness that was asked for, whatever its peaks are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest
from generator.errors import RequestError
from generator.finishing import finish, frames_to_decode
from generator.levels import PEAK, SOFTEST_RMS_DBFS, brought_to_rms

# Louder than this, hits that are held do not leave enough of some loops.
LEVELS = st.floats(-40.0, -23.0)


def rms_dbfs(audio: FloatArray) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64))))


def material(frames: int, seed: int, level: float) -> FloatArray:
    """Noise that comes and goes, with hits in it."""
    dice = np.random.default_rng(seed)
    swell = 10 ** (dice.uniform() * (np.cos(np.arange(frames) / 3000.0 + seed) - 1))
    for place in dice.integers(0, frames, 5):
        swell[place : place + 300] = dice.uniform(1, 50)
    sound = dice.standard_normal((frames, 2)) * swell[:, None]
    return (level * sound).astype(np.float32)


@given(
    frames=st.integers(11_025, 40_000),
    seed=st.integers(0, 1000),
    level=st.floats(0.1, 10.0),
    wanted=LEVELS,
)
def test_a_loop_is_as_loud_as_was_asked_for_and_never_over(
    frames: int, seed: int, level: float, wanted: float
) -> None:
    loop = brought_to_rms(material(frames, seed, level), wanted)
    assert abs(rms_dbfs(loop) - wanted) < 0.1
    assert np.abs(loop).max() <= PEAK


def test_a_click_in_a_soft_pad_does_not_make_it_softer() -> None:
    tone = 0.02 * np.sin(np.arange(5 * SAMPLE_RATE_HZ) / 40.0)
    pad: FloatArray = tone.astype(np.float32)[:, None].repeat(2, axis=1)
    plain = brought_to_rms(pad, -23.0)
    pad[90_000:90_008] = 3.0
    clicked = brought_to_rms(pad, -23.0)
    far = slice(0, 80_000)
    assert abs(rms_dbfs(clicked[far]) - rms_dbfs(plain[far])) < 0.5


@given(seed=st.integers(0, 100), wanted=st.floats(-60.0, -40.0))
def test_without_peaks_to_hold_a_loop_only_changes_its_gain(seed: int, wanted: float) -> None:
    loop = np.random.default_rng(seed).standard_normal((9000, 2)).astype(np.float32)
    gain = 10 ** ((wanted - rms_dbfs(loop)) / 20)
    np.testing.assert_allclose(brought_to_rms(loop, wanted), loop * gain, rtol=1e-5)


@given(turn=st.integers(0, 100), seed=st.integers(0, 50))
def test_a_loop_has_no_beginning(turn: int, seed: int) -> None:
    """Turned by whole hops, it is the same loop: what holds its peaks runs over the seam."""
    loop = material(512 * 16, seed, 1.0)
    turned = brought_to_rms(np.roll(loop, 512 * turn, axis=0), -18.0)
    np.testing.assert_allclose(
        turned, np.roll(brought_to_rms(loop, -18.0), 512 * turn, axis=0), atol=1e-3
    )


def test_silence_and_what_is_next_to_it_stay_so() -> None:
    silence = np.zeros((5000, 2), np.float32)
    np.testing.assert_array_equal(brought_to_rms(silence, -23.0), silence)
    hiss = np.random.default_rng(1).standard_normal((5000, 2)).astype(np.float32) * 1e-6
    raised_db = rms_dbfs(brought_to_rms(hiss, -23.0)) - rms_dbfs(hiss)
    assert raised_db == pytest.approx(-23.0 - SOFTEST_RMS_DBFS, abs=0.1)


def test_a_request_for_a_loudness_is_met() -> None:
    request = GenerationRequest("x", 1, 2.0, loop=True, rms_dbfs=-23.0)
    decoded = material(frames_to_decode(request), 3, 1.0)
    assert abs(rms_dbfs(finish(decoded, request)) + 23.0) < 0.5


@pytest.mark.parametrize("rms", [float("nan"), 0.0, -61.0, "loud", True])
def test_a_loudness_that_cannot_be_is_refused(rms: float) -> None:
    with pytest.raises(RequestError, match="loudness"):
        GenerationRequest("x", 1, loop=True, rms_dbfs=rms)


def test_only_a_loop_has_a_loudness() -> None:
    with pytest.raises(RequestError, match="loop"):
        GenerationRequest("x", 1, rms_dbfs=-23.0)
