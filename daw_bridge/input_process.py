"""The audio input as the control process has it: one life of its process, and what came in lately.

Knows nothing of slots or of who listens. Flow: input_keeper.py → here → input_child.py, whose
callback writes into shared memory; `heard` reads it.
"""

import contextlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from typing import IO, cast

from daw_bridge.audio_status import AudioStatus, StatusReader, create_status_block
from daw_bridge.capture_ring import CaptureReader, create_capture_block
from daw_bridge.errors import AudioError
from daw_bridge.heartbeat import Heartbeat
from daw_bridge.input_child import InputHello, InputSettings
from daw_bridge.shared_memory import remove_block
from generator.api import MAX_SECONDS, SAMPLE_RATE_HZ, FloatArray

# The longest take may have begun a bar that is as long before the bar line that has passed.
KEPT_FRAMES = round((2.0 * MAX_SECONDS + 2.0) * SAMPLE_RATE_HZ)
_PATIENCE_S = 1.0
_POLL_S = 0.002
_END_S = 1.0


class InputProcess:
    """One process with an open input; `info` tells of which device."""

    def __init__(self, name: str, hostapi: str, *, timeout_s: float = 10.0) -> None:
        """Start it and wait until the input is open. For any thread.

        Args:
            name: The device's name, a part of it, or "default".
            hostapi: Of which host API; empty for any.
            timeout_s: How long that may take.

        Raises:
            AudioError: It cannot be opened; the text says what there is.
        """
        ring, status = create_capture_block(KEPT_FRAMES), create_status_block()
        self._tape, self._status = CaptureReader(ring, KEPT_FRAMES), StatusReader(status)
        settings = InputSettings(name, hostapi, ring.name, KEPT_FRAMES, status.name)
        self._heartbeat = Heartbeat()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "daw_bridge.input_child", json.dumps(asdict(settings))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )
        try:
            self.info = self._await_hello(timeout_s)
        except AudioError:
            self._kill()
            raise
        finally:
            remove_block(ring.name)
            remove_block(status.name)

    def look(self) -> bool:
        """Whether it lives, and its device goes on calling back; to be asked often."""
        beats = self._heartbeat.look(self.status().callbacks, time.monotonic())
        return beats and self._process.poll() is None

    def status(self) -> AudioStatus:
        """Its account of its last callback."""
        return self._status.read()

    def heard(self, end_s: float | None, frames: int) -> FloatArray:
        """Copy what came in; waits a moment for what is still on its way.

        Shapes:
            returns: [frames, 2]

        Args:
            end_s: The monotonic time at which the end of it was at the device; None for the newest
                that there is.
            frames: How much.

        Returns:
            Exactly these frames as the device gave them.

        Raises:
            AudioError: They have not all been heard, or were silent.
        """
        end = self._tape.end_frame if end_s is None else self._frame_at(end_s)
        give_up_s = time.monotonic() + _PATIENCE_S
        while self._tape.end_frame < end:
            if time.monotonic() > give_up_s:
                raise AudioError(f"The input {self.info.name!r} stands still.")
            time.sleep(_POLL_S)
        if end - frames < self._tape.first_frame:
            raise AudioError(
                f"The input was opened {end / SAMPLE_RATE_HZ:.1f} s ago, and the last "
                f"{frames / SAMPLE_RATE_HZ:.1f} s were asked for: wait, or make the take shorter."
            )
        audio = self._tape.read(end - frames, end)
        if not audio.any():
            raise AudioError(
                f"The input {self.info.name!r} was silent for these {frames / SAMPLE_RATE_HZ:.1f} "
                "s: is anything connected to it?"
            )
        return audio

    def end(self) -> None:
        """End it, by force if it does not end by itself. For any thread."""
        cast(IO[bytes], self._process.stdin).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._kill()

    def _frame_at(self, at_s: float) -> int:
        clock = self.status()
        delivered_s = at_s + self.info.latency_ms / 1000.0
        return clock.clock_frame + round((delivered_s - clock.clock_monotonic_s) * SAMPLE_RATE_HZ)

    def _await_hello(self, timeout_s: float) -> InputHello:
        timer = threading.Timer(timeout_s, self._process.kill)
        timer.start()
        line = cast(IO[bytes], self._process.stdout).readline()
        timer.cancel()
        if not line:
            raise AudioError(f"The process of the input did not answer within {timeout_s:g} s.")
        hello = InputHello(**json.loads(line))
        if hello.error:
            raise AudioError(hello.error)
        return hello

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            cast(IO[bytes], pipe).close()
