"""Recipes of one-shots: the laws that a family draws its parameters from, and the drawing itself.

A law is a number, or a pair drawn evenly in octaves (both ends positive) or evenly (otherwise).
Knows the tables, not how anything sounds; ``synth`` renders the patches.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from generator.api import SAMPLE_RATE_HZ
from training.corpus.effects import draw_effects, effect_words, tail_s
from training.corpus.patch import NOTE_NAMES, Dice, Note, Patch, Shape, midi_to_hz, note_name
from training.corpus.tables import table
from training.errors import TrainingError

MAX_SECONDS = 8.0
TABLES = ("drums", "tones", "textures")
CHORDS: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "major 7": (0, 4, 7, 11),
    "minor 7": (0, 3, 7, 10),
    "7": (0, 4, 7, 10),
    "minor 9": (0, 3, 7, 10, 14),
    "add9": (0, 4, 7, 14),
    "fifth": (0, 7),
}

Law = float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to draw a family's one-shots.

    ``midi`` is the range of notes of a pitched family; ``tuned_midi`` tunes a drum's ``pitch_hz``.
    ``shapes`` are the variants that must be equal within a batch; ``chord_rate`` is the share of
    chords.
    """

    name: str
    group: str
    renderer: str
    seconds: tuple[float, float]
    laws: dict[str, Law]
    effects: dict[str, float]
    shapes: tuple[Shape, ...] = ((),)
    midi: tuple[int, int] | None = None
    tuned_midi: tuple[int, int] | None = None
    chord_rate: float = 0.0


@cache
def recipes() -> dict[str, Recipe]:
    """All recipes by name.

    Returns:
        Recipes of drums, tones and textures, in the order of the tables.

    Raises:
        TrainingError: A table names an unknown base or field.
    """
    made: dict[str, Recipe] = {}
    for name in TABLES:
        bases = table(name).get("base", {})
        for family, row in table(name)["family"].items():
            made[family] = _recipe(family, dict(row), bases)
    return made


def _recipe(name: str, row: dict[str, Any], bases: dict[str, Any]) -> Recipe:
    base, laws = row.pop("base", None), row.pop("laws", {})
    if base is not None and base not in bases:
        raise TrainingError(f"{name}: no base {base!r}; there are {', '.join(bases)}")
    merged = (bases[base] if base else {}) | laws
    known = {law: tuple(v) if isinstance(v, list) else float(v) for law, v in merged.items()}
    if "shapes" in row:
        row["shapes"] = tuple(tuple(shape) for shape in row["shapes"])
    for pair in ("seconds", "midi", "tuned_midi"):
        if pair in row:
            row[pair] = tuple(row[pair])
    try:
        return Recipe(name=name, laws=known, **row)
    except TypeError as error:
        raise TrainingError(f"{name}: {error}") from error


def draw_law(dice: Dice, law: Law) -> float:
    """Draw one number from a law."""
    if not isinstance(law, tuple):
        return law
    low, high = law
    return dice.log(low, high) if low > 0.0 and high > 0.0 else dice.uniform(low, high)


def draw_values(dice: Dice, recipe: Recipe) -> dict[str, float]:
    """Draw one number from each law of a recipe."""
    return {name: draw_law(dice, law) for name, law in recipe.laws.items()}


def draw_one_shot(recipe: Recipe, seed: int) -> Patch:
    """Draw a one-shot: its parameters, its note or chord, its effects and its length.

    Args:
        recipe: The family's recipe.
        seed: The same seed gives the same patch.

    Returns:
        The patch; its facts name family, group, effects and, where there is one, note, chord and
        key.
    """
    dice = Dice(zlib.crc32(recipe.name.encode()), seed)
    values = draw_values(dice, recipe)
    seconds = draw_law(dice, recipe.seconds)
    facts: dict[str, Any] = {"family": recipe.name, "group": recipe.group}
    notes: tuple[Note, ...] = ()
    if recipe.tuned_midi:
        midi = dice.integer(*recipe.tuned_midi)
        values["pitch_hz"] = midi_to_hz(midi)
        facts |= {"note": note_name(midi), "midi": midi}
    if recipe.midi:
        pitches, pitch_facts = _draw_pitches(dice, recipe)
        facts |= pitch_facts
        notes = (Note(0, round(_fit_envelope(values, seconds) * SAMPLE_RATE_HZ), pitches),)
    effects = draw_effects(dice, recipe.effects)
    facts["effects"] = effect_words(effects)
    frames = round(min(seconds + tail_s(effects), MAX_SECONDS) * SAMPLE_RATE_HZ)
    values |= effects | {"length_s": frames / SAMPLE_RATE_HZ}
    shape = dice.choice(recipe.shapes)
    return Patch(recipe.name, recipe.renderer, seed, frames, values, notes, facts, False, shape)


def _draw_pitches(dice: Dice, recipe: Recipe) -> tuple[tuple[float, ...], dict[str, Any]]:
    """A note or a chord in MIDI numbers, and what there is to say about it."""
    root = dice.integer(*(recipe.midi or (60, 60)))
    mode = dice.choice(("major", "minor"))
    if not dice.chance(recipe.chord_rate):
        key = f"{NOTE_NAMES[root % 12]} {mode}"
        return (float(root),), {"note": note_name(root), "midi": root, "key": key}
    chord = dice.choice(tuple(CHORDS))
    return tuple(float(root + step) for step in CHORDS[chord]), chord_facts(root, chord, mode)


def chord_facts(root: int, chord: str, mode: str) -> dict[str, Any]:
    """Facts of a chord; its key is that of its third, or ``mode`` where it has none."""
    steps = CHORDS[chord]
    mode = "minor" if 3 in steps else "major" if 4 in steps else mode
    name = NOTE_NAMES[root % 12]
    return {"chord": f"{name} {chord}", "root": note_name(root), "key": f"{name} {mode}"}


def _fit_envelope(values: dict[str, float], seconds: float) -> float:
    """Fit attack and release into the length; how long the note is held, in seconds."""
    if "release_s" not in values:
        return seconds
    values["release_s"] = min(values["release_s"], 0.5 * seconds)
    values["attack_s"] = min(values["attack_s"], 0.4 * seconds)
    return max(seconds - values["release_s"], 0.5 * seconds)
