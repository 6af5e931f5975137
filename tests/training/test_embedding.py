"""The embedding hears what a sound is, not how loud it is nor what is mono about it."""

import numpy as np
import pytest

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.embedding import BANDS, BLOCK, HOP_FRAMES, WIDTH, SoundEmbedder, log_mel_blocks


@pytest.fixture(scope="module")
def embedder() -> SoundEmbedder:
    return SoundEmbedder()


def kick(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    t = np.arange(SAMPLE_RATE_HZ // 2) / SAMPLE_RATE_HZ
    wave = np.sin(2 * np.pi * (rng.uniform(45, 60) * t + 2 * (1 - np.exp(-t * 40)))) * np.exp(
        -t * 9
    )
    return np.repeat((0.8 * wave).astype(np.float32)[:, None], 2, axis=1)


def hat(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    noise = np.diff(rng.standard_normal(SAMPLE_RATE_HZ // 4 + 1))
    wave = noise * np.exp(-np.arange(len(noise)) / 1500)
    return np.repeat((0.3 * wave).astype(np.float32)[:, None], 2, axis=1)


def test_like_sounds_are_nearer_than_unlike_ones(embedder: SoundEmbedder) -> None:
    kicks, hats = ([embedder.embed(make(seed)) for seed in (1, 2)] for make in (kick, hat))
    assert kicks[0].shape == (WIDTH,)
    apart = np.linalg.norm(kicks[0] - hats[0])
    assert np.linalg.norm(kicks[0] - kicks[1]) < 0.6 * apart
    assert np.linalg.norm(hats[0] - hats[1]) < 0.6 * apart


def test_loudness_does_not_count(embedder: SoundEmbedder) -> None:
    loud = kick(1)
    np.testing.assert_allclose(embedder.embed(0.1 * loud), embedder.embed(loud), atol=1e-4)


@pytest.mark.parametrize(("frames", "count"), [(1, 1), (2048, 1), (149, 1), (151, 2), (250, 3)])
def test_a_sound_is_cut_into_whole_blocks(frames: int, count: int) -> None:
    long = frames if frames in (1, 2048) else frames * HOP_FRAMES + HOP_FRAMES
    blocks = log_mel_blocks(np.ones((long, 2), np.float32))
    assert tuple(blocks.shape) == (count, BLOCK, BANDS)


def test_silence_has_an_embedding(embedder: SoundEmbedder) -> None:
    assert np.isfinite(embedder.embed(np.zeros((4096, 2), np.float32))).all()
