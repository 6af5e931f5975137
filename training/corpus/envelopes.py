"""Shapes in time: decays, attack-decay-sustain-release, bursts and slow movements.

Pure functions of time in seconds; they work on whole signals and on control frames alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.corpus.oscillators import TAU
from training.corpus.patch import Timing


def decay(time_s: Tensor, tau_s: Tensor) -> Tensor:
    """Exponential decay, 1 at time 0, 1/e at tau_s."""
    return torch.exp(-time_s / tau_s.clamp_min(1e-4))


def rise(time_s: Tensor, attack_s: Tensor) -> Tensor:
    """Smooth rise from 0 to 1 within attack_s: half a cosine."""
    x = (time_s / attack_s.clamp_min(1e-4)).clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def adsr(
    timing: Timing, attack_s: Tensor, decay_s: Tensor, sustain: Tensor, release_s: Tensor
) -> Tensor:
    """Attack-decay-sustain-release over the notes of a batch, silent at the start of the next note.

    Args:
        timing: Notes as signals.
        attack_s: Rise time [B, 1].
        decay_s: Time constant of the fall to the sustain level [B, 1].
        sustain: Level held, 0 to 1 [B, 1].
        release_s: Time in which the note dies once let go, to -60 dB [B, 1].

    Returns:
        Envelope [B, F].
    """
    held = timing.since_s
    body = sustain + (1.0 - sustain) * decay((held - attack_s).clamp_min(0.0), decay_s)
    after = (held - timing.gate_s).clamp_min(0.0)
    level = rise(held, attack_s) * body * torch.exp(-6.9 * after / release_s.clamp_min(1e-3))
    return level * timing.velocity * (timing.left_s / 0.004).clamp(0.0, 1.0)


def drift(time_s: Tensor, rate_hz: Tensor, start: Tensor) -> Tensor:
    """Slow wander between -1 and 1 made of three sines that do not repeat together."""
    slow = torch.sin(TAU * (rate_hz * time_s + start))
    middle = torch.sin(TAU * (rate_hz * 1.618 * time_s + 3.0 * start))
    fast = torch.sin(TAU * (rate_hz * 2.718 * time_s + 7.0 * start))
    return 0.5 * slow + 0.3 * middle + 0.2 * fast
