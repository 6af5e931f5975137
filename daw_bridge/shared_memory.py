"""Named blocks of memory that several processes map: how they are made, found and removed.

A block is a file in a memory file system that is mapped into each process. The standard library's
`multiprocessing.shared_memory` was not taken: its tracker process removes blocks that other
processes still need, complains about what it removes, and does not reserve the pages, so that a
full `/dev/shm` kills the writer with SIGBUS instead of raising.

Knows nothing of takes, rings or audio. Every name begins with ``dawb-<pid>-``, where pid is the
process that answers for the block, so that what a killed daemon leaves behind can be found.
"""

import contextlib
import mmap
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daw_bridge.errors import AudioError

NAME_PATTERN = re.compile(r"dawb-(?P<pid>[0-9]+)-[a-z]+-[0-9a-f]+")
_MEMORY_FILE_SYSTEM = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory


@dataclass(frozen=True, slots=True)
class SharedBlock:
    """One mapped block. The mapping ends with the last view of `memory`."""

    name: str
    memory: mmap.mmap


def create_block(
    kind: str,
    *,
    size_bytes: int,
    owner_pid: int | None = None,
    announce: Callable[[str], None] | None = None,
) -> SharedBlock:
    """Reserve a new block, filled with zeros.

    Args:
        kind: What it holds, in lower-case letters; part of the name.
        size_bytes: Its size, at least 1.
        owner_pid: The process that answers for its removal; this one where it is not given.
        announce: Told the name before the block exists, so that somebody can remove it even if
            this process is killed while it makes the block.

    Returns:
        The mapped block.

    Raises:
        AudioError: No folder for shared memory has room for it.
    """
    name = f"dawb-{os.getpid() if owner_pid is None else owner_pid}-{kind}-{secrets.token_hex(6)}"
    if announce is not None:
        announce(name)
    refusals = []
    for folder in _folders():
        try:
            return SharedBlock(name, _create_file(folder / name, size_bytes))
        except OSError as error:
            refusals.append(f"{folder}: {error.strerror}")
    raise AudioError(
        f"No shared memory for {size_bytes} bytes ({'; '.join(refusals)}). "
        "Free some, or give the container a larger /dev/shm (docker run --shm-size=1g)."
    )


def map_block(name: str, *, size_bytes: int) -> SharedBlock:
    """Map a block that another process made.

    Args:
        name: Its name.
        size_bytes: How much of it to map; the block must be at least as large.

    Returns:
        The mapped block.

    Raises:
        AudioError: There is no block of that name and size.
    """
    path = _path_of(name)
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        try:
            return SharedBlock(name, _map_file(descriptor, size_bytes))
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise AudioError(
            f"Shared memory {name} of {size_bytes} bytes cannot be mapped: {error}"
        ) from error


def remove_block(name: str) -> None:
    """Remove a block's name; whoever has it mapped keeps it. A block that is gone is no error."""
    with contextlib.suppress(PermissionError):  # Windows keeps the name while it is mapped
        _path_of(name).unlink(missing_ok=True)


def blocks_of(pid: int) -> tuple[str, ...]:
    """Names of the blocks that a process answers for."""
    return tuple(name for name, owner in _all_blocks() if owner == pid)


def remove_blocks_of(pid: int) -> None:
    """Remove everything that a process answers for: its last act, or that of its children."""
    for name in blocks_of(pid):
        remove_block(name)


def remove_leftovers() -> tuple[str, ...]:
    """Remove the blocks of processes that are no more.

    Returns:
        The names that were removed.
    """
    names = tuple(name for name, owner in _all_blocks() if not _is_running(owner))
    for name in names:
        remove_block(name)
    return names


def _folders() -> tuple[Path, ...]:
    temporary = Path(tempfile.gettempdir())
    return (_MEMORY_FILE_SYSTEM, temporary) if _MEMORY_FILE_SYSTEM.is_dir() else (temporary,)


def _path_of(name: str) -> Path:
    if NAME_PATTERN.fullmatch(name) is None:
        raise AudioError(f"{name!r} is no name of our shared memory: it must be dawb-PID-KIND-HEX")
    paths = [folder / name for folder in _folders()]
    return next((path for path in paths if path.exists()), paths[0])


def _create_file(path: Path, size_bytes: int) -> mmap.mmap:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size_bytes)
        else:
            os.ftruncate(descriptor, size_bytes)
        return _map_file(descriptor, size_bytes)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


def _map_file(descriptor: int, size_bytes: int) -> mmap.mmap:
    if hasattr(mmap, "MAP_POPULATE"):
        # Pages that are already there fault no more, least of all in the audio callback.
        return mmap.mmap(descriptor, size_bytes, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    return mmap.mmap(descriptor, size_bytes)


def _all_blocks() -> list[tuple[str, int]]:
    found = []
    for folder in _folders():
        for path in folder.glob("dawb-*"):
            match = NAME_PATTERN.fullmatch(path.name)
            if match is not None:
                found.append((path.name, int(match["pid"])))
    return found


def _is_running(pid: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 asks nothing there; it would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
