"""Textures and transitions: rain, wind, vinyl, drones; risers, impacts, lasers, explosions.

Each renderer turns a batch into sound [B, 2, F]; ``tables/textures.toml`` holds the laws that draw
their parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor

from generator.api import SAMPLE_RATE_HZ
from training.corpus.envelopes import decay, drift, rise
from training.corpus.filters import (
    apply_response,
    at_control,
    bandpass,
    highpass,
    lowpass,
    moving_bandpass,
    moving_lowpass,
    response_bins,
)
from training.corpus.noises import ends, wide_noise
from training.corpus.oscillators import TAU, fine_saw, phase_of, saw, sine
from training.corpus.patch import Batch

# ratio, level and place (-1 left, 1 right) of each layer of a drone
_LAYERS = (
    (1.0, 1.0, 0.8),
    (1.0, 0.8, -0.8),
    (0.5, 0.9, 0.0),
    (1.5, 0.35, 0.5),
    (2.0, 0.3, -0.5),
)


def grains(b: Batch) -> Tensor:
    """Sparse ticks over a bed of noise: rain, vinyl crackle, fire, static."""
    noise = wide_noise(b)
    f = response_bins(noise)
    bed = apply_response(noise, (highpass(f, b["low_hz"]) * lowpass(f, b["top_hz"]))[:, None])
    mixed = b["bed"][..., None] * bed
    if bool(b["ticks"].any()):
        rare = torch.stack([b.noise(5), b.noise(6)], 1)
        rare = rare * (rare.abs() > b["rarity"][..., None])
        small = bandpass(f, b["tick_hz"], b["tick_q"]) * highpass(f, b["tick_hz"] * 0.3)
        mixed = mixed + 4.0 * b["ticks"][..., None] * apply_response(rare, small[:, None])
    if bool(b["hum"].any()):
        mixed = mixed + (b["hum"] * sine(phase_of(b["hum_hz"], b.frames)))[:, None]
    slow = b.smooth(1.0 + b["gust"] * drift(b, b["gust_hz"], 1))
    return mixed * (slow * ends(b))[:, None]


def gusts(b: Batch) -> Tensor:
    """Noise in moving bands over a still one: wind, sea, room tone, steam."""
    noise = wide_noise(b)
    wander = drift(b, b["gust_hz"], 1, at_control(b.time_s))
    whistle = moving_bandpass(noise, b["centre_hz"] * torch.exp2(b["wander"] * wander), b["q"])
    f = response_bins(noise)
    floor = lowpass(f, b["floor_hz"]) * highpass(f, b["low_hz"]) * b["floor"]
    mixed = whistle + apply_response(noise, floor[:, None])
    slow = b.smooth((1.0 + b["gust"] * drift(b, b["gust_hz"], 1)).clamp_min(0.02))
    return mixed * (slow * ends(b))[:, None]


def drone(b: Batch) -> Tensor:
    """Layers of detuned saws and sines that beat slowly, dark-filtered, with noise."""
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    base, count = b.timing.frequencies_hz[0], len(_LAYERS)
    cents = (b.random(1, count) - 0.5) * 2.0 * b["detune_cents"]
    starts = b.random(2, count).double()
    for index, (ratio, level, place) in enumerate(_LAYERS):
        frequency = base * ratio * torch.exp2(cents[:, index, None] / 1200.0)
        phase = phase_of(frequency, b.frames) + starts[:, index, None]
        tone = torch.lerp(sine(phase), saw(phase, frequency / SAMPLE_RATE_HZ), b["saws"])
        slow = 1.0 + 0.7 * drift(b, b["gust_hz"] * (1.0 + 0.3 * index), 3 + index)
        tone = tone * b.smooth(level * slow)
        pan = b["wide"] * place
        out[:, 0].addcmul_(tone, 1.0 - pan)
        out[:, 1].addcmul_(tone, 1.0 + pan)
    if bool(b["noise"].any()):
        out += b["noise"][..., None] * wide_noise(b, 20)
    wander = drift(b, b["gust_hz"], 15, at_control(b.time_s))
    cutoff = b["centre_hz"] * torch.exp2(b["wander"] * wander)
    return moving_lowpass(out, cutoff, b["q"]) * ends(b)[:, None]


def glide(b: Batch) -> Tensor:
    """Tone and noise whose pitch, cutoff and loudness move: risers, lasers, sirens.

    Pitch goes from ``start_hz`` to ``end_hz`` in octaves along ``x ** curve``; the loudness rises
    (``swell``), dies away (``fall_s``) or sinks to nothing at the end (``bell``).
    """
    x = (b.slow_time_s / b["length_s"]).clamp(0.0, 1.0)
    path = x ** b["curve"]
    mixed = torch.zeros(len(b), 2, b.frames, device=b.device)
    if bool(b["tone"].any()):
        mixed += _gliding_tone(b, path)
    if bool(b["noise"].any()):
        control = (at_control(b.time_s) / b["length_s"]).clamp(0.0, 1.0) ** b["curve"]
        centre = b["noise_start_hz"] * (b["noise_end_hz"] / b["noise_start_hz"]) ** control
        hiss = moving_bandpass(wide_noise(b, 1), centre, b["q"])
        mixed += 3.0 * b["noise"][..., None] * hiss
    beat = torch.sin(TAU * b["gate_hz"] * b.slow_time_s * (1.0 + b["speed_up"] * x))
    level = (1.0 - b["gate"] * (beat < 0)) * x ** b["swell"] * (1.0 - x) ** b["bell"]
    level = level * torch.where(b["fall_s"] > 0, decay(b.slow_time_s, b["fall_s"]), 1.0)
    return mixed * (b.smooth(level) * ends(b))[:, None]


def _gliding_tone(b: Batch, path: Tensor) -> Tensor:
    """Three detuned saws and sines along a path [B, S] from start_hz to end_hz: [B, 2, F]."""
    wobble = b["wobble"] * torch.sin(TAU * b["wobble_hz"] * b.slow_time_s)
    octaves = torch.log2(b["end_hz"] / b["start_hz"]) * path + wobble
    frequency = b.smooth(b["start_hz"] * torch.exp2(octaves))
    phase = phase_of(frequency, b.frames)
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    for place in (-1.0, 0.0, 1.0):
        ratio = torch.exp2(place * b["detune_cents"].double() / 1200.0)
        shifted = phase * ratio
        tone = torch.lerp(
            sine(shifted), fine_saw(shifted, frequency * (ratio / SAMPLE_RATE_HZ)), b["saws"]
        )
        pan = place * b["wide"]
        out[:, 0].addcmul_(tone, b["tone"] * (1.0 - pan))
        out[:, 1].addcmul_(tone, b["tone"] * (1.0 + pan))
    return out


def burst(b: Batch) -> Tensor:
    """A blow and its cloud: impacts, booms, explosions, thunder, gunshots, slams."""
    time, tau = b.time_s, b["sweep_s"]
    drop = b["pitch_hz"] * (b["sweep_ratio"] - 1.0)
    cycles = b["pitch_hz"] * time + drop * tau * (1.0 - decay(time, tau))
    onset = rise(time, b["attack_s"])
    boom = torch.sin(TAU * cycles) * decay(time, b["boom_s"]) * onset
    closing = decay(at_control(time), b["close_s"])
    cutoff = torch.lerp(b["noise_end_hz"], b["noise_hz"], closing)
    noise = wide_noise(b, 1)
    cloud = moving_lowpass(noise, cutoff, b["q"])
    rough = b.smooth((1.0 + b["rumble"] * drift(b, b["rumble_hz"], 4)).clamp_min(0.05))
    level = decay(time, b["cloud_s"]) + 1.5 * decay(time, b["cloud_s"] * 0.08)
    mixed = cloud * (b["cloud"] * level * rough * onset)[:, None] + (b["boom"] * boom)[:, None]
    mixed += noise * (b["crack"] * decay(time, b["crack_s"]))[:, None]
    return torch.tanh(mixed * b["drive"][..., None]) * ends(b)[:, None]
