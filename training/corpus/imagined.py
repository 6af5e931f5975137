"""Captions without sound, for distillation that needs only text: ``caption_list``.

Draws descriptions freely, so combinations that no clip has are among them (a distorted glass bell, a
tape kick in a hall). Same grammar as ``captions``; knows no audio.
"""

from __future__ import annotations

from training.corpus.captions import Caption, Description, write_captions
from training.corpus.families import Family, draw_law
from training.corpus.lexicon import EFFECT_WORDS, GM_DRUMS, GM_NAMES, NOUNS
from training.corpus.loops import MAX_SECONDS
from training.corpus.patch import NOTE_NAMES, Dice, note_name
from training.corpus.patterns import STYLES
from training.corpus.synth import FAMILIES
from training.corpus.texture_families import TEXTURES
from training.corpus.tone_families import CHORDS, TONES

_PAIRS = (("short", "long"), ("bright", "dark"), ("punchy", "soft attack"), ("noisy", "tonal"), ("wide", "mono"), ("deep", "high"))
_GROUP_SECONDS = {"drum": (0.15, 1.5), "instrument": (0.6, 4.0)}
_GENERAL_MIDI_SHARE = 0.15


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
    """Draw something to describe, and how long it should be."""
    words = tuple(dice.choice(pair) for pair in _PAIRS if dice.chance(0.3))
    effects = tuple(name for name in EFFECT_WORDS if dice.chance(0.16))
    if dice.chance(_GENERAL_MIDI_SHARE):
        drums = dice.chance(0.3)
        noun = dice.choice(tuple(GM_DRUMS.values()) if drums else GM_NAMES)
        group = "drum" if drums else "instrument"
        description = Description((noun,), group, words, effects)
        description = description if drums else _with_pitch(description, dice, (36, 84))
        return description, _suited(draw_law(dice, _GROUP_SECONDS[group]), words)
    family = dice.choice(tuple(FAMILIES.values()), [f.weight for f in FAMILIES.values()])
    if family.group == "loop":
        return _imagine_loop(dice, family, words, effects)
    description = Description(NOUNS[family.name], family.group, words, effects)
    if family.name in TONES:
        description = _with_pitch(description, dice, TONES[family.name].midi)
        return description, _suited(draw_law(dice, TONES[family.name].seconds), words)
    law = TEXTURES[family.name].seconds if family.name in TEXTURES else _GROUP_SECONDS["drum"]
    return description, _suited(draw_law(dice, law), words)


def _suited(seconds: float, words: tuple[str, ...]) -> float:
    """Length that agrees with the words short and long."""
    factor = 0.6 if "short" in words else 1.6 if "long" in words else 1.0
    return round(min(max(seconds * factor, 0.1), MAX_SECONDS), 2)


def _with_pitch(d: Description, dice: Dice, midi: tuple[int, int]) -> Description:
    """Give a description a note, a chord or nothing."""
    note = dice.integer(*midi)
    mode = dice.choice(("major", "minor"))
    key = f"{NOTE_NAMES[note % 12]} {mode}"
    kind = dice.choice(("note", "chord", "none"), (0.45, 0.15, 0.4))
    if kind == "none":
        return d
    if kind == "note":
        return Description(d.nouns, d.group, d.words, d.effects, note=note_name(note), key=key)
    chord = dice.choice(tuple(CHORDS))
    mode = "minor" if 3 in CHORDS[chord] else "major"
    root = NOTE_NAMES[note % 12]
    return Description(d.nouns, d.group, d.words, d.effects, chord=f"{root} {chord}", key=f"{root} {mode}")


def _imagine_loop(dice: Dice, family: Family, words: tuple[str, ...], effects: tuple[str, ...]) -> tuple[Description, float]:
    style = dice.choice(tuple(STYLES))
    tempo = dice.integer(*STYLES[style].tempo_bpm)
    bars = dice.choice([b for b in (1, 2, 4) if b * 240.0 / tempo <= MAX_SECONDS])
    tonal = family.name not in ("drum_loop", "beat_simple", "kick_loop", "hat_loop", "percussion_loop")
    key = f"{dice.choice(NOTE_NAMES)} {dice.choice(('minor', 'major'))}" if tonal else None
    kept = tuple(word for word in words if word not in ("short", "long", "soft attack"))
    nouns = NOUNS[family.name]
    if tonal and dice.chance(0.6):
        instrument = dice.choice(NOUNS[dice.choice(tuple(TONES))])
        nouns = tuple(f"{instrument} {noun}" for noun in nouns)
    seconds = round(bars * 240.0 / tempo, 3)
    return Description(nouns, "loop", kept, effects, style, key=key, tempo_bpm=float(tempo), bars=bars), seconds
