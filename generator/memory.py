"""What a generator remembers, so that takes can be made from it: takes that it made, sounds heard.

A take is remembered under the identity of its request: its latents, and where it is open what
stands after its last frame. A sound is remembered under its own, as it will be encoded. Knows
nothing of how latents come to be. Used by generator/pipeline.py.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from generator.api import MAX_SOUNDS, FloatArray, sound_identity
from generator.errors import RequestError, SourceError
from generator.levels import PEAK

REMEMBERED_TAKES = 128
# 80 dB below full scale.
SILENT = 1e-4
State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Remembered(Generic[State]):
    """A take as its latents.

    Shapes:
        latents: [1, channels, n]

    Attributes:
        latents: All that was made, what is not heard yet included.
        heard: How many of them have been heard.
        ending: What carries the sound on from there; None where the take has ended for good.
    """

    latents: FloatArray
    heard: int
    ending: State | None


class TakeMemory(Generic[State]):
    """The newest takes by the identity of their requests."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._takes: OrderedDict[str, Remembered[State]] = OrderedDict()

    def keep(self, identity: str, take: Remembered[State]) -> None:
        """Remember a take, and forget the one that was not asked for for the longest time."""
        self._takes[identity] = take
        self._takes.move_to_end(identity)
        if len(self._takes) > REMEMBERED_TAKES:
            self._takes.popitem(last=False)

    def recall(self, identity: str) -> Remembered[State]:
        """Return a take.

        Args:
            identity: That of its request.

        Returns:
            What is remembered of it.

        Raises:
            SourceError: It is not remembered.
        """
        take = self._takes.get(identity)
        if take is None:
            raise SourceError(
                f"The take {identity[:8]} that this one is made from is not remembered: the last "
                f"{REMEMBERED_TAKES} are, until the generator ends. Make it again first."
            )
        self._takes.move_to_end(identity)
        return take


class SoundMemory:
    """The newest sounds that were heard, at the level of what the networks learnt from."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._sounds: OrderedDict[str, FloatArray] = OrderedDict()

    def keep(self, audio: FloatArray) -> str:
        """Remember a sound, and forget the one that was not wanted for the longest time.

        Shapes:
            audio: [frames, 2]

        Args:
            audio: Any sound, as loud as it may be.

        Returns:
            Its identity.

        Raises:
            RequestError: It is silent, or no sound.
        """
        identity = sound_identity(audio)
        if identity not in self._sounds:
            self._sounds[identity] = _levelled(audio)
        self._sounds.move_to_end(identity)
        if len(self._sounds) > MAX_SOUNDS:
            self._sounds.popitem(last=False)
        return identity

    def recall(self, identity: str) -> FloatArray | None:
        """Return a sound, None where no such sound is remembered."""
        return self._sounds.get(identity)


def _levelled(audio: FloatArray) -> FloatArray:
    """Return a sound without offset, at the peak that every clip of a corpus has."""
    if not np.isfinite(audio).all():
        raise RequestError("The sound to begin from has numbers that are none. Give another one.")
    centred = audio - audio.sum(axis=0, dtype=np.float64).astype(np.float32) / max(1, len(audio))
    peak = float(np.abs(centred).max(initial=0.0))
    if peak < SILENT:
        raise RequestError("The sound to begin from is silent. Give one that can be heard.")
    levelled: FloatArray = centred * np.float32(PEAK / peak)
    return levelled
