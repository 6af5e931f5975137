"""How near the autoencoder comes to held-out sound, beside Vorbis at a small bit rate.

Distances are between spectrograms, since neither decoder keeps phases. Knows no prompts and no
generator.

References:
    Multi-resolution STFT distance: Yamamoto et al. 2020, arXiv 1910.11480, equations 3 to 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ, FloatArray
from generator.autoencoder import Decoder, Encoder, centred_stft
from generator.spectral import SpectralFrames
from generator.synthesis import synthesise
from training.sound_files import decode_vorbis, encode_near
from training.sound_losses import MelScale, mel_distance, mel_scales

RESOLUTIONS = (512, 1024, 2048)
LOG_FLOOR = 1e-4
GAP_S = 0.25
SEED = 1


@dataclass(frozen=True, slots=True)
class Distance:
    """Mean distances of some sounds to their originals, over both channels."""

    stft_convergence: float
    stft_log_magnitude: float
    mel: float


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Held-out sounds, what the autoencoder made of them and what Vorbis did, each [frames, 2]."""

    real: Sequence[FloatArray]
    autoencoder: Sequence[FloatArray]
    vorbis: Sequence[FloatArray]
    vorbis_kilobits_per_s: float


@torch.inference_mode()
def rebuild(audio: FloatArray, encoder: Encoder, decoder: Decoder) -> FloatArray:
    """Return a sound after encoder and decoder.

    Shapes:
        audio: [frames, 2]  ->  the same
    """
    canvas = np.pad(audio, ((0, -len(audio) % LATENT_HOP_FRAMES), (0, 0)))
    latents = encoder(torch.from_numpy(np.ascontiguousarray(canvas.T))[None])
    frames = SpectralFrames(*(part[0].numpy() for part in decoder(latents)))
    return synthesise(frames, SEED)[: len(audio)]


def through_vorbis(
    sounds: Sequence[FloatArray], kilobits_per_s: float
) -> tuple[list[FloatArray], float]:
    """Return sounds after Vorbis, and its real bit rate; in one file, to pay one header."""
    gap = np.zeros((int(GAP_S * SAMPLE_RATE_HZ), 2), np.float32)
    joined = np.concatenate([part for sound in sounds for part in (sound, gap)])
    encoded = encode_near(joined, kilobits_per_s)
    decoded, start, parts = decode_vorbis(encoded.content), 0, []
    for sound in sounds:
        parts.append(decoded[start : start + len(sound)])
        start += len(sound) + len(gap)
    return parts, encoded.kilobits_per_s


def rebuild_all(
    sounds: Sequence[FloatArray],
    encoder: Encoder,
    decoder: Decoder,
    *,
    kilobits_per_s: float = 32.0,
) -> Rebuilt:
    """Send sounds through the autoencoder and through Vorbis."""
    made = [rebuild(sound, encoder, decoder) for sound in sounds]
    return Rebuilt(sounds, made, *through_vorbis(sounds, kilobits_per_s))


def stft_distances(made: Tensor, real: Tensor) -> tuple[float, float]:
    """Return spectral convergence and log-magnitude distance, means over RESOLUTIONS.

    Shapes:
        made, real: [channels, frames]
    """
    convergence, log_magnitude = [], []
    for n_fft in RESOLUTIONS:
        window = torch.hann_window(n_fft)
        a, b = (centred_stft(x, n_fft, n_fft // 4, window).abs() for x in (made, real))
        convergence.append(float((a - b).norm() / b.norm().clamp_min(1e-6)))
        floor = LOG_FLOOR * n_fft / 4
        log_magnitude.append(float(((a + floor).log() - (b + floor).log()).abs().mean()))
    return float(np.mean(convergence)), float(np.mean(log_magnitude))


def distance(made: FloatArray, real: FloatArray, scales: tuple[MelScale, ...]) -> Distance:
    """Return the distances of one sound to its original.

    Shapes:
        made, real: [frames, 2]
    """
    a, b = (torch.from_numpy(np.ascontiguousarray(x.T)) for x in (made, real))
    return Distance(*stft_distances(a, b), float(mel_distance(a, b, scales)))


def mean_distance(made: Sequence[FloatArray], real: Sequence[FloatArray]) -> Distance:
    """Return the mean distances of sounds to their originals."""
    scales = mel_scales(SAMPLE_RATE_HZ)
    each = [distance(a, b, scales) for a, b in zip(made, real, strict=True)]
    return Distance(
        float(np.mean([d.stft_convergence for d in each])),
        float(np.mean([d.stft_log_magnitude for d in each])),
        float(np.mean([d.mel for d in each])),
    )
