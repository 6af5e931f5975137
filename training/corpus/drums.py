"""Drum voices: kicks, snares, claps, hats, cymbals, toms and small percussion.

Each renderer turns a batch into sound [B, F] or [B, 2, F]; ``tables/drums.toml`` holds the laws
that draw their parameters. Knows no rhythm: ``loops`` places these hits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.corpus.envelopes import decay, rise
from training.corpus.filters import apply_response, bandpass, highpass, lowpass, response_bins
from training.corpus.noises import add_tick
from training.corpus.oscillators import TAU, damped_modes
from training.corpus.patch import Batch

_METAL_MODES, _JINGLE_MODES = 64, 24


def kick(b: Batch) -> Tensor:
    """Sine body whose pitch falls to ``pitch_hz``, with a click: kicks, 808s, toms, congas.

    The phase is the closed form of the falling frequency, so the tail is exactly in tune.
    """
    time, tau = b.time_s, b["sweep_s"]
    drop = b["pitch_hz"] * (b["sweep_ratio"] - 1.0)
    cycles = b["pitch_hz"] * time + drop * tau * (1.0 - decay(time, tau))
    envelope = torch.exp(-((time / b["decay_s"]) ** b["curve"]))
    body = torch.sin(TAU * cycles)
    if bool(b["second"].any()):
        body = body + b["second"] * torch.sin(TAU * 1.59 * cycles) * envelope
    body = body * envelope * rise(time, b["attack_s"])
    if bool(b["skin"].any()):
        skin = b.noise(1) * decay(time, b["decay_s"] * 0.35)
        response = lowpass(response_bins(skin), b["pitch_hz"] * 6.0, 0.7)
        body = body + b["skin"] * apply_response(skin, response)
    return add_tick(b, body)


def snare(b: Batch) -> Tensor:
    """Two drum-head modes with a slight fall in pitch, over band-limited noise for the wires."""
    time, tau = b.time_s, b["sweep_s"]
    cycles = b["pitch_hz"] * (time + 0.35 * tau * (1.0 - decay(time, tau)))
    low, high = torch.sin(TAU * cycles), torch.sin(TAU * 1.83 * cycles)
    body = (low + 0.6 * high) * decay(time, b["body_s"])
    wires = b.noise() * (decay(time, b["noise_s"]) + 0.7 * decay(time, b["noise_s"] * 0.2))
    f = response_bins(wires)
    wires = apply_response(wires, highpass(f, b["noise_hz"]) * lowpass(f, b["top_hz"]))
    return b["body"] * body + b["wires"] * wires


def clap(b: Batch) -> Tensor:
    """Three quick noise bursts and a tail, band-passed; right and left differ a little."""
    time, sides = b.time_s, []
    for side in range(2):
        jitter = b.random(10 + side, 3) * 0.004
        starts = [burst * b["gap_s"] + jitter[:, burst, None] for burst in range(3)]
        envelope = torch.zeros(len(b), b.frames, device=b.device)
        for start, tau in [*((s, b["burst_s"]) for s in starts), (3.0 * b["gap_s"], b["tail_s"])]:
            after = time - start
            envelope += (after >= 0) * decay(after.clamp_min_(0.0), tau)
        sides.append(torch.addcmul(b.noise(2), b["wide"], b.noise(side)) * envelope)
    noise = torch.stack(sides, 1)
    f = response_bins(noise)
    band = bandpass(f, b["centre_hz"], b["q"]) + 0.25 * highpass(f, b["centre_hz"] * 1.5)
    return apply_response(noise, (band * lowpass(f, b["top_hz"]))[:, None])


def metal(b: Batch) -> Tensor:
    """Dense inharmonic modes with noise: hi-hats, crashes, rides.

    Modes are spread evenly in pitch with chance; the high ones die sooner. ``choke_s`` closes the
    hat.
    """
    time, count = b.time_s, _METAL_MODES
    place = (torch.arange(count, device=b.device)[None] + b.random(3, count)) / count
    frequency = b["low_hz"] * (b["high_hz"] / b["low_hz"]) ** place
    amplitude = (0.3 + b.random(4, count)) * (1.0 + 4.0 * place) * b["modes"] * 2.0 / count
    ring = b["decay_s"] * (1.6 - 1.2 * place) * (0.5 + b.random(5, count))
    spread = (b.random(7, count) - 0.5) * b["wide"]
    pair = torch.stack([amplitude * (1.0 - spread), amplitude * (1.0 + spread)], 1)
    ringing = damped_modes(frequency, ring, pair, b.random(6, count), b.frames)
    body = decay(time, b["decay_s"]) + 0.8 * decay(time, b["decay_s"] * 0.12)
    shared, other = b.noise(0), b.noise(1)
    hiss = torch.stack([shared, torch.lerp(shared, other, b["wide"])], 1)
    mixed = torch.addcmul(ringing, hiss, (0.28 * b["hiss"] * body)[:, None])
    f = response_bins(mixed)
    response = highpass(f, b["cut_hz"]) * highpass(f, b["cut_hz"] * 0.7) * lowpass(f, b["top_hz"])
    out = apply_response(mixed, response[:, None])
    bell = torch.sin(TAU * b["bell_hz"] * time) * decay(time, b["decay_s"] * 0.5)
    out += (0.2 * b["bell"] * bell)[:, None]
    choke = torch.exp(-((time / b["choke_s"]) ** 4)) * rise(time, b["attack_s"])
    return out * choke[:, None]


def struck(b: Batch) -> Tensor:
    """Few modes with a noise tick: rimshot, cowbell, woodblock, claves, triangle, agogo, tabla.

    The mode ratios are the values ``ratio1`` to ``ratio5``, their levels ``level1`` to ``level5``.
    """
    ratios = torch.cat([b[f"ratio{i}"] for i in range(1, 6)], 1)
    levels = torch.cat([b[f"level{i}"] for i in range(1, 6)], 1)
    ring = b["decay_s"] * ratios.clamp_min(0.3) ** -b["damping"]
    phase = b.random(2, 5) * 0.1
    tone = damped_modes(ratios * b["pitch_hz"], ring, levels, phase, b.frames)
    return add_tick(b, tone * rise(b.time_s, b["attack_s"]))


def shaken(b: Batch) -> Tensor:
    """Shaker, maraca, tambourine, cabasa: grains of noise under a swell, with optional jingles."""
    time, count = b.time_s, _JINGLE_MODES
    after = (time - b["attack_s"]).clamp_min(0.0)
    swell = rise(time, b["attack_s"]) * decay(after, b["decay_s"])
    grains = b.noise() * (0.4 + (b.noise(1).abs() > b["sparse"])) * swell
    f = response_bins(grains)
    band = bandpass(f, b["centre_hz"], b["q"]) * highpass(f, b["centre_hz"] * 0.5)
    beads = apply_response(grains, band)
    if not bool(b["jingle"].any()):
        return beads
    frequency = b["jingle_hz"] * (1.0 + 1.6 * b.random(2, count))
    ring = b["jingle_s"] * (0.5 + b.random(3, count))
    levels = b["jingle"] * b.random(4, count) / 8.0
    modes = damped_modes(frequency, ring, levels, b.random(5, count), b.frames)
    return beads + modes * rise(time, b["attack_s"] * 0.3)
