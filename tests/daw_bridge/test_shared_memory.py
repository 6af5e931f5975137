"""Laws of the named blocks: who sees them, what is refused, what is swept up."""

import os
import subprocess
import sys

import pytest

from daw_bridge.errors import AudioError
from daw_bridge.shared_memory import (
    blocks_of,
    create_block,
    map_block,
    remove_block,
    remove_blocks_of,
    remove_leftovers,
)


def test_a_block_is_the_same_memory_under_its_name() -> None:
    made = create_block("test", size_bytes=100)
    found = map_block(made.name, size_bytes=100)
    made.memory[7] = 42
    assert found.memory[7] == 42
    remove_block(made.name)
    assert found.memory[7] == 42
    with pytest.raises(AudioError, match="cannot be mapped"):
        map_block(made.name, size_bytes=100)


def test_removing_twice_is_no_error() -> None:
    block = create_block("test", size_bytes=1)
    remove_block(block.name)
    remove_block(block.name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "dawb-1-take", "dawb-x-take-00", "a/b"])
def test_a_foreign_name_is_refused(name: str) -> None:
    with pytest.raises(AudioError, match="is no name of our shared memory"):
        map_block(name, size_bytes=1)


def test_a_block_larger_than_the_machine_is_refused_with_advice() -> None:
    before = blocks_of(os.getpid())
    with pytest.raises(AudioError, match="larger /dev/shm"):
        create_block("test", size_bytes=2**50)
    assert blocks_of(os.getpid()) == before


def test_a_process_can_answer_for_the_blocks_of_another() -> None:
    block = create_block("test", size_bytes=8, owner_pid=2**22 + 17)
    assert blocks_of(2**22 + 17) == (block.name,)
    remove_blocks_of(2**22 + 17)
    assert blocks_of(2**22 + 17) == ()


def test_what_the_dead_left_behind_is_swept_up() -> None:
    program = (
        "from daw_bridge.shared_memory import create_block\n"
        "print(create_block('test', size_bytes=8).name)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    mine = create_block("test", size_bytes=8)
    removed = remove_leftovers()
    assert result.stdout.strip() in removed
    assert mine.name not in removed
    remove_block(mine.name)
