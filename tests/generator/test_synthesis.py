"""Laws of synthesis: exact reconstruction, coherent tones, chunks equal to the whole."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.spectral import (
    BINS,
    HOP_FRAMES,
    N_FFT,
    SpectralFrames,
    hann,
)
from generator.synthesis import SpectralStream, synthesise


def random_frames(seed: int, count: int) -> SpectralFrames:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    return SpectralFrames(
        draw(count, 2, BINS),
        draw(count, BINS),
        draw(count, BINS) ** 2,
        draw(count, 2, BINS),
        draw(count),
    )


def analysed(audio: np.ndarray) -> SpectralFrames:
    """Frames whose offsets alone carry the phase of a mono sound, each an attack of its own."""
    count = len(audio) // HOP_FRAMES
    padded = np.pad(audio, (N_FFT // 2, N_FFT))
    blocks = np.stack([padded[j * HOP_FRAMES :][:N_FFT] * hann() for j in range(count)])
    spectrum = np.fft.rfft(blocks, axis=-1)
    turns = np.outer(np.arange(count) + 2, np.arange(BINS)) % 4
    silent = np.full_like(spectrum.real, -40.0)
    magnitude = np.stack((np.log(np.abs(spectrum) + 1e-12), silent), axis=1)
    phase = np.angle(spectrum) - turns * np.pi / 2
    zero = np.zeros((count, BINS), np.float32)
    return SpectralFrames(
        magnitude.astype(np.float32),
        zero,
        zero,
        np.repeat(phase[:, None], 2, axis=1).astype(np.float32),
        np.ones(count, np.float32),
    )


def test_analysed_sound_comes_back() -> None:
    audio = np.random.default_rng(3).standard_normal(24 * HOP_FRAMES).astype(np.float32)
    made = synthesise(analysed(audio), seed=0)
    inside = slice(0, -N_FFT)  # the last windows want frames beyond the end
    np.testing.assert_allclose(made[inside, 0], audio[inside], atol=2e-4)
    np.testing.assert_array_equal(made[:, 0], made[:, 1])


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 100), max_size=5))
def test_any_partition_into_chunks_gives_the_same_samples(seed: int, cuts: list[int]) -> None:
    frames = random_frames(seed, 100)
    edges = [0, *sorted(cuts), 100]
    stream = SpectralStream(seed)
    parts = [stream.push(frames.part(a, b)) for a, b in pairwise(edges)]
    chunked = np.concatenate((*parts, stream.flush()))
    np.testing.assert_array_equal(chunked, synthesise(frames, seed))
    assert chunked.shape == (100 * HOP_FRAMES, 2)


def test_a_steady_advance_is_a_steady_tone() -> None:
    count, k, advance = 60, 40, 0.3
    magnitude = np.full((count, 2, BINS), -40.0, np.float32)
    magnitude[:, 0, k] = np.log(N_FFT / 4)
    still = np.zeros((count, BINS), np.float32)
    frames = SpectralFrames(
        magnitude,
        still + np.float32(advance),
        still,
        np.zeros((count, 2, BINS), np.float32),
        -np.ones(count, np.float32),
    )
    made = synthesise(frames, seed=1)[4096:-4096, 0]
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made))))
    cycles = np.argmax(spectrum) / len(made)
    expected = k / N_FFT + advance / (2 * np.pi * HOP_FRAMES)
    assert abs(cycles - expected) < 1.0 / len(made)


def test_the_noise_depends_on_the_seed_alone() -> None:
    frames = random_frames(5, 20)
    np.testing.assert_array_equal(synthesise(frames, 7), synthesise(frames, 7))
    assert not np.array_equal(synthesise(frames, 7), synthesise(frames, 8))
