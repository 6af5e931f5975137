"""Sources of sound: phases, band-limited waves and banks of decaying sinusoids.

Knows frequencies and frames; does not know instruments. Renderers build voices from these.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from generator.api import SAMPLE_RATE_HZ

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


def cycle(phase: Tensor) -> Tensor:
    """Fraction of a cycle as float32: in [0, 1) for a phase that is not negative."""
    return torch.frac(phase).float()


def sine(phase: Tensor) -> Tensor:
    """Sine of a phase in cycles."""
    return cycle(phase).mul_(TAU).sin_()


def saw(phase: Tensor, step: Tensor) -> Tensor:
    """Sawtooth from -1 to 1 with soft aliasing: the difference of its continuous antiderivative.

    Args:
        phase: Unwrapped phase in cycles, not negative, float64 [B, F].
        step: Cycles per frame, [B, 1] or [B, F].

    Returns:
        Wave [B, F].
    """
    p = cycle(phase)
    area = (p - 1.0).mul_(p)
    wave = torch.empty_like(area)
    torch.sub(area[..., 1:], area[..., :-1], out=wave[..., 1:])
    wave[..., 0] = 0.0
    return wave.mul_(1.0 / step.float().clamp_min(1e-5))


def fine_saw(phase: Tensor, step: Tensor) -> Tensor:
    """Sawtooth for high notes: second difference of the cubic whose second derivative it is.

    With x = 2p - 1, x^3 - x meets itself smoothly at the wrap, and its second derivative is 24 x.
    Aliases fall by one more order than in ``saw``; needs double precision. Arguments as there.
    """
    x = torch.frac(phase).mul_(2.0).sub_(1.0)
    cubic = x * x * x - x
    wave = torch.zeros_like(cubic)
    wave[..., 2:] = cubic[..., 2:] - 2.0 * cubic[..., 1:-1] + cubic[..., :-2]
    return wave.div_(24.0 * step.double().clamp_min(1e-5) ** 2).float()


def pulse(
    phase: Tensor, step: Tensor, width: Tensor, saw_wave: Callable[[Tensor, Tensor], Tensor] = saw
) -> Tensor:
    """Pulse wave of the given width (0 to 1, 0.5 is a square), free of DC: two saws."""
    return (saw_wave(phase, step) - saw_wave(phase + width, step)).mul_(0.5)


def triangle(phase: Tensor) -> Tensor:
    """Triangle from -1 to 1."""
    return (cycle(phase + 0.25) - 0.5).abs_().mul_(4.0).sub_(1.0)


def damped_modes(
    frequency_hz: Tensor, decay_s: Tensor, amplitude: Tensor, phase: Tensor, frames: int
) -> Tensor:
    """Sum decaying sinusoids at fixed frequencies, as one matrix product.

    A damped sinusoid is exp(z n); with n = a L + l it factors into exp(z a L) exp(z l), so a bank
    of M modes is a product of a [A, 2M] and a [2M, L] matrix: four flops a mode and sample, no
    sines.

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
    block = 2 ** round(math.log2(frames) / 2.0)
    blocks = -(-frames // block)
    steps = torch.cat([torch.arange(blocks) * block, torch.arange(block)])
    steps = steps.to(frequency_hz.device, torch.float64)
    cycles = frequency_hz.double()[..., None] * (steps / SAMPLE_RATE_HZ)
    cycles[..., :blocks] += phase.double()[..., None]
    angle = cycle(cycles).mul_(TAU)
    rate = -1.0 / (decay_s.clamp_min(1e-4) * SAMPLE_RATE_HZ)
    gain = torch.exp(rate[..., None] * steps.float())
    sines, cosines = torch.sin(angle).mul_(gain), torch.cos(angle).mul_(gain)
    left = torch.cat([sines[..., :blocks], cosines[..., :blocks]], 1)
    right = torch.cat([cosines[..., blocks:], sines[..., blocks:]], 1)
    scaled = left[:, None] * torch.cat([weights, weights], -1)[..., None]
    out = torch.matmul(scaled.transpose(-1, -2), right[:, None])
    out = out.flatten(-2)[..., :frames]
    return out if stereo else out[:, 0]
