"""What is known and heard of a sound, gathered for its captions.

Facts and measured numbers become a ``Description``; ``grammar`` turns descriptions into sentences.
Knows no audio beyond the numbers of ``measure``. Leaving captions empty is the training loop's
business.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from training.corpus.clip import Clip
from training.corpus.grammar import Description, write_captions
from training.corpus.lexicon import lexicon
from training.corpus.measure import measure
from training.corpus.tables import table

# group: short below, long above (seconds); dark below, bright above (Hz of the spectral centroid)
_LIMITS: dict[str, tuple[float, float, float, float]] = {
    "drum": (0.25, 0.9, 1800.0, 7500.0),
    "bass": (0.6, 1.8, 500.0, 2200.0),
    "loop": (0.0, 99.0, 1000.0, 6000.0),
    "effect": (0.5, 3.0, 1500.0, 5500.0),
    "texture": (1.5, 5.0, 800.0, 6000.0),
}
_DEFAULT_LIMITS = (0.7, 3.0, 900.0, 3200.0)
_DEEP_GROUPS = ("drum", "bass", "effect", "texture")


def captions_of(clip: Clip, seed: int = 0) -> tuple[str, ...]:
    """Captions for a clip, from its facts and its sound.

    Args:
        clip: The clip; captions that it already has come first.
        seed: Together with the clip's key decides the wording.

    Returns:
        Five to eight different captions, or as many as the clip brought.
    """
    description = describe(clip.facts, measure(clip.audio), clip.seconds)
    written = write_captions(description, zlib.crc32(clip.key.encode()) + seed)
    return tuple(dict.fromkeys([*clip.captions, *written]))[: max(8, len(clip.captions))]


def describe(facts: Mapping[str, Any], measured: Mapping[str, Any], seconds: float) -> Description:
    """Gather what there is to say about a clip.

    Args:
        facts: Family or nouns, group, note, chord, key, tempo_bpm, bars, style, effects, layers.
        measured: The fields of ``measure``; missing ones say nothing.
        seconds: Length of the clip.

    Returns:
        The description.
    """
    group, family = str(facts.get("group", "")), str(facts.get("family", ""))
    names = lexicon().nouns
    return Description(
        nouns=_nouns(facts),
        group=group,
        qualities=perceived(measured, group, seconds, family),
        effects=tuple(facts.get("effects", ())),
        style=facts.get("style"),
        note=facts.get("note"),
        chord=facts.get("chord"),
        key=facts.get("key"),
        tempo_bpm=facts.get("tempo_bpm"),
        bars=facts.get("bars"),
        layers=tuple(names[name][0] for name in facts.get("layers", ()) if name in names),
        extra=tuple(facts.get("extra", ())),
    )


def _nouns(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of a sound: given ones, or the family's; a loop's instrument stands before its form."""
    family, instrument = str(facts.get("family", "")), str(facts.get("instrument", ""))
    names = lexicon().nouns
    own = tuple(facts.get("nouns") or names.get(family, (family.replace("_", " "),)))
    if facts.get("group") != "loop" or instrument not in names:
        return own
    return tuple(joined(player, form) for player in names[instrument][:4] for form in own)


def joined(first: str, second: str) -> str:
    """Two nouns without a word twice: "acid bass" and "bass loop" make "acid bass loop"."""
    head, _, last = first.rpartition(" ")
    repeated = second.split()[0] == last or second.startswith(last)
    return f"{head} {second}".strip() if repeated else f"{first} {second}"


def perceived(
    measured: Mapping[str, Any], group: str, seconds: float, family: str = ""
) -> tuple[str, ...]:
    """Qualities that fixed thresholds give: keys of the lexicon's ``qualities``.

    Args:
        measured: The fields of ``measure``.
        group: Group whose thresholds apply.
        seconds: Length of the clip.
        family: Where its typical brightness is known, "bright" and "dark" are against it.

    Returns:
        Qualities, the most telling first.
    """
    short, long, dark, bright = _LIMITS.get(group, _DEFAULT_LIMITS)
    typical = table("typical")["centroid_hz"].get(family)
    if typical:
        dark, bright = 0.62 * typical, 1.6 * typical
    attack = float(measured.get("attack_s", 0.02))
    heard = min(float(measured.get("decay_s", seconds)) + attack, seconds)
    centroid = float(measured.get("spectral_centroid_hz", 0.5 * (dark + bright)))
    rules = {
        "very short": heard < 0.4 * short,
        "short": 0.4 * short <= heard < short,
        "very long": heard > 1.8 * long,
        "long": long < heard <= 1.8 * long,
        "dark": centroid < dark,
        "bright": centroid > bright,
        "deep": measured.get("low_share", 0.0) > 0.75 and group in _DEEP_GROUPS,
        "soft attack": attack > 0.15 and group not in ("loop", "texture"),
        "punchy": group == "drum"
        and attack < 0.006
        and measured.get("crest_db", 0.0) > 12.0
        and centroid < 3000.0,
        "noisy": measured.get("spectral_flatness", 0.0) > 0.2 and group not in ("drum", "loop"),
        "wide": measured.get("stereo_width", 0.0) > 0.3,
    }
    return tuple(word for word, holds in rules.items() if holds)
