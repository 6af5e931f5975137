"""Effects after the voice: drive, crush, tape, chorus, delay, reverb; and the finish of every clip.

Works on batches of sound with the patch's values; rows without an effect are not touched. Loops wrap
their tails to the start, so that they repeat without a gap.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training.corpus.clip import PEAK, SAMPLE_RATE_HZ
from training.corpus.filters import (
    apply_response,
    fast_length,
    highpass,
    lowpass,
    response_bins,
)
from training.corpus.patch import Batch, Dice

EFFECTS = ("distorted", "lo-fi", "tape", "chorus", "delay", "reverb")


def draw_effects(dice: Dice, rates: dict[str, float]) -> dict[str, float]:
    """Draw effect parameters.

    Args:
        dice: Source of chance.
        rates: Probability of each name in ``EFFECTS``.

    Returns:
        Values for a patch; an effect that is not drawn has no entry.
    """
    values: dict[str, float] = {}
    if dice.chance(rates.get("distorted", 0.0)):
        values |= {"drive": dice.log(3.0, 16.0), "drive_bias": dice.uniform(0.0, 0.3)}
    if dice.chance(rates.get("lo-fi", 0.0)):
        values |= {"crush_bits": dice.uniform(4.0, 8.0), "crush_hold": dice.integer(3, 9)}
    if dice.chance(rates.get("tape", 0.0)):
        values |= {"tape_hz": dice.log(2500.0, 7000.0), "tape_hiss": dice.log(0.001, 0.006)}
        values |= {"tape_wow_ms": dice.log(0.3, 1.5)}
    if dice.chance(rates.get("chorus", 0.0)):
        values |= {"chorus": dice.uniform(0.3, 0.7), "chorus_hz": dice.log(0.3, 1.6)}
    if dice.chance(rates.get("delay", 0.0)):
        values |= {"delay": dice.uniform(0.25, 0.55), "delay_s": dice.log(0.11, 0.42)}
    if dice.chance(rates.get("reverb", 0.0)):
        values |= {"reverb": dice.uniform(0.18, 0.6), "reverb_s": dice.log(0.5, 3.5)}
        values |= {"reverb_hz": dice.log(2500.0, 12000.0)}
    return values


def effect_words(values: dict[str, float]) -> list[str]:
    """Names of the effects that a patch's values switch on, in the order of ``EFFECTS``."""
    keys = ("drive", "crush_bits", "tape_hz", "chorus", "delay", "reverb")
    return [name for name, key in zip(EFFECTS, keys, strict=True) if values.get(key, 0.0) > 0.0]


def apply_effects(b: Batch, sound: Tensor) -> Tensor:
    """Run every effect over the rows that have it.

    Args:
        b: The batch.
        sound: [B, F] or [B, 2, F].

    Returns:
        [B, 2, F].
    """
    out = sound[:, None].expand(-1, 2, -1).clone() if sound.dim() == 2 else sound
    out = out / out.abs().amax((1, 2), keepdim=True).clamp_min(1e-6)
    for key, effect in _CHAIN:
        rows = [i for i, patch in enumerate(b.patches) if patch.values.get(key, 0.0) > 0.0]
        if rows:
            part = Batch([b.patches[i] for i in rows], b.device)
            changed = effect(part, out[rows])
            out = out.clone() if out is sound else out
            out[rows] = changed
    return out


def _drive(b: Batch, x: Tensor) -> Tensor:
    gain, bias = b["drive"][..., None], b["drive_bias"][..., None]
    return torch.tanh(gain * x + bias) - torch.tanh(bias)


def _crush(b: Batch, x: Tensor) -> Tensor:
    """Quantise and hold samples; every row has its own hold."""
    levels = torch.exp2(b["crush_bits"])[..., None]
    hold = b["crush_hold"].clamp_min(1.0)
    index = torch.floor(torch.arange(b.frames, device=b.device)[None] / hold) * hold
    held = torch.gather(x, 2, index.long()[:, None].expand(-1, 2, -1))
    return torch.round(held * levels) / levels


def _tape(b: Batch, x: Tensor) -> Tensor:
    """Soft saturation, lost treble, wow and hiss."""
    soft = torch.tanh(1.6 * x) / 1.6
    f = response_bins(x)
    dull = apply_response(soft, (lowpass(f, b["tape_hz"], 0.6) * highpass(f, b["tape_hz"] * 0 + 45.0))[:, None])
    depth = b["tape_wow_ms"] * SAMPLE_RATE_HZ / 1000.0
    wow = depth * (1.0 + torch.sin(6.2832 * (0.9 * b.time_s + b.random(80, 1)))) / 2.0
    hiss = torch.stack([b.noise(81), b.noise(82)], 1) * b["tape_hiss"][..., None]
    return _delayed(dull, wow) + hiss


