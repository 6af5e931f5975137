"""Pitched voices: subtractive, FM, modal, string and additive, for one-shots and for phrases.

Each renderer turns a batch into sound [B, F] or [B, 2, F]; ``tables/tones.toml`` holds the laws
that draw their parameters. Knows neither names nor captions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from generator.api import SAMPLE_RATE_HZ
from training.corpus.envelopes import decay, drift, notes_envelope, rise, swing
from training.corpus.filters import (
    apply_response,
    at_control,
    bandpass,
    highpass,
    lowpass,
    moving_lowpass,
    response_bins,
)
from training.corpus.modes import MODE_TABLES
from training.corpus.noises import add_tick
from training.corpus.oscillators import (
    TAU,
    damped_modes,
    fine_saw,
    phase_of,
    pulse,
    saw,
    sine,
    triangle,
)
from training.corpus.patch import HIGH, Batch

_STRING_PARTIALS, _ADDITIVE_PARTIALS = 80, 40
_DRAWBARS = (0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)


def subtractive(b: Batch) -> Tensor:
    """Waves in unison through a moving low-pass: basses, leads, pads, brass, synth plucks.

    The batch shape is (wave, unison) and HIGH for high notes: wave is "saw", "pulse", "triangle" or
    "sine". Unison voices are detuned evenly by ``detune_cents``, so the mean pitch stays exact.
    """
    unison, bend = int(b.shape[1]), _pitch_bend(b)
    stereo = bool((b["spread"] != 0).any())
    sides = torch.zeros(2 if stereo else 1, len(b), b.frames, device=b.device)
    starts = b.random(1, unison * len(b.timing.frequencies_hz)) * b["free_phase"]
    for voice, frequency in enumerate(b.timing.frequencies_hz):
        moving = frequency if bend is None else frequency * bend
        base = phase_of(moving, b.frames)
        for index in range(unison):
            place = 0.0 if unison == 1 else 2.0 * index / (unison - 1) - 1.0
            ratio = torch.exp2(place * b["detune_cents"].double() / 1200.0)
            start = starts[:, voice * unison + index, None].double()
            tone = _wave(b, torch.addcmul(start, base, ratio), moving * (ratio / SAMPLE_RATE_HZ))
            pan = place * (1 if (index + voice) % 2 else -1) * b["spread"]
            for number, side in enumerate(sides):
                side.addcmul_(tone, 1.0 - pan if number == 0 else 1.0 + pan)
        if voice == 0 and bool(b["sub"].any()):
            sides += b["sub"] * sine(base * b["sub_ratio"].double()) * unison
    if bool(b["noise"].any()):
        sides += b["noise"] * b.noise(9) * unison
    tone = sides.transpose(0, 1).contiguous() if stereo else sides[0]
    level = notes_envelope(b)
    if bool(b["tremolo"].any()):
        level = level * swing(b, "tremolo", "tremolo_hz")
    return _filtered(b, tone) * (level[:, None] if stereo else level)


def _pitch_bend(b: Batch) -> Tensor | None:
    """Vibrato and the fall at a note's start as a frequency ratio [B, F]; None if unneeded."""
    vibrato, fall = b["vibrato_cents"], b["fall_octaves"]
    if not bool(vibrato.any() or fall.any()):
        return None
    since = b.slow(b.timing.since_s)
    ramp = rise((since - b["vibrato_delay_s"]).clamp_min(0.0), torch.full_like(vibrato, 0.2))
    octaves = vibrato / 1200.0 * torch.sin(TAU * b["vibrato_hz"] * b.slow_time_s) * ramp
    return b.smooth(torch.exp2(octaves + fall * decay(since, b["fall_s"])))


