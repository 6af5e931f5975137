"""The audio process as control sees it: a handle that outlives any number of child processes.

It sends commands and takes, reads events and status, sees when the callback stands still, and kills
and starts again: when an audio server dies, PortAudio's own calls may hang for ever, so asking
nicely is not enough. Another output is opened by a second child, which then takes over.

Knows nothing of sessions, prompts or OSC. Flow: daemon.py → here → audio_link.py → audio_child.py.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import replace

from daw_bridge.audio_commands import (
    Command,
    Disposed,
    Event,
    InstallTake,
    Panic,
    ReleaseTake,
    SetLimiter,
    SetMasterGain,
    SetOnAir,
    SetSlotGain,
    StopSlot,
)
from daw_bridge.audio_handshake import RING_RECORDS
from daw_bridge.audio_link import AudioLink, Standby
from daw_bridge.audio_output import OutputInfo, OutputSettings
from daw_bridge.audio_records import decode, encode
from daw_bridge.audio_status import AudioStatus
from daw_bridge.capture_ring import CaptureReader, create_capture_block
from daw_bridge.errors import AudioError, QueueFull
from daw_bridge.heartbeat import Heartbeat
from daw_bridge.shared_memory import remove_block
from generator.api import SAMPLE_RATE_HZ

# What also an output obeys that is about to be left, as it is heard until then.
_FOR_BOTH = (StopSlot, Panic, SetSlotGain, SetMasterGain, SetLimiter)
_READ_BYTES = 4096


class AudioProcess:
    """The audio process, as the control process sees it.

    Used from one thread, save that `restart` may run in another meanwhile.
    """

    def __init__(self, output: OutputSettings, *, capture_frames: int = 0) -> None:
        """Start nothing yet.

        Args:
            output: Which output the process is to open.
            capture_frames: How much of what was heard is kept to be read; none at 0.
        """
        self.info = OutputInfo("", "", output.buffer_frames, 0.0)
        self.real_time_refusal = ""
        self.missing_effects = ""
        self.capture: CaptureReader | None = None
        self._output = output
        self._capture_frames, self._capture_name = capture_frames, ""
        self._child: AudioLink | None = None
        self._leaving: AudioLink | None = None
        self._installed: dict[int, InstallTake] = {}
        self._heartbeat = Heartbeat()
        self._clock = AudioStatus(clock_monotonic_s=time.monotonic())
        self._wake_read, self._wake_write = -1, -1

    def start(self, output: OutputSettings | None = None, *, timeout_s: float = 10.0) -> OutputInfo:
        """Start the process and wait until sound runs.

        Args:
            output: Which output to open instead of the one that was given.
            timeout_s: How long it may take.

        Returns:
            What was opened.

        Raises:
            AudioError: The output cannot be opened, or the process does not answer.
        """
        if self._child is not None:
            raise AudioError("The audio process runs already; restart it instead.")
        if self._wake_read < 0 and os.name == "posix":
            self._wake_read, self._wake_write = os.pipe()
            os.set_blocking(self._wake_read, False)
        if self._capture_frames and self.capture is None:
            size = (self._capture_frames, self._output.pairs)
            block = create_capture_block(*size)
            self.capture = CaptureReader(block, *size)
            self._capture_name = block.name
        self._launch(output or self._output, timeout_s)
        return self.info

    def restart(self, *, timeout_s: float = 10.0) -> tuple[InstallTake, ...]:
        """Kill the process and start another. Its clock goes on as if nothing had happened.

        A device that is gone is replaced by a silent clock until it is back; `info.note` says so,
        and the process then ends by itself when the device has come back.

        Args:
            timeout_s: How long the start may take.

        Returns:
            What must be sent to install the takes again; gains and plays are the caller's to send.
        """
        self._kill()
        lost, self._installed = tuple(self._installed.values()), {}
        self._launch(replace(self._output, falls_back=True), timeout_s)
        return lost

    def reopen(self, output: OutputSettings, *, timeout_s: float = 10.0) -> None:
        """Close the output and open it otherwise; the old one comes back where that fails.

        Args:
            output: How.
            timeout_s: How long the start may take.

        Raises:
            AudioError: It cannot be opened so; the old one is open again, if it could be.
        """
        if self._child is not None:
            self._child.quit(1.0)
        self._kill()
        self._installed = {}
        try:
            self._launch(output, timeout_s)
        except AudioError:
            self._launch(replace(self._output, falls_back=True), timeout_s)
            raise
        self._output = output

    def open_beside(self, output: OutputSettings, *, timeout_s: float = 10.0) -> Standby:
        """Open another output, in another process, while this one goes on. For any thread.

        Args:
            output: Which.
            timeout_s: How long it may take.

        Returns:
            The process; it is silent, and `go_over` has it take over.

        Raises:
            AudioError: It cannot be opened; nothing has changed.
        """
        return self._open(output, timeout_s, is_on_air=False)

    def go_over(self, standby: Standby, at_frame: int) -> None:
        """Let another process take over, which obeys from here on and has no takes.

        Args:
            standby: That process.
            at_frame: The absolute frame at which this one falls silent; then `put_on_air`, and a
                while later `end_leaving`.
        """
        self.status()  # keeps the clock going
        self._leaving, self._installed = self._child, {}
        if self._leaving is not None:
            self._leaving.commands.push(encode(Panic(at_frame)))
        self._adopt(standby)

    def put_on_air(self) -> None:
        """Have captured what the new process renders, and no more what the old one does."""
        if self._leaving is not None:
            self._leaving.commands.push(encode(SetOnAir(is_on=False)))
        if self._child is not None:
            self._child.commands.push(encode(SetOnAir(is_on=True)))

    def end_leaving(self, *, timeout_s: float = 1.0) -> None:
        """End the process that another took over from. For any thread."""
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving.quit(timeout_s)
            leaving.kill()

    def stop(self, *, timeout_s: float = 1.0) -> None:
        """End the process, by force if it does not end by itself.

        Args:
            timeout_s: How long it may take to end by itself.
        """
        if self._child is not None:
            self._child.quit(timeout_s)
        self._kill()
        if self._leaving is not None:
            self._leaving.kill()
        for descriptor in (self._wake_read, self._wake_write):
            if descriptor >= 0:
                os.close(descriptor)
        self._wake_read, self._wake_write = -1, -1
        if self._capture_name:
            remove_block(self._capture_name)

    def send(self, command: Command) -> None:
        """Send a command.

        Args:
            command: Obeyed in the order of sending, at its frame or in the next block; an
                `InstallTake` as soon as the take is mapped.

        Raises:
            QueueFull: Too many wait already; nothing was sent.
            AudioError: The process does not run.
        """
        child = self._child
        if child is None or child.has_ended:
            raise AudioError("The audio process does not run, so there is nobody to obey.")
        if isinstance(command, InstallTake):
            child.install(command)
            self._installed[command.take_id] = command
        elif not child.commands.push(encode(command)):
            raise QueueFull(
                f"The audio process takes no more commands just now: {RING_RECORDS} wait. "
                "Send fewer at a time, or try again."
            )
        elif isinstance(command, ReleaseTake):
            self._installed.pop(command.take_id, None)
        if self._leaving is not None and isinstance(command, _FOR_BOTH):
            self._leaving.commands.push(encode(command))

    def send_records(self, records: Sequence[bytes]) -> int:
        """Send commands that are encoded already, and that are for one process only.

        Args:
            records: Of none that installs or releases a take.

        Returns:
            How many were sent, from the first on; the others are for `send`.
        """
        child = self._child
        if child is None or child.has_ended or self._leaving is not None:
            return 0
        sent = 0
        for record in records:
            if not child.commands.push(record):
                break
            sent += 1
        return sent

    def poll(self) -> list[Event]:
        """Take the events that have come since the last time; never waits."""
        self._drain_wake_pipe()
        events: list[Event] = []
        child = self._child
        while child is not None and (record := child.events.pop()) is not None:
            event = decode(record)
            if isinstance(event, Event):
                events.append(event)
            if isinstance(event, Disposed):
                self._installed.pop(event.take_id, None)
        return events

    def fileno(self) -> int:
        """A descriptor that is readable when there are events, the same over restarts.

        Returns:
            The descriptor, or -1 on a system without; poll every few milliseconds there.
        """
        return self._wake_read

    def status(self) -> AudioStatus:
        """The audio process's own account of its last callback."""
        child = self._child
        if child is not None:
            status = child.status.read()
            if status.callbacks:
                self._clock = status
        return self._clock

    def frame_at(self, monotonic_s: float) -> int:
        """The absolute frame that is due at a time of `time.monotonic`, past or future."""
        clock = self.status()
        return clock.clock_frame + round((monotonic_s - clock.clock_monotonic_s) * SAMPLE_RATE_HZ)

    def frame_in(self, seconds: float) -> int:
        """The absolute frame that is due in a while."""
        return self.frame_at(time.monotonic() + seconds)

    def now_frame(self) -> int:
        """The absolute frame that is due now."""
        return self.frame_in(0.0)

    @property
    def is_alive(self) -> bool:
        """Whether there is a process."""
        child = self._child
        return child is not None and child.is_alive

    def stands_still(self) -> bool:
        """Whether it lives but asks for no block for a second; to be asked often."""
        beats = self._heartbeat.look(self.status().callbacks, time.monotonic())
        return self.is_alive and not beats

    @property
    def pid(self) -> int:
        """The process's number, or -1."""
        child = self._child
        return -1 if child is None else child.process.pid

    def _launch(self, output: OutputSettings, timeout_s: float) -> None:
        self.status()
        self._adopt(self._open(output, timeout_s, is_on_air=True))

    def _open(self, output: OutputSettings, timeout_s: float, *, is_on_air: bool) -> Standby:
        child = AudioLink(
            output,
            clock=self._clock,
            wake_descriptor=self._wake_write,
            capture=(self._capture_name, self._capture_frames),
            is_on_air=is_on_air,
        )
        try:
            hello = child.await_hello(timeout_s)
            if hello.info is None:
                raise AudioError(hello.error)
        except AudioError:
            child.kill()
            raise
        finally:
            child.remove_names()
        return Standby(child, output, hello, hello.info)

    def _adopt(self, standby: Standby) -> None:
        self._child, self._output = standby.child, standby.output
        self._heartbeat = Heartbeat()
        self.info = standby.info
        self.real_time_refusal = standby.hello.real_time_refusal
        self.missing_effects = standby.hello.missing_effects

    def _kill(self) -> None:
        self.status()  # keeps the clock going
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def _drain_wake_pipe(self) -> None:
        try:
            while self._wake_read >= 0 and os.read(self._wake_read, _READ_BYTES):
                continue
        except BlockingIOError:
            return
