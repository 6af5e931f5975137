"""One child process of the generator and the mailbox that hears it, seen from control.

Plumbing only: it starts, tells, hears and ends; what a death or an event means is decided in
generator_process.py. A thread hears each child, because the end of a pipe that is watched by an
event loop changes with every restart, while the mailbox's socket stays.
"""

import os
import queue
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from daw_bridge.generator_wire import ChildCommand, ChildEvent, Leave, event_from_line, to_line

_ROOT = Path(__file__).resolve().parent.parent
_CODE = """\
import sys
sys.path.insert(0, sys.argv[1])
from daw_bridge.generator_child import main
main(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
"""


@dataclass(frozen=True, slots=True)
class Means:
    """What a model may use: so many threads, and for those in torch a device."""

    threads: int = 2
    device: str = "auto"


class ChildLink:
    """One child process, and the thread that hears it."""

    def __init__(self, model: str, means: Means, heard: "Mailbox") -> None:
        arguments = [str(_ROOT), model, str(means.threads), means.device, str(os.getpid())]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CODE, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        self._ears = threading.Thread(
            target=self._hear, args=(heard, self.process.stdout), name="generator-ears", daemon=True
        )
        self._ears.start()

    def tell(self, command: ChildCommand) -> None:
        """Write a command; a child that is gone is noticed by its ears, not here."""
        with suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.write(to_line(command))
                self.process.stdin.flush()

    def _hear(self, heard: "Mailbox", lines: IO[str]) -> None:
        for line in lines:
            # A child that was killed may have left half a line.
            if line.endswith("\n"):
                heard.put((self, event_from_line(line)))
        heard.put((self, None))

    def end(self, timeout_s: float) -> None:
        """Let it end, or end it."""
        self.tell(Leave())
        # It may be gone before the last line has reached it.
        with suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._ears.join()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Mailbox:
    """What children said, with a socket that is readable while there is something."""

    def __init__(self) -> None:
        self._letters: queue.SimpleQueue[tuple[ChildLink, ChildEvent | None]] = queue.SimpleQueue()
        self._awake, self._waker = socket.socketpair()
        self._awake.setblocking(False)
        self._waker.setblocking(False)

    def put(self, letter: tuple[ChildLink, ChildEvent | None]) -> None:
        """Add a letter; None instead of an event says that the child is gone."""
        self._letters.put(letter)
        self.wake()

    def wake(self) -> None:
        """Become readable."""
        # Full is awake already; closed has no reader.
        with suppress(OSError):
            self._waker.send(b"\0")

    def take_all(self) -> list[tuple[ChildLink, ChildEvent | None]]:
        """Return the letters in order and fall asleep."""
        # Nothing may have been said since the last time.
        with suppress(OSError):
            self._awake.recv(65536)
        return [self._letters.get() for _ in range(self._letters.qsize())]

    def fileno(self) -> int:
        """Return what to watch for reading."""
        return self._awake.fileno()

    def close(self) -> None:
        """Close both ends."""
        self._awake.close()
        self._waker.close()
