"""Captions without sound, for distillation that needs only text: ``caption_list``.

Draws descriptions freely, so combinations that no clip has are among them (a distorted glass bell,
a tape kick in a hall). Same grammar as for clips; knows no audio.
"""

from __future__ import annotations

from dataclasses import replace

from training.corpus.captions import joined
from training.corpus.grammar import Caption, Description, write_captions
from training.corpus.lexicon import lexicon
from training.corpus.loops import DRUM_LOOPS
from training.corpus.patch import NOTE_NAMES, Dice, note_name
from training.corpus.phrases import draw_grid
from training.corpus.recipes import CHORDS, MAX_SECONDS, chord_facts, draw_law, recipes
from training.corpus.synth import Family, families

_PAIRS = (
    ("short", "long"),
    ("bright", "dark"),
    ("punchy", "soft attack"),
    ("noisy", "tonal"),
    ("wide", "mono"),
    ("deep", "high"),
)
_GENERAL_MIDI_SHARE = 0.15
_SECONDS = {"drum": (0.15, 1.5), "instrument": (0.6, 4.0)}
_NOT_FOR_LOOPS = ("short", "long", "soft attack")


def caption_list(count: int, seed: int = 0) -> list[Caption]:
    """Write different captions with the conditions that suit them.

    Args:
        count: How many.
        seed: The same seed gives the same list.

    Returns:
        Captions, no two with the same text.
    """
    dice = Dice(seed, 45_000)
    seen: set[str] = set()
    out: list[Caption] = []
    while len(out) < count:
        description, seconds = _imagine(dice)
        for text in write_captions(description, dice.seed(), 4)[1:]:
            if text.lower() not in seen and len(out) < count:
                seen.add(text.lower())
                out.append(Caption(text, seconds, description.tempo_bpm, description.key))
    return out


def _imagine(dice: Dice) -> tuple[Description, float]:
    """Draw something to describe, and how long it should be in seconds."""
    qualities = tuple(dice.choice(pair) for pair in _PAIRS if dice.chance(0.3))
    effects = tuple(name for name in lexicon().effect_adjectives if dice.chance(0.16))
    bare = Description((), "", qualities, effects)
    if dice.chance(_GENERAL_MIDI_SHARE):
        return _imagine_midi(dice, bare)
    known = tuple(families().values())
    family = dice.choice(known, [family.weight for family in known])
    if family.group == "loop":
        return _imagine_loop(dice, bare, family)
    recipe = recipes()[family.name]
    description = replace(bare, nouns=lexicon().nouns[family.name], group=family.group)
    if recipe.midi:
        description = _with_pitch(description, dice, recipe.midi)
    return description, _suited(draw_law(dice, recipe.seconds), qualities)


def _imagine_midi(dice: Dice, bare: Description) -> tuple[Description, float]:
    drum = dice.chance(0.3)
    names = tuple(lexicon().drums.values()) if drum else lexicon().instruments
    group = "drum" if drum else "instrument"
    description = replace(bare, nouns=(dice.choice(names),), group=group)
    if not drum:
        description = _with_pitch(description, dice, (36, 84))
    return description, _suited(draw_law(dice, _SECONDS[group]), bare.qualities)


def _suited(seconds: float, qualities: tuple[str, ...]) -> float:
    """Length that agrees with the words short and long."""
    factor = 0.6 if "short" in qualities else 1.6 if "long" in qualities else 1.0
    return round(min(max(seconds * factor, 0.1), MAX_SECONDS), 2)


def _with_pitch(d: Description, dice: Dice, midi: tuple[int, int]) -> Description:
    """Give a description a note, a chord or nothing."""
    note, mode = dice.integer(*midi), dice.choice(("major", "minor"))
    kind = dice.choice(("note", "chord", "none"), (0.45, 0.15, 0.4))
    if kind == "note":
        return replace(d, note=note_name(note), key=f"{NOTE_NAMES[note % 12]} {mode}")
    if kind == "chord":
        facts = chord_facts(note, dice.choice(tuple(CHORDS)), mode)
        return replace(d, chord=facts["chord"], key=facts["key"])
    return d


def _imagine_loop(dice: Dice, bare: Description, family: Family) -> tuple[Description, float]:
    grid, words = draw_grid(dice), lexicon()
    tonal = family.name not in DRUM_LOOPS
    nouns = words.nouns[family.name]
    if tonal and dice.chance(0.6):
        players = [name for name, recipe in recipes().items() if recipe.midi]
        player = dice.choice(words.nouns[dice.choice(players)])
        nouns = tuple(joined(player, noun) for noun in nouns)
    description = replace(
        bare,
        nouns=nouns,
        group="loop",
        qualities=tuple(word for word in bare.qualities if word not in _NOT_FOR_LOOPS),
        style=grid.style,
        key=grid.key if tonal else None,
        tempo_bpm=float(grid.tempo_bpm),
        bars=grid.bars,
    )
    return description, round(grid.bars * 240.0 / grid.tempo_bpm, 4)
