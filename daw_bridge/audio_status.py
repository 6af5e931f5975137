"""What the audio process tells about itself, in shared memory: read at any time, without a lock.

The callback writes a whole status into one of two places in turn and then says which; a checksum
tells the reader whether it saw a whole one. Knows nothing of what the figures are used for. Flow:
`StatusWriter` in the audio callback, `StatusReader` in the control process.
"""

import struct
import zlib
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter

from daw_bridge.shared_memory import SharedBlock, create_block, map_block
from generator.api import SAMPLE_RATE_HZ

# A record's checksum and length; then its figures, and then its levels.
_HEAD = struct.Struct("=II")
_FIGURES = struct.Struct("=qqdqdddqq")
_PLACE_BYTES = 512
_FIRST_PLACE = 64
_BLOCK_BYTES = _FIRST_PLACE + 2 * _PLACE_BYTES
_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class AudioStatus:
    """The audio process at the beginning of its last callback. Levels are linear, full scale 1.

    Attributes:
        callbacks: How many there were.
        clock_frame: The first frame of the last block, absolute.
        clock_monotonic_s: When that frame was due, on the system's monotonic clock, smoothed.
        xruns: Interruptions that the audio server reported.
        cpu_load: Share of a block's time that rendering takes, smoothed, in [0, 1].
        limiter_gain: Gain of the limiter, 1 at rest.
        output_latency_ms: From a block's rendering to its sounding, as the server says.
        buffer_frames: Length of the last block.
        playing_slots: How many slots sound.
        levels: Of each stereo pair its left and right peak, which fall off by half in about 50 ms,
            and its left and right root of the mean square over about 100 ms.
    """

    callbacks: int = 0
    clock_frame: int = 0
    clock_monotonic_s: float = 0.0
    xruns: int = 0
    cpu_load: float = 0.0
    limiter_gain: float = 1.0
    output_latency_ms: float = 0.0
    buffer_frames: int = 0
    playing_slots: int = 0
    levels: tuple[float, ...] = ()

    def heard_at_s(self, frame: int) -> float:
        """The monotonic time at which a frame of the output is heard."""
        due_s = self.clock_monotonic_s + (frame - self.clock_frame) / SAMPLE_RATE_HZ
        return due_s + self.output_latency_ms / 1000.0


_figures_of = attrgetter(*(one.name for one in fields(AudioStatus) if one.name != "levels"))


@cache
def _levels_struct(count: int) -> struct.Struct:
    return struct.Struct(f"={count}f")


class StatusWriter:
    """The audio callback's end."""

    def __init__(self, block: SharedBlock) -> None:
        """Lay a status over a block.

        Args:
            block: What `create_status_block` made.
        """
        self._memory = block.memory
        self._turn = memoryview(block.memory)[:8].cast("Q")

    def write(self, status: AudioStatus) -> None:
        """Publish a status.

        Args:
            status: All of it; nothing is kept of the last one.
        """
        turn = self._turn[0] + 1
        place = _FIRST_PLACE + turn % 2 * _PLACE_BYTES
        levels = _levels_struct(len(status.levels)).pack(*status.levels)
        record = _FIGURES.pack(*_figures_of(status)) + levels
        head = _HEAD.pack(zlib.crc32(record), len(record))
        self._memory[place : place + _HEAD.size + len(record)] = head + record
        self._turn[0] = turn


class StatusReader:
    """The control process's end."""

    def __init__(self, block: SharedBlock) -> None:
        """Lay a status over a block.

        Args:
            block: What `create_status_block` made.
        """
        self._memory = block.memory
        self._turn = memoryview(block.memory)[:8].cast("Q")
        self._last = AudioStatus()

    def read(self) -> AudioStatus:
        """The latest whole status; an empty one before the first callback."""
        for _ in range(_ATTEMPTS):
            turn = self._turn[0]
            if turn == 0:
                break
            place = _FIRST_PLACE + turn % 2 * _PLACE_BYTES
            checksum, length = _HEAD.unpack_from(self._memory, place)
            record = self._memory[place + _HEAD.size : place + _HEAD.size + length]
            if checksum == zlib.crc32(record):
                levels = _levels_struct((length - _FIGURES.size) // 4)
                figures = _FIGURES.unpack_from(record)
                told = (*figures, levels.unpack_from(record, _FIGURES.size))
                self._last = AudioStatus(*told)
                break
        return self._last


def create_status_block() -> SharedBlock:
    """Reserve the memory for a status."""
    return create_block("status", size_bytes=_BLOCK_BYTES)


def map_status_block(name: str) -> SharedBlock:
    """Map the memory of a status that another process reserved."""
    return map_block(name, size_bytes=_BLOCK_BYTES)
