"""Captions: from what is known and measured about a sound to the words a producer would type.

One grammar serves every source: facts and measured numbers become a ``Description``, a description
becomes five to eight captions, the same for the same seed. ``caption_list`` draws descriptions with no
sound behind them. Leaving captions empty is the training loop's business.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from training.corpus.clip import Clip
from training.corpus.lexicon import (
    EFFECT_WORDS,
    GROUP_WORDS,
    NOUNS,
    PERCEIVED,
    STYLE_WORDS,
    spoken_note,
)
from training.corpus.measure import measure
from training.corpus.patch import Dice
from training.corpus.typical import TYPICAL_CENTROID_HZ

# group: (short below, long above) seconds; (dark below, bright above) Hz of spectral centroid
_LIMITS: dict[str, tuple[float, float, float, float]] = {
    "drum": (0.25, 0.9, 1800.0, 7500.0),
    "bass": (0.6, 1.8, 500.0, 2200.0),
    "loop": (0.0, 99.0, 1000.0, 6000.0),
    "effect": (0.5, 3.0, 1500.0, 5500.0),
    "texture": (1.5, 5.0, 800.0, 6000.0),
}
_DEFAULT_LIMITS = (0.7, 3.0, 900.0, 3200.0)


@dataclass(frozen=True, slots=True)
class Description:
    """What there is to say about a sound, before any sentence is made."""

    nouns: tuple[str, ...]
    group: str = ""
    words: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    style: str | None = None
    note: str | None = None
    chord: str | None = None
    key: str | None = None
    tempo_bpm: float | None = None
    bars: int | None = None
    layers: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption with the conditions that belong to it; None where it has none."""

    text: str
    seconds: float
    tempo_bpm: float | None = None
    key: str | None = None


def perceived_words(
    measured: Mapping[str, Any], group: str, seconds: float, family: str = ""
) -> tuple[str, ...]:
    """Words that fixed thresholds of the sound's group give: keys of ``PERCEIVED``.

    Args:
        measured: The fields of ``measure``; missing fields say nothing.
        group: Group whose thresholds apply.
        seconds: Length of the clip.
        family: Where the family's typical brightness is known, "bright" and "dark" are against it.

    Returns:
        Words, the most telling first.
    """
    short, long, dark, bright = _LIMITS.get(group, _DEFAULT_LIMITS)
    if family in TYPICAL_CENTROID_HZ:
        dark, bright = 0.62 * TYPICAL_CENTROID_HZ[family], 1.6 * TYPICAL_CENTROID_HZ[family]
    decay = min(float(measured.get("decay_s", seconds)) + float(measured.get("attack_s", 0.0)), seconds)
    centroid = float(measured.get("spectral_centroid_hz", 0.5 * (dark + bright)))
    attack = float(measured.get("attack_s", 0.02))
    words = []
    if decay < short:
        words.append("very short" if decay < 0.4 * short else "short")
    elif decay > long:
        words.append("very long" if decay > 1.8 * long else "long")
    if centroid < dark or centroid > bright:
        words.append("dark" if centroid < dark else "bright")
    if measured.get("low_share", 0.0) > 0.75 and group in ("drum", "bass", "effect", "texture"):
        words.append("deep")
    if attack > 0.15 and group not in ("loop", "texture"):
        words.append("soft attack")
    elif group == "drum" and attack < 0.006 and measured.get("crest_db", 0.0) > 14.0:
        words.append("punchy")
    if measured.get("spectral_flatness", 0.0) > 0.2 and group not in ("drum", "loop"):
        words.append("noisy")
    if measured.get("stereo_width", 0.1) > 0.3:
        words.append("wide")
    return tuple(words)


def describe(facts: Mapping[str, Any], measured: Mapping[str, Any], seconds: float) -> Description:
    """Gather what is known about a rendered clip.

    Args:
        facts: Facts of the clip: family or nouns, group, note, chord, key, tempo_bpm, bars, style, effects.
        measured: The fields of ``measure``.
        seconds: Length of the clip.

    Returns:
        The description.
    """
    group = str(facts.get("group", ""))
    family = str(facts.get("family", ""))
    nouns = tuple(facts.get("nouns") or NOUNS.get(family, (family.replace("_", " "),)))
    instrument = str(facts.get("instrument", family))
    if group == "loop" and instrument in NOUNS and instrument != family:
        names = [n for n in NOUNS[instrument]][:4]
        nouns = tuple(_joined(name, noun) for name in names for noun in nouns)
    layers = tuple(NOUNS[name][0] for name in facts.get("layers", ()) if name in NOUNS)
    return Description(
        nouns, group, perceived_words(measured, group, seconds, family), tuple(facts.get("effects", ())), facts.get("style"),
        facts.get("note"), facts.get("chord"), facts.get("key"), facts.get("tempo_bpm"), facts.get("bars"), layers,
        tuple(facts.get("extra", ())),
    )  # fmt: skip


def _joined(name: str, noun: str) -> str:
    """Instrument and form without saying a word twice: "acid bass" and "bass loop" make "acid bass loop"."""
    last = name.split()[-1]
    return name + noun.removeprefix(last) if noun.startswith(last) else f"{name} {noun}"


def captions_of(clip: Clip, seed: int = 0) -> tuple[str, ...]:
    """Captions for a rendered clip, from its facts and its sound.

    Args:
        clip: The clip; its own captions are not read.
        seed: Together with the clip's key decides the wording.

    Returns:
        Five to eight different captions.
    """
    description = describe(clip.facts, measure(clip.audio), clip.seconds)
    return write_captions(description, zlib.crc32(clip.key.encode()) + seed)


