"""Effects after the voice: drive, crush, tape, chorus, delay, reverb; and the finish of every clip.

Works on batches of sound with the patch's values; rows without an effect are not touched. Loops
wrap their tails to the start, so that they repeat without a gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from generator.api import SAMPLE_RATE_HZ
from training.corpus.clip import PEAK
from training.corpus.filters import (
    apply_response,
    bins_hz,
    fast_length,
    highpass,
    lowpass,
    response_bins,
)
from training.corpus.oscillators import TAU
from training.corpus.patch import Batch, Dice

EFFECT_SWITCHES = {
    "drive": "distorted",
    "crush_bits": "lo-fi",
    "tape_hz": "tape",
    "chorus": "chorus",
    "delay": "delay",
    "reverb": "reverb",
}
"""The value that switches each effect on, in the order of the chain, and the effect's name."""

_REVERB_S = 2.5


def draw_effects(dice: Dice, rates: Mapping[str, float]) -> dict[str, float]:
    """Draw effect parameters.

    Args:
        dice: Source of chance.
        rates: Probability of each effect's name.

    Returns:
        Values for a patch; an effect that is not drawn has no entry.
    """
    on = {name for name in EFFECT_SWITCHES.values() if dice.chance(rates.get(name, 0.0))}
    values: dict[str, float] = {}
    if "distorted" in on:
        values |= {"drive": dice.log(3.0, 16.0), "drive_bias": dice.uniform(0.0, 0.3)}
    if "lo-fi" in on:
        values |= {"crush_bits": dice.uniform(4.0, 8.0), "crush_hold": dice.integer(3, 9)}
    if "tape" in on:
        values |= {"tape_hz": dice.log(2500.0, 7000.0), "tape_hiss": dice.log(0.0005, 0.004)}
        values |= {"tape_wow_ms": dice.log(0.3, 1.5)}
    if "chorus" in on:
        values |= {"chorus": dice.uniform(0.3, 0.7), "chorus_hz": dice.log(0.3, 1.6)}
    if "delay" in on:
        values |= {"delay": dice.uniform(0.25, 0.55), "delay_s": dice.log(0.11, 0.42)}
    if "reverb" in on:
        values |= {"reverb": dice.uniform(0.18, 0.6), "reverb_s": dice.log(0.5, 3.5)}
        values |= {"reverb_hz": dice.log(2500.0, 12000.0)}
    return values


def effect_words(values: Mapping[str, float]) -> list[str]:
    """Names of the effects that a patch's values switch on."""
    return [name for key, name in EFFECT_SWITCHES.items() if values.get(key, 0.0) > 0.0]


def tail_s(effects: Mapping[str, float]) -> float:
    """How much longer reverb and delay make a one-shot, in seconds."""
    room = min(0.7 * effects["reverb_s"], 1.5) if "reverb" in effects else 0.0
    return room + (2.0 * effects["delay_s"] if "delay" in effects else 0.0)


def apply_effects(b: Batch, sound: Tensor) -> Tensor:
    """Run every effect over the rows that have it.

    Args:
        b: The batch.
        sound: [B, F] or [B, 2, F].

    Returns:
        [B, 1, F] where everything stayed mono, else [B, 2, F].
    """
    out = sound[:, None] if sound.dim() == 2 else sound
    rows = {key: _rows(b, key) for key in EFFECT_SWITCHES}
    if not any(rows.values()):
        return out
    widening = any(rows[key] for key in ("tape_hz", "chorus", "delay", "reverb"))
    out = out.expand(-1, 2 if widening else out.shape[1], -1)
    out = out / out.abs().amax((1, 2), keepdim=True).clamp_min(1e-6)
    for key, members in rows.items():
        if members:
            part = Batch([b.patches[i] for i in members], b.device)
            out[members] = _CHAIN[key](part, out[members])
    return out


def _rows(b: Batch, key: str) -> list[int]:
    return [i for i, patch in enumerate(b.patches) if patch.values.get(key, 0.0) > 0.0]


def _drive(b: Batch, x: Tensor) -> Tensor:
    """Push into a bent curve, then take away the DC that the bend makes."""
    gain, bias = b["drive"][..., None], b["drive_bias"][..., None]
    bent = torch.tanh(gain * x + bias) - torch.tanh(bias)
    return apply_response(bent, highpass(response_bins(bent), torch.full_like(bias, 18.0)))


def _crush(b: Batch, x: Tensor) -> Tensor:
    """Quantise and hold samples; every row has its own hold."""
    levels = torch.exp2(b["crush_bits"])[..., None]
    hold = b["crush_hold"].clamp_min(1.0)
    index = torch.floor(torch.arange(b.frames, device=b.device)[None] / hold) * hold
    held = torch.gather(x, 2, index.long()[:, None].expand_as(x))
    return torch.round(held * levels) / levels


