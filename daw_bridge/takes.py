"""Takes in shared memory: who made them, who owns them, who may free them.

The generator's child makes a take and writes into it; the audio child maps it and plays it; the
control process alone owns its name and removes it, once the audio child has said that it holds the
take no more. Flow: `create_take` (generator) → `TakeStore.adopt` (control) → `open_take` (audio) →
`TakeStore.dispose` (control).

A take may be played while it is made. Behind its frames stands how many of them are missing, which
its maker counts down after writing; nobody reads further. A take that nobody counts for is whole.

Knows nothing of voices, prompts or sessions: a take is frames, a name and a number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daw_bridge.errors import AudioError
from daw_bridge.shared_memory import SharedBlock, create_block, map_block, remove_block
from generator.api import CHANNELS, FloatArray

_FRAME_BYTES = CHANNELS * 4
_COUNT_BYTES = 8


@dataclass(frozen=True, slots=True)
class TakeBuffer:
    """One take, mapped into this process.

    The memory is unmapped with the last reference to `audio` and `missing`, so where those die
    matters: never in the audio callback.

    Shapes:
        audio: [frames, channels]
        missing: [1], how many frames at its end are not made yet
    """

    name: str
    audio: FloatArray
    missing: npt.NDArray[np.int64]

    @property
    def frames(self) -> int:
        """Its length."""
        return len(self.audio)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is made."""
        return not self.missing[0]

    def await_frames(self) -> None:
        """Say that nothing of it is made yet; `append` will bring it."""
        self.missing[0] = self.frames

    def append(self, chunk: FloatArray) -> int:
        """Write the next frames, and say that they are there.

        Shapes:
            chunk: [n, channels], no more than are missing

        Args:
            chunk: What comes next.

        Returns:
            How many frames are there now.
        """
        made = self.frames - int(self.missing[0])
        self.audio[made : made + len(chunk)] = chunk
        # After the frames: who reads the count finds them.
        self.missing[0] -= len(chunk)
        return made + len(chunk)


def create_take(
    frames: int,
    *,
    owner_pid: int | None = None,
    announce: Callable[[str], None] | None = None,
) -> TakeBuffer:
    """Reserve a silent take.

    Args:
        frames: Its length, at least 1.
        owner_pid: The control process that will own it; this process where it is not given.
        announce: Told its name before it exists (see `create_block`).

    Returns:
        The take, ready to be written into.

    Raises:
        AudioError: It has no frames, or there is no shared memory left.
    """
    if frames < 1:
        raise AudioError(f"A take of {frames} frames cannot be made: it needs at least 1.")
    size_bytes = frames * _FRAME_BYTES + _COUNT_BYTES
    block = create_block("take", size_bytes=size_bytes, owner_pid=owner_pid, announce=announce)
    return _as_take(block, frames)


def open_take(name: str, frames: int) -> TakeBuffer:
    """Map a take that another process made.

    Args:
        name: Its name in shared memory.
        frames: Its length.

    Returns:
        The take; writing into it is seen by every process that has it mapped.

    Raises:
        AudioError: There is no such take, or it is shorter.
    """
    if frames < 1:
        raise AudioError(f"Take {name} has {frames} frames: it needs at least 1.")
    return _as_take(map_block(name, size_bytes=frames * _FRAME_BYTES + _COUNT_BYTES), frames)


def remove_take(name: str) -> None:
    """Remove a take that nobody adopted. A take that is gone is no error."""
    remove_block(name)


@dataclass(frozen=True, slots=True)
class OwnedTake:
    """A take in the control process's keeping: its number, name and length."""

    take_id: int
    shm_name: str
    frames: int


class TakeStore:
    """The takes that the control process owns: it numbers them, and it alone removes them."""

    def __init__(self) -> None:
        self._takes: dict[int, OwnedTake] = {}
        self._next_id = 1

    def __len__(self) -> int:
        return len(self._takes)

    def __contains__(self, take_id: int) -> bool:
        return take_id in self._takes

    def adopt(self, shm_name: str, frames: int) -> OwnedTake:
        """Take a generator's finished take into keeping.

        Args:
            shm_name: Its name in shared memory.
            frames: Its length.

        Returns:
            The take with its number, which is never given twice.
        """
        take = OwnedTake(self._next_id, shm_name, frames)
        self._next_id += 1
        self._takes[take.take_id] = take
        return take

    def get(self, take_id: int) -> OwnedTake | None:
        """The take of a number, or nothing once it is disposed of."""
        return self._takes.get(take_id)

    def dispose(self, take_id: int) -> None:
        """Remove a take that the audio child holds no more. An unknown number is no error."""
        take = self._takes.pop(take_id, None)
        if take is not None:
            remove_block(take.shm_name)

    def close(self) -> None:
        """Remove every take that is left."""
        for take_id in tuple(self._takes):
            self.dispose(take_id)


def _as_take(block: SharedBlock, frames: int) -> TakeBuffer:
    flat = np.frombuffer(block.memory, dtype=np.float32, count=frames * CHANNELS)
    missing = np.frombuffer(block.memory, dtype=np.int64, count=1, offset=frames * _FRAME_BYTES)
    return TakeBuffer(block.name, flat.reshape(frames, CHANNELS), missing)
