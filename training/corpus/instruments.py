"""Pitched voices: subtractive, FM, modal and plucked, for one-shots and for phrases of notes.

Each renderer turns a batch into sound [B, F] or [B, 2, F]. The laws that draw their parameters are in
``tone_families``; knows neither names nor captions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.corpus.clip import SAMPLE_RATE_HZ
from training.corpus.envelopes import adsr, decay, drift, rise
from training.corpus.filters import (
    apply_response,
    at_control,
    bandpass,
    highpass,
    lowpass,
    moving_lowpass,
    response_bins,
)
from training.corpus.oscillators import (
    TAU,
    damped_modes,
    phase_of,
    pulse,
    saw,
    sine,
    triangle,
)
from training.corpus.patch import Batch


def subtractive(b: Batch) -> Tensor:
    """Waves in unison through a moving low-pass: basses, leads, pads, brass, synth plucks.

    The batch shape is (wave, unison): wave is "saw", "pulse", "triangle" or "sine". Unison voices are
    detuned symmetrically by ``detune_cents``, so the mean pitch stays exact.
    """
    wave, unison = str(b.shape[0]), int(b.shape[1])
    timing = b.timing
    bend = _pitch_bend(b)
    left = torch.zeros(len(b), b.frames, device=b.device)
    right = torch.zeros_like(left)
    starts = b.random(1, unison * len(timing.frequencies_hz))
    for voice, frequency in enumerate(timing.frequencies_hz):
        moving = frequency if bend is None else frequency * bend
        base = phase_of(moving, b.frames)
        for index in range(unison):
            place = 0.0 if unison == 1 else 2.0 * index / (unison - 1) - 1.0
            ratio = torch.exp2(place * b["detune_cents"].double() / 1200.0)
            start = starts[:, voice * unison + index, None] * b["free_phase"]
            tone = _wave(wave, base * ratio + start, moving * ratio / SAMPLE_RATE_HZ, b)
            pan = place * (1 if (index + voice) % 2 else -1) * b["spread"]
            left = torch.addcmul(left, tone, 1.0 - pan)
            right = torch.addcmul(right, tone, 1.0 + pan)
        if voice == 0:
            sub = b["sub"] * sine(base * b["sub_ratio"].double().clamp_min(0.25)) * unison
            left, right = left + sub, right + sub
    noise = b["noise"] * b.noise(9) * unison
    mono = bool((b["spread"] == 0).all())
    tone = left + noise if mono else torch.stack([left + noise, right + noise], 1)
    filtered = _filtered(b, tone)
    level = adsr(timing, b["attack_s"], b["decay_s"], b["sustain"], b["release_s"])
    level = level * (1.0 - b["tremolo"] * (0.5 + 0.5 * torch.sin(TAU * b["tremolo_hz"] * b.time_s)))
    return filtered * (level if mono else level[:, None])


def _pitch_bend(b: Batch) -> Tensor | None:
    """Vibrato and the fall at a note's start as a frequency ratio [B, F]; None when there is none."""
    vibrato, fall = b["vibrato_cents"], b["fall_octaves"]
    if not (vibrato.any() or fall.any()):
        return None
    ramp = rise(b.timing.since_s - 0.15, b["vibrato_delay_s"] + 0.05)
    octaves = vibrato / 1200.0 * torch.sin(TAU * b["vibrato_hz"] * b.time_s) * ramp
    return torch.exp2(octaves + fall * decay(b.timing.since_s, b["fall_s"]))


def _wave(wave: str, phase: Tensor, step: Tensor, b: Batch) -> Tensor:
    if wave == "saw":
        return saw(phase, step)
    if wave == "pulse":
        swing = b["width"] + 0.15 * b["pwm"] * torch.sin(TAU * 0.4 * b.time_s)
        return 1.4 * pulse(phase, step, swing)
    return 1.2 * triangle(phase) if wave == "triangle" else sine(phase)


def _filtered(b: Batch, tone: Tensor) -> Tensor:
    """Low-pass the voice: cutoff in octaves above the note, opened by its own envelope and an LFO."""
    since, time = at_control(b.timing.since_s), at_control(b.time_s)
    note = at_control(b.timing.frequencies_hz[0])
    contour = rise(since, b["filter_attack_s"]) * decay(
        (since - b["filter_attack_s"]).clamp_min(0.0), b["filter_decay_s"]
    )
    octaves = b["cutoff_octaves"] + b["filter_octaves"] * contour * at_control(b.timing.velocity)
    octaves = octaves + b["wander"] * drift(time, b["wander_hz"], b.random(2, 1))
    octaves = octaves + b["lfo_octaves"] * torch.sin(TAU * b["lfo_hz"] * time)
    return moving_lowpass(tone, note * torch.exp2(octaves), b["q"], b["slope"])