def write_captions(description: Description, seed: int, count: int | None = None) -> tuple[str, ...]:
    """Write captions for a description: the bare noun first, then ever other templates.

    Args:
        description: What there is to say.
        seed: The same seed gives the same captions.
        count: How many; five to eight by chance if None.

    Returns:
        Different captions, fewer than ``count`` only where there is little to say.
    """
    dice = Dice(seed, 11)
    wanted = dice.integer(5, 8) if count is None else count
    out = [_bare(description, dice)]
    for _ in range(8 * wanted):
        if len(out) >= wanted:
            break
        text = _clean(dice.choice(_TEMPLATES, _TEMPLATE_WEIGHTS)(description, dice))
        if text not in out:
            out.append(text)
    return tuple(out)


def _clean(text: str) -> str:
    return " ".join(text.replace(" ,", ",").split()).strip(" ,")


def _noun(d: Description, dice: Dice) -> str:
    noun = dice.choice(d.nouns)
    if d.style and dice.chance(0.7):
        noun = f"{dice.choice(STYLE_WORDS.get(d.style, (d.style,)))} {noun}"
    return noun


def _adjectives(d: Description, dice: Dice, most: int) -> list[str]:
    words = [dice.choice(PERCEIVED[word]) for word in d.words] + list(d.extra)
    words += [dice.choice(EFFECT_WORDS[effect][0]) for effect in d.effects if dice.chance(0.5)]
    order = list(dice.rng.permutation(len(words)))
    return list(dict.fromkeys(words[i] for i in order[: dice.integer(1, most)]))


def _pitch(d: Description, dice: Dice) -> str:
    if d.note and dice.chance(0.6):
        return dice.choice((d.note, spoken_note(d.note), f"note {d.note}"))
    if d.chord:
        return dice.choice((f"{d.chord} chord", spoken_note(d.chord)))
    if d.key and not d.note:
        return dice.choice((f"in {d.key}", f"in {spoken_note(d.key)}", f"key of {d.key}"))
    return ""


def _time(d: Description, dice: Dice) -> str:
    if not d.tempo_bpm:
        return ""
    tempo = f"{round(d.tempo_bpm)} {dice.choice(('bpm', 'BPM'))}"
    if d.bars and dice.chance(0.4):
        return f"{tempo}, {d.bars} {'bar' if d.bars == 1 else 'bars'}"
    return tempo


def _effect(d: Description, dice: Dice) -> str:
    return dice.choice(EFFECT_WORDS[dice.choice(d.effects)][1]) if d.effects else ""


def _bare(d: Description, dice: Dice) -> str:
    return _noun(d, dice)


def _phrase(d: Description, dice: Dice) -> str:
    return f"{' '.join(_adjectives(d, dice, 2))} {_noun(d, dice)}"


def _tagged(d: Description, dice: Dice) -> str:
    return ", ".join([_noun(d, dice), *_adjectives(d, dice, 3)])


def _tags(d: Description, dice: Dice) -> str:
    tags = [_noun(d, dice), *_adjectives(d, dice, 3), _pitch(d, dice), _time(d, dice)]
    if d.group in GROUP_WORDS and dice.chance(0.4):
        tags.append(dice.choice(GROUP_WORDS[d.group]))
    return ", ".join(tag for tag in tags if tag)


def _with_effect(d: Description, dice: Dice) -> str:
    words = " ".join(_adjectives(replace(d, effects=()), dice, 2)) if dice.chance(0.6) else ""
    return f"{words} {_noun(d, dice)} {_effect(d, dice)}"


def _pitched(d: Description, dice: Dice) -> str:
    words = " ".join(_adjectives(d, dice, 1)) if dice.chance(0.4) else ""
    comma = ", " if dice.chance(0.4) else " "
    return f"{words} {_noun(d, dice)}{comma}{_pitch(d, dice)} {_effect(d, dice) if dice.chance(0.3) else ''}"


def _timed(d: Description, dice: Dice) -> str:
    if not d.tempo_bpm:
        return _tagged(d, dice)
    time, noun, pitch = _time(d, dice), _noun(d, dice), _pitch(d, dice) if dice.chance(0.5) else ""
    return dice.choice((f"{noun} at {time} {pitch}", f"{time} {noun} {pitch}", f"{noun}, {time}, {pitch}"))


def _layered(d: Description, dice: Dice) -> str:
    if not d.layers:
        return _phrase(d, dice)
    order = [d.layers[i] for i in dice.rng.permutation(len(d.layers))][: dice.integer(1, 3)]
    listed = " and ".join([", ".join(order[:-1]), order[-1]] if len(order) > 1 else order)
    return f"{_noun(d, dice)} with {listed}"


def _sentence(d: Description, dice: Dice) -> str:
    words, noun = ", ".join(_adjectives(replace(d, effects=()), dice, 2)), _noun(d, dice)
    start = f"{words} {noun}".strip()
    article = "an" if start[0] in "aeio8" else "a"
    lead = dice.choice((f"{article}", f"the sound of {article}", f"{article}"))
    rest = " ".join(part for part in (_pitch(d, dice), _effect(d, dice)) if part)
    rest = f"{rest} at {round(d.tempo_bpm)} bpm" if d.tempo_bpm and dice.chance(0.5) else rest
    text = f"{lead} {start} {rest}".strip()
    return text[0].upper() + text[1:] + ("." if dice.chance(0.5) else "")


_TEMPLATES = (_bare, _phrase, _tagged, _tags, _with_effect, _pitched, _timed, _layered, _sentence)
_TEMPLATE_WEIGHTS = (1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.5, 0.7, 1.5)


def distinct(captions: Sequence[str]) -> int:
    """Number of captions that differ by more than case and spaces."""
    return len({" ".join(text.lower().split()) for text in captions})
