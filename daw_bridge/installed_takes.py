"""The takes that the mixer may play: installed, sounding, released, and handed out at their end.

A take that was released sounds on where it sounds; when no voice needs it any more it goes out on
`disposed`, and whoever runs the callback lets its last reference die elsewhere. Runs in the audio
callback. Flow: installer → mixer.py → here → `disposed`.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from daw_bridge.voice import Take
from generator.api import FloatArray


class InstalledTakes:
    """Takes by their number."""

    def __init__(self) -> None:
        self.disposed: deque[Take] = deque()
        self._takes: dict[int, Take] = {}
        self._release_on_arrival: set[int] = set()

    def __contains__(self, take_id: int) -> bool:
        """Whether a take is there, released or not."""
        return take_id in self._takes

    def add(
        self, take_id: int, audio: FloatArray, missing: npt.NDArray[np.int64] | None = None
    ) -> None:
        """Take one in.

        Shapes:
            audio: [frames, channels]
            missing: [1]

        Args:
            take_id: Its number, which is free.
            audio: Its frames.
            missing: How many frames at its end are not made yet, where it is still being made.
        """
        self._takes[take_id] = Take(take_id, audio, missing)

    def playable(self, take_id: int) -> Take | None:
        """A take that may begin to play."""
        take = self._takes.get(take_id)
        return None if take is None or take.released else take

    def has_arrived(self, take_id: int) -> None:
        """Let go of a take that was released before it came."""
        if take_id in self._release_on_arrival:
            self._release_on_arrival.remove(take_id)
            self.release(take_id)

    def release(self, take_id: int) -> None:
        """Let go of a take as soon as nothing sounds it, or when it comes."""
        take = self._takes.get(take_id)
        if take is None:
            self._release_on_arrival.add(take_id)
            return
        take.released = True
        self.dispose_if_unused(take)

    def dispose_if_unused(self, take: Take) -> None:
        """Hand out a take that was released and that no voice sounds."""
        if take.released and take.voices == 0:
            self.disposed.append(self._takes.pop(take.take_id))
