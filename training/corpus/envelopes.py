"""Shapes in time: decays, attack-decay-sustain-release and slow movements.

Pure functions of time in seconds; they work on whole signals and on slow ones alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.corpus.oscillators import TAU
from training.corpus.patch import Batch


def decay(time_s: Tensor, tau_s: Tensor) -> Tensor:
    """Exponential decay, 1 at time 0, 1/e at tau_s."""
    return torch.exp(time_s * (-1.0 / tau_s.clamp_min(1e-4)))


def rise(time_s: Tensor, attack_s: Tensor) -> Tensor:
    """Smooth rise from 0 to 1 within attack_s."""
    x = (time_s * (1.0 / attack_s.clamp_min(1e-4))).clamp_(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def notes_envelope(b: Batch) -> Tensor:
    """Attack-decay-sustain-release over the notes of a batch: [B, F].

    Rises within ``attack_s``, falls towards ``sustain`` with time constant ``decay_s``, dies to
    -60 dB within ``release_s`` once let go, and is silent where the next note or the clip's end is.
    """
    timing, attack, sustain = b.timing, b["attack_s"], b["sustain"]
    held = timing.since_s
    body = sustain + (1.0 - sustain) * decay((held - attack).clamp_min_(0.0), b["decay_s"])
    after = (held - timing.gate_s).clamp_min_(0.0)
    level = rise(held, attack) * body * decay(after, b["release_s"].clamp_min(1e-3) / 6.9)
    return level * timing.velocity * (timing.left_s * 250.0).clamp(0.0, 1.0)


def drift(b: Batch, rate_hz: Tensor, stream: int, time_s: Tensor | None = None) -> Tensor:
    """Slow wander between -1 and 1, made of three sines that do not repeat together.

    Args:
        b: The batch.
        rate_hz: Speed [B, 1].
        stream: Number of the random start.
        time_s: Times at which it is wanted; the slow frames if None.

    Returns:
        Wander [B, S], or the length of ``time_s``.
    """
    time, start = b.slow_time_s if time_s is None else time_s, b.random(stream, 1)
    slow = torch.sin(TAU * (rate_hz * time + start))
    middle = torch.sin(TAU * (rate_hz * 1.618 * time + 3.0 * start))
    fast = torch.sin(TAU * (rate_hz * 2.718 * time + 7.0 * start))
    return 0.5 * slow + 0.3 * middle + 0.2 * fast


def swing(b: Batch, depth: str, rate: str) -> Tensor:
    """Tremolo gain between 1 - depth and 1, from two named values: [B, F]."""
    wave = torch.sin(TAU * b[rate] * b.slow_time_s)
    return b.smooth(1.0 - b[depth] * (0.5 + 0.5 * wave))