def _wave(b: Batch, phase: Tensor, step: Tensor) -> Tensor:
    wave = b.shape[0]
    saw_wave = fine_saw if HIGH in b.shape else saw
    if wave == "saw":
        return saw_wave(phase, step)
    if wave == "pulse":
        swept = 0.15 * b["pwm"] * torch.sin(TAU * 0.4 * b.slow_time_s)
        width = b.smooth(b["width"] + swept) if bool(b["pwm"].any()) else b["width"]
        return 1.4 * pulse(phase, step, width, saw_wave)
    return 1.2 * triangle(phase) if wave == "triangle" else sine(phase)


def _filtered(b: Batch, tone: Tensor) -> Tensor:
    """Low-pass the voice: cutoff in octaves above the note, opened by its envelope and an LFO."""
    since, time = at_control(b.timing.since_s), at_control(b.time_s)
    note, velocity = at_control(b.timing.frequencies_hz[0]), at_control(b.timing.velocity)
    attack = b["filter_attack_s"]
    after = (since - attack).clamp_min(0.0)
    contour = rise(since, attack) * decay(after, b["filter_decay_s"]) * velocity
    octaves = b["cutoff_octaves"] + b["filter_octaves"] * contour
    octaves = octaves + b["wander"] * drift(b, b["wander_hz"], 2, time)
    octaves = octaves + b["lfo_octaves"] * torch.sin(TAU * b["lfo_hz"] * time)
    return moving_lowpass(tone, note * torch.exp2(octaves), b["q"], b["slope"])


def fm(b: Batch) -> Tensor:
    """Two pairs of operators: electric pianos, FM basses, leads, bells and glass.

    Pair one carries the body (``ratio``, ``index``), pair two the tine or strike (``carrier2``,
    ``index2``, ``mix2``), which dies in ``decay2_s``.
    """
    since, bend = b.timing.since_s, _pitch_bend(b)
    out = torch.zeros(len(b), b.frames, device=b.device)
    depth = b["index_end"] + (b["index"] - b["index_end"]) * decay(since, b["index_s"])
    tine = bool(b["mix2"].any())
    strike = decay(since, b["decay2_s"]) if tine else since
    for frequency in b.timing.frequencies_hz:
        phase = phase_of(frequency if bend is None else frequency * bend, b.frames)
        modulator = sine(phase * b["ratio"].double())
        out += sine(phase + depth * modulator / TAU)
        if tine:
            ping = sine(phase * b["carrier2"].double() + b["index2"] * strike / TAU * modulator)
            out += b["mix2"] * strike * ping
    out = out * notes_envelope(b) * swing(b, "tremolo", "tremolo_hz")
    if not bool(b["autopan"].any()):
        return out
    pan = b.smooth(b["autopan"] * torch.sin(TAU * b["tremolo_hz"] * b.slow_time_s))
    return torch.stack([out * (1.0 - pan), out * (1.0 + pan)], 1)


def modal(b: Batch) -> Tensor:
    """Bank of struck modes: bells, marimba, vibraphone, kalimba, glass, steel drum, gongs.

    The batch shape is (name of a table of ratios,); brightness tilts the levels, damping the
    decays.
    """
    ratios, levels = torch.tensor(MODE_TABLES[str(b.shape[0])], device=b.device).T[:, None]
    count = ratios.shape[-1]
    ring = b["decay_s"] * ratios ** -b["damping"]
    tilt = levels * ratios ** b["bright"]
    stretched = ratios * (1.0 + b["stretch"] * (ratios - 1.0).clamp_min(0.0))
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    for voice, frequency in enumerate(b.timing.frequencies_hz):
        spread = b["spread"] * (b.random(20 + voice, count) - 0.5) * (ratios > 1.001)
        pair = torch.stack([tilt * (1.0 - spread), tilt * (1.0 + spread)], 1)
        phase = b.random(30 + voice, count) * 0.2
        out += damped_modes(frequency * stretched, ring, pair, phase, b.frames)
    shape = rise(b.time_s, b["attack_s"]) * _muted(b) * swing(b, "tremolo", "tremolo_hz")
    return add_tick(b, out * shape[:, None])