def fm(b: Batch) -> Tensor:
    """Two pairs of operators: electric pianos, FM basses, leads, bells and glass.

    Pair one carries the body (``ratio``, ``index``), pair two the tine or strike (``ratio2``,
    ``index2``, ``mix2``), which dies in ``decay2_s``.
    """
    timing = b.timing
    bend = _pitch_bend(b)
    out = torch.zeros(len(b), b.frames, device=b.device)
    depth = b["index_end"] + (b["index"] - b["index_end"]) * decay(timing.since_s, b["index_s"])
    strike = decay(timing.since_s, b["decay2_s"])
    for frequency in timing.frequencies_hz:
        phase = phase_of(frequency if bend is None else frequency * bend, b.frames)
        modulator = sine(phase * b["ratio"].double())
        body = sine(phase + (depth * modulator).double() / TAU)
        ping = sine(phase * b["carrier2"].double() + (b["index2"] * strike) / TAU * modulator)
        out = out + body + b["mix2"] * strike * ping
    level = adsr(timing, b["attack_s"], b["decay_s"], b["sustain"], b["release_s"])
    swing = b["tremolo"] * torch.sin(TAU * b["tremolo_hz"] * b.time_s)
    if not b["autopan"].any():
        return out * level * (1.0 - 0.5 * b["tremolo"] + 0.5 * swing)
    pan = b["autopan"] * torch.sin(TAU * b["tremolo_hz"] * b.time_s)
    return torch.stack([out * level * (1.0 - pan), out * level * (1.0 + pan)], 1)


def modal(b: Batch) -> Tensor:
    """Bank of struck modes: bells, marimba, vibraphone, kalimba, glass, steel drum, gongs.

    The batch shape is (name of a table of ratios,); brightness tilts the levels, damping the decays.
    """
    table = MODE_TABLES[str(b.shape[0])]
    ratios = torch.tensor([row[0] for row in table], device=b.device)[None]
    levels = torch.tensor([row[1] for row in table], device=b.device)[None]
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    for voice, frequency in enumerate(b.timing.frequencies_hz):
        partials = ratios * (1.0 + b["stretch"] * (ratios - 1.0))
        ring = b["decay_s"] * ratios ** -b["damping"]
        tilt = levels * ratios ** b["bright"]
        spread = b["spread"] * (b.random(20 + voice, len(table)) - 0.5) * (ratios > 1.001)
        pair = torch.stack([tilt * (1.0 - spread), tilt * (1.0 + spread)], 1)
        out = out + damped_modes(
            frequency * partials, ring, pair, b.random(30 + voice, len(table)) * 0.2, b.frames
        )
    tick = b.noise(5) * decay(b.time_s, b["tick_s"])
    f = response_bins(tick)
    tick = apply_response(tick, bandpass(f, b["tick_hz"], 0.7)) * b["tick"]
    mute = torch.exp(-6.9 * (b.time_s - b.timing.gate_s).clamp_min(0.0) / b["release_s"])
    shake = 1.0 - b["tremolo"] * (0.5 + 0.5 * torch.sin(TAU * b["tremolo_hz"] * b.time_s))
    body = out * (rise(b.time_s, b["attack_s"]) * mute * shake)[:, None]
    return body + tick[:, None]


def string(b: Batch) -> Tensor:
    """Plucked or struck string: up to 80 stiff partials whose comb is the place of the pluck."""
    count = 80
    number = torch.arange(1, count + 1, device=b.device)[None].float()
    out = torch.zeros(len(b), b.frames, device=b.device)
    for voice, frequency in enumerate(b.timing.frequencies_hz):
        stretch = torch.sqrt(1.0 + b["stiffness"] * number**2) / torch.sqrt(1.0 + b["stiffness"])
        partials = frequency * number * stretch
        comb = torch.sin(torch.pi * number * b["place"]).abs() + 0.02
        levels = comb * number ** -b["tilt"]
        ring = b["decay_s"] / (1.0 + b["damping"] * number + b["damping"] * 0.02 * number**2)
        phase = 0.02 * b.random(40 + voice, count)
        out = out + damped_modes(partials, ring, levels, phase, b.frames)
    pick = b.noise(5) * decay(b.time_s, b["tick_s"])
    f = response_bins(pick)
    body = out + b["tick"] * apply_response(pick, bandpass(f, b["tick_hz"], 0.7))
    wood = 1.0 + b["body"] * (bandpass(f, b["body_hz"], 3.0) + bandpass(f, b["body_hz"] * 2.1, 3.0))
    mute = torch.exp(-6.9 * (b.time_s - b.timing.gate_s).clamp_min(0.0) / b["release_s"])
    return apply_response(body, wood) * mute * rise(b.time_s, b["attack_s"])


