"""Textures and transitions: rain, wind, vinyl, drones; risers, impacts, lasers, whooshes, explosions.

Each renderer turns a batch into sound [B, 2, F]; ``texture_families`` draws their parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.corpus.clip import SAMPLE_RATE_HZ
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
from training.corpus.oscillators import phase_of, saw, sine
from training.corpus.patch import Batch


def _wide_noise(b: Batch, stream: int = 0) -> Tensor:
    """Noise on two channels, alike by 1 - ``wide``: [B, 2, F]."""
    shared = b.noise(stream) * (1.0 - b["wide"])
    return torch.stack(
        [shared + b["wide"] * b.noise(stream + 1), shared + b["wide"] * b.noise(stream + 2)], 1
    )


def _ends(b: Batch) -> Tensor:
    """Fade in and out at the true ends of each clip: [B, F]."""
    length = b["length_s"]
    return rise(b.time_s, b["fade_in_s"]) * rise(length - b.time_s, b["fade_out_s"])


def grains(b: Batch) -> Tensor:
    """Sparse ticks over a bed of noise: rain, vinyl crackle, fire, hail, geiger counter."""
    noise = _wide_noise(b)
    rare = torch.stack([b.noise(5), b.noise(6)], 1)
    threshold = b["rarity"][..., None]
    ticks = rare * (rare.abs() > threshold)
    f = response_bins(noise)
    small = bandpass(f, b["tick_hz"], b["tick_q"]) * highpass(f, b["tick_hz"] * 0.3)
    ticks = apply_response(ticks, small[:, None])
    bed = apply_response(noise, (highpass(f, b["low_hz"]) * lowpass(f, b["top_hz"]))[:, None])
    slow = 1.0 + b["gust"] * drift(b.time_s, b["gust_hz"], b.random(1, 1))
    hum = b["hum"] * sine(phase_of(b["hum_hz"].clamp_min(1.0), b.frames))
    mixed = b["ticks"][..., None] * ticks * 4.0 + b["bed"][..., None] * bed + hum[:, None]
    return mixed * (slow * _ends(b))[:, None]


def gusts(b: Batch) -> Tensor:
    """Noise in moving bands: wind, sea, room tone, steam, breath, jet."""
    noise = _wide_noise(b)
    time = at_control(b.time_s)
    wander = drift(time, b["gust_hz"], b.random(1, 1))
    centre = b["centre_hz"] * torch.exp2(b["wander"] * wander)
    whistle = moving_bandpass(noise, centre, b["q"])
    f = response_bins(noise)
    floor = apply_response(noise, (lowpass(f, b["floor_hz"]) * highpass(f, b["low_hz"]))[:, None])
    slow = 1.0 + b["gust"] * drift(b.time_s, b["gust_hz"], b.random(1, 1))
    mixed = whistle + b["floor"][..., None] * floor
    return mixed * (slow.clamp_min(0.02) * _ends(b))[:, None]


def drone(b: Batch) -> Tensor:
    """Layers of detuned saws and sines that beat slowly, dark-filtered, with noise."""
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    base = b.timing.frequencies_hz[0]
    cents = (b.random(1, 6) - 0.5) * 2.0 * b["detune_cents"]
    for index, ratio in enumerate((1.0, 1.0, 0.5, 1.5, 2.0, 1.0)):
        frequency = base * ratio * torch.exp2(cents[:, index, None] / 1200.0)
        phase = phase_of(frequency, b.frames) + b.random(2, 6)[:, index, None]
        tone = (1.0 - b["saws"]) * sine(phase)
        tone = tone + b["saws"] * saw(phase, frequency / SAMPLE_RATE_HZ)
        slow = 1.0 + 0.7 * drift(b.time_s, b["gust_hz"] * (1.0 + 0.3 * index), b.random(3, 1) + index)
        level = (1.0, 0.8, 0.9, 0.35, 0.3, 0.8)[index] * (1.0 if index < 5 else 0.6)
        pan = b["wide"] * (0.8, -0.8, 0.0, 0.5, -0.5, 0.3)[index]
        out = out + torch.stack([(1.0 - pan) * tone, (1.0 + pan) * tone], 1) * (level * slow)[:, None]
    out = out + b["noise"][..., None] * _wide_noise(b, 4)
    time = at_control(b.time_s)
    cutoff = b["centre_hz"] * torch.exp2(b["wander"] * drift(time, b["gust_hz"], b.random(5, 1)))
    return moving_lowpass(out, cutoff, b["q"]) * _ends(b)[:, None]


def glide(b: Batch) -> Tensor:
    """Tone and noise whose pitch, cutoff and loudness move from start to end: risers, lasers, sirens.

    Pitch goes from ``start_hz`` to ``end_hz`` in octaves along ``x ** curve``; the loudness rises
    (``swell`` > 0), falls (``fall_s`` > 0) or both.
    """
    x = (b.time_s / b["length_s"]).clamp(0.0, 1.0)
    path = x ** b["curve"]
    wobble = b["wobble"] * torch.sin(6.2832 * b["wobble_hz"] * b.time_s * (1.0 + b["speed_up"] * x))
    octaves = torch.log2(b["end_hz"] / b["start_hz"]) * path + wobble
    frequency = b["start_hz"] * torch.exp2(octaves)
    phase = phase_of(frequency, b.frames)
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    for place in (-1.0, 0.0, 1.0):
        ratio = torch.exp2(place * b["detune_cents"].double() / 1200.0)
        tone = b["saws"] * saw(phase * ratio, frequency * ratio / SAMPLE_RATE_HZ)
        tone = tone + (1.0 - b["saws"]) * sine(phase * ratio)
        pan = place * b["wide"]
        out = out + torch.stack([tone * (1.0 - pan), tone * (1.0 + pan)], 1)
    path_control = at_control(path)
    centre = b["noise_start_hz"] * (b["noise_end_hz"] / b["noise_start_hz"]) ** path_control
    hiss = moving_bandpass(_wide_noise(b, 1), centre, b["q"])
    mixed = b["tone"][..., None] * out + 3.0 * b["noise"][..., None] * hiss
    pulse = 1.0 - b["gate"] * (torch.sin(6.2832 * b["gate_hz"] * b.time_s * (1.0 + 2.0 * x)) < 0)
    hump = x ** b["swell"] * torch.where(b["fall_s"] > 0, decay(b.time_s, b["fall_s"]), 1.0 + 0 * x)
    humped = hump * torch.where(b["bell"] > 0, (1.0 - x).clamp_min(0.0) ** b["bell"], 1.0 + 0 * x)
    return mixed * (humped * pulse * _ends(b))[:, None]


def burst(b: Batch) -> Tensor:
    """A blow and its cloud: impacts, booms, explosions, thunder, gunshots, slams."""
    time = b.time_s
    drop = b["pitch_hz"] * (b["sweep_ratio"] - 1.0)
    tau = b["sweep_s"]
    cycles = b["pitch_hz"] * time + drop * tau * (1.0 - decay(time, tau))
    boom = torch.sin(6.2832 * cycles) * decay(time, b["boom_s"]) * rise(time, b["attack_s"])
    control = at_control(time)
    cutoff = b["noise_end_hz"] + (b["noise_hz"] - b["noise_end_hz"]) * decay(control, b["close_s"])
    cloud = moving_lowpass(_wide_noise(b, 1), cutoff, b["q"])
    rough = 1.0 + b["rumble"] * drift(time, b["rumble_hz"], b.random(4, 1))
    level = decay(time, b["cloud_s"]) + 1.5 * decay(time, b["cloud_s"] * 0.08)
    level = level * rough.clamp_min(0.05) * rise(time, b["attack_s"])
    crack = _wide_noise(b, 4) * (b["crack"] * decay(time, b["crack_s"]))[:, None]
    mixed = b["boom"][..., None] * boom[:, None] + (b["cloud"] * level)[:, None] * cloud + crack
    return torch.tanh(mixed * b["drive"].clamp_min(0.5)[..., None]) * _ends(b)[:, None]
