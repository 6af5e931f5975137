"""One audio callback: commands out of the ring, a block out of the mixer, events into the ring.

Runs in the audio process. It knows the mixer and the rings, and nothing of devices, threads or the
process. Its laws are those of any audio callback: it does not wait, log, open, make arrays or free
takes. Takes come in on `arrivals` and go out on `departures`; both are deques, whose append and pop
are whole in CPython, so the installer's thread may hold the other end.
"""

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from daw_bridge.audio_commands import (
    Disposed,
    Event,
    Installed,
    Message,
    Quit,
    SetOnAir,
    Warning,
    WarningCode,
)
from daw_bridge.audio_records import decode, encode
from daw_bridge.audio_status import AudioStatus, StatusWriter
from daw_bridge.capture_ring import CaptureWriter
from daw_bridge.errors import AudioError
from daw_bridge.frame_clock import FrameClock
from daw_bridge.meter import Meters
from daw_bridge.mixer import Mixer
from daw_bridge.ring import Ring
from daw_bridge.voice import Take
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

# A flood must not make a block late: what is left waits in the ring. A block looks there twice.
_COMMANDS_A_LOOK = 64
_MAX_UNSENT_EVENTS = 4096
_LOAD_SHARE = 0.05


class AudioEngine:
    """Everything that happens in a callback, in its order."""

    def __init__(self, mixer: Mixer, *, commands: Ring, events: Ring, status: StatusWriter) -> None:
        """Put the parts together.

        Args:
            mixer: What sounds.
            commands: The reader's end.
            events: The writer's end.
            status: Where to publish.
        """
        self.arrivals: deque[Take | Warning] = deque()
        self.departures: deque[int] = deque()
        self.output_latency_ms = 0.0
        self.capture: CaptureWriter | None = None
        self.is_on_air = True
        self.wants_to_quit = False
        self.failure: BaseException | None = None
        self.wake: Callable[[], None] = _sleep_on
        self._mixer = mixer
        self._commands = commands
        self._events = events
        self._status = status
        self._clock = FrameClock()
        self._meters = Meters()
        # The block before, and its first frame where it was on air.
        self._heard: FloatArray = np.zeros((1, CHANNELS), np.float32)
        self._heard_frame: int | None = None
        self._callbacks = 0
        self._xruns = 0
        self._cpu_load = 0.0
        self._events_lost = 0
        self._not_finite = 0

    @property
    def disposed(self) -> deque[Take]:
        """Takes that nobody sounds any more, for the janitor to forget."""
        return self._mixer.disposed

    def set_clock(self, *, frame: int, monotonic_s: float) -> None:
        """Have the first block begin where another clock stands then.

        Args:
            frame: An absolute frame.
            monotonic_s: When it is due.
        """
        self._clock.frame, self._clock.monotonic_s = frame, monotonic_s

    def render(self, out: FloatArray, *, underflow: bool) -> None:
        """Fill a block.

        Shapes:
            out: [frames, channels of all pairs]

        Args:
            out: The device's own memory, which is kept to be metered and captured.
            underflow: Whether the server reports an interruption before this block.
        """
        begun_s = time.monotonic()
        if self._callbacks == 0:
            self._mixer.frame = self._clock.frame_at(begun_s)
        self._clock.tick(self._mixer.frame, begun_s)
        self._xruns += underflow
        # First of all what is known already: a message that comes meanwhile is still in time.
        self._meters.measure(self._heard)
        self._capture_heard()
        self._publish(len(out))
        self._take_in()
        self._heard_frame = self._mixer.frame if self.is_on_air else None
        self._mixer.render(out, self._obey_what_has_come)
        if self._heard.shape != out.shape:
            self._heard = np.zeros_like(out)  # the server has changed its blocks
        np.copyto(self._heard, out)
        self._tell()
        load = (time.monotonic() - begun_s) * SAMPLE_RATE_HZ / len(out)
        self._cpu_load += _LOAD_SHARE * (load - self._cpu_load)

    def fail(self, failure: BaseException) -> None:
        """Note that a block could not be rendered; the first cause is kept for the log."""
        self.failure = self.failure or failure
        self._mixer.events.append(Warning(WarningCode.RENDER_FAILED, 1))

    def _capture_heard(self) -> None:
        if self.capture is not None and self._heard_frame is not None:
            self.capture.write(self._heard_frame, self._heard)

    def _take_in(self) -> None:
        while self.arrivals:
            arrival = self.arrivals.popleft()
            if isinstance(arrival, Warning):
                self._mixer.events.append(arrival)
            elif self._mixer.install(arrival.take_id, arrival.audio, arrival.missing):
                self._mixer.events.append(Installed(arrival.take_id))
            else:
                # Never installed, so no one waits for its disposal; but it must not die here.
                arrival.take_id = -1
                self._mixer.disposed.append(arrival)
        self._obey_what_has_come()

    def _obey_what_has_come(self) -> None:
        for _ in range(_COMMANDS_A_LOOK):
            record = self._commands.pop()
            if record is None:
                break
            self._obey(record)

    def _obey(self, record: bytes) -> None:
        try:
            command: Message = decode(record)
        except AudioError:
            self._mixer.events.append(Warning(WarningCode.BAD_COMMAND, 1))
            return
        if isinstance(command, Quit):
            self.wants_to_quit = True
        elif isinstance(command, SetOnAir):
            self.is_on_air = command.is_on
        elif isinstance(command, Event):
            self._mixer.events.append(Warning(WarningCode.BAD_COMMAND, 1))
        else:
            self._mixer.handle(command)

    def _tell(self) -> None:
        events = self._mixer.events
        while self.departures:
            events.append(Disposed(self.departures.popleft()))
        if self._mixer.outputs.not_finite > self._not_finite:
            count = self._mixer.outputs.not_finite - self._not_finite
            self._not_finite = self._mixer.outputs.not_finite
            events.append(Warning(WarningCode.NOT_FINITE, count))
        sent = False
        while events and self._events.push(encode(events[0])):
            events.popleft()
            sent = True
        while len(events) > _MAX_UNSENT_EVENTS:
            events.popleft()
            self._events_lost += 1
        if self._events_lost and not events:
            events.append(Warning(WarningCode.EVENTS_LOST, self._events_lost))
            self._events_lost = 0
        if sent:
            self.wake()

    def _publish(self, frames: int) -> None:
        """Tell how things stand before a block is made: all of its sound is of the block before."""
        self._callbacks += 1
        status = AudioStatus(
            callbacks=self._callbacks,
            clock_frame=self._clock.frame,
            clock_monotonic_s=self._clock.monotonic_s,
            xruns=self._xruns,
            cpu_load=self._cpu_load,
            levels=self._meters.levels,
            limiter_gain=self._mixer.outputs.limiter_gain,
            output_latency_ms=self.output_latency_ms,
            buffer_frames=frames,
            playing_slots=self._mixer.playing_slots,
        )
        self._status.write(status)


def _sleep_on() -> None:
    """Wake nobody: the control process looks by itself."""