def additive(b: Batch) -> Tensor:
    """Steady partials in slight chorus: organs, choirs, glass pads, string machines.

    Levels follow ``tilt`` and a vowel's formants (``formant1_hz``, ``formant2_hz``) weighted by
    ``vowel``, or the drawbars ``bar1`` to ``bar9`` when ``drawbars`` is 1. Stereo by detuned copies.
    """
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    endless = b["attack_s"] * 0.0 + 1e6
    for voice, frequency in enumerate(b.timing.frequencies_hz):
        numbers, levels = _partials(b, frequency)
        count = numbers.shape[-1]
        copies, pairs = [], []
        for side in (-1.0, 0.0, 1.0):
            cents = side * b["detune_cents"] + (b.random(60 + voice, count) - 0.5) * b["loose_cents"]
            cents = cents * (numbers > 0)
            copies.append(frequency * numbers * torch.exp2(cents / 1200.0))
            pan = side * b["spread"]
            pairs.append(torch.stack([levels * (1.0 - pan), levels * (1.0 + pan)], 1))
        phases = b.random(70 + voice, 3 * count)
        frequencies = torch.cat(copies, 1)
        ring = endless.expand_as(frequencies)
        out = out + damped_modes(frequencies, ring, torch.cat(pairs, 2), phases, b.frames)
    breath = apply_response(b.noise(3), bandpass(response_bins(out), b["breath_hz"] + 1.0, 1.0))
    level = adsr(b.timing, b["attack_s"], b["decay_s"], b["sustain"], b["release_s"])
    sway = 1.0 - b["tremolo"] * (0.5 + 0.5 * torch.sin(TAU * b["tremolo_hz"] * b.time_s))
    mixed = out + (b["breath"] * breath)[:, None]
    f = response_bins(out)
    mixed = apply_response(mixed, (lowpass(f, b["top_hz"]) * highpass(f, b["low_hz"]))[:, None])
    return mixed * (level * sway)[:, None]


def _partials(b: Batch, frequency: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers and levels of the partials of ``additive``: two [B, M]."""
    if str(b.shape[0]) == "drawbars":
        numbers = torch.tensor([[0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]], device=b.device)
        levels = torch.cat([b[f"bar{i}"] for i in range(1, 10)], 1)
        return numbers.expand_as(levels), levels
    numbers = torch.arange(1, 41, device=b.device)[None].float()
    hertz = frequency * numbers
    levels = numbers ** -b["tilt"] * (1.0 - b["odd"] * (numbers % 2 == 0))
    formants = sum(
        torch.exp(-0.5 * (torch.log2(hertz / b[f"formant{i}_hz"].clamp_min(1.0)) / 0.22) ** 2)
        for i in (1, 2, 3)
    )
    return numbers.expand_as(levels), levels * (1.0 - b["vowel"] + b["vowel"] * (formants + 0.03))


MODE_TABLES: dict[str, tuple[tuple[float, float], ...]] = {
    "marimba": ((1.0, 1.0), (3.93, 0.35), (9.6, 0.12), (14.4, 0.04)),
    "xylophone": ((1.0, 1.0), (3.0, 0.5), (6.1, 0.3), (10.2, 0.15), (14.9, 0.07)),
    "vibraphone": ((1.0, 1.0), (4.0, 0.3), (9.9, 0.08), (0.9985, 0.3)),
    "kalimba": ((1.0, 1.0), (5.4, 0.18), (6.3, 0.1), (11.9, 0.05), (2.0, 0.06)),
    "glockenspiel": ((1.0, 1.0), (2.76, 0.5), (5.4, 0.35), (8.93, 0.2), (13.3, 0.1)),
    "tubular": ((1.0, 1.0), (0.5, 0.25), (1.49, 0.5), (2.02, 0.7), (2.65, 0.4), (3.36, 0.3), (4.2, 0.2)),
    "church": (
        (1.0, 1.0), (0.5, 0.7), (0.502, 0.4), (1.19, 0.8), (1.2, 0.3), (1.5, 0.4), (2.0, 0.7),
        (2.51, 0.35), (2.66, 0.25), (3.01, 0.3), (4.17, 0.25), (5.43, 0.2), (6.79, 0.12),
    ),
    "bowl": ((1.0, 1.0), (1.002, 0.8), (2.71, 0.6), (2.716, 0.4), (5.0, 0.3), (7.8, 0.15), (11.1, 0.08)),
    "music_box": ((1.0, 1.0), (2.0, 0.15), (4.1, 0.3), (6.27, 0.35), (11.2, 0.15), (17.5, 0.06)),
    "glass": ((1.0, 1.0), (2.32, 0.5), (4.25, 0.3), (6.63, 0.2), (9.38, 0.1), (1.003, 0.4)),
    "steel": ((1.0, 1.0), (2.0, 0.8), (3.01, 0.4), (4.02, 0.3), (2.99, 0.2), (5.1, 0.12), (1.004, 0.3)),
    "gong": (
        (1.0, 1.0), (1.008, 0.7), (1.51, 0.6), (1.98, 0.6), (2.44, 0.5), (2.83, 0.5), (3.37, 0.45),
        (3.91, 0.4), (4.53, 0.4), (5.21, 0.35), (6.1, 0.3), (7.03, 0.25), (8.3, 0.2), (9.9, 0.15),
    ),
}
