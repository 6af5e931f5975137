"""The control process's handle on the process of the neighbours: MIDI, the JACK transport, Link.

It starts when something is asked of it, is started again when it ends by itself, and is told anew
what was asked. It never waits. It does not know what MIDI or time mean.
Flow: daemon.py → `tell` → sync_child.py → `poll` → daemon.py.
"""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec

from daw_bridge.sync_wire import (
    Follow,
    Listen,
    SendClock,
    SyncCommand,
    SyncEvent,
    event_from_line,
    to_line,
)

_MAX_DATAGRAM_BYTES = 65_536
_RESTART_PAUSE_S = 2.0
_STOP_S = 0.3
_NEEDS = (
    ("midi", "MIDI", "midi", ("jack", "rtmidi")),
    ("jack", "JACK-Client", "midi", ("jack",)),
    ("link", "Ableton Link (aalink, GPL)", "link", ("aalink",)),
)


class SyncProcess:
    """Any number of lives of the process of the neighbours, one at a time."""

    def __init__(self) -> None:
        self._ear, self._mouth = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.setblocking(False)
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: dict[type[SyncCommand], SyncCommand] = {}
        self._started_s = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether anything was asked that needs the process."""
        return any(
            (isinstance(one, Listen) and one.port)
            or (isinstance(one, Follow) and one.source != "internal")
            or (isinstance(one, SendClock) and one.on)
            for one in self._asked.values()
        )

    @property
    def pid(self) -> int:
        """The number of the process, or -1."""
        return -1 if self._process is None else self._process.pid

    def fileno(self) -> int:
        """What to watch for reading, the same over restarts."""
        return self._ear.fileno()

    def tell(self, command: SyncCommand) -> None:
        """Ask for something; the newest of a kind holds, also for later lives of the process."""
        self._asked[type(command)] = command
        if self._process is None:
            self.watch()
        else:
            self._write(command)

    def poll(self) -> list[SyncEvent]:
        """Take what has come."""
        events: list[SyncEvent] = []
        with suppress(BlockingIOError):
            while True:
                events.append(event_from_line(self._ear.recv(_MAX_DATAGRAM_BYTES)))
        return events

    def watch(self) -> None:
        """Start the process where it is wanted and does not run; to be called now and then."""
        if self._process is not None and self._process.poll() is not None:
            self._bury(self._process)
            self._process = None
        now_s = time.monotonic()
        if self._process is None and self.is_wanted and now_s - self._started_s > _RESTART_PAUSE_S:
            self._started_s = now_s
            self._process = subprocess.Popen(
                [sys.executable, "-m", "daw_bridge.sync_child", str(self._mouth.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                bufsize=0,
                # Ctrl-C in the terminal is not for the child.
                process_group=0,
                pass_fds=(self._mouth.fileno(),),
            )
            for command in self._asked.values():
                self._write(command)

    def stop(self) -> None:
        """End the process, and close what `fileno` names."""
        self._asked.clear()
        if self._process is not None:
            self._bury(self._process)
        self._ear.close()
        self._mouth.close()

    def _write(self, command: SyncCommand) -> None:
        # A child that is gone is noticed by `watch`.
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                os.write(self._process.stdin.fileno(), to_line(command))

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def missing_sources() -> tuple[tuple[str, str], ...]:
    """The sources of time that need what is not installed, each with what to do about it."""
    return tuple(
        (source, f"{what} is not installed: pip install 'daw-bridge[{extra}]', then start anew.")
        for source, what, extra, packages in _NEEDS
        if not any(find_spec(package) for package in packages)
    )
