"""A sound as numbers: the patch that a family draws, and patches gathered into tensors.

Knows random laws and batching; does not know how anything sounds. Families draw patches from a
seed, renderers read them through :class:`Batch`, ``synth`` joins the two.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from generator.api import SAMPLE_RATE_HZ

T = TypeVar("T")
Shape = tuple[str | int, ...]
HIGH = "high"
"""Put into the shape of a patch that plays above ``HIGH_MIDI``, where waves need more care."""

HIGH_MIDI = 72
NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SLOW_FRAMES = 64
"""Distance of the frames at which slow movements are computed: 1.5 ms."""
_SIZES_PER_OCTAVE = 8


def midi_to_hz(midi: float) -> float:
    """Frequency in Hz of a MIDI note number, A4 (69) = 440 Hz."""
    return 440.0 * math.exp2((midi - 69.0) / 12.0)


def note_name(midi: int) -> str:
    """Name of a MIDI note with its octave: 60 is "C4"."""
    return f"{NOTE_NAMES[midi % 12]}{midi // 12 - 1}"


@dataclass(frozen=True, slots=True)
class Note:
    """One note or chord of a patch: when (frames), which pitches (MIDI), how hard (0 to 1)."""

    start: int
    frames: int
    midi: tuple[float, ...]
    velocity: float = 1.0


@dataclass(frozen=True, slots=True)
class Patch:
    """Everything that decides one clip.

    ``renderer`` and ``shape`` say which patches may share a batch; ``parts`` are the patches that a
    loop is assembled from, in the order of ``notes``.
    """

    family: str
    renderer: str
    seed: int
    frames: int
    values: Mapping[str, float]
    notes: tuple[Note, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    loop: bool = False
    shape: Shape = ()
    parts: tuple[Patch, ...] = ()

    @property
    def padded_frames(self) -> int:
        """Length in frames of the tensor it is rendered in: a function of the patch alone."""
        return padded_length(self.frames)

    @property
    def batch_shape(self) -> Shape:
        """The shape, with HIGH where a note is above ``HIGH_MIDI``."""
        high = any(max(note.midi) > HIGH_MIDI for note in self.notes)
        return (*self.shape, HIGH) if high else self.shape

    @property
    def batch_key(self) -> tuple[Any, ...]:
        """Patches with equal keys can be rendered together."""
        single = all(note.start == 0 for note in self.notes)
        voices = max((len(note.midi) for note in self.notes), default=0)
        return (self.renderer, self.batch_shape, voices, single, self.padded_frames)


def padded_length(frames: int) -> int:
    """Round a length up to one of eight sizes an octave, so that patches share batches.

    Args:
        frames: Length in frames.

    Returns:
        A length of at least ``frames`` that has small prime factors.
    """
    exponent = math.floor(math.log2(max(frames, 1024) - 1))
    step = (1 << exponent) // _SIZES_PER_OCTAVE
    return max(1024, math.ceil(frames / step) * step)


class Dice:
    """Random laws for musical parameters, from one seed."""

    def __init__(self, *seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def uniform(self, low: float, high: float) -> float:
        """Draw evenly between two numbers."""
        return float(self.rng.uniform(low, high))

    def log(self, low: float, high: float) -> float:
        """Draw evenly in octaves between two positive numbers."""
        return float(math.exp(self.rng.uniform(math.log(low), math.log(high))))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return bool(self.rng.random() < probability)

    def choice(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Draw one of the options, evenly or by weights."""
        if weights is None:
            return options[int(self.rng.integers(len(options)))]
        heights = list(accumulate(weights))
        return options[bisect_right(heights, self.rng.random() * heights[-1])]

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def seed(self) -> int:
        """Draw a seed for something that is drawn on its own."""
        return int(self.rng.integers(2**31))


@dataclass(frozen=True, slots=True)
class Timing:
    """Notes as signals. Shapes: each [B, F], or [B, 1] / [1, F] where nothing changes.

    ``frequencies_hz`` has one entry per chord voice; ``since_s`` is the time from the note's start,
    ``left_s`` the time until the next note or the clip's end, ``gate_s`` how long it is held.
    """

    frequencies_hz: tuple[Tensor, ...]
    since_s: Tensor
    gate_s: Tensor
    left_s: Tensor
    velocity: Tensor


