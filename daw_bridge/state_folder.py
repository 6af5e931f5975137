"""The folder of what is kept between runs: who may write there, and a start that is safe.

One daemon at a time saves its state in a folder; a second one says so and runs without saving. A
state is loaded under a mark that goes away when the daemon is well; a mark that is found at the
start means that the last one broke on this very state, which is then set aside, never tried again.

Knows nothing of what a state holds. Flow: daemon.py asks it at the start; shelf.py writes.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from daw_bridge.errors import PresetError

STATE_FILE = "session.toml"
_MARK = "session.loading"
_MAX_ASIDE = 100


@dataclass
class StateFolder:
    """A state folder and this daemon's hold on it."""

    path: Path
    owns: bool = False
    _lock: FileLock | None = field(default=None, repr=False)

    def take(self) -> str:
        """Make the folder where it is missing, and take hold of it.

        Returns:
            Why this daemon may not save there; empty where it may.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path / "lock", timeout=0)
            self._lock.acquire()
        except Timeout:
            return (
                f"Another daw-bridge saves its state in {self.path}, so this one runs without "
                "saving. Give it a folder of its own with --state-dir."
            )
        except (OSError, NotImplementedError) as error:
            return (
                f"The state folder {self.path} cannot be used ({error}), so nothing is saved. "
                "Choose another with --state-dir."
            )
        self.owns = True
        return ""

    def begin_loading(self) -> Path | None:
        """Mark that the state is about to be loaded.

        Returns:
            The state to load, None where there is none or it must not be loaded.

        Raises:
            PresetError: The last start broke on this state, which is now set aside.
        """
        state, mark = self.path / STATE_FILE, self.path / _MARK
        if not self.owns or not state.exists():
            return None
        if mark.exists():
            raise PresetError(
                "The last start ended while it loaded the saved state. That state lies now in "
                f"{self.set_aside()}; this start is an empty one."
            )
        mark.touch()
        return state

    def set_aside(self) -> Path:
        """Move the state where no start finds it.

        Returns:
            Where it lies now.
        """
        names = (self.path / f"aside-{number}.toml" for number in range(1, _MAX_ASIDE))
        place = next((one for one in names if not one.exists()), self.path / "aside.toml")
        (self.path / STATE_FILE).replace(place)
        self.end_loading()
        return place

    def end_loading(self) -> None:
        """Take the mark away: the state did no harm."""
        if self.owns:
            (self.path / _MARK).unlink(missing_ok=True)

    def release(self) -> None:
        """Let another daemon have the folder."""
        if self._lock is not None:
            self._lock.release()
        self.owns = False


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file by another at once: whoever reads it, or loses power, has one or the other.

    Args:
        path: The file; its folder must exist.
        data: All of it.

    Raises:
        OSError: The disk is full or may not be written; the old file is untouched.
    """
    with written_whole(path) as draft:
        draft.write_bytes(data)


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Write a file under another name, and give it its own when it is complete and on the disk.

    Args:
        path: What it is to be called.

    Yields:
        Where to write it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)  # so that the name outlives a loss of power too
        finally:
            os.close(descriptor)
