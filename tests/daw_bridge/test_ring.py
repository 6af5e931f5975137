"""Laws of the ring: first in, first out, bounded, and whole records only, across processes."""

import subprocess
import sys
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.errors import AudioError
from daw_bridge.ring import Ring, create_ring, open_ring
from daw_bridge.shared_memory import map_block, remove_block

RECORD_BYTES = 24

WRITER = """
import sys
from daw_bridge.ring import open_ring
ring = open_ring(sys.argv[1], capacity=64, record_bytes=24)
for number in range(5_000):
    record = number.to_bytes(8, "little") * 3
    while not ring.push(record):
        pass
"""


@pytest.fixture
def ends() -> tuple[Ring, Ring]:
    writer = create_ring(capacity=8, record_bytes=RECORD_BYTES)
    reader = open_ring(writer.name, capacity=8, record_bytes=RECORD_BYTES)
    remove_block(writer.name)
    return writer, reader


@given(operations=st.lists(st.one_of(st.none(), st.binary(min_size=24, max_size=24)), max_size=80))
def test_a_ring_is_a_bounded_queue(operations: list[bytes | None]) -> None:
    writer = create_ring(capacity=8, record_bytes=RECORD_BYTES)
    reader = open_ring(writer.name, capacity=8, record_bytes=RECORD_BYTES)
    remove_block(writer.name)
    oracle: deque[bytes] = deque()
    for operation in operations:
        if operation is None:
            assert reader.pop() == (oracle.popleft() if oracle else None)
        else:
            assert writer.push(operation) == (len(oracle) < 8)
            if len(oracle) < 8:
                oracle.append(operation)
        assert len(reader) == len(writer) == len(oracle)


def test_a_full_ring_keeps_what_it_has(ends: tuple[Ring, Ring]) -> None:
    writer, reader = ends
    records = [bytes([number]) * RECORD_BYTES for number in range(9)]
    assert [writer.push(record) for record in records] == [True] * 8 + [False]
    assert [reader.pop() for _ in range(9)] == [*records[:8], None]


def test_a_record_that_is_not_whole_is_not_there_yet() -> None:
    writer = create_ring(capacity=8, record_bytes=RECORD_BYTES)
    memory = map_block(writer.name, size_bytes=200).memory
    reader = open_ring(writer.name, capacity=8, record_bytes=RECORD_BYTES)
    remove_block(writer.name)
    record = b"r" * RECORD_BYTES
    writer.push(record)
    start = memory.find(record)
    memory[start] = 0  # as if this byte had not arrived from the other core
    assert reader.pop() is None
    memory[start] = record[0]
    assert reader.pop() == record


def test_another_process_is_heard_in_order_and_whole() -> None:
    reader = create_ring(capacity=64, record_bytes=RECORD_BYTES)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, reader.name])
    expected = 0
    while expected < 5_000:
        record = reader.pop()
        if record is None:
            assert writer.poll() in {None, 0}
            continue
        assert record == expected.to_bytes(8, "little") * 3
        expected += 1
    assert writer.wait(timeout=10) == 0
    assert reader.pop() is None
    remove_block(reader.name)


def test_a_capacity_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(AudioError, match="power of two"):
        create_ring(capacity=6, record_bytes=RECORD_BYTES)
