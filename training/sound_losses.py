"""Losses that compare sounds: multi-resolution log-mel distance and spectral convergence.

Pure functions of samples; they know neither networks nor the decoder's frames
(`training/frame_losses.py` does).

References:
    Multi-resolution STFT loss: Yamamoto et al. 2020, arXiv 1910.11480.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from generator.autoencoder import centred_stft, magnitude, mel_filters

MEL_RESOLUTIONS = ((4096, 256), (1024, 96), (256, 32))
LOG_OFFSET = 1e-4


@dataclass(frozen=True, slots=True)
class MelScale:
    """One resolution of the multi-resolution loss."""

    n_fft: int
    window: Tensor
    filters: Tensor

    def to(self, device: torch.device) -> "MelScale":
        """Return the same on a device."""
        return MelScale(self.n_fft, self.window.to(device), self.filters.to(device))


def mel_scales(sample_rate_hz: float) -> tuple[MelScale, ...]:
    """Return the resolutions of `mel_distance`, finest pitch first."""
    return tuple(
        MelScale(n_fft, torch.hann_window(n_fft), mel_filters(bands, n_fft, sample_rate_hz))
        for n_fft, bands in MEL_RESOLUTIONS
    )


def log_mel(audio: Tensor, scale: MelScale) -> Tensor:
    """Return log-mel magnitudes; a full-scale sine peaks near 0.

    Shapes:
        audio: [batch, frames]  ->  [batch, n, bands]
    """
    spectrum = centred_stft(audio, scale.n_fft, scale.n_fft // 4, scale.window)
    power = spectrum.real.square() + spectrum.imag.square()
    magnitude = (power + 1e-9).sqrt() * (4.0 / scale.n_fft)
    return (magnitude @ scale.filters + LOG_OFFSET).log()


def mel_distance(made: Tensor, real: Tensor, scales: tuple[MelScale, ...]) -> Tensor:
    """Return the mean absolute log-mel difference over all resolutions, in nepers.

    Shapes:
        made, real: [batch, frames]  ->  a number.
    """
    terms = [functional.l1_loss(log_mel(made, s), log_mel(real, s)) for s in scales]
    return torch.stack(terms).mean()


def convergence(made: Tensor, real: Tensor, window: Tensor) -> Tensor:
    """Return the spectral convergence ``|| |S| - |S'| || / || |S| ||``, mean over the batch.

    Shapes:
        made, real: [batch, frames]  ->  a number.
    """
    n_fft = window.shape[0]
    made_s = magnitude(centred_stft(made, n_fft, n_fft // 4, window) + 1e-6)
    real_s = magnitude(centred_stft(real, n_fft, n_fft // 4, window))
    error = (made_s - real_s).flatten(1).norm(dim=1)
    relative: Tensor = error / real_s.flatten(1).norm(dim=1).clamp_min(1.0)
    return relative.mean()


def audible(audio: Tensor) -> Tensor:
    """Return which rows hold any sound: the side of a mono clip costs no transforms.

    Shapes:
        audio: [batch, frames]  ->  [batch] of booleans.
    """
    return audio.abs().amax(dim=-1) > LOG_OFFSET
