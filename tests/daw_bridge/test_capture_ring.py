"""Laws of the capture ring: what is read is what was written, frame by frame, or it is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.capture_ring import (
    CaptureReader,
    CaptureWriter,
    create_capture_block,
    map_capture_block,
)
from daw_bridge.errors import AudioError
from daw_bridge.shared_memory import remove_block
from generator.api import FloatArray

CAPACITY = 64


def numbered(first: int, end: int) -> FloatArray:
    """Frames that tell their own numbers [end - first, 2]."""
    frames = np.arange(first, end, dtype=np.float32)
    return np.stack([frames, -frames], axis=1)


def make_ends() -> tuple[CaptureWriter, CaptureReader]:
    block = create_capture_block(CAPACITY)
    try:
        return (
            CaptureWriter(map_capture_block(block.name, CAPACITY), CAPACITY),
            CaptureReader(block, CAPACITY),
        )
    finally:
        remove_block(block.name)


@given(st.data())
def test_what_is_read_is_what_was_written_whatever_the_blocks(data: st.DataObject) -> None:
    writer, reader = make_ends()
    frame = data.draw(st.integers(1, 1000))
    written: dict[int, float] = {}
    for _ in range(data.draw(st.integers(1, 12))):
        frame += data.draw(st.sampled_from([0, 0, 0, 1, 7, 200]))  # a process that was restarted
        length = data.draw(st.integers(1, CAPACITY))
        writer.write(frame, numbered(frame, frame + length))
        written |= {one: float(one) for one in range(frame, frame + length)}
        frame += length
    assert reader.end_frame == frame
    first = data.draw(st.integers(max(0, frame - CAPACITY), frame))
    end = data.draw(st.integers(first, frame))
    expected = [written.get(one, 0.0) for one in range(first, end)]
    audio = reader.read(first, end)
    assert audio[:, 0].tolist() == expected
    assert (audio[:, 1] == -audio[:, 0]).all()


def test_what_is_gone_or_to_come_is_refused() -> None:
    writer, reader = make_ends()
    writer.write(0, numbered(0, 40))
    writer.write(40, numbered(40, 80))
    with pytest.raises(AudioError, match="not sounded yet"):
        reader.read(60, 81)
    with pytest.raises(AudioError, match="is gone"):
        reader.read(15, 40)
    assert reader.read(16, 80)[0, 0] == 16.0


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    writer, reader = make_ends()
    writer.write(0, numbered(0, 50))
    writer.write(45, numbered(45, 48))
    assert reader.end_frame == 50
    writer.write(48, numbered(48, 60))
    assert reader.read(0, 60)[:, 0].tolist() == list(range(60))


@given(
    pairs=st.integers(1, 4), device_pairs=st.integers(1, 4), lengths=st.lists(st.integers(1, 50))
)
def test_pairs_are_kept_apart_and_those_that_a_device_lacks_are_silent(
    pairs: int, device_pairs: int, lengths: list[int]
) -> None:
    device_pairs = min(device_pairs, pairs)
    block = create_capture_block(CAPACITY, pairs)
    remove_block(block.name)
    writer = CaptureWriter(block, CAPACITY, pairs)
    reader = CaptureReader(block, CAPACITY, pairs)
    # Of the output before this one, which had all pairs.
    writer.write(0, np.full((CAPACITY, 2 * pairs), 9.0, np.float32))
    frame = CAPACITY
    for length in lengths:
        one = numbered(frame, frame + length)
        writer.write(frame, np.hstack([one + 1000 * pair for pair in range(device_pairs)]))
        frame += length
    first = max(CAPACITY, frame - CAPACITY)
    for pair in range(1, pairs + 1):
        expected = numbered(first, frame) + 1000 * (pair - 1)
        if pair > device_pairs:
            expected = np.zeros_like(expected)
        np.testing.assert_array_equal(reader.read(first, frame, pair), expected)
