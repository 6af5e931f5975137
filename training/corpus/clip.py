"""One sound with what is known about it: the record that every source of the corpus yields.

Does not know where clips come from, nor what is trained on them. Renderers and readers make clips,
``captions`` gives them words, ``shards`` stores them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from generator.api import SAMPLE_RATE_HZ, FloatArray

PEAK = 10.0 ** (-1.0 / 20.0)
"""Sample peak of every stored clip: -1 dBFS."""

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True, slots=True)
class Clip:
    """A sound, its words and its origin.

    ``stem`` groups recordings that belong together; splits are made by it. ``key`` names the clip,
    ``musical_key`` is a key such as "F# minor". ``audio`` is float32 [frames, channels] at 44.1
    kHz.
    """

    key: str
    source: str
    stem: str
    licence: str
    author: str
    audio: FloatArray
    captions: tuple[str, ...] = ()
    tempo_bpm: float | None = None
    bars: int | None = None
    musical_key: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.audio.shape[0] / SAMPLE_RATE_HZ)

    @property
    def split(self) -> Split:
        """The part of the corpus that this clip's stem belongs to."""
        return split_of(self.stem)


def split_of(stem: str) -> Split:
    """Assign a stem to a split by its hash: 4 % validation, 4 % test, the rest training.

    Args:
        stem: Name of the group of recordings.

    Returns:
        The same split for the same stem, on every machine.
    """
    percent = int.from_bytes(hashlib.sha256(stem.encode()).digest()[:4], "big") % 100
    if percent < 4:
        return "valid"
    return "test" if percent < 8 else "train"


def trimmed(audio: FloatArray, floor: float = 0.001) -> FloatArray:
    """Cut what is quieter than ``floor`` times the peak from both ends, keeping 2 ms before it.

    Args:
        audio: [frames, channels].
        floor: Share of the peak; 0.001 is -60 dB.

    Returns:
        A part of the audio, at least 60 ms long where there is that much.
    """
    level = np.abs(audio).max(1)
    loud = np.nonzero(level > floor * level.max())[0]
    if len(loud) == 0:
        return audio
    begin = max(0, int(loud[0]) - 88)
    return audio[begin : max(int(loud[-1]) + 1, begin + 2646)]


def one_shot(audio: FloatArray, *, may_clip: bool = False) -> FloatArray | str:
    """Trim a rendered sound, level it and let its last 10 ms fade out.

    Args:
        audio: [frames, channels].
        may_clip: See `levelled`.

    Returns:
        A new array, or the reason of `levelled`.
    """
    sound = levelled(trimmed(audio), may_clip=may_clip)
    if isinstance(sound, str):
        return sound
    fade = min(len(sound) // 8, 441)
    sound[len(sound) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
    return sound


def levelled(audio: FloatArray, *, may_clip: bool = False) -> FloatArray | str:
    """Remove DC and set the peak to -1 dBFS, or say why the sound is not fit for training.

    Args:
        audio: [frames, channels].
        may_clip: Whether flat tops belong to the sound, as in old video games.

    Returns:
        A new array, or "empty", "not a number", "silent" or "clipped throughout".
    """
    if audio.size == 0:
        return "empty"
    if not np.isfinite(audio).all():
        return "not a number"
    top = float(np.abs(audio).max())
    if top < 1e-4:
        return "silent"
    clipped = float(np.mean(np.abs(audio) > 0.995 * top)) > 0.25 and not _square(audio)
    if clipped and not may_clip:
        return "clipped throughout"
    clean = audio - audio.mean(0, dtype=np.float64).astype(np.float32)
    return np.ascontiguousarray(clean * (PEAK / float(np.abs(clean).max())), dtype=np.float32)


def _square(audio: FloatArray) -> bool:
    """Whether a flat top is natural: a steady pulse has few values between its tops."""
    top = float(np.abs(audio).max())
    return float(np.mean(np.abs(audio) < 0.5 * top)) < 0.05
