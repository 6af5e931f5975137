"""A bounded ring of fixed-size records in shared memory: one process writes, another reads.

No lock: each side alone moves its own index. The writer stores a record first and its index second;
the reader moves its index only after it has copied the record. CPython has no memory barrier to
ask for, and on ARM another core may see the index before the record; so every record carries a
checksum over its place in the stream and its bytes, and a record that does not check is not there
yet. On x86 the check never fails.

Knows nothing of what the records mean. Flow: `create_ring` in one process, `open_ring` by name in
the other; `push` on one side, `pop` on the other.
"""

import struct
import zlib

from daw_bridge.errors import AudioError
from daw_bridge.shared_memory import SharedBlock, create_block, map_block

# The two indices stand on cache lines of their own, so that the cores do not fight for them.
_LINE_BYTES = 64
_WRITE_INDEX = 0
_READ_INDEX = _LINE_BYTES // 8
_HEADER_BYTES = 2 * _LINE_BYTES
_CHECKSUM = struct.Struct("=I")


class Ring:
    """One end of a ring. An end is used by one thread only."""

    def __init__(self, block: SharedBlock, *, capacity: int, record_bytes: int) -> None:
        """Lay a ring over a block.

        Args:
            block: Memory of `ring_bytes` bytes, all zero before the first use.
            capacity: How many records it holds, a power of two.
            record_bytes: The size of each.
        """
        self.name = block.name
        self._capacity = capacity
        self._record_bytes = record_bytes
        self._stride = _stride(record_bytes)
        # One item is one aligned machine word, which is stored and loaded whole.
        self._indices = memoryview(block.memory)[:_HEADER_BYTES].cast("Q")
        end = _HEADER_BYTES + capacity * self._stride
        self._records = memoryview(block.memory)[_HEADER_BYTES:end]

    @property
    def capacity(self) -> int:
        """How many records it holds."""
        return self._capacity

    def __len__(self) -> int:
        return self._indices[_WRITE_INDEX] - self._indices[_READ_INDEX]

    def push(self, record: bytes) -> bool:
        """Append a record; the writer's end only.

        Args:
            record: Exactly `record_bytes` bytes.

        Returns:
            Whether there was room; a record without room is not stored.
        """
        index = self._indices[_WRITE_INDEX]
        if index - self._indices[_READ_INDEX] >= self._capacity:
            return False
        start = (index & (self._capacity - 1)) * self._stride
        end = start + self._record_bytes
        self._records[start:end] = record
        _CHECKSUM.pack_into(self._records, end, _checksum(record, index))
        self._indices[_WRITE_INDEX] = index + 1
        return True

    def pop(self) -> bytes | None:
        """Remove the oldest record; the reader's end only.

        Returns:
            A copy of the record, or nothing if there is none that is whole.
        """
        index = self._indices[_READ_INDEX]
        if index == self._indices[_WRITE_INDEX]:
            return None
        start = (index & (self._capacity - 1)) * self._stride
        end = start + self._record_bytes
        record = bytes(self._records[start:end])
        (checksum,) = _CHECKSUM.unpack_from(self._records, end)
        if checksum != _checksum(record, index):
            return None
        self._indices[_READ_INDEX] = index + 1
        return record


def ring_bytes(*, capacity: int, record_bytes: int) -> int:
    """How much memory a ring needs.

    Args:
        capacity: How many records it holds, a power of two.
        record_bytes: The size of each.

    Returns:
        The size of its block.

    Raises:
        AudioError: The capacity is no power of two.
    """
    if capacity < 1 or capacity & (capacity - 1):
        raise AudioError(f"A ring of {capacity} records cannot be: it must be a power of two.")
    return _HEADER_BYTES + capacity * _stride(record_bytes)


def create_ring(*, capacity: int, record_bytes: int) -> Ring:
    """Make an empty ring in shared memory.

    Args:
        capacity: How many records it holds, a power of two.
        record_bytes: The size of each.

    Returns:
        One end of it; the other is opened by its name.
    """
    size_bytes = ring_bytes(capacity=capacity, record_bytes=record_bytes)
    block = create_block("ring", size_bytes=size_bytes)
    return Ring(block, capacity=capacity, record_bytes=record_bytes)


def open_ring(name: str, *, capacity: int, record_bytes: int) -> Ring:
    """Open the other end of a ring.

    Args:
        name: The name of the ring that another process made.
        capacity: As it was made.
        record_bytes: As it was made.

    Returns:
        That end.
    """
    size_bytes = ring_bytes(capacity=capacity, record_bytes=record_bytes)
    block = map_block(name, size_bytes=size_bytes)
    return Ring(block, capacity=capacity, record_bytes=record_bytes)


def _stride(record_bytes: int) -> int:
    return (record_bytes + _CHECKSUM.size + 7) // 8 * 8


def _checksum(record: bytes, index: int) -> int:
    return zlib.crc32(record, (index + 1) & 0xFFFFFFFF)
