"""Distances are zero for what is equal, and Vorbis costs what it says."""

import numpy as np
import pytest

from generator.api import SAMPLE_RATE_HZ, FloatArray
from generator.autoencoder import AutoencoderConfig, Decoder, Encoder
from training.reconstruction import mean_distance, rebuild_all, through_vorbis
from training.sound_files import LEVELS, decode_vorbis, encode_near, encode_vorbis


def chord(seconds: float, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitches_hz = rng.uniform(100, 3000, 5)
    tones = np.sin(2 * np.pi * pitches_hz[:, None] * t).sum(0) * np.exp(-3 * t)
    noise = 0.05 * rng.standard_normal((len(t), 2))
    return np.asarray(0.1 * tones[:, None] + noise, np.float32)


def test_a_sound_is_at_no_distance_from_itself_and_farther_from_others() -> None:
    a, b = chord(0.5), chord(0.5, seed=1)
    same, near, far = (mean_distance([x], [a]) for x in (a, a + 0.1 * b, b))
    assert same.mel == same.stft_convergence == same.stft_log_magnitude == 0.0
    assert 0.0 < near.mel < far.mel
    assert 0.0 < near.stft_convergence < far.stft_convergence
    assert 0.0 < near.stft_log_magnitude < far.stft_log_magnitude


def test_vorbis_gives_back_sounds_of_the_same_length_nearer_than_another_sound() -> None:
    sounds = [chord(0.3), chord(0.7, seed=1), chord(0.2, seed=2)]
    back, kilobits_per_s = through_vorbis(sounds, 32.0)
    assert [len(x) for x in back] == [len(x) for x in sounds]
    assert 16.0 < kilobits_per_s < 120.0
    kept = mean_distance(back, sounds)
    swapped = mean_distance([back[0]], [sounds[1][: len(back[0])]])
    assert kept.mel < swapped.mel


def test_the_level_nearest_to_a_bit_rate_is_taken() -> None:
    sound = chord(0.5)
    rates = [encode_vorbis(sound, level=level).kilobits_per_s for level in LEVELS]
    assert encode_near(sound, max(rates)).kilobits_per_s == pytest.approx(max(rates))
    assert encode_near(sound, 0.0).kilobits_per_s == pytest.approx(min(rates))
    assert decode_vorbis(encode_near(sound, 64.0).content).shape == sound.shape


def test_every_sound_comes_back_from_the_autoencoder_in_its_own_length() -> None:
    sizes = AutoencoderConfig(
        latent_channels=4, latent_width=8, latent_blocks=1, decoder_width=8, decoder_blocks=1,
    )  # fmt: skip
    encoder, decoder = Encoder(sizes, SAMPLE_RATE_HZ).eval(), Decoder(sizes, SAMPLE_RATE_HZ).eval()
    sounds = [chord(0.1), chord(0.25)]
    back = rebuild_all(sounds, encoder, decoder)
    assert [x.shape for x in back.autoencoder] == [x.shape for x in sounds]
    assert all(np.isfinite(x).all() for x in back.autoencoder)


def test_minutes_of_sound_can_be_encoded_at_once() -> None:
    long = np.zeros((120 * SAMPLE_RATE_HZ, 2), np.float32)
    assert len(decode_vorbis(encode_vorbis(long, level=1.0).content)) == len(long)
