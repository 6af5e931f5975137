"""Laws of the guard: finite, under the ceiling, no offset, and hands off what needs no help."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.guard import CEILING, Guard, repair_take
from generator.api import SAMPLE_RATE_HZ, FloatArray

MAX_FRAMES = 512


def sine(frequency_hz: float, *, seconds: float = 0.5, peak: float = 0.5) -> FloatArray:
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = peak * np.sin(2 * np.pi * frequency_hz * time_s)
    return np.stack([wave, -wave], axis=1).astype(np.float32)


def guarded(mix: FloatArray, cuts: list[int]) -> FloatArray:
    guard, result = Guard(MAX_FRAMES), mix.copy()
    edges = sorted({0, len(mix), *cuts, *range(0, len(mix), MAX_FRAMES)})
    for start, end in itertools.pairwise(edges):
        guard.apply(result[start:end])
    return result


def noise(seed: int, scale: float, frames: int = 1500) -> FloatArray:
    generator = np.random.default_rng(seed)
    bursts = np.repeat(generator.uniform(0, 1, (frames // 50, 1)) ** 3, 50, axis=0)
    return (generator.standard_normal((frames, 2)) * scale * bursts).astype(np.float32)


cut_lists = st.lists(st.integers(1, 1499), max_size=12)


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100.0), cuts=cut_lists)
def test_the_output_never_passes_the_ceiling(seed: int, scale: float, cuts: list[int]) -> None:
    assert np.abs(guarded(noise(seed, scale), cuts)).max() <= CEILING < 1.0


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 10.0), cuts=cut_lists)
def test_any_partition_gives_the_same_bits(seed: int, scale: float, cuts: list[int]) -> None:
    mix = noise(seed, scale)
    np.testing.assert_array_equal(guarded(mix, cuts), guarded(mix, []))


@given(seed=st.integers(0, 2**32 - 1), cuts=cut_lists)
def test_what_stays_under_the_ceiling_passes_bit_by_bit(seed: int, cuts: list[int]) -> None:
    mix = np.clip(noise(seed, 1.0), -CEILING, CEILING).astype(np.float32)
    np.testing.assert_array_equal(guarded(mix, cuts), mix)


def test_the_limiter_is_the_recursion_that_it_claims_to_be() -> None:
    mix = noise(3, 2.0)
    gain, expected = 1.0, []
    for frame in mix:
        needed = np.floor(CEILING / max(CEILING, float(np.abs(frame).max())) * 2**24) / 2**24
        gain = min(needed, gain + 2.0**-15)
        expected.append(np.clip(frame * np.float32(gain), -CEILING, CEILING))
    np.testing.assert_array_equal(guarded(mix, [700]), np.array(expected))


def test_the_gain_comes_back_to_rest_and_the_bits_with_it() -> None:
    guard = Guard(MAX_FRAMES)
    guard.apply(np.full((10, 2), 2.0, np.float32))
    assert guard.gain < 0.5
    for _ in range(2**15 // MAX_FRAMES):
        guard.apply(np.zeros((MAX_FRAMES, 2), np.float32))
    assert guard.gain == 1.0
    quiet = noise(5, 0.01)[:MAX_FRAMES]
    mix = quiet.copy()
    guard.apply(mix)
    np.testing.assert_array_equal(mix, quiet)


def test_a_loud_tone_is_turned_down_without_new_steps() -> None:
    loud = sine(220.0, peak=2.0)
    limited = guarded(loud, [])
    assert largest_step(limited) <= largest_step(loud)


def largest_step(audio: FloatArray) -> float:
    return float(np.abs(np.diff(audio, axis=0)).max())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_becomes_silence_and_is_counted(bad: float) -> None:
    guard, mix = Guard(MAX_FRAMES), noise(1, 0.1)[:100]
    expected = mix.copy()
    mix[17, 1] = bad
    expected[17, 1] = 0.0
    guard.apply(mix)
    np.testing.assert_array_equal(mix, expected)
    assert guard.not_finite == 1


def test_a_sound_take_is_left_alone() -> None:
    audio = sine(100.0)
    repaired = repair_take(audio)
    assert repaired.audio is audio
    assert (repaired.bad_values, repaired.offset) == (0, 0.0)
    assert not repaired.is_remarkable


def test_a_small_mean_is_taken_out_without_a_word() -> None:
    repaired = repair_take(sine(100.0) + np.float32(0.005))
    assert np.abs(repaired.audio.mean(axis=0)).max() < 1e-6
    assert not repaired.is_remarkable
    assert repair_take(sine(100.0) + np.float32(0.02)).is_remarkable


def test_a_broken_take_is_mended_and_its_maker_not_touched() -> None:
    audio = sine(100.0)
    audio[5, 0], audio[6, 1] = np.nan, np.inf
    before = audio.copy()
    repaired = repair_take(audio)
    assert repaired.bad_values == 2
    assert np.isfinite(repaired.audio).all()
    np.testing.assert_array_equal(audio, before)


offsets = st.floats(0.002, 0.9).flatmap(lambda size: st.sampled_from([size, -size]))


@given(offset=offsets, seed=st.integers(0, 1000))
def test_no_offset_is_left_and_no_edge_grows(offset: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    fades = np.minimum(1.0, np.linspace(0, 8, 4000)) * np.linspace(1, 0, 4000)
    body: npt.NDArray[np.float64] = generator.standard_normal((4000, 2)) * 0.1 * fades[:, None]
    for displaced in (body + offset, body + offset * fades[:, None]):
        repaired = repair_take(displaced.astype(np.float32)).audio
        assert np.abs(repaired.mean(axis=0)).max() <= 0.001  # what a sound take may have
        ends, new_ends = displaced[[0, -1]], repaired[[0, -1]]
        assert np.abs(new_ends).max() <= max(np.abs(ends).max(), 0.11)


@given(offset=offsets)
def test_the_seam_of_a_loop_stays_as_it_is(offset: float) -> None:
    loop = sine(100.0, seconds=0.1) + np.float32(offset)
    repaired = repair_take(loop).audio
    seam = np.abs(loop[0] - loop[-1]).max()
    assert np.abs(repaired[0] - repaired[-1]).max() == pytest.approx(seam, abs=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 3, 500])
def test_the_shortest_takes_are_mended_too(frames: int) -> None:
    repaired = repair_take(np.full((frames, 2), 0.5, np.float32))
    np.testing.assert_allclose(repaired.audio, 0.0, atol=1e-6)


@given(ceiling_dbfs=st.floats(-24.0, -0.1), seed=st.integers(0, 99))
def test_nothing_is_above_a_ceiling_that_was_set(ceiling_dbfs: float, seed: int) -> None:
    guard, mix = Guard(1024), noise(seed, 0.7)[:1024]
    guard.set_limiter(ceiling_dbfs, is_on=True)
    guard.apply(mix)
    assert np.abs(mix).max() <= max(10 ** (ceiling_dbfs / 20), 0.0) * (1 + 1e-6) or (
        ceiling_dbfs == -0.1 and np.abs(mix).max() <= CEILING
    )


def test_without_a_limiter_peaks_are_cut_off_and_the_rest_is_left() -> None:
    guard = Guard(1024)
    guard.set_limiter(-6.0, is_on=False)
    mix = noise(3, 0.7)[:1024]
    before = mix.copy()
    guard.apply(mix)
    np.testing.assert_array_equal(mix, np.clip(before, -CEILING, CEILING))
    assert guard.gain == 1.0
