"""Noise in the ways that voices need it: short filtered ticks, and stereo beds of chosen width.

Knows batches and filters; renderers of drums, instruments and textures build on it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.corpus.envelopes import decay
from training.corpus.filters import apply_response, bandpass, response_bins
from training.corpus.patch import Batch

_TICK_FRAMES = 4096


def add_tick(b: Batch, tone: Tensor, stream: int = 5) -> Tensor:
    """Add a short band-passed noise at the start, from the values tick, tick_s, tick_hz.

    Args:
        b: The batch.
        tone: [B, F] or [B, C, F]; changed in place.
        stream: Number of the noise.

    Returns:
        ``tone``.
    """
    noise = b.noise(stream, _TICK_FRAMES)
    length = noise.shape[-1]
    short = noise * decay(b.time_s[:, :length], b["tick_s"])
    band = bandpass(response_bins(short), b["tick_hz"], 0.7)
    ticked = apply_response(short, band) * b["tick"]
    tone[..., :length] += ticked if tone.dim() == 2 else ticked[:, None]
    return tone


def wide_noise(b: Batch, stream: int = 0) -> Tensor:
    """Noise on two channels, alike by 1 - ``wide``: [B, 2, F]."""
    shared, wide = b.noise(stream) * (1.0 - b["wide"]), b["wide"]
    sides = [torch.addcmul(shared, wide, b.noise(stream + side)) for side in (1, 2)]
    return torch.stack(sides, 1)


def ends(b: Batch) -> Tensor:
    """Fade in and out at the true ends of each clip, from fade_in_s and fade_out_s: [B, F]."""
    time, left = b.time_s, b["length_s"] - b.time_s
    fade_in = (time / b["fade_in_s"]).clamp_(0.0, 1.0)
    return fade_in.mul_((left / b["fade_out_s"]).clamp_(0.0, 1.0)).square_()
