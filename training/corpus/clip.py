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
import numpy.typing as npt

SAMPLE_RATE_HZ = 44_100
PEAK = 10.0 ** (-1.0 / 20.0)
"""Sample peak of every stored clip: -1 dBFS."""

FloatArray = npt.NDArray[np.float32]
Split = Literal["train", "valid", "test"]


@dataclass(frozen=True, slots=True)
class Clip:
    """A sound, its words and its origin.

    ``stem`` groups recordings that belong together; splits are made by it. ``key`` names the clip,
    ``musical_key`` is a key such as "F# minor". ``audio`` is float32 [frames, channels] at 44.1 kHz.
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
