"""The last minutes of the output in shared memory: the audio callback writes, control reads.

A ring of frames on the absolute clock: a frame lies at its number modulo the capacity, so a reader
asks for frames by their numbers and gets exactly those. All stereo pairs of the output lie beside
each other, and one is read at a time. It outlives the audio process; frames that
nobody rendered, while a new one was started, are silent.

Knows nothing of files or bars. Flow: `CaptureWriter` in the audio callback, which only copies;
`CaptureReader` in the control process's file thread.
"""

import numpy as np

from daw_bridge.errors import AudioError
from daw_bridge.shared_memory import SharedBlock, create_block, map_block
from generator.api import CHANNELS, FloatArray

_HEADER_BYTES = 64
_SAMPLE_BYTES = 4


class CaptureWriter:
    """The audio callback's end."""

    def __init__(self, block: SharedBlock, frames: int, pairs: int = 1) -> None:
        """Lay a ring over a block.

        Args:
            block: What `create_capture_block` made.
            frames: As it was made.
            pairs: As it was made.
        """
        self._head, self._audio = _views(block, frames, pairs)

    def write(self, frame: int, block: FloatArray) -> None:
        """Keep a block; frames left out since the last one become silent.

        Shapes:
            block: [frames, 2 · pairs or fewer], at most as long as the ring; a device that has
                fewer leaves the others silent

        Args:
            frame: The absolute frame of its first.
            block: What was sent to the device.
        """
        head, capacity = self._head[0], len(self._audio)
        if frame > head:
            self._silence(max(head, frame - capacity), frame)
        start = frame % capacity
        until_end = min(len(block), capacity - start)
        here = block.shape[1]
        self._audio[start : start + until_end, :here] = block[:until_end]
        self._audio[: len(block) - until_end, :here] = block[until_end:]
        if here < self._audio.shape[1]:
            self._audio[start : start + until_end, here:] = 0.0
            self._audio[: len(block) - until_end, here:] = 0.0
        self._head[0] = max(head, frame + len(block))

    def _silence(self, first: int, end: int) -> None:
        capacity = len(self._audio)
        start, frames = first % capacity, end - first
        until_end = min(frames, capacity - start)
        self._audio[start : start + until_end] = 0.0
        self._audio[: frames - until_end] = 0.0


class CaptureReader:
    """The control process's end."""

    def __init__(self, block: SharedBlock, frames: int, pairs: int = 1) -> None:
        """Lay a ring over a block.

        Args:
            block: What `create_capture_block` made.
            frames: As it was made.
            pairs: As it was made.
        """
        self._head, self._audio = _views(block, frames, pairs)

    @property
    def end_frame(self) -> int:
        """The first absolute frame that has not been rendered yet."""
        return int(self._head[0])

    @property
    def first_frame(self) -> int:
        """The oldest absolute frame that is still there; the next callback may take some away."""
        return max(0, self.end_frame - len(self._audio))

    def read(self, first_frame: int, end_frame: int, pair: int = 1) -> FloatArray:
        """Copy frames out.

        Shapes:
            returns: [end_frame - first_frame, 2]

        Args:
            first_frame: The absolute frame to begin with.
            end_frame: The one after the last.
            pair: Of which pair, from 1.

        Returns:
            Exactly these frames as they went to the device.

        Raises:
            AudioError: They have been overwritten already, or are still to come.
        """
        if not first_frame <= end_frame <= self.end_frame:
            raise AudioError(f"Frame {end_frame} has not sounded yet; {self.end_frame} is next.")
        frames = end_frame - first_frame
        start = first_frame % len(self._audio)
        until_end = min(frames, len(self._audio) - start)
        if first_frame >= self.first_frame:
            copy = np.empty((frames, CHANNELS), np.float32)
            audio = self._audio[:, CHANNELS * (pair - 1) : CHANNELS * pair]
            copy[:until_end] = audio[start : start + until_end]
            copy[until_end:] = audio[: frames - until_end]
            # Looked at again: the callback may have come round while we copied.
            if first_frame >= self.first_frame:
                return copy
        raise AudioError(
            f"Frame {first_frame} is gone: the ring goes back to {self.first_frame} only."
        )


def create_capture_block(frames: int, pairs: int = 1) -> SharedBlock:
    """Reserve a silent ring.

    Args:
        frames: How many it holds, at least 1.
        pairs: Of how many stereo pairs.

    Returns:
        Its memory, for both ends.
    """
    return create_block("capture", size_bytes=_size_bytes(frames, pairs))


def map_capture_block(name: str, frames: int, pairs: int = 1) -> SharedBlock:
    """Map a ring that another process reserved.

    Args:
        name: Its name.
        frames: As it was made.
        pairs: As it was made.

    Returns:
        Its memory.
    """
    return map_block(name, size_bytes=_size_bytes(frames, pairs))


def _size_bytes(frames: int, pairs: int) -> int:
    return _HEADER_BYTES + frames * pairs * CHANNELS * _SAMPLE_BYTES


def _views(block: SharedBlock, frames: int, pairs: int) -> tuple[memoryview, FloatArray]:
    # One item is one aligned machine word, which is stored and loaded whole.
    head = memoryview(block.memory)[:8].cast("q")
    flat = np.frombuffer(
        block.memory, dtype=np.float32, count=frames * pairs * CHANNELS, offset=_HEADER_BYTES
    )
    return head, flat.reshape(frames, pairs * CHANNELS)