def _muted(b: Batch) -> Tensor:
    """The damper that falls when the note is let go: [B, F]."""
    after = (b.time_s - b.timing.gate_s).clamp_min_(0.0)
    return decay(after, b["release_s"] / 6.9)


def string(b: Batch) -> Tensor:
    """Plucked or struck string: up to 80 stiff partials whose comb is the place of the pluck."""
    count = _STRING_PARTIALS
    number = torch.arange(1, count + 1, device=b.device)[None].float()
    stretch = torch.sqrt((1.0 + b["stiffness"] * number**2) / (1.0 + b["stiffness"]))
    levels = torch.sin(torch.pi * number * b["place"]).abs().add(0.02) * number ** -b["tilt"]
    ring = b["decay_s"] / (1.0 + b["damping"] * number + b["damping"] * 0.02 * number**2)
    out = torch.zeros(len(b), b.frames, device=b.device)
    for voice, frequency in enumerate(b.timing.frequencies_hz):
        phase = 0.02 * b.random(40 + voice, count)
        out += damped_modes(frequency * number * stretch, ring, levels, phase, b.frames)
    out = add_tick(b, out)
    f = response_bins(out)
    wood = bandpass(f, b["body_hz"], 3.0) + bandpass(f, b["body_hz"] * 2.1, 3.0)
    return apply_response(out, 1.0 + b["body"] * wood) * _muted(b) * rise(b.time_s, b["attack_s"])


def additive(b: Batch) -> Tensor:
    """Steady partials in slight chorus: organs, choirs, glass pads, string machines.

    The batch shape is ("drawbars",) for organs, ("harmonics",) for all else. Three detuned copies
    make the width; ``loose_cents`` sets each partial off by chance.
    """
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    for voice, frequency in enumerate(b.timing.frequencies_hz):
        numbers, levels = _partials(b, frequency)
        count = numbers.shape[-1]
        loose = (b.random(60 + voice, count) - 0.5) * b["loose_cents"]
        cents = torch.cat([loose + side * b["detune_cents"] for side in (-1.0, 0.0, 1.0)], 1)
        partials = (frequency * numbers).repeat(1, 3) * torch.exp2(cents / 1200.0)
        pan = torch.cat([side * b["spread"].expand(-1, count) for side in (-1.0, 0.0, 1.0)], 1)
        pair = torch.stack([levels.repeat(1, 3) * (1.0 + sign * pan) for sign in (-1.0, 1.0)], 1)
        phase = b.random(70 + voice, 3 * count)
        out += damped_modes(partials, torch.full_like(partials, 1e6), pair, phase, b.frames)
    f = response_bins(out)
    if bool(b["breath"].any()):
        breath = apply_response(b.noise(3), bandpass(f, b["breath_hz"], 1.0))
        out += (b["breath"] * breath)[:, None]
    out = apply_response(out, (lowpass(f, b["top_hz"]) * highpass(f, b["low_hz"]))[:, None])
    return out * (notes_envelope(b) * swing(b, "tremolo", "tremolo_hz"))[:, None]


def _partials(b: Batch, frequency: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers and levels of the partials of ``additive``: two [B, M]."""
    if b.shape[0] == "drawbars":
        levels = torch.cat([b[f"bar{i}"] for i in range(1, 10)], 1)
        return torch.tensor([_DRAWBARS], device=b.device).expand_as(levels), levels
    numbers = torch.arange(1, _ADDITIVE_PARTIALS + 1, device=b.device)[None].float()
    levels = numbers ** -b["tilt"] * (1.0 - b["odd"] * (numbers % 2 == 0))
    formants = torch.full_like(levels, 0.03)
    for name in ("formant1_hz", "formant2_hz", "formant3_hz"):
        distance = torch.log2(frequency * numbers / b[name]) / 0.22
        formants = formants + torch.exp(-0.5 * distance**2)
    return numbers.expand_as(levels), levels * torch.lerp(
        torch.ones_like(formants), formants, b["vowel"]
    )
