"""What control has asked of the generator's child: read by a thread, which also notices its end.

Knows nothing of models. Used by generator_child.py.
"""

import os
import queue
import threading
import time
from typing import NoReturn, TextIO

from daw_bridge.generator_wire import DropTake, KeepWarm, Leave, MakeTakes, command_from_line
from daw_bridge.shared_memory import remove_blocks_of

END_AT_ONCE_AFTER_S = 0.3


class CancelledError(Exception):
    """The take that is being made is no longer wanted."""


class Inbox:
    """What control has asked for, filled by a thread that also notices when control is gone."""

    def __init__(self, lines: TextIO, *, owner: int) -> None:
        self._lines = lines
        self._owner = owner
        self._wanted: queue.SimpleQueue[MakeTakes | KeepWarm | None] = queue.SimpleQueue()
        self._dropped: set[int] = set()
        self._closed = threading.Event()
        self._said_goodbye = False
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> MakeTakes | KeepWarm | None:
        """Wait for something to do; None when control wants no more."""
        return self._wanted.get()

    def check_wanted(self, request_id: int) -> None:
        """Raise where a request was dropped or control is gone.

        Args:
            request_id: The take that is being made.

        Raises:
            CancelledError: Nobody wants it any more.
        """
        if self._closed.is_set() or request_id in self._dropped:
            raise CancelledError

    def leave(self) -> NoReturn:
        """End this process; where control went without a goodbye, remove its takes."""
        if self._closed.is_set() and not self._said_goodbye:
            remove_blocks_of(self._owner)
        # Not by returning: at the interpreter's end a thread that waits for input is a fatal error.
        os._exit(0)

    def _read(self) -> None:
        for line in self._lines:
            message = command_from_line(line)
            match message:
                case MakeTakes() | KeepWarm():
                    self._wanted.put(message)
                case DropTake():
                    self._dropped.add(message.request_id)
                case Leave():
                    self._said_goodbye = True
        self._closed.set()
        self._wanted.put(None)
        # A model that is loading or a stage that is long must not keep the daemon from ending.
        time.sleep(END_AT_ONCE_AFTER_S)
        self.leave()