class Batch:
    """Patches of one batch key, read as tensors.

    Shapes: values are [B, 1]; signals are [B, F] with F the padded length; slow signals are [B, S],
    one value every ``SLOW_FRAMES`` frames and one past the end.
    """

    def __init__(self, patches: Sequence[Patch], device: torch.device | str = "cpu") -> None:
        self.patches = tuple(patches)
        self.device = torch.device(device)
        self.frames = self.patches[0].padded_frames
        self.shape = self.patches[0].batch_shape

    def __len__(self) -> int:
        return len(self.patches)

    def __getitem__(self, name: str) -> Tensor:
        """Read one parameter of all patches, 0 where a patch does not have it: [B, 1]."""
        return self._column([patch.values.get(name, 0.0) for patch in self.patches])

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)[:, None]

    @cached_property
    def time_s(self) -> Tensor:
        """Time from the clip's start in seconds: [1, F]."""
        return torch.arange(self.frames, device=self.device)[None] / SAMPLE_RATE_HZ

    @cached_property
    def slow_time_s(self) -> Tensor:
        """Times of the slow frames in seconds: [1, S]."""
        count = -(-self.frames // SLOW_FRAMES) + 1
        return torch.arange(count, device=self.device)[None] * (SLOW_FRAMES / SAMPLE_RATE_HZ)

    def smooth(self, slow: Tensor) -> Tensor:
        """Draw straight lines between the values of a slow signal: [B, S] to [B, F]."""
        first, step = slow[:, :-1, None], slow.diff(dim=-1)[..., None]
        place = torch.arange(SLOW_FRAMES, device=self.device) / SLOW_FRAMES
        return torch.addcmul(first, step, place).flatten(1)[:, : self.frames]

    def slow(self, signal: Tensor) -> Tensor:
        """Take a signal [B, F] at the slow frames; a constant [B, 1] stays."""
        if signal.shape[-1] == 1:
            return signal
        index = torch.arange(self.slow_time_s.shape[-1], device=self.device) * SLOW_FRAMES
        return signal[:, index.clamp_max(self.frames - 1)]

    def noise(self, stream: int = 0, frames: int | None = None) -> Tensor:
        """White Gaussian noise, each row from its patch's seed alone: [B, frames]."""
        length = self.frames if frames is None else min(frames, self.frames)
        rows = [_noise_row(patch.seed, stream, length) for patch in self.patches]
        return torch.stack(rows).to(self.device)

    def random(self, stream: int, count: int) -> Tensor:
        """Even random numbers in [0, 1), each row from its patch's seed alone: [B, count]."""
        rows = [np.random.default_rng([p.seed, stream, 7]).random(count) for p in self.patches]
        return torch.tensor(np.stack(rows), dtype=torch.float32, device=self.device)

    @cached_property
    def timing(self) -> Timing:
        """The notes as signals; a patch's single note at frame 0 stays [B, 1]."""
        single = all(len(patch.notes) == 1 for patch in self.patches)
        return self._single_note() if single else self._note_tracks()

    def _single_note(self) -> Timing:
        notes = [patch.notes[0] for patch in self.patches]
        voices = tuple(
            self._column([midi_to_hz(note.midi[v]) for note in notes])
            for v in range(len(notes[0].midi))
        )
        gate = self._column([note.frames / SAMPLE_RATE_HZ for note in notes])
        velocity = self._column([note.velocity for note in notes])
        left = self._column([p.frames / SAMPLE_RATE_HZ for p in self.patches]) - self.time_s
        return Timing(voices, self.time_s, gate, left, velocity)

    def _note_tracks(self) -> Timing:
        voice_count = max(len(note.midi) for patch in self.patches for note in patch.notes)
        rows = [_note_rows(patch, self.frames, voice_count) for patch in self.patches]
        stacked = torch.from_numpy(np.stack(rows, 1)).to(self.device)
        voices = tuple(stacked[4 + v] for v in range(voice_count))
        return Timing(voices, stacked[0], stacked[1], stacked[2], stacked[3])


def _noise_row(seed: int, stream: int, frames: int) -> Tensor:
    """One row of noise; lengths are rounded to 16 so that a prefix never depends on the length."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + stream * 7_919) % 2**63)
    return torch.randn(-(-frames // 16) * 16, generator=generator)[:frames]


def _note_rows(patch: Patch, frames: int, voice_count: int) -> np.ndarray[Any, Any]:
    """Since, gate, left, velocity and voice frequencies of one patch: float32 [4 + V, frames]."""
    rows = np.zeros((4 + voice_count, frames), np.float32)
    rows[1] = 1e-3
    rows[4:] = midi_to_hz(patch.notes[0].midi[0])
    ends = [note.start for note in patch.notes[1:]] + [patch.frames]
    for note, end in zip(patch.notes, ends, strict=True):
        stop = frames if end == patch.frames else end
        span = np.arange(stop - note.start, dtype=np.float32) / SAMPLE_RATE_HZ
        rows[0, note.start : stop] = span
        rows[1, note.start : stop] = note.frames / SAMPLE_RATE_HZ
        rows[2, note.start : stop] = (end - note.start) / SAMPLE_RATE_HZ - span
        rows[3, note.start : stop] = note.velocity
        for voice in range(voice_count):
            midi = note.midi[voice % len(note.midi)]
            rows[4 + voice, note.start : stop] = midi_to_hz(midi)
    return rows
