"""Sources of sound: phases, band-limited waves, FM, noise bands and banks of decaying sinusoids.

Knows frequencies and frames; does not know instruments. Renderers build voices from these.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training.corpus.clip import SAMPLE_RATE_HZ

_BLOCK = 512
TAU = 2.0 * math.pi


def phase_of(frequency_hz: Tensor, frames: int) -> Tensor:
    """Integrate a frequency into a phase, in double precision so that long notes stay in tune.

    Args:
        frequency_hz: Constant [B, 1] or a signal [B, F].
        frames: Length F.

    Returns:
        Unwrapped phase in cycles, float64 [B, F], 0 at the first frame.
    """
    step = frequency_hz.double() / SAMPLE_RATE_HZ
    if step.shape[-1] == 1:
        return step * torch.arange(frames, device=step.device, dtype=torch.float64)
    return torch.cumsum(step, -1) - step[..., :1]


def wrapped(phase: Tensor) -> Tensor:
    """Fraction of a cycle as float32, in [0, 1)."""
    return (phase - torch.floor(phase)).float()


def sine(phase: Tensor) -> Tensor:
    """Sine of a phase in cycles."""
    return torch.sin(wrapped(phase) * TAU)


def saw(phase: Tensor, step: Tensor) -> Tensor:
    """Sawtooth from -1 to 1 with soft aliasing: the difference of its continuous antiderivative.

    Args:
        phase: Unwrapped phase in cycles, float64 [B, F].
        step: Cycles per frame, [B, 1] or [B, F].

    Returns:
        Wave [B, F].
    """
    p = wrapped(phase)
    area = p * p - p
    wave = torch.empty_like(area)
    wave[..., 1:] = area[..., 1:] - area[..., :-1]
    wave[..., 0] = 0.0
    return wave / step.float().clamp_min(1e-5)


def pulse(phase: Tensor, step: Tensor, width: Tensor) -> Tensor:
    """Pulse wave of the given width (0 to 1, 0.5 is a square), free of DC: two saws."""
    return 0.5 * (saw(phase, step) - saw(phase + width, step))


def triangle(phase: Tensor) -> Tensor:
    """Triangle from -1 to 1."""
    return 4.0 * (wrapped(phase + 0.25) - 0.5).abs() - 1.0


def damped_modes(
    frequency_hz: Tensor, decay_s: Tensor, amplitude: Tensor, phase: Tensor, frames: int
) -> Tensor:
    """Sum decaying sinusoids at fixed frequencies, as one matrix product.

    A damped sinusoid is exp(z n); with n = a L + l it factors into exp(z a L) exp(z l), so a bank of
    M modes is a product of a [A, 2M] and a [2M, L] matrix: four flops a mode and sample, no sines.

    Args:
        frequency_hz: Mode frequencies [B, M]; those above 20 kHz are silent.
        decay_s: Time to fall by 1/e [B, M].
        amplitude: [B, M], or [B, C, M] for C channels.
        phase: Start phase in cycles [B, M].
        frames: Length F.

    Returns:
        Signal [B, F], or [B, C, F].
    """
    stereo = amplitude.dim() == 3
    weights = amplitude if stereo else amplitude[:, None]
    weights = weights * (frequency_hz < 20_000.0)[:, None]
    blocks = -(-frames // _BLOCK)
    starts = torch.arange(blocks, device=frequency_hz.device, dtype=torch.float64) * _BLOCK
    inner = torch.arange(_BLOCK, device=frequency_hz.device, dtype=torch.float64)
    cycles = frequency_hz.double()[..., None] / SAMPLE_RATE_HZ
    coarse = wrapped(cycles * starts + phase.double()[..., None]) * TAU
    fine = wrapped(cycles * inner) * TAU
    rate = (1.0 / (decay_s.clamp_min(1e-4) * SAMPLE_RATE_HZ))[..., None]
    coarse_gain = torch.exp(-rate * starts.float())
    fine_gain = torch.exp(-rate * inner.float())
    left = torch.cat([torch.sin(coarse) * coarse_gain, torch.cos(coarse) * coarse_gain], 1)
    right = torch.cat([torch.cos(fine) * fine_gain, torch.sin(fine) * fine_gain], 1)
    scaled = left[:, None] * torch.cat([weights, weights], -1)[..., None]
    out = torch.matmul(scaled.transpose(-1, -2), right[:, None])
    out = out.flatten(-2)[..., :frames]
    return out if stereo else out[:, 0]
