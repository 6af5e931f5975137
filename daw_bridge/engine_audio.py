"""The audio process as the engine uses it: commands wait for room, and its clock never stops.

While another process takes its place, nobody is told anything, and the clock goes on by itself.
Flow: engine.py → here → audio_process.py.
"""

import logging
from collections import deque
from collections.abc import Sequence

from daw_bridge import audio_commands as audio
from daw_bridge.audio_status import AudioStatus
from daw_bridge.engine_parts import AudioPart
from daw_bridge.errors import AudioError, QueueFull
from generator.api import SAMPLE_RATE_HZ

MAX_BACKLOG = 10_000
_LOG = logging.getLogger(__name__)


class AudioSide:
    """Commands out, events in, and the clock."""

    def __init__(self, part: AudioPart) -> None:
        self._part = part
        self._backlog: deque[audio.Command] = deque(maxlen=MAX_BACKLOG)
        self._held_clock: AudioStatus | None = None
        self._xruns_of_the_dead = 0

    def clock(self) -> AudioStatus:
        """Its own account of its last callback, or the last one that there was."""
        return self._held_clock or self._part.status()

    @property
    def is_replaced(self) -> bool:
        """Whether another process is taking its place."""
        return self._held_clock is not None

    def xruns(self, status: AudioStatus) -> int:
        """How many breaks there were since the start, in all processes up to a status."""
        return self._xruns_of_the_dead + status.xruns

    def tell(self, command: audio.Command) -> None:
        """Send a command, or keep it until there is room."""
        if self.is_replaced:
            return  # The new process is told of everything that holds by then.
        if self._backlog:
            self._backlog.append(command)
            return
        try:
            self._part.send(command)
        except QueueFull:
            self._backlog.append(command)
        except AudioError as error:
            _LOG.warning("The audio process did not get %s: %s", command, error)

    def tell_ready(self, records: Sequence[bytes], commands: Sequence[audio.Command]) -> None:
        """Send commands as soon as can be.

        Args:
            records: They, encoded.
            commands: The same, for where that is not how they can be sent.
        """
        is_open = self._held_clock is None and not self._backlog
        sent = self._part.send_records(records) if is_open else 0
        for command in commands[sent:]:
            self.tell(command)

    def send_backlog(self) -> None:
        """Send what was too much before."""
        backlog, self._backlog = self._backlog, deque(maxlen=MAX_BACKLOG)
        for command in backlog:
            self.tell(command)

    def poll(self) -> list[audio.Event]:
        """Take the events that have come."""
        return [] if self.is_replaced else self._part.poll()

    def let_go(self) -> None:
        """Leave the process alone from here on."""
        self._held_clock = self._part.status()
        self._xruns_of_the_dead += self._held_clock.xruns
        self._backlog.clear()

    def take_up(self) -> None:
        """There is another process: tell that one."""
        self._held_clock = None


def frame_at(clock: AudioStatus, monotonic_s: float) -> int:
    """The frame of the audio clock at a monotonic time."""
    return clock.clock_frame + round((monotonic_s - clock.clock_monotonic_s) * SAMPLE_RATE_HZ)
