"""Loops at an exact tempo: drum grooves, percussion, bass lines, chords, arpeggios and melodies.

A loop of b bars at t bpm has exactly round(b * 4 * 60 / t * 44100) frames, and every step starts
at the rounded frame of its place. Draws patches from ``patterns``, ``phrases`` and ``recipes``;
``synth`` renders them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from generator.api import SAMPLE_RATE_HZ
from training.corpus.effects import EFFECT_SWITCHES, draw_effects, effect_words
from training.corpus.patch import Batch, Dice, Note, Patch
from training.corpus.patterns import STEPS, styles, varied
from training.corpus.phrases import (
    Grid,
    arp_notes,
    bass_notes,
    chord_notes,
    draw_grid,
    melody_notes,
)
from training.corpus.recipes import Recipe, draw_one_shot, draw_values, recipes

DRUM_LOOPS = ("drum_loop", "beat_simple", "kick_loop", "hat_loop", "percussion_loop")
LOOP_WEIGHTS = {
    "drum_loop": 4.0,
    "beat_simple": 1.0,
    "kick_loop": 0.5,
    "hat_loop": 1.0,
    "percussion_loop": 1.0,
    "bass_loop": 2.0,
    "acid_loop": 1.0,
    "chord_loop": 2.0,
    "pad_loop": 1.0,
    "arp_loop": 1.5,
    "arp_struck_loop": 1.0,
    "melody_loop": 1.0,
    "melody_struck_loop": 1.0,
}
_PLAYERS: dict[str, tuple[str, ...]] = {
    "bass_loop": (
        *("bass_saw", "bass_square", "bass_acid", "bass_reese"),
        *("bass_sub", "bass_fm", "bass_808", "bass_wobble"),
    ),
    "acid_loop": ("bass_acid",),
    "chord_loop": (
        *("pad_warm", "pad_bright", "stab", "electric_piano"),
        *("synth_brass", "lead_supersaw", "pluck_synth"),
    ),
    "pad_loop": ("pad_warm", "pad_bright", "pad_sweep"),
    "arp_loop": (
        *("pluck_synth", "lead_saw", "lead_square"),
        *("lead_chip", "bell_fm", "electric_piano"),
    ),
    "struck": (
        *("kalimba", "marimba", "music_box", "pluck_string", "harp"),
        *("vibraphone", "xylophone", "koto", "glockenspiel"),
    ),
}
_PLAYERS["melody_loop"] = _PLAYERS["arp_loop"]
_EFFECT_RATES = {"reverb": 0.2, "distorted": 0.06, "lo-fi": 0.05, "tape": 0.08}


def draw_loop(name: str, seed: int) -> Patch:
    """Draw a loop.

    Args:
        name: A key of ``LOOP_WEIGHTS``.
        seed: The same seed gives the same loop.

    Returns:
        A patch with ``loop`` set, whose facts name style, tempo, bars, instrument and key.
    """
    dice = Dice(zlib.crc32(name.encode()), seed)
    grid = draw_grid(dice)
    if name in DRUM_LOOPS:
        patch = _drum_loop(name, dice, grid)
    elif "struck" in name:
        patch = _struck_loop(name, dice, grid)
    else:
        patch = _played_loop(name, dice, grid)
    return _finished(replace(patch, family=name, seed=seed, loop=True), dice, grid)


def _finished(patch: Patch, dice: Dice, grid: Grid) -> Patch:
    """Add effects, tempo and bars to a loop."""
    effects = draw_effects(dice, _EFFECT_RATES)
    if "delay" in effects:
        effects["delay_s"] = 60.0 / grid.tempo_bpm * 0.75
    facts: dict[str, Any] = {"family": patch.family, "group": "loop", "style": grid.style}
    facts |= {"tempo_bpm": float(grid.tempo_bpm), "bars": grid.bars, **patch.facts}
    facts["effects"] = effect_words(effects)
    values = {**patch.values, **effects, "length_s": grid.frames / SAMPLE_RATE_HZ}
    return replace(patch, values=values, facts=facts)


def _drum_loop(name: str, dice: Dice, grid: Grid) -> Patch:
    """Draw the hits of a drum loop; ``name`` says which layers play."""
    style = styles()[grid.style]
    swing = dice.uniform(*style.swing)
    notes: list[Note] = []
    parts: list[Patch] = []
    used: list[str] = []
    for index in _layer_numbers(name, dice, len(style.layers)):
        layer = style.layers[index]
        family, pattern = dice.choice(layer.families), dice.choice(layer.patterns)
        hit = draw_one_shot(recipes()[family], dice.seed())
        level = layer.gain * dice.uniform(0.75, 1.1)
        for bar in range(grid.bars):
            last = bar == grid.bars - 1 > 0
            for step, mark in enumerate(varied(dice, pattern, last)):
                if mark == ".":
                    continue
                strength = level * (1.0 if mark == "x" else 0.45) * dice.uniform(0.9, 1.0)
                start = grid.frame_of(bar * STEPS + step + swing * (step % 2))
                notes.append(Note(start, hit.frames, (60.0,), strength))
                parts.append(hit)
                used.append(family)
    layers = list(dict.fromkeys(used))
    return Patch(
        name, "parts", 0, grid.frames, {}, tuple(notes), {"layers": layers}, parts=tuple(parts)
    )


def _layer_numbers(name: str, dice: Dice, count: int) -> list[int]:
    """Which layers of a style play in a loop: the first is the kick, the second the snare."""
    fixed = {"kick_loop": [0], "hat_loop": [2], "beat_simple": [0, 1]}
    if name in fixed:
        return fixed[name]
    if name == "percussion_loop":
        return list(range(2, count))
    return [i for i in range(count) if i < 3 or dice.chance(0.6)]


def _played_loop(name: str, dice: Dice, grid: Grid) -> Patch:
    """A loop that one voice plays: the values of an instrument, the notes of a phrase."""
    recipe = recipes()[dice.choice(_PLAYERS[name])]
    if "chord" in name or "pad" in name:
        notes = chord_notes(dice, grid, name == "pad_loop")
    elif name in ("bass_loop", "acid_loop"):
        notes = bass_notes(dice, grid, _low(recipe) + 2)
    else:
        notes = _line_notes(name, dice, grid, recipe)
    values = draw_values(dice, recipe)
    if name != "pad_loop":
        values["attack_s"] = min(values["attack_s"], 0.03)
        values["filter_attack_s"] = min(values.get("filter_attack_s", 0.0), 0.05)
    values["release_s"] = min(values["release_s"], 0.25)
    if notes[0].start > 0:
        notes = [Note(0, 1, notes[0].midi, 0.0), *notes]
    facts = {"instrument": recipe.name, "key": grid.key}
    shape = dice.choice(recipe.shapes)
    return Patch(name, recipe.renderer, 0, grid.frames, values, tuple(notes), facts, shape=shape)


def _struck_loop(name: str, dice: Dice, grid: Grid) -> Patch:
    """A line on an instrument that rings: one part for each pitch."""
    recipe = recipes()[dice.choice(_PLAYERS["struck"])]
    model = draw_one_shot(recipe, dice.seed())
    notes = _line_notes(name, dice, grid, recipe)
    by_pitch = {note.midi: _retuned(model, note.midi) for note in notes}
    facts = {"instrument": recipe.name, "key": grid.key}
    parts = tuple(by_pitch[note.midi] for note in notes)
    return Patch(name, "parts", 0, grid.frames, {}, tuple(notes), facts, parts=parts)


def _retuned(model: Patch, midi: tuple[float, ...]) -> Patch:
    """The same instrument at another pitch, without effects of its own, at most 1.5 s long."""
    frames = min(model.frames, round(1.5 * SAMPLE_RATE_HZ))
    values = {k: v for k, v in model.values.items() if k not in EFFECT_SWITCHES}
    return replace(model, frames=frames, values=values, notes=(Note(0, frames, midi),))


def _low(recipe: Recipe) -> int:
    return recipe.midi[0] if recipe.midi else 48


def _line_notes(name: str, dice: Dice, grid: Grid, recipe: Recipe) -> list[Note]:
    low, high = recipe.midi or (48, 84)
    root = grid.root(max(low, min(60, high - 24)))
    return (arp_notes if name.startswith("arp") else melody_notes)(dice, grid, root)


def assemble(b: Batch, parts: Sequence[Sequence[Tensor]]) -> Tensor:
    """Place the parts of each loop at its notes; what rings past the end comes back at the start.

    Args:
        b: Batch of loops.
        parts: For each loop, one sound [channels, n] for each of its notes.

    Returns:
        Sound [B, 2, F].
    """
    out = torch.zeros(len(b), 2, b.frames, device=b.device)
    for row, (patch, sounds) in enumerate(zip(b.patches, parts, strict=True)):
        for note, sound in zip(patch.notes, sounds, strict=True):
            place, struck = note.start % patch.frames, sound[:, : patch.frames] * note.velocity
            head = struck[:, : patch.frames - place]
            out[row, :, place : place + head.shape[1]] += head
            rest = struck[:, head.shape[1] :]
            out[row, :, : rest.shape[1]] += rest
    return out
