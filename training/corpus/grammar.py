"""The grammar of captions: from a description to tag lists, phrases and sentences.

Knows words and order; knows no sound. ``captions`` describes clips, ``imagined`` describes what no
clip is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from training.corpus.lexicon import lexicon, spoken_note
from training.corpus.patch import Dice

_MASS_GROUPS = ("texture",)
_SINGULAR_S = ("bass", "glass", "brass", "hiss", "ss")


@dataclass(frozen=True, slots=True)
class Description:
    """What there is to say about a sound, before any sentence is made.

    ``qualities`` and ``effects`` are keys of the lexicon; ``extra`` are words used as they are.
    """

    nouns: tuple[str, ...]
    group: str = ""
    qualities: tuple[str, ...] = ()
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


def write_captions(
    description: Description, seed: int, count: int | None = None
) -> tuple[str, ...]:
    """Write captions for a description: the bare noun first, then ever other templates.

    Args:
        description: What there is to say.
        seed: The same seed gives the same captions.
        count: How many; five to eight by chance if None.

    Returns:
        Different captions, fewer than wanted only where there is little to say.
    """
    dice = Dice(seed, 11)
    wanted = dice.integer(5, 8) if count is None else count
    out = [_bare(description, dice)]
    for _ in range(8 * wanted):
        if len(out) >= wanted:
            break
        text = _clean(dice.choice(_TEMPLATES, _WEIGHTS)(description, dice))
        if text not in out:
            out.append(text)
    return tuple(out)


def distinct(captions: list[str]) -> int:
    """Number of captions that differ by more than case and spaces."""
    return len({" ".join(text.lower().split()) for text in captions})


def _clean(text: str) -> str:
    """Single spaces, no comma without a word, and no word twice in a row."""
    words: list[str] = []
    for word in text.replace(" ,", ",").split():
        if not words or words[-1].rstrip(",") != word.rstrip(",."):
            words.append(word)
    return " ".join(words).strip(" ,")


def _noun(d: Description, dice: Dice) -> str:
    noun = dice.choice(d.nouns)
    if d.style and dice.chance(0.7):
        return f"{dice.choice(lexicon().styles.get(d.style, (d.style,)))} {noun}"
    return noun


def _adjectives(d: Description, dice: Dice, most: int) -> list[str]:
    """At most ``most`` words for qualities and effects, in any order."""
    words = [dice.choice(lexicon().qualities[quality]) for quality in d.qualities] + list(d.extra)
    told = [effect for effect in d.effects if dice.chance(0.5)]
    words += [dice.choice(lexicon().effect_adjectives[effect]) for effect in told]
    order = [int(i) for i in dice.rng.permutation(len(words))][: dice.integer(1, most)]
    return list(dict.fromkeys(words[i] for i in order))


def _pitch(d: Description, dice: Dice) -> str:
    if d.note and dice.chance(0.7):
        return dice.choice((d.note, spoken_note(d.note), f"note {d.note}"))
    if d.chord:
        return dice.choice((f"{d.chord} chord", f"{spoken_note(d.chord)} chord"))
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
    return dice.choice(lexicon().effect_phrases[dice.choice(d.effects)]) if d.effects else ""


def _bare(d: Description, dice: Dice) -> str:
    return _clean(_noun(d, dice))


def _phrase(d: Description, dice: Dice) -> str:
    return f"{' '.join(_adjectives(d, dice, 2))} {_noun(d, dice)}"


def _tagged(d: Description, dice: Dice) -> str:
    return ", ".join([_noun(d, dice), *_adjectives(d, dice, 3)])


def _tags(d: Description, dice: Dice) -> str:
    tags = [_noun(d, dice), *_adjectives(d, dice, 3), _pitch(d, dice), _time(d, dice)]
    groups = lexicon().groups
    if d.group in groups and dice.chance(0.4):
        tags.append(dice.choice(groups[d.group]))
    return ", ".join(dict.fromkeys(tag for tag in tags if tag))


def _with_effect(d: Description, dice: Dice) -> str:
    dry = replace(d, effects=())
    words = " ".join(_adjectives(dry, dice, 2)) if dice.chance(0.6) else ""
    return f"{words} {_noun(d, dice)} {_effect(d, dice)}"


def _pitched(d: Description, dice: Dice) -> str:
    words = " ".join(_adjectives(d, dice, 1)) if dice.chance(0.4) else ""
    comma = ", " if dice.chance(0.4) else " "
    effect = _effect(d, dice) if dice.chance(0.3) else ""
    return f"{words} {_noun(d, dice)}{comma}{_pitch(d, dice)} {effect}"


def _timed(d: Description, dice: Dice) -> str:
    if not d.tempo_bpm:
        return _tagged(d, dice)
    time, noun = _time(d, dice), _noun(d, dice)
    pitch = _pitch(d, dice) if dice.chance(0.5) else ""
    forms = (f"{noun} at {time} {pitch}", f"{time} {noun} {pitch}", f"{noun}, {time}, {pitch}")
    return dice.choice(forms)


def _layered(d: Description, dice: Dice) -> str:
    if not d.layers:
        return _phrase(d, dice)
    order = [d.layers[i] for i in dice.rng.permutation(len(d.layers))][: dice.integer(1, 3)]
    listed = ", ".join(order[:-1]) + " and " + order[-1] if len(order) > 1 else order[0]
    return f"{_noun(d, dice)} with {listed}"


def _sentence(d: Description, dice: Dice) -> str:
    words = _adjectives(replace(d, effects=()), dice, 2)
    noun = _noun(d, dice)
    start = f"{', '.join(words)} {noun}".strip()
    lead = "the sound of" if dice.chance(0.3) else ""
    rest = f"{_pitch(d, dice)} {_effect(d, dice)}"
    if d.tempo_bpm and dice.chance(0.5):
        rest = f"{rest} at {round(d.tempo_bpm)} bpm"
    text = _clean(f"{lead} {_article(d, noun, start)} {start} {rest}")
    return text[0].upper() + text[1:] + ("." if dice.chance(0.5) else "")


def _article(d: Description, noun: str, start: str) -> str:
    """The article that stands before ``start``: none for plurals and for what cannot be counted."""
    plural = noun.endswith("s") and not noun.endswith(_SINGULAR_S)
    if plural or d.group in _MASS_GROUPS:
        return ""
    sounds_like_vowel = start[0] in "aeio8" or start.startswith(("fm ", "lfo ", "underwater"))
    return "an" if sounds_like_vowel else "a"


_TEMPLATES: tuple[Callable[[Description, Dice], str], ...] = (
    *(_bare, _phrase, _tagged, _tags, _with_effect),
    *(_pitched, _timed, _layered, _sentence),
)
_WEIGHTS = (1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.5, 0.7, 1.5)
