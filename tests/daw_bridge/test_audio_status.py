"""Laws of the status: what is written is read, whole or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.audio_commands import MAX_PAIRS
from daw_bridge.audio_status import (
    AudioStatus,
    StatusReader,
    StatusWriter,
    create_status_block,
    map_status_block,
)
from daw_bridge.shared_memory import remove_block

numbers = st.integers(-(2**62), 2**62)
figures = st.floats(allow_nan=False)
levels = st.floats(allow_nan=False, width=32)
statuses = st.builds(
    AudioStatus,
    numbers,
    numbers,
    figures,
    numbers,
    *[figures] * 3,
    numbers,
    numbers,
    st.integers(0, MAX_PAIRS).flatmap(lambda pairs: st.tuples(*[levels] * 4 * pairs)),
)


@given(st.lists(statuses, min_size=1, max_size=5))
def test_the_last_status_is_read_in_another_mapping(written: list[AudioStatus]) -> None:
    block = create_status_block()
    reader = StatusReader(map_status_block(block.name))
    remove_block(block.name)
    assert reader.read() == AudioStatus()
    writer = StatusWriter(block)
    for status in written:
        writer.write(status)
        assert reader.read() == status


def test_a_torn_status_is_not_believed() -> None:
    block = create_status_block()
    remove_block(block.name)
    writer, reader = StatusWriter(block), StatusReader(block)
    writer.write(AudioStatus(callbacks=1))
    assert reader.read().callbacks == 1
    writer.write(AudioStatus(callbacks=2))
    block.memory[64] ^= 0xFF  # the place of every second status
    assert reader.read().callbacks == 1
