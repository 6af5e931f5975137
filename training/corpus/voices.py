"""Kinds of sound that programs of others can make, as tables; and the drawing of one from a seed.

What `recipes` is to our own synthesiser, this is to the renderers beside it (`renderers`): laws for
their parameters, and the words that a parameter earns. Knows no program.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from generator.api import FloatArray
from training.corpus.clip import Clip, one_shot
from training.corpus.patch import NOTE_NAMES, Dice, note_name
from training.corpus.recipes import Law, draw_law
from training.corpus.tables import table
from training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Voice:
    """One kind of sound.

    ``codes`` are what the program calls it, one of which is drawn; ``words`` split the law of a
    parameter into equal parts with a word each ("" says nothing). A voice with ``midi``, a range of
    notes, names its note unless it is not ``tuned``. ``seconds`` is how long the program plays,
    where it must be told. ``late_frames`` is by how much the program's delay line is too long.
    """

    name: str
    group: str
    nouns: tuple[str, ...]
    codes: tuple[str, ...]
    laws: Mapping[str, Law] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    midi: tuple[int, int] | None = None
    tuned: bool = True
    seconds: tuple[float, float] = (1.0, 1.0)
    late_frames: float = 0.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A voice with everything decided: what a program needs to make one clip of it."""

    voice: Voice
    seed: int
    code: str
    seconds: float
    values: Mapping[str, float]
    midi: int | None
    facts: Mapping[str, Any]


@cache
def voices(name: str) -> dict[str, Voice]:
    """Return the voices of one table, in its order.

    Args:
        name: Name of the table, which is that of its renderer.

    Returns:
        Voices by name.

    Raises:
        TrainingError: The table gives a voice what a voice does not have.
    """
    return {voice: _voice(voice, row) for voice, row in table(name)["voice"].items()}


def _voice(name: str, row: Mapping[str, Any]) -> Voice:
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}
    for key in ("laws", "words"):
        pairs = row.get(key, {}).items()
        fields[key] = {k: tuple(v) if isinstance(v, list) else v for k, v in pairs}
    try:
        return Voice(name=name, **fields)
    except TypeError as error:
        raise TrainingError(f"{name}: {error}") from error


def draw_voice(renderer: str, seed: int) -> Drawn:
    """Draw a voice of a renderer, its parameters, its note and its length.

    Args:
        renderer: Name of its table.
        seed: The same seed draws the same.

    Returns:
        What to play, with the facts for its captions.
    """
    known = tuple(voices(renderer).values())
    dice = Dice(zlib.crc32(renderer.encode()), seed)
    voice = dice.choice(known)
    values = {name: draw_law(dice, law) for name, law in voice.laws.items()}
    facts: dict[str, Any] = {"family": renderer, "instrument": voice.name, "group": voice.group}
    facts |= {"nouns": list(voice.nouns), "effects": [], "extra": said_of(voice, values)}
    midi = dice.integer(*voice.midi) if voice.midi else None
    mode = dice.choice(("major", "minor"))
    if midi is not None and voice.tuned:
        facts |= {"note": note_name(midi), "midi": midi, "key": f"{NOTE_NAMES[midi % 12]} {mode}"}
    code, seconds = dice.choice(voice.codes), draw_law(dice, voice.seconds)
    return Drawn(voice, seed, code, seconds, values, midi, facts)


def said_of(voice: Voice, values: Mapping[str, float]) -> list[str]:
    """Return the words that a voice's parameters earn."""
    said = []
    for name, words in voice.words.items():
        place = place_in(voice.laws[name], values[name])
        said.append(words[min(int(place * len(words)), len(words) - 1)])
    return [word for word in said if word]


def place_in(law: Law, value: float) -> float:
    """Return where a value stands in the range of its law, 0 to 1: the share of draws below it.

    >>> place_in((0.0, 4.0), 1.0), round(place_in((100.0, 10000.0), 1000.0), 3)
    (0.25, 0.5)
    """
    if not isinstance(law, tuple):
        return 0.5
    low, high = law
    if low > 0.0 and high > 0.0:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def clip_of_voice(
    drawn: Drawn, audio: FloatArray, *, licence: str, author: str, may_clip: bool = False
) -> Clip | str:
    """Wrap what a program has made, or say why it is not fit.

    Args:
        drawn: What was played.
        audio: [frames, channels] at 44.1 kHz, at any level.
        licence: Under which the sound may be used.
        author: Who is to be named.
        may_clip: Whether flat tops belong to the sound.

    Returns:
        The clip, or the reason why it is refused.
    """
    sound = one_shot(audio, may_clip=may_clip)
    if isinstance(sound, str):
        return sound
    source = str(drawn.facts["family"])
    return Clip(
        key=f"{source}/{drawn.seed}",
        source=source,
        stem=f"{source}/{drawn.voice.name}/{drawn.seed}",
        licence=licence,
        author=author,
        audio=sound,
        musical_key=drawn.facts.get("key"),
        facts=dict(drawn.facts),
    )
