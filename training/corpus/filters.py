"""Filters as frequency responses: fixed ones over the whole signal, moving ones over short frames.

Fixed filters are causal two-pole responses; moving ones have zero phase (apply the amplitude
envelope after them). Knows no instruments.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from generator.api import SAMPLE_RATE_HZ

HOP = 512
_WINDOW = 1024


def fast_length(frames: int) -> int:
    """Next length that an FFT likes: a power of two times 1, 3, 5, 9, 15, 25 or 27."""
    odd = (1, 3, 5, 9, 15, 25, 27)
    sizes = [k << max(1, math.ceil(math.log2(max(frames, 64) / k))) for k in odd]
    return min(sizes)


def lowpass(f_hz: Tensor, cutoff_hz: Tensor, q: Tensor | float = 0.707) -> Tensor:
    """Two-pole low-pass response: complex, the shape of f_hz broadcast with cutoff_hz."""
    ratio = f_hz / cutoff_hz
    return 1.0 / torch.complex(1.0 - ratio * ratio, ratio / q)


def highpass(f_hz: Tensor, cutoff_hz: Tensor, q: Tensor | float = 0.707) -> Tensor:
    """Two-pole high-pass response."""
    ratio = f_hz / cutoff_hz
    return -(ratio * ratio) / torch.complex(1.0 - ratio * ratio, ratio / q)


def bandpass(f_hz: Tensor, centre_hz: Tensor, q: Tensor | float) -> Tensor:
    """Two-pole band-pass response, 1 at the centre."""
    ratio = f_hz / centre_hz
    denominator = torch.complex(1.0 - ratio * ratio, ratio / q)
    return torch.complex(torch.zeros_like(ratio), ratio / q) / denominator


def bins_hz(length: int, like: Tensor) -> Tensor:
    """Frequencies in Hz of the bins of a real FFT: [1, length // 2 + 1]."""
    return torch.linspace(0.0, SAMPLE_RATE_HZ / 2.0, length // 2 + 1, device=like.device)[None]


def apply_response(signal: Tensor, response: Tensor) -> Tensor:
    """Filter a signal by a response sampled on the bins of ``response_length(F)``.

    Args:
        signal: [..., F].
        response: [B, K], or [B, 1, K] for stereo.

    Returns:
        Filtered signal [..., F].
    """
    length = 2 * (response.shape[-1] - 1)
    spectrum = torch.fft.rfft(signal, length) * response
    out: Tensor = torch.fft.irfft(spectrum, length)
    return out[..., : signal.shape[-1]]


def response_length(frames: int) -> int:
    """FFT length that leaves room for the filter's tail."""
    return fast_length(frames + min(2048, frames))


def response_bins(signal: Tensor) -> Tensor:
    """Frequencies in Hz at which a response for this signal is wanted: [1, K]."""
    return bins_hz(response_length(signal.shape[-1]), signal)


def control_times(frames: int, like: Tensor) -> Tensor:
    """Times in seconds of the control frames of ``sweep``: [1, T]."""
    count = frames // HOP + 2
    return (torch.arange(count, device=like.device)[None] * HOP) / SAMPLE_RATE_HZ


def at_control(signal: Tensor) -> Tensor:
    """Sample a signal [B, F] at the control frames: [B, T]; a constant [B, 1] stays."""
    if signal.shape[-1] == 1:
        return signal
    count = signal.shape[-1] // HOP + 2
    index = (torch.arange(count, device=signal.device) * HOP).clamp_max(signal.shape[-1] - 1)
    return signal[..., index]


def sweep(signal: Tensor, gain: Tensor) -> Tensor:
    """Filter with a response that moves every 512 frames.

    Args:
        signal: [B, F] or [B, C, F].
        gain: Magnitudes [B, T, 513] on the control frames, see ``sweep_bins``.

    Returns:
        Filtered signal, the shape of ``signal``.
    """
    frames = signal.shape[-1]
    count = frames // HOP + 2
    window = torch.hann_window(_WINDOW, device=signal.device).sqrt()
    padded = torch.nn.functional.pad(signal, (HOP, (count + 1) * HOP - frames - HOP))
    pieces = padded.unfold(-1, _WINDOW, HOP) * window
    spectra = torch.fft.rfft(pieces)
    shaped = spectra * (gain if signal.dim() == 2 else gain[:, None])
    out = torch.fft.irfft(shaped, _WINDOW) * window
    joined: Tensor = out[..., 1:, :HOP] + out[..., :-1, HOP:]
    return joined.flatten(-2)[..., :frames]


def sweep_bins(like: Tensor) -> Tensor:
    """Frequencies in Hz of the bins that ``sweep`` multiplies: [1, 1, 513]."""
    return bins_hz(_WINDOW, like)[None]


def moving_lowpass(
    signal: Tensor, cutoff_hz: Tensor, q: Tensor, slope: Tensor | float = 1.0
) -> Tensor:
    """Low-pass with a moving cutoff; slope 1 is 12 dB an octave, 2 is 24.

    Args:
        signal: [B, F] or [B, C, F].
        cutoff_hz: On the control frames, [B, T].
        q: Resonance [B, 1]: 0.7 is flat, 10 sings.
        slope: Steepness [B, 1] or a number.

    Returns:
        Filtered signal, the shape of ``signal``.
    """
    ratio = sweep_bins(signal) / cutoff_hz.clamp(20.0, 20_000.0)[..., None]
    square = ratio * ratio
    steep = slope[..., None] if isinstance(slope, Tensor) else slope
    power = (1.0 - square) ** 2 + square / (q * q)[..., None]
    return sweep(signal, power ** (-0.5 * steep))


def moving_bandpass(signal: Tensor, centre_hz: Tensor, q: Tensor) -> Tensor:
    """Band-pass with a moving centre; arguments and shapes as in ``moving_lowpass``."""
    ratio = sweep_bins(signal) / centre_hz.clamp(20.0, 20_000.0)[..., None]
    square = ratio * ratio
    band = square / (q * q)[..., None]
    return sweep(signal, (band / ((1.0 - square) ** 2 + band)).sqrt())
