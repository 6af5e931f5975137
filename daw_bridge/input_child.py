"""The process of the audio input: its callback copies what comes in into a ring, and that is all.

A process of its own, so that an input that is missing, slow or dead is no concern of the one that
sounds. A microphone's one channel is heard on both sides. It ends with `os._exit`, because
PortAudio may never return once its server has died.

Flow: settings as one argument; standard output carries one line of JSON, the `InputHello`; the ring
and the status are in shared memory; the end of standard input means that nobody listens any more.
"""

import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass

import numpy as np

from daw_bridge.audio_handshake import keep_standard_output_clean, say
from daw_bridge.audio_status import AudioStatus, StatusWriter, map_status_block
from daw_bridge.capture_ring import CaptureWriter, map_capture_block
from daw_bridge.errors import AudioError
from daw_bridge.frame_clock import FrameClock
from daw_bridge.meter import Meters
from daw_bridge.portaudio import DeviceChoice, Direction, OpenedDevice, open_device
from daw_bridge.realtime import CALLBACK_PRIORITY, ask_for_real_time, leave_the_callback_alone
from generator.api import CHANNELS, FloatArray

# Nobody hears a delay here: longer blocks are safer.
_BUFFER_FRAMES = 512
_STOP_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class InputSettings:
    """What the control process tells the process of the input at its start.

    Attributes:
        name: The device's name, or a part of it.
        hostapi: Of which host API; empty for any.
        ring: The name of the ring for what comes in.
        ring_frames: How much it holds.
        status: The name of the status.
    """

    name: str
    hostapi: str
    ring: str
    ring_frames: int
    status: str


@dataclass(frozen=True, slots=True)
class InputHello:
    """The one line: what was opened, or why it could not be (`error`)."""

    error: str = ""
    name: str = ""
    hostapi: str = ""
    latency_ms: float = 0.0


class Ear:
    """Everything that happens in a callback."""

    def __init__(self, ring: CaptureWriter, status: StatusWriter) -> None:
        """Put the parts together.

        Args:
            ring: Where what comes in is kept, by its number of frames since the start.
            status: Where it is told when which frame came.
        """
        self._ring, self._status = ring, status
        self._clock, self._meters = FrameClock(), Meters()
        self._frame = self._callbacks = self._breaks = 0

    def listen(self, block: FloatArray, *, overflow: bool) -> None:
        """Keep a block.

        Shapes:
            block: [frames, 1 or 2]

        Args:
            block: The device's own memory.
            overflow: Whether the system reports that frames before it were lost.
        """
        begun_s = time.monotonic()
        if not self._callbacks:
            ask_for_real_time(CALLBACK_PRIORITY)
        stereo = np.broadcast_to(block, (len(block), CHANNELS))
        self._clock.tick(self._frame, begun_s)
        self._ring.write(self._frame, stereo)
        self._meters.measure(stereo)
        self._callbacks += 1
        self._breaks += overflow
        self._status.write(
            AudioStatus(
                callbacks=self._callbacks,
                clock_frame=self._clock.frame,
                clock_monotonic_s=self._clock.monotonic_s,
                xruns=self._breaks,
                levels=self._meters.levels,
                buffer_frames=len(block),
            )
        )
        self._frame += len(block)


def main() -> None:
    """Listen until standard input closes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the control process answers; its end is ours
    hello_descriptor = keep_standard_output_clean()
    settings = InputSettings(**json.loads(sys.argv[1]))
    block = map_capture_block(settings.ring, settings.ring_frames)
    status = StatusWriter(map_status_block(settings.status))
    ear = Ear(CaptureWriter(block, settings.ring_frames), status)

    def called_back(block: FloatArray, _frames: int, _time: object, flags: object) -> None:
        ear.listen(block, overflow=bool(getattr(flags, "input_overflow", False)))

    try:
        device = open_device(
            DeviceChoice(Direction.INPUT, settings.name, settings.hostapi),
            buffer_frames=_BUFFER_FRAMES,
            channels=CHANNELS,
            callback=called_back,
        )
        leave_the_callback_alone()
        device.start()
    except AudioError as error:
        say(hello_descriptor, json.dumps(asdict(InputHello(str(error)))) + "\n")
        os._exit(1)
    hello = InputHello("", device.name, device.hostapi, device.latency_ms)
    say(hello_descriptor, json.dumps(asdict(hello)) + "\n")
    while os.read(0, 1):
        continue
    _close_with_patience(device)
    os._exit(0)


def _close_with_patience(device: OpenedDevice) -> None:
    closer = threading.Thread(target=device.close, daemon=True)
    closer.start()
    closer.join(_STOP_PATIENCE_S)


if __name__ == "__main__":
    main()
