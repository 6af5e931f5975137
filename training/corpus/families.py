"""What a family of sounds is, and how its laws are written down.

A law is a number, or a pair drawn evenly in octaves (both ends positive) or evenly (otherwise). Knows no
particular sound; ``drum_families``, ``tone_families`` and ``texture_families`` fill the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from training.corpus.clip import SAMPLE_RATE_HZ
from training.corpus.effects import draw_effects, effect_words
from training.corpus.patch import Dice, Note, Patch

Law = float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class Family:
    """A named kind of sound: its group and the function that draws a patch from a seed."""

    name: str
    group: str
    draw: Callable[[int], Patch]
    weight: float = 1.0


def draw_law(dice: Dice, law: Law) -> float:
    """Draw one number from a law."""
    if not isinstance(law, tuple):
        return float(law)
    low, high = law
    return dice.log(low, high) if low > 0.0 and high > 0.0 else dice.uniform(low, high)


def draw_laws(dice: Dice, laws: Mapping[str, Law]) -> dict[str, float]:
    """Draw one number from each law of a table."""
    return {name: draw_law(dice, law) for name, law in laws.items()}


def one_shot(
    family: str,
    renderer: str,
    seed: int,
    dice: Dice,
    seconds: float,
    values: dict[str, float],
    *,
    group: str,
    effects: Mapping[str, float],
    note: Note | None = None,
    shape: tuple[str | int, ...] = (),
    facts: Mapping[str, object] | None = None,
) -> Patch:
    """Put a one-shot together: effects drawn, length extended by the reverb's tail, facts written.

    Args:
        family: Family name.
        renderer: Name of the renderer in ``synth.RENDERERS``.
        seed: Seed of the patch.
        dice: Source of chance.
        seconds: Length of the dry sound.
        values: Parameters of the renderer.
        group: Group of the family.
        effects: Probability of each effect.
        note: The note, for pitched sounds.
        shape: What must be equal within a batch.
        facts: More facts.

    Returns:
        The patch.
    """
    drawn = draw_effects(dice, dict(effects))
    if "reverb" in drawn:
        seconds += min(0.7 * drawn["reverb_s"], 1.5)
    if "delay" in drawn:
        seconds += 2.0 * drawn["delay_s"]
    frames = round(min(seconds, 8.0) * SAMPLE_RATE_HZ)
    known: dict[str, object] = {"family": family, "group": group, "effects": effect_words(drawn)}
    known.update(facts or {})
    notes = (note,) if note is not None else ()
    merged = values | drawn | {"length_s": frames / SAMPLE_RATE_HZ}
    return Patch(family, renderer, seed, frames, merged, notes, known, False, shape)
