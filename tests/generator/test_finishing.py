"""Laws of the last hand: seams, edges, offsets, levels."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import finishing, levels
from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest
from generator.errors import GeneratorError

SECONDS = st.floats(0.1, 1.0)
PEAK = 10 ** (levels.PEAK_DBFS / 20)
MOST_GAIN = 10 ** (levels.MOST_GAIN_DB / 20)


def tone(frames: int, hz: float, level: float = 0.5) -> FloatArray:
    phase = 2 * np.pi * hz * np.arange(frames) / SAMPLE_RATE_HZ
    wave: npt.NDArray[np.float64] = level * np.stack([np.cos(phase), np.sin(phase)], axis=1)
    return wave.astype(np.float32)


def largest_step(audio: FloatArray) -> float:
    return float(np.abs(np.diff(audio, axis=0)).max())


@given(SECONDS, st.floats(30, 3000), st.booleans())
def test_a_take_has_the_length_that_was_asked_for(seconds: float, hz: float, loop: bool) -> None:
    request = GenerationRequest("tone", 1, seconds, loop=loop)
    decoded = tone(finishing.frames_to_decode(request), hz)
    take = finishing.finish(decoded, request)
    assert take.shape == (request.frames, 2)
    assert take.dtype == np.float32
    assert not np.shares_memory(take, decoded)


@given(SECONDS, st.floats(30, 3000))
def test_the_seam_of_a_loop_is_a_step_of_the_sound_itself(seconds: float, hz: float) -> None:
    request = GenerationRequest("tone", 1, seconds, loop=True)
    decoded = tone(finishing.frames_to_decode(request), hz)
    loop = finishing.close_loop(decoded, finishing.loop_split(request.frames))
    seam = decoded[request.frames] - decoded[request.frames - 1]
    np.testing.assert_allclose(loop[0] - loop[-1], seam, atol=1e-6)
    finished = finishing.finish(decoded, request)
    assert np.abs(finished[0] - finished[-1]).max() <= 1.01 * largest_step(finished)


def test_the_attack_of_a_loop_keeps_its_punch() -> None:
    split = finishing.loop_split(SAMPLE_RATE_HZ)
    decoded = np.zeros((split.frames + split.tail_frames, 2), np.float32)
    onset = round(finishing.FADE_IN_S * SAMPLE_RATE_HZ)
    decoded[onset : onset + 500] = tone(500, 1000)
    loop = finishing.close_loop(decoded, split)
    np.testing.assert_array_equal(loop, decoded[: split.frames])


def test_a_loop_of_silence_after_a_tail_is_untouched_beyond_the_tail() -> None:
    split = finishing.loop_split(SAMPLE_RATE_HZ)
    decoded = tone(split.frames + split.tail_frames, 440)
    loop = finishing.close_loop(decoded, split)
    tail = split.tail_frames
    np.testing.assert_array_equal(loop[tail:], decoded[tail : split.frames])


@given(st.floats(30, 3000), st.floats(0.1, 1.0))
def test_a_one_shot_ends_in_silence_and_starts_there(hz: float, seconds: float) -> None:
    request = GenerationRequest("tone", 1, seconds)
    take = finishing.finish(tone(request.frames, hz), request)
    assert np.abs(take[[0, -1]]).max() < 4e-3
    assert largest_step(take) <= 1.05 * PEAK * 2 * np.pi * hz / SAMPLE_RATE_HZ + 0.02


def test_an_attack_from_silence_is_not_faded() -> None:
    clip = tone(4410, 1000)
    clip[0] = 0.0
    np.testing.assert_array_equal(finishing.fade_edges(clip)[:2000], clip[:2000])


@given(st.floats(-0.5, 0.5), st.booleans(), st.integers(100, 30_000))
def test_no_offset_is_left(offset: float, circular: bool, frames: int) -> None:
    clip = (tone(frames, 441.0, 0.3) + np.float32(offset)).astype(np.float32)
    clean = finishing.remove_offset(clip, circular=circular)
    np.testing.assert_allclose(clean.mean(axis=0), 0.0, atol=1.01 * finishing.HARMLESS_OFFSET)


def test_removing_an_offset_leaves_silence_silent() -> None:
    clip = np.zeros((44_100, 2), np.float32)
    clip[:4000] = np.abs(tone(4000, 50))
    clean = finishing.remove_offset(clip, circular=False)
    np.testing.assert_array_equal(clean[12_000:], 0.0)
    np.testing.assert_array_equal(finishing.remove_offset(clip * 0, circular=True), clip * 0)


def test_a_loop_keeps_its_seam_when_the_offset_goes() -> None:
    clip = np.repeat(np.linspace(0.2, 1.0, 30_000, dtype=np.float32)[:, None], 2, axis=1)
    clip = np.concatenate([clip, clip[::-1]])
    taken = clip - finishing.remove_offset(clip, circular=True)
    assert np.abs(taken[0] - taken[-1]).max() < 1e-4


@given(st.floats(0.0, 30.0))
def test_a_take_peaks_where_training_clips_do_and_near_silence_stays_so(level: float) -> None:
    request = GenerationRequest("tone", 1, 0.2)
    decoded = tone(request.frames, 500, level)
    take = finishing.finish(decoded, request)
    found, raised = np.abs(take).max(), np.abs(decoded).max() * MOST_GAIN
    assert found <= PEAK + 1e-6
    assert found <= raised * 1.05 + 1e-6
    assert found >= min(PEAK, 0.95 * raised) - 1e-6


@given(
    seed=st.integers(0, 100),
    gain=st.floats(0.1, 8.0),
    frames=st.integers(4410, 20_000),
    cuts=st.lists(st.integers(0, 20_000), max_size=6),
)
def test_any_partition_is_finished_alike(
    seed: int, gain: float, frames: int, cuts: list[int]
) -> None:
    sound = np.random.default_rng(seed).standard_normal((20_000, 2)).astype(np.float32)
    sound *= np.linspace(0.1, 2.0, 20_000, dtype=np.float32)[:, None]
    whole = finishing.Finisher(np.float32(gain), frames).push(sound)
    assert whole.shape == (frames, 2)
    assert np.abs(whole).max() <= PEAK
    finisher = finishing.Finisher(np.float32(gain), frames)
    edges = [0, *sorted(cuts), 20_000]
    parts = [finisher.push(sound[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_what_is_not_too_loud_is_only_brought_to_its_level() -> None:
    sound = tone(8192, 441.0, 0.3)
    gain = np.float32(2.5)
    take = finishing.Finisher(gain, None).push(sound)
    fade = round(finishing.FADE_IN_S * SAMPLE_RATE_HZ)
    np.testing.assert_array_equal(take[fade:], (sound * gain)[fade : len(take)])


def test_the_limiter_turns_down_before_a_peak_and_comes_back() -> None:
    sound = tone(SAMPLE_RATE_HZ, 441.0, 0.5)
    sound[20_000:20_010] *= 4.0
    take = finishing.Finisher(np.float32(1.0), None).push(sound)
    gains = np.abs(take).max(axis=1)[1000:] / np.abs(sound[: len(take)]).max(axis=1)[1000:]
    assert gains.min() < 0.5
    assert np.abs(np.diff(gains)).max() < 2e-3
    np.testing.assert_allclose(gains[-2000:], 1.0, atol=1e-5)


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_no_sound_are_an_error(fault: float) -> None:
    request = GenerationRequest("tone", 1, 0.2)
    decoded = tone(request.frames, 500)
    decoded[77, 1] = fault
    with pytest.raises(GeneratorError, match="no sound"):
        finishing.finish(decoded, request)


def test_too_little_sound_is_an_error() -> None:
    request = GenerationRequest("tone", 1, 0.2, loop=True)
    with pytest.raises(GeneratorError, match="frames"):
        finishing.finish(tone(request.frames, 500), request)
