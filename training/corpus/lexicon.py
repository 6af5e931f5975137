"""Words: what producers call families, effects, styles and qualities; the General MIDI names.

Reads ``tables/lexicon.toml`` into types; ``captions`` builds sentences from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from training.corpus.tables import table

Words = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All words. ``effect_adjectives`` stand before the noun, ``effect_phrases`` after it."""

    nouns: Words
    groups: Words
    styles: Words
    qualities: Words
    effect_adjectives: Words
    effect_phrases: Words
    instruments: tuple[str, ...]
    drums: dict[int, str]


@cache
def lexicon() -> Lexicon:
    """The lexicon, read once."""
    data = table("lexicon")
    effects, midi = data["effects"], data["general_midi"]
    return Lexicon(
        _words(data["nouns"]),
        _words(data["groups"]),
        _words(data["styles"]),
        _words(data["qualities"]),
        _words(effects["adjectives"]),
        _words(effects["phrases"]),
        tuple(midi["instruments"]),
        {int(number): name for number, name in midi["drums"].items()},
    )


def _words(rows: dict[str, Any]) -> Words:
    return {key: tuple(words) for key, words in rows.items()}


def spoken_note(note: str) -> str:
    """A note or key as people write it: "C#3" becomes "C sharp 3"."""
    return " ".join(note.replace("#", " sharp ").split())
