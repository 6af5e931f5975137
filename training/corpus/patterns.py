"""Musical material for loops: drum patterns by style, scales, progressions and rhythm cells.

Pure tables and small functions on steps (sixteenths); knows no sound. ``loops`` turns it into patches.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.corpus.patch import Dice

STEPS = 16
"""Sixteenths in a bar of four beats."""

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
PENTATONIC: dict[str, tuple[int, ...]] = {"major": (0, 2, 4, 7, 9), "minor": (0, 3, 5, 7, 10)}
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 3), (1, 4, 0, 0), (3, 4, 2, 5), (0, 2, 3, 4), (0, 0, 3, 3)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 3), (0, 6, 5, 6), (0, 5, 3, 4), (0, 3, 6, 2), (0, 0, 5, 6), (0, 2, 5, 4)),
}


@dataclass(frozen=True, slots=True)
class Style:
    """A style: tempo range, swing (0 straight, 0.33 triplet), and drum layers.

    Each layer is (families to choose from, patterns to choose from, gain): "x" is a hit, "o" a soft one.
    """

    tempo_bpm: tuple[int, int]
    swing: tuple[float, float]
    layers: tuple[tuple[tuple[str, ...], tuple[str, ...], float], ...]


_FLOOR = ("x...x...x...x...",)
_BACK = ("....x.......x...",)
_OFF = ("..x...x...x...x.",)
_EIGHTH = ("x.x.x.x.x.x.x.x.", "x.o.x.o.x.o.x.o.")
_SIXTEENTH = ("xoxoxoxoxoxoxoxo", "xoooxoooxoooxooo", "x.xox.xox.xox.xo")
_HAT, _OPEN = ("hat_closed",), ("hat_open",)
_PERC = ("conga", "bongo", "woodblock", "rimshot", "click_perc", "metal_perc", "cowbell", "tabla", "zap_drum")
_PERC_STEPS = ("...x..x...x..x..", "..x..x....x..x..", "......x..x......", "...x......x..x..", "x..x..x..x..x.x.")

STYLES: dict[str, Style] = {
    "house": Style((118, 128), (0.0, 0.15), (
        (("kick_punchy", "kick_techno", "kick_808_short"), _FLOOR, 1.0), (("clap", "snare"), _BACK, 0.6),
        (_OPEN, _OFF, 0.4), (_HAT + ("shaker",), _SIXTEENTH + _EIGHTH, 0.3), (_PERC, _PERC_STEPS, 0.3))),
    "techno": Style((126, 142), (0.0, 0.0), (
        (("kick_techno", "kick_punchy"), _FLOOR, 1.0), (_HAT, _SIXTEENTH + _OFF, 0.35), (_OPEN, _OFF, 0.35),
        (("clap", "rimshot", "metal_perc"), ("....x.......x...", "......x..x......", "............x..."), 0.4),
        (_PERC, _PERC_STEPS, 0.3))),
    "trap": Style((130, 150), (0.0, 0.0), (
        (("kick_808", "kick_808_short"), ("x.....x...x.....", "x......x..x.....", "x..x......x..x..", "x.........x..x.."), 1.0),
        (("snare_trap", "clap"), ("........x.......",), 0.7),
        (_HAT, ("x.x.x.x.x.xxx.x.", "x.xxx.x.x.x.xxxx", "x.x.x.xxx.x.x.x."), 0.35),
        (_OPEN, ("..............x.", "......x.........", "................"), 0.3), (_PERC, _PERC_STEPS[2:4], 0.25))),
    "hip-hop": Style((82, 98), (0.12, 0.3), (
        (("kick_acoustic", "kick_punchy"), ("x.....x..x......", "x..x......x.....", "x.......x.x....."), 1.0),
        (("snare", "snare_soft"), ("....x.......x...", "....x..o....x..o"), 0.8), (_HAT, _EIGHTH, 0.35),
        (_OPEN, ("..............x.", "................"), 0.25))),
    "lo-fi": Style((70, 90), (0.15, 0.33), (
        (("kick_acoustic", "kick_punchy"), ("x.....x...x.....", "x.......x.......", "x..x....x......."), 1.0),
        (("snare_soft", "rimshot", "snap"), _BACK, 0.6), (_HAT + ("shaker",), _EIGHTH, 0.25))),
    "drum and bass": Style((168, 178), (0.0, 0.08), (
        (("kick_punchy", "kick_acoustic"), ("x.........x.....", "x.x.......x.....", "x......x..x....."), 1.0),
        (("snare",), ("....x.......x...", "....x..o.o..x...", "....x..o....x..o"), 0.9),
        (_HAT, _EIGHTH + _SIXTEENTH, 0.35), (("ride", "shaker"), ("x...x...x...x...", "x.x.x.x.x.x.x.x."), 0.2))),
    "breakbeat": Style((120, 138), (0.0, 0.2), (
        (("kick_acoustic", "kick_punchy"), ("x.x.......xx....", "x.....x..xx.....", "x..x......x....."), 1.0),
        (("snare",), ("....x..o.o..x..o", "....x.......x..x"), 0.85), (_HAT, _EIGHTH, 0.4),
        (_OPEN, ("..............x.", "..........x....."), 0.3))),
    "garage": Style((128, 136), (0.15, 0.3), (
        (("kick_punchy", "kick_808_short"), ("x.........x.....", "x.......x.x....."), 1.0), (("clap", "snare_trap", "rimshot"), _BACK, 0.7),
        (_HAT + ("shaker",), ("..x...xx..x...x.", "o.x.o.x.o.xoo.x."), 0.35), (_PERC, _PERC_STEPS, 0.25))),
    "reggaeton": Style((88, 100), (0.0, 0.0), (
        (("kick_punchy", "kick_808_short"), _FLOOR, 1.0), (("snare", "snare_trap", "rimshot"), ("...x..x....x..x.",), 0.7),
        (_HAT + ("shaker", "maraca"), _EIGHTH, 0.3))),
    "electro": Style((110, 132), (0.0, 0.0), (
        (("kick_808_short", "kick_punchy"), ("x.....x...x.....", "x..x..x...x.x..."), 1.0), (("snare", "clap"), _BACK, 0.7),
        (_HAT, _SIXTEENTH + _EIGHTH, 0.35), (("cowbell", "zap_drum", "claves"), _PERC_STEPS, 0.25))),
    "afro": Style((104, 120), (0.0, 0.12), (
        (("kick_punchy", "kick_acoustic"), ("x...x...x...x...", "x.....x.x.....x."), 1.0), (("rimshot", "snap"), ("...x..x.....x...", "...x..x...x.x..."), 0.5),
        (("shaker", "maraca"), _SIXTEENTH, 0.3), (("conga", "bongo", "tabla"), _PERC_STEPS, 0.5), (("agogo", "woodblock", "cowbell"), _PERC_STEPS, 0.25))),
}  # fmt: skip

BASS_CELLS: dict[str, tuple[str, ...]] = {
    "house": ("..x...x...x...x.", "x..x..x...x..x..", "..xx..xx..xx..xx"),
    "techno": (".xxx.xxx.xxx.xxx", "xxxxxxxxxxxxxxxx", "..x...x...x...x."),
    "trap": ("x.....x...x.....", "x.........x.x...", "x......x........"),
    "hip-hop": ("x..x..x.....x...", "x......xx.......", "x..x....x..x...."),
    "lo-fi": ("x.......x.......", "x.....x.x......."),
    "drum and bass": ("x.........x.....", "x..x..x.........", "x.......x.x....."),
    "breakbeat": ("x..x..x..x..x...", "x.x...x.x...x..."),
    "garage": ("x..x.....x..x...", "..x..x....x..x.."),
    "reggaeton": ("x..x..x.x..x..x.", "x.....x.x.....x."),
    "electro": ("x.x.x.x.x.x.x.x.", "xx.xx.x.xx.xx.x."),
    "afro": ("x..x..x.....x.x.", "x.....x...x..x.."),
}
CHORD_CELLS = ("x...............", "x.......x.......", "x.....x.........", "..x...x...x...x.", "x..x..x...x..x..", "x...x...x...x...")
MELODY_CELLS = ("x...x.x...x.x...", "x..x..x...x..x..", "x.x...x.x.x.....", "x.....x...x.....", "x.xx..x.x.xx..x.")


def degree_midi(root: int, mode: str, degree: int) -> int:
    """MIDI note of a scale degree counted from 0, over as many octaves as it takes."""
    scale = SCALES[mode]
    return root + 12 * (degree // len(scale)) + scale[degree % len(scale)]


def chord_midi(root: int, mode: str, degree: int, size: int) -> tuple[float, ...]:
    """Chord of stacked thirds on a degree, folded to stay within an octave above the root."""
    notes = [degree_midi(root, mode, degree + 2 * i) for i in range(size)]
    return tuple(float(n - 12 if n > root + 16 else n) for n in notes)


def bar_pattern(dice: Dice, pattern: str, bar: int, bars: int) -> str:
    """Vary a pattern a little: the last of several bars may drop or add a hit."""
    if bars == 1 or bar < bars - 1 or not dice.chance(0.35):
        return pattern
    steps = list(pattern)
    place = dice.integer(10, 15)
    steps[place] = "." if steps[place] != "." else "o"
    return "".join(steps)
