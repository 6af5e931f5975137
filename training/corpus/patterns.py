"""Musical material for loops: styles with drum patterns, scales, progressions, rhythms.

Pure tables and small functions on steps (sixteenths); knows no sound. ``loops`` turns it into
patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from training.corpus.patch import Dice
from training.corpus.tables import table

STEPS = 16
"""Sixteenths in a bar of four beats."""

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
PENTATONIC: dict[str, tuple[int, ...]] = {"major": (0, 2, 4, 7, 9), "minor": (0, 3, 5, 7, 10)}
PROGRESSIONS: dict[str, tuple[tuple[int, int, int, int], ...]] = {
    "major": (
        (0, 4, 5, 3),
        (0, 5, 3, 4),
        (0, 3, 4, 3),
        (1, 4, 0, 0),
        (3, 4, 2, 5),
        (0, 2, 3, 4),
        (0, 0, 3, 3),
    ),
    "minor": (
        (0, 5, 2, 6),
        (0, 3, 4, 3),
        (0, 6, 5, 6),
        (0, 5, 3, 4),
        (0, 3, 6, 2),
        (0, 0, 5, 6),
        (0, 2, 5, 4),
    ),
}
HELD_CELL = "x..............."
CHORD_CELLS = (
    HELD_CELL,
    "x.......x.......",
    "x.....x.........",
    "..x...x...x...x.",
    "x..x..x...x..x..",
    "x...x...x...x...",
)
ARP_CELLS = ("xxxxxxxxxxxxxxxx", "x.x.x.x.x.x.x.x.", "x.xx.xx.x.xx.xx.")
MELODY_CELLS = (
    "x...x.x...x.x...",
    "x..x..x...x..x..",
    "x.x...x.x.x.....",
    "x.....x...x.....",
    "x.xx..x.x.xx..x.",
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One drum of a style: families and patterns ("x" hit, "o" soft) to choose from, a gain."""

    families: tuple[str, ...]
    patterns: tuple[str, ...]
    gain: float


@dataclass(frozen=True, slots=True)
class Style:
    """A style: tempo range, swing (0 straight, 0.33 triplet), drum layers, rhythms of the bass."""

    tempo_bpm: tuple[int, int]
    swing: tuple[float, float]
    layers: tuple[Layer, ...]
    bass: tuple[str, ...]


@cache
def styles() -> dict[str, Style]:
    """All styles by name, from ``tables/styles.toml``."""
    made = {}
    for name, row in table("styles")["style"].items():
        layers = tuple(
            Layer(tuple(part["families"]), tuple(part["patterns"]), part["gain"])
            for part in row["layers"]
        )
        low, high = row["tempo_bpm"]
        straight, swung = row["swing"]
        made[name] = Style((low, high), (straight, swung), layers, tuple(row["bass"]))
    return made


def degree_midi(root: int, mode: str, degree: int) -> int:
    """MIDI note of a scale degree counted from 0, over as many octaves as it takes."""
    scale = SCALES[mode]
    return root + 12 * (degree // len(scale)) + scale[degree % len(scale)]


def chord_midi(root: int, mode: str, degree: int, size: int) -> tuple[float, ...]:
    """Chord of stacked thirds on a degree, folded to stay near the octave above the root."""
    notes = [degree_midi(root, mode, degree + 2 * i) for i in range(size)]
    return tuple(float(n - 12 if n > root + 16 else n) for n in notes)


def varied(dice: Dice, pattern: str, last: bool) -> str:
    """Vary a pattern a little in the last bar: it may drop or add a soft hit near its end."""
    if not last or not dice.chance(0.35):
        return pattern
    steps = list(pattern)
    place = dice.integer(10, 15)
    steps[place] = "." if steps[place] != "." else "o"
    return "".join(steps)