def _tape(b: Batch, x: Tensor) -> Tensor:
    """Soft saturation, lost treble, wow and hiss."""
    soft = torch.tanh(1.6 * x) / 1.6
    f = response_bins(x)
    curve = lowpass(f, b["tape_hz"], 0.6) * highpass(f, torch.full_like(b["tape_hz"], 25.0))
    depth = b["tape_wow_ms"] * SAMPLE_RATE_HZ / 1000.0
    wave = torch.sin(TAU * (0.9 * b.slow_time_s + b.random(80, 1)))
    hiss = torch.stack([b.noise(81), b.noise(82)], 1) * b["tape_hiss"][..., None]
    return _late(apply_response(soft, curve[:, None]), b.smooth(depth * (1.0 + wave) / 2.0)) + hiss


def _late(x: Tensor, delay_frames: Tensor) -> Tensor:
    """Read a signal late by a moving number of frames [B, F], with linear interpolation."""
    place = (torch.arange(x.shape[-1], device=x.device)[None] - delay_frames).clamp_min_(0.0)
    low = place.floor()
    part = (place - low)[:, None]
    index = low.long()[:, None].expand_as(x)
    after = (index + 1).clamp_max(x.shape[-1] - 1)
    return torch.lerp(torch.gather(x, 2, index), torch.gather(x, 2, after), part)


def _chorus(b: Batch, x: Tensor) -> Tensor:
    """Add a copy whose delay swings, opposite ways on the two sides."""
    base, depth = 0.012 * SAMPLE_RATE_HZ, 0.004 * SAMPLE_RATE_HZ
    wave = b.smooth(torch.sin(TAU * b["chorus_hz"] * b.slow_time_s))
    sides = [_late(x[:, :1], base + depth * wave), _late(x[:, 1:], base - depth * wave)]
    return x + b["chorus"][..., None] * torch.cat(sides, 1)


def _delay(b: Batch, x: Tensor) -> Tensor:
    """Echoes that hop from side to side; a loop's echoes wrap."""
    out = x.clone()
    for row, patch in enumerate(b.patches):
        lag = round(patch.values["delay_s"] * SAMPLE_RATE_HZ)
        length = patch.frames if patch.loop else b.frames
        echo = x[row, :, :length].mean(0)
        for tap in range(1, 5):
            gain = patch.values["delay"] ** tap
            if patch.loop:
                out[row, tap % 2, :length] += gain * torch.roll(echo, tap * lag)
            elif tap * lag < length:
                out[row, tap % 2, tap * lag :] += gain * echo[: length - tap * lag]
    return out


def _reverb(b: Batch, x: Tensor) -> Tensor:
    """Convolve the middle with decaying stereo noise below 11 kHz; a loop's tail wraps.

    The room is made at half the sampling rate, whose bins are the lower half of the signal's.
    """
    tail = min(b.frames, round(_REVERB_S * SAMPLE_RATE_HZ)) // 32 * 32
    length = fast_length(b.frames + tail)
    time = torch.arange(tail // 2, device=b.device)[None] * (2.0 / SAMPLE_RATE_HZ)
    shape = torch.exp(time * (-6.9 / b["reverb_s"])) * (1.0 - torch.exp(time / -0.006))
    room = torch.stack([b.noise(90, tail // 2) * shape, b.noise(91, tail // 2) * shape], 1)
    space = torch.fft.rfft(room, length // 2)
    f = bins_hz(length, room)[:, : space.shape[-1]]
    tone = lowpass(f, b["reverb_hz"], 0.5) * highpass(f, torch.full_like(b["reverb_hz"], 180.0))
    space = space * tone[:, None]
    energy = space.abs().square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-6)
    middle = torch.fft.rfft(x.mean(1, keepdim=True), length)[..., : space.shape[-1]]
    wet: Tensor = torch.fft.irfft(middle * (space / energy), length)
    for row, patch in enumerate(b.patches):
        if patch.loop:
            over = wet[row, :, patch.frames : patch.frames + tail].clone()
            for start in range(0, over.shape[-1], patch.frames):
                piece = over[:, start : start + patch.frames]
                wet[row, :, : piece.shape[-1]] += piece
    return x + b["reverb"][..., None] * wet[..., : b.frames]


_CHAIN: dict[str, Callable[[Batch, Tensor], Tensor]] = {
    "drive": _drive,
    "crush_bits": _crush,
    "tape_hz": _tape,
    "chorus": _chorus,
    "delay": _delay,
    "reverb": _reverb,
}


def finish(sound: Tensor, loop: bool) -> Tensor | str:
    """Remove DC, fade the last milliseconds of a one-shot, set the peak to -1 dBFS.

    Args:
        sound: [channels, frames].
        loop: Loops are not faded.

    Returns:
        The finished sound, or the reason why it is refused.
    """
    clean = sound - sound.mean(-1, keepdim=True)
    if not loop:
        fade = min(clean.shape[-1] // 8, 330)
        ramp = torch.cos(torch.linspace(0.0, math.pi / 2.0, fade, device=sound.device)) ** 2
        clean[:, -fade:] *= ramp
    peak = float(clean.abs().max())
    if not math.isfinite(peak):
        return "not a number"
    if peak < 1e-4:
        return "silent"
    return clean.mul_(PEAK / peak)
