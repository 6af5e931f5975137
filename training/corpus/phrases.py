"""Phrases for loops: bass lines, chord progressions, arpeggios and melodies as notes on a grid.

Knows keys, steps and frames; knows no instrument and no sound. ``loops`` gives the notes to voices.
"""

from __future__ import annotations

from dataclasses import dataclass

from generator.api import SAMPLE_RATE_HZ
from training.corpus.patch import NOTE_NAMES, Dice, Note
from training.corpus.patterns import (
    ARP_CELLS,
    CHORD_CELLS,
    HELD_CELL,
    MELODY_CELLS,
    PENTATONIC,
    PROGRESSIONS,
    STEPS,
    chord_midi,
    degree_midi,
    styles,
)
from training.corpus.recipes import MAX_SECONDS


@dataclass(frozen=True, slots=True)
class Grid:
    """The time and key that a loop is drawn in."""

    style: str
    tempo_bpm: int
    bars: int
    tonic: int
    mode: str

    @property
    def frames(self) -> int:
        """Exact length in frames."""
        return loop_frames(self.bars, self.tempo_bpm)

    @property
    def key(self) -> str:
        """Name of the key."""
        return f"{NOTE_NAMES[self.tonic]} {self.mode}"

    def frame_of(self, step: float) -> int:
        """Frame at which a step (counted in sixteenths from the start) begins."""
        return round(step * self.frames / (self.bars * STEPS))

    def root(self, low: int) -> int:
        """Lowest MIDI note of the tonic at or above ``low``."""
        return low + (self.tonic - low) % 12

    def hits(self, pattern: str) -> list[tuple[int, int, int, int]]:
        """Bar, step, start and length in frames of each hit of a one-bar pattern."""
        places = [(b, s) for b in range(self.bars) for s, mark in enumerate(pattern) if mark != "."]
        starts = [self.frame_of(bar * STEPS + step) for bar, step in places]
        ends = [*starts[1:], self.frames]
        spans = zip(places, starts, ends, strict=True)
        return [(bar, step, start, end - start) for (bar, step), start, end in spans]


def loop_frames(bars: int, tempo_bpm: float) -> int:
    """Exact length of a loop in frames, four beats a bar."""
    return round(bars * 4 * 60.0 / tempo_bpm * SAMPLE_RATE_HZ)


def draw_grid(dice: Dice) -> Grid:
    """Draw style, tempo, bars (at most ``MAX_SECONDS``) and key."""
    style = dice.choice(tuple(styles()))
    tempo = dice.integer(*styles()[style].tempo_bpm)
    choices = [bars for bars in (1, 2, 4) if bars * 240.0 / tempo <= MAX_SECONDS]
    bars = dice.choice(choices, (1.0, 2.0, 2.0)[: len(choices)])
    mode = dice.choice(("minor", "major"), (0.65, 0.35))
    return Grid(style, tempo, bars, dice.integer(0, 11), mode)


def bass_notes(dice: Dice, grid: Grid, low: int) -> list[Note]:
    """Roots of a progression on a style's rhythm, with octaves and fifths by chance."""
    root, still = grid.root(low), dice.chance(0.5)
    progression = (0, 0, 0, 0) if still else dice.choice(PROGRESSIONS[grid.mode])
    gate, busy = dice.uniform(0.45, 0.95), dice.uniform(0.1, 0.5)
    notes = []
    for bar, step, start, length in grid.hits(dice.choice(styles()[grid.style].bass)):
        degree = progression[bar % 4] % 7
        midi = degree_midi(root, grid.mode, degree) - (12 if degree > 4 else 0)
        if step and dice.chance(busy):
            down = -12 if midi > 38 else 12
            midi += dice.choice((12, 7, 12, PENTATONIC[grid.mode][1], down))
        held = round(min(length, SAMPLE_RATE_HZ) * gate)
        notes.append(Note(start, held, (float(midi),), dice.uniform(0.75, 1.0)))
    return notes


def chord_notes(dice: Dice, grid: Grid, held: bool) -> list[Note]:
    """Chords of a progression, one or more a bar."""
    root = grid.root(50)
    size = dice.choice((3, 4), (0.6, 0.4))
    progression = dice.choice(PROGRESSIONS[grid.mode])
    cell = HELD_CELL if held else dice.choice(CHORD_CELLS)
    gate = dice.uniform(0.5, 1.0)
    per_bar = 4 // grid.bars if grid.bars < 4 and dice.chance(0.4) else 1
    notes = []
    for bar, step, start, length in grid.hits(cell):
        place = (bar * per_bar + step * per_bar // STEPS) % 4
        chord = chord_midi(root, grid.mode, progression[place], size)
        notes.append(Note(start, round(length * gate), chord, dice.uniform(0.8, 1.0)))
    return notes


def arp_notes(dice: Dice, grid: Grid, root: int) -> list[Note]:
    """Arpeggio over a progression: up, down, both or by chance."""
    progression = dice.choice(PROGRESSIONS[grid.mode])
    order = dice.choice(("up", "down", "both", "chance"))
    notes = []
    for count, (bar, _step, start, length) in enumerate(grid.hits(dice.choice(ARP_CELLS))):
        chord = sorted(chord_midi(root, grid.mode, progression[bar % 4], 3))
        ladder = [*chord, chord[0] + 12.0]
        ladder = ladder + ladder[-2:0:-1] if order == "both" else ladder
        ladder = ladder[::-1] if order == "down" else ladder
        chosen = dice.choice(ladder) if order == "chance" else ladder[count % len(ladder)]
        notes.append(Note(start, round(0.7 * length), (chosen,), dice.uniform(0.75, 1.0)))
    return notes


def melody_notes(dice: Dice, grid: Grid, root: int) -> list[Note]:
    """Melody that walks in small steps on the pentatonic scale."""
    scale, place = PENTATONIC[grid.mode], dice.choice((0, 2, 3, 5))
    notes = []
    for _bar, _step, start, length in grid.hits(dice.choice(MELODY_CELLS)):
        midi = root + 12 * (place // 5) + scale[place % 5]
        held = min(round(0.9 * length), SAMPLE_RATE_HZ)
        notes.append(Note(start, held, (float(midi),), dice.uniform(0.75, 1.0)))
        place = min(9, max(0, place + dice.choice((-2, -1, -1, 1, 1, 2))))
    return notes
