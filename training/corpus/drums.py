"""Drum voices: kicks, snares, claps, hats, cymbals, toms and small percussion.

Each renderer turns a batch into sound [B, F] or [B, 2, F]; the laws that draw their parameters are in
``drum_families``. Knows no rhythm: ``loops`` places these hits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.corpus.envelopes import decay, rise
from training.corpus.filters import (
    apply_response,
    bandpass,
    highpass,
    lowpass,
    response_bins,
)
from training.corpus.oscillators import TAU, damped_modes
from training.corpus.patch import Batch


def kick(b: Batch) -> Tensor:
    """Sine body whose pitch falls to ``pitch_hz``, with a click: kicks, 808s, toms, congas.

    The phase is the closed form of the falling frequency, so the tail is exactly in tune.
    """
    time, tau = b.time_s, b["sweep_s"]
    drop = b["pitch_hz"] * (b["sweep_ratio"] - 1.0)
    cycles = b["pitch_hz"] * time + drop * tau * (1.0 - decay(time, tau))
    envelope = torch.exp(-((time / b["decay_s"]) ** b["curve"]))
    body = torch.sin(TAU * cycles) + b["second"] * torch.sin(TAU * 1.59 * cycles) * envelope
    body = body * envelope * rise(time, b["attack_s"])
    click = b.noise() * decay(time, b["click_s"])
    f = response_bins(click)
    click = apply_response(click, bandpass(f, b["click_hz"], 0.6))
    skin = b.noise(1) * decay(time, b["decay_s"] * 0.35)
    skin = apply_response(skin, lowpass(f, b["pitch_hz"] * 6.0, 0.7))
    return body + b["click"] * click + b["skin"] * skin


def snare(b: Batch) -> Tensor:
    """Two drum-head modes with a slight fall in pitch, over high-passed noise for the wires."""
    time = b.time_s
    fall = 1.0 + 0.35 * decay(time, b["sweep_s"])
    phase = torch.cumsum(fall.double(), -1) / 44_100.0
    low = torch.sin(TAU * (b["pitch_hz"].double() * phase).remainder(1.0).float())
    high = torch.sin(TAU * (b["pitch_hz"].double() * 1.83 * phase).remainder(1.0).float())
    body = (low + 0.6 * high) * decay(time, b["body_s"])
    wires = b.noise() * (decay(time, b["noise_s"]) + 0.7 * decay(time, b["noise_s"] * 0.2))
    f = response_bins(wires)
    wires = apply_response(wires, highpass(f, b["noise_hz"]) * lowpass(f, b["top_hz"]))
    return b["body"] * body + b["wires"] * wires


def clap(b: Batch) -> Tensor:
    """Three or four quick noise bursts and a tail, band-passed; right and left differ a little."""
    time = b.time_s
    sides = []
    for side in range(2):
        jitter = b.random(10 + side, 4) * 0.004
        envelope = torch.zeros_like(time + jitter[:, :1])
        for burst in range(3):
            start = burst * b["gap_s"] + jitter[:, burst : burst + 1]
            after = time - start
            envelope = envelope + (after >= 0) * decay(after.clamp_min(0.0), b["burst_s"])
        after = time - 3.0 * b["gap_s"]
        envelope = envelope + (after >= 0) * decay(after.clamp_min(0.0), b["tail_s"])
        own, shared = b.noise(side), b.noise(2)
        noise = (shared + b["wide"] * own) * envelope
        f = response_bins(noise)
        band = bandpass(f, b["centre_hz"], b["q"]) + 0.25 * highpass(f, b["centre_hz"] * 1.5)
        sides.append(apply_response(noise, band * lowpass(f, b["top_hz"])))
    return torch.stack(sides, 1)


def metal(b: Batch) -> Tensor:
    """Dense inharmonic modes with noise: hi-hats, crashes, rides.

    Modes are spread evenly in pitch with chance; the high ones die sooner. ``choke_s`` closes the hat.
    """
    time = b.time_s
    count = 64
    place = (torch.arange(count, device=b.device)[None] + b.random(3, count)) / count
    frequency = b["low_hz"] * (b["high_hz"] / b["low_hz"]) ** place
    amplitude = (0.3 + b.random(4, count)) * (1.0 + 4.0 * place) / count
    ring = b["decay_s"] * (1.6 - 1.2 * place) * (0.5 + b.random(5, count))
    spread = (b.random(7, count) - 0.5) * b["wide"]
    pair = torch.stack([amplitude * (1.0 - spread), amplitude * (1.0 + spread)], 1)
    ringing = damped_modes(frequency, ring, pair, b.random(6, count), b.frames)
    noise = torch.stack([b.noise(0), b.noise(0) * (1.0 - b["wide"]) + b["wide"] * b.noise(1)], 1)
    body = decay(time, b["decay_s"]) + 0.8 * decay(time, b["decay_s"] * 0.12)
    hiss = noise * (0.28 * body)[:, None]
    mixed = b["modes"][..., None] * ringing * 2.0 + b["hiss"][..., None] * hiss
    f = response_bins(mixed)
    response = highpass(f, b["cut_hz"]) * highpass(f, b["cut_hz"] * 0.7) * lowpass(f, b["top_hz"])
    choke = torch.exp(-((time / b["choke_s"]) ** 4)) * rise(time, b["attack_s"])
    bell = torch.sin(TAU * b["bell_hz"] * time) * decay(time, b["decay_s"] * 0.5) * b["bell"]
    out = apply_response(mixed, response[:, None])
    return (out + 0.2 * bell[:, None]) * choke[:, None]


def struck(b: Batch) -> Tensor:
    """Few modes with a noise tick: rimshot, cowbell, woodblock, claves, triangle, agogo, tabla.

    The mode ratios are the values ``ratio1`` to ``ratio5``, their levels ``level1`` to ``level5``.
    """
    ratios = torch.cat([b[f"ratio{i}"] for i in range(1, 6)], 1)
    levels = torch.cat([b[f"level{i}"] for i in range(1, 6)], 1)
    ring = b["decay_s"] * ratios.clamp_min(0.3) ** -b["damping"]
    tone = damped_modes(ratios * b["pitch_hz"], ring, levels, b.random(2, 5) * 0.1, b.frames)
    tick = b.noise() * decay(b.time_s, b["tick_s"])
    f = response_bins(tick)
    tick = apply_response(tick, bandpass(f, b["tick_hz"], 0.8))
    return tone * rise(b.time_s, b["attack_s"]) + b["tick"] * tick


def shaken(b: Batch) -> Tensor:
    """Shaker, maraca, tambourine, cabasa: grains of noise under a swell, with optional jingles."""
    time = b.time_s
    swell = rise(time, b["attack_s"]) * decay((time - b["attack_s"]).clamp_min(0.0), b["decay_s"])
    grains = b.noise() * (0.4 + (b.noise(1).abs() > b["sparse"]) * 1.0)
    f = response_bins(grains)
    band = bandpass(f, b["centre_hz"], b["q"]) * highpass(f, b["centre_hz"] * 0.5)
    beads = apply_response(grains * swell, band)
    count = 24
    frequency = b["jingle_hz"] * (1.0 + 1.6 * b.random(2, count))
    ring = b["decay_s"] * (0.5 + b.random(3, count))
    modes = damped_modes(frequency, ring, b.random(4, count) / 8.0, b.random(5, count), b.frames)
    return beads + b["jingle"] * modes * rise(time, b["attack_s"] * 0.3)