def _delayed(x: Tensor, delay_frames: Tensor) -> Tensor:
    """Read a signal late by a moving number of frames [B, F], with linear interpolation."""
    place = (torch.arange(x.shape[-1], device=x.device)[None] - delay_frames).clamp_min(0.0)
    low = place.floor()
    part = (place - low)[:, None]
    index = low.long()[:, None].expand_as(x)
    after = (index + 1).clamp_max(x.shape[-1] - 1)
    return torch.gather(x, 2, index) * (1.0 - part) + torch.gather(x, 2, after) * part


def _chorus(b: Batch, x: Tensor) -> Tensor:
    base, depth = 0.012 * SAMPLE_RATE_HZ, 0.004 * SAMPLE_RATE_HZ
    swing = torch.sin(6.2832 * b["chorus_hz"] * b.time_s)
    left = _delayed(x[:, :1], base + depth * swing)
    right = _delayed(x[:, 1:], base - depth * swing)
    return x + b["chorus"][..., None] * torch.cat([left, right], 1)


def _delay(b: Batch, x: Tensor) -> Tensor:
    """Echoes that hop from side to side, duller each time; a loop's echoes wrap."""
    out = x.clone()
    mono = 0.5 * (x[:, 0] + x[:, 1])
    for row, patch in enumerate(b.patches):
        lag = round(patch.values["delay_s"] * SAMPLE_RATE_HZ)
        length = patch.frames if patch.loop else b.frames
        echo = mono[row, :length]
        for tap in range(1, 5):
            gain = patch.values["delay"] ** tap
            if patch.loop:
                out[row, tap % 2, :length] += gain * torch.roll(echo, tap * lag)
            elif tap * lag < length:
                out[row, tap % 2, tap * lag :] += gain * echo[: length - tap * lag]
    return out


def _reverb(b: Batch, x: Tensor) -> Tensor:
    """Convolve with decaying stereo noise; a loop's tail wraps to its start."""
    tail = min(b.frames, round(2.5 * SAMPLE_RATE_HZ)) // 16 * 16
    time = torch.arange(tail, device=b.device)[None] / SAMPLE_RATE_HZ
    shape = torch.exp(-6.9 * time / b["reverb_s"]) * (1.0 - torch.exp(-time / 0.006))
    room = torch.stack([b.noise(90, tail), b.noise(91, tail)], 1) * shape[:, None]
    f = response_bins(room)
    tone = lowpass(f, b["reverb_hz"], 0.5) * highpass(f, b["reverb_hz"] * 0.0 + 180.0)
    room = apply_response(room, tone[:, None])
    room = room / room.square().sum(-1, keepdim=True).sqrt().clamp_min(1e-6)
    length = fast_length(b.frames + tail)
    wet = torch.fft.irfft(torch.fft.rfft(x, length) * torch.fft.rfft(room, length), length)
    wrapped = wet[..., : b.frames].clone()
    for row, patch in enumerate(b.patches):
        if patch.loop:
            over = wet[row, :, patch.frames : patch.frames + tail]
            for start in range(0, over.shape[-1], patch.frames):
                piece = over[:, start : start + patch.frames]
                wrapped[row, :, : piece.shape[-1]] += piece
    return x + b["reverb"][..., None] * wrapped


_CHAIN = (
    ("drive", _drive),
    ("crush_bits", _crush),
    ("tape_hz", _tape),
    ("chorus", _chorus),
    ("delay", _delay),
    ("reverb", _reverb),
)


def finish(sound: Tensor, loop: bool) -> Tensor | str:
    """Remove DC, fade the last milliseconds of a one-shot, set the peak to -1 dBFS.

    Args:
        sound: [2, frames].
        loop: Loops are not faded.

    Returns:
        The finished sound, or the reason why it is refused.
    """
    if not bool(torch.isfinite(sound).all()):
        return "not a number"
    clean = sound - sound.mean(-1, keepdim=True)
    if not loop:
        fade = min(clean.shape[-1] // 8, 330)
        ramp = torch.cos(torch.linspace(0.0, math.pi / 2.0, fade, device=sound.device)) ** 2
        clean[:, -fade:] *= ramp
    peak = float(clean.abs().max())
    if peak < 1e-4:
        return "silent"
    return clean * (PEAK / peak)
