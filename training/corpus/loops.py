"""Loops at an exact tempo: drum grooves, percussion, bass lines, chords, arpeggios and melodies.

A loop of b bars at t bpm has exactly round(b * 4 * 60 / t * 44100) frames, and every step starts at the
rounded frame of its place. Draws patches from ``patterns``; ``synth`` renders them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from training.corpus.clip import SAMPLE_RATE_HZ
from training.corpus.drum_families import DRUM_FAMILIES
from training.corpus.effects import draw_effects, effect_words
from training.corpus.families import Family, draw_laws
from training.corpus.patch import NOTE_NAMES, Batch, Dice, Note, Patch
from training.corpus.patterns import (
    BASS_CELLS,
    CHORD_CELLS,
    MELODY_CELLS,
    PENTATONIC,
    PROGRESSIONS,
    STEPS,
    STYLES,
    bar_pattern,
    chord_midi,
    degree_midi,
)
from training.corpus.tone_families import TONES, draw_tone

MAX_SECONDS = 8.0
_DRUMS = {family.name: family for family in DRUM_FAMILIES}
_BASSES = ("bass_saw", "bass_square", "bass_acid", "bass_reese", "bass_sub", "bass_fm", "bass_808", "bass_wobble")
_CHORDS = ("pad_warm", "pad_bright", "stab", "electric_piano", "synth_brass", "lead_supersaw", "pluck_synth")
_ARPS = ("pluck_synth", "lead_saw", "lead_square", "lead_chip", "bell_fm", "electric_piano")
_STRUCK = ("kalimba", "marimba", "music_box", "pluck_string", "harp", "vibraphone", "xylophone", "koto", "glockenspiel")
_LOOP_FX = {"reverb": 0.2, "distorted": 0.06, "lo-fi": 0.05, "tape": 0.08}


def loop_frames(bars: int, tempo_bpm: float) -> int:
    """Exact length of a loop in frames, four beats a bar."""
    return round(bars * 4 * 60.0 / tempo_bpm * SAMPLE_RATE_HZ)


def _frame_of(step: float, bars: int, frames: int) -> int:
    return round(step * frames / (bars * STEPS))


def _draw_tempo(dice: Dice, style: str) -> tuple[int, int]:
    """Tempo in bpm and number of bars, at most ``MAX_SECONDS`` long."""
    tempo = dice.integer(*STYLES[style].tempo_bpm)
    choices = [bars for bars in (1, 2, 4) if bars * 240.0 / tempo <= MAX_SECONDS]
    return tempo, dice.choice(choices, (1.0, 2.0, 2.0)[: len(choices)])


def _swung(step: int, swing: float) -> float:
    return step + swing if step % 2 else float(step)


def _drum_loop(name: str, seed: int) -> Patch:
    """Draw a drum loop; ``name`` says which layers play."""
    dice = Dice(zlib.crc32(name.encode()), seed)
    style = dice.choice(tuple(STYLES))
    tempo, bars = _draw_tempo(dice, style)
    frames = loop_frames(bars, tempo)
    swing = dice.uniform(*STYLES[style].swing)
    notes: list[Note] = []
    parts: list[Patch] = []
    used: list[str] = []
    for index in _layer_numbers(name, dice, len(STYLES[style].layers)):
        families, patterns, gain = STYLES[style].layers[index]
        family, pattern = dice.choice(families), dice.choice(patterns)
        hit = _DRUMS[family].draw(dice.seed())
        used.append(family)
        level = gain * dice.uniform(0.75, 1.1)
        for bar in range(bars):
            for step, mark in enumerate(bar_pattern(dice, pattern, bar, bars)):
                if mark == ".":
                    continue
                strength = level * (1.0 if mark == "x" else 0.45) * dice.uniform(0.9, 1.0)
                start = _frame_of(bar * STEPS + _swung(step, swing), bars, frames)
                notes.append(Note(start, hit.frames, (60.0,), strength))
                parts.append(hit)
    facts = {"style": style, "layers": used, "instrument": name}
    return _loop(name, "parts", seed, dice, frames, {}, notes, tempo, bars, facts, parts=tuple(parts))


def _layer_numbers(name: str, dice: Dice, count: int) -> list[int]:
    """Which layers of a style play in a loop family: the first is the kick, the second the snare."""
    if name == "kick_loop":
        return [0]
    if name == "hat_loop":
        return [2]
    if name == "percussion_loop":
        return list(range(2, count))
    if name == "beat_simple":
        return [0, 1]
    return [i for i in range(count) if i < 3 or dice.chance(0.6)]


def _loop(
    name: str, renderer: str, seed: int, dice: Dice, frames: int, values: dict[str, float], notes: Sequence[Note],
    tempo: int, bars: int, facts: dict[str, Any], *, shape: tuple[str | int, ...] = (), parts: tuple[Patch, ...] = (),
) -> Patch:  # fmt: skip
    effects = draw_effects(dice, _LOOP_FX)
    if "delay" in effects:
        effects["delay_s"] = 60.0 / tempo * 0.75
    known = {"family": name, "group": "loop", "tempo_bpm": float(tempo), "bars": bars} | facts
    known["effects"] = effect_words(effects)
    values = values | effects | {"length_s": frames / SAMPLE_RATE_HZ}
    return Patch(name, renderer, seed, frames, values, tuple(notes), known, True, shape, parts)


def _key(dice: Dice) -> tuple[int, str, str]:
    """Pitch class, mode and name of a key."""
    tonic, mode = dice.integer(0, 11), dice.choice(("minor", "major"), (0.65, 0.35))
    return tonic, mode, f"{NOTE_NAMES[tonic]} {mode}"


def _root_in(tonic: int, low: int) -> int:
    """Lowest MIDI note of a pitch class at or above ``low``."""
    return low + (tonic - low) % 12


def _marked(pattern: str, bars: int, frames: int, swing: float) -> list[tuple[int, int, int, int]]:
    """Bar, step, start and length in frames of each hit of a pattern repeated over the bars."""
    steps = [(bar, s) for bar in range(bars) for s, mark in enumerate(pattern) if mark != "."]
    starts = [_frame_of(bar * STEPS + _swung(s, swing), bars, frames) for bar, s in steps]
    ends = starts[1:] + [frames]
    return [(bar, s, a, z - a) for (bar, s), a, z in zip(steps, starts, ends, strict=True)]


def _bass_loop(name: str, seed: int) -> Patch:
    dice = Dice(zlib.crc32(name.encode()), seed)
    style = dice.choice(tuple(STYLES))
    tempo, bars = _draw_tempo(dice, style)
    frames = loop_frames(bars, tempo)
    tonic, mode, key = _key(dice)
    instrument = "bass_acid" if name == "acid_loop" else dice.choice(_BASSES)
    root = _root_in(tonic, TONES[instrument].midi[0] + 2)
    progression = dice.choice(PROGRESSIONS[mode]) if dice.chance(0.5) else (0, 0, 0, 0)
    gate, busy = dice.uniform(0.45, 0.95), dice.uniform(0.1, 0.5)
    notes = []
    for bar, step, start, length in _marked(dice.choice(BASS_CELLS[style]), bars, frames, 0.0):
        degree = progression[bar % 4] % 7
        midi = degree_midi(root, mode, degree) - (12 if degree > 4 else 0)
        if step and dice.chance(busy):
            midi += dice.choice((12, 7, 12, PENTATONIC[mode][1], -12 if midi > 38 else 12))
        held = round(min(length, SAMPLE_RATE_HZ) * gate)
        notes.append(Note(start, held, (float(midi),), dice.uniform(0.75, 1.0)))
    return _phrase(name, seed, dice, instrument, style, tempo, bars, notes, key)


def _phrase(
    name: str, seed: int, dice: Dice, instrument: str, style: str, tempo: int, bars: int, notes: list[Note], key: str
) -> Patch:
    """A loop that one voice plays: the values of an instrument, the notes of a phrase."""
    tone = TONES[instrument]
    values = draw_laws(dice, tone.laws)
    if name != "pad_loop":
        values["attack_s"] = min(values["attack_s"], 0.03)
        values["filter_attack_s"] = min(values.get("filter_attack_s", 0.0), 0.05)
    values["release_s"] = min(values["release_s"], 0.25)
    if notes[0].start > 0:
        notes = [Note(0, 1, notes[0].midi, 0.0), *notes]
    frames = loop_frames(bars, tempo)
    facts = {"style": style, "instrument": instrument, "key": key}
    shape = dice.choice(tone.shapes)
    return _loop(name, tone.renderer, seed, dice, frames, values, notes, tempo, bars, facts, shape=shape)


def _chord_loop(name: str, seed: int) -> Patch:
    dice = Dice(zlib.crc32(name.encode()), seed)
    style = dice.choice(tuple(STYLES))
    tempo, bars = _draw_tempo(dice, style)
    frames = loop_frames(bars, tempo)
    tonic, mode, key = _key(dice)
    instrument = dice.choice(("pad_warm", "pad_bright", "pad_sweep")) if name == "pad_loop" else dice.choice(_CHORDS)
    root = _root_in(tonic, 50)
    size = dice.choice((3, 4), (0.6, 0.4))
    progression = dice.choice(PROGRESSIONS[mode])
    cell = CHORD_CELLS[0] if name == "pad_loop" else dice.choice(CHORD_CELLS)
    gate = dice.uniform(0.5, 1.0)
    per_bar = 4 // bars if bars < 4 and dice.chance(0.4) else 1
    notes = []
    for bar, step, start, length in _marked(cell, bars, frames, 0.0):
        place = (bar * per_bar + step * per_bar // STEPS) % 4
        chord = chord_midi(root, mode, progression[place], size)
        notes.append(Note(start, round(length * gate), chord, dice.uniform(0.8, 1.0)))
    return _phrase(name, seed, dice, instrument, style, tempo, bars, notes, key)


def _arp_notes(dice: Dice, tonic: int, mode: str, bars: int, frames: int, low: int) -> list[Note]:
    """Arpeggio over a progression: up, down, up and down, or by chance, in eighths or sixteenths."""
    root = _root_in(tonic, low)
    progression = dice.choice(PROGRESSIONS[mode])
    order = dice.choice(("up", "down", "updown", "random"))
    pattern = dice.choice(("xxxxxxxxxxxxxxxx", "x.x.x.x.x.x.x.x.", "x.xx.xx.x.xx.xx."))
    notes, count = [], 0
    for bar, _step, start, length in _marked(pattern, bars, frames, 0.0):
        chord = sorted(chord_midi(root, mode, progression[bar % 4], 3))
        ladder = [*chord, chord[0] + 12.0]
        ladder = ladder + ladder[-2:0:-1] if order == "updown" else ladder
        ladder = ladder[::-1] if order == "down" else ladder
        pick = dice.integer(0, len(ladder) - 1) if order == "random" else count % len(ladder)
        notes.append(Note(start, round(0.7 * length), (ladder[pick],), dice.uniform(0.75, 1.0)))
        count += 1
    return notes


def _melody_notes(dice: Dice, tonic: int, mode: str, bars: int, frames: int, low: int) -> list[Note]:
    """Melody that walks in small steps on the pentatonic scale and ends near the tonic."""
    scale, root = PENTATONIC[mode], _root_in(tonic, low)
    place = dice.choice((0, 2, 3, 5))
    notes = []
    for _bar, _step, start, length in _marked(dice.choice(MELODY_CELLS), bars, frames, 0.0):
        midi = root + 12 * (place // 5) + scale[place % 5]
        held = min(round(0.9 * length), SAMPLE_RATE_HZ)
        notes.append(Note(start, held, (float(midi),), dice.uniform(0.75, 1.0)))
        place = min(9, max(0, place + dice.choice((-2, -1, -1, 1, 1, 2))))
    return notes


def _line_loop(name: str, seed: int) -> Patch:
    """An arpeggio or a melody, by a synthesiser voice or by struck and plucked instruments."""
    dice = Dice(zlib.crc32(name.encode()), seed)
    style = dice.choice(tuple(STYLES))
    tempo, bars = _draw_tempo(dice, style)
    frames = loop_frames(bars, tempo)
    tonic, mode, key = _key(dice)
    struck = name.endswith("_struck_loop")
    instrument = dice.choice(_STRUCK if struck else _ARPS)
    low = max(TONES[instrument].midi[0], min(60, TONES[instrument].midi[1] - 24))
    make = _arp_notes if name.startswith("arp") else _melody_notes
    notes = make(dice, tonic, mode, bars, frames, low)
    if not struck:
        return _phrase(name, seed, dice, instrument, style, tempo, bars, notes, key)
    model = draw_tone(instrument, dice.seed())
    by_pitch = {note.midi: _retuned(model, note) for note in notes}
    facts = {"style": style, "instrument": instrument, "key": key}
    parts = tuple(by_pitch[note.midi] for note in notes)
    return _loop(name, "parts", seed, dice, frames, {}, notes, tempo, bars, facts, parts=parts)


def _retuned(model: Patch, note: Note) -> Patch:
    """The same instrument at another pitch, without effects of its own, at most 1.5 s long."""
    frames = min(model.frames, round(1.5 * SAMPLE_RATE_HZ))
    keep = ("drive", "crush_bits", "tape_hz", "chorus", "delay", "reverb")
    values = {k: v for k, v in model.values.items() if k not in keep}
    return replace(model, frames=frames, values=values, notes=(Note(0, frames, note.midi),))


def assemble(b: Batch, parts: Sequence[Sequence[Tensor]]) -> Tensor:
    """Place the parts of each loop at its notes; what rings past the end comes back at the start.

    Args:
        b: Batch of loops.
        parts: For each loop, one sound [2, n] for each of its notes.

    Returns:
        Sound [B, 2, F].
    """
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    for row, (patch, sounds) in enumerate(zip(b.patches, parts, strict=True)):
        for note, sound in zip(patch.notes, sounds, strict=True):
            place, left = note.start % patch.frames, sound[:, : patch.frames] * note.velocity
            head = left[:, : patch.frames - place]
            out[row, :, place : place + head.shape[1]] += head
            rest = left[:, head.shape[1] :]
            out[row, :, : rest.shape[1]] += rest
    return out


LOOP_FAMILIES = (
    Family("drum_loop", "loop", partial(_drum_loop, "drum_loop"), 4.0),
    Family("beat_simple", "loop", partial(_drum_loop, "beat_simple"), 1.0),
    Family("kick_loop", "loop", partial(_drum_loop, "kick_loop"), 0.5),
    Family("hat_loop", "loop", partial(_drum_loop, "hat_loop"), 1.0),
    Family("percussion_loop", "loop", partial(_drum_loop, "percussion_loop"), 1.0),
    Family("bass_loop", "loop", partial(_bass_loop, "bass_loop"), 2.0),
    Family("acid_loop", "loop", partial(_bass_loop, "acid_loop"), 1.0),
    Family("chord_loop", "loop", partial(_chord_loop, "chord_loop"), 2.0),
    Family("pad_loop", "loop", partial(_chord_loop, "pad_loop"), 1.0),
    Family("arp_loop", "loop", partial(_line_loop, "arp_loop"), 1.5),
    Family("arp_struck_loop", "loop", partial(_line_loop, "arp_struck_loop"), 1.0),
    Family("melody_loop", "loop", partial(_line_loop, "melody_loop"), 1.0),
    Family("melody_struck_loop", "loop", partial(_line_loop, "melody_struck_loop"), 1.0),
)
