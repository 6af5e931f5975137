"""Where sound goes: a device through PortAudio, a silent clock, or a WAV file in real time.

Knows nothing of takes, voices or the control process. Flow: `open_output` → `Output.start`, which
calls a `Renderer` for each block until `Output.stop`.
"""

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from daw_bridge.errors import AudioError
from daw_bridge.portaudio import DEFAULT, DeviceChoice, Direction, is_there, open_device
from daw_bridge.sound_files import WavWriter
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

NULL = "null"
_MOST_LATE_S = 1.0


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """Which output to open.

    Attributes:
        output: "default", a device's name or a part of it, "null", or a path that ends in .wav.
        hostapi: Only devices of this host API, by its name or a part of it; empty for any.
        buffer_frames: Length of a block where it is ours to choose; JACK's is JACK's.
        pairs: How many stereo pairs are wanted; a device that has fewer gives what it has.
        falls_back: Whether a device that is not there is replaced by a silent clock.
    """

    output: str = DEFAULT
    hostapi: str = ""
    buffer_frames: int = 256
    pairs: int = 1
    falls_back: bool = False


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """What was opened.

    Attributes:
        name: The device's name, "null", or the file's path.
        hostapi: Its host API, or what stands in for one.
        buffer_frames: Length of a block, 0 where the server decides.
        latency_ms: From rendering to sounding, as the host API says; 0 where there is no device.
        pairs: How many stereo pairs it has been given.
        is_fallback: Whether it is a silent clock that stands in for a device.
        note: What the user should know, empty if nothing.
    """

    name: str
    hostapi: str
    buffer_frames: int
    latency_ms: float
    pairs: int = 1
    is_fallback: bool = False
    note: str = ""


class Renderer(Protocol):
    """What fills the blocks."""

    def render(self, out: FloatArray, *, underflow: bool) -> None:
        """Fill a block [frames, channels of all pairs]."""

    def fail(self, failure: BaseException) -> None:
        """Note that a block could not be filled; it was silent."""


class Output(Protocol):
    """An opened output."""

    @property
    def info(self) -> OutputInfo:
        """What was opened."""

    @property
    def latency_ms(self) -> float:
        """From rendering to sounding, by now."""

    def start(self) -> None:
        """Begin to ask for blocks."""

    def stop(self) -> None:
        """Ask for no more; may never return once an audio server has died."""


def open_output(settings: OutputSettings, renderer: Renderer) -> Output:
    """Open an output, without starting it.

    Args:
        settings: Which.
        renderer: What fills its blocks.

    Returns:
        The output.

    Raises:
        AudioError: It cannot be opened; the text says what there is instead.
    """
    if settings.output.lower().endswith(".wav"):
        return WavFileOutput(settings, renderer)
    if settings.output == NULL:
        return NullOutput(settings, renderer)
    try:
        return DeviceOutput(settings, renderer)
    except AudioError as error:
        if not settings.falls_back:
            raise
        note = f"{error} Running on a silent clock meanwhile."
        return NullOutput(settings, renderer, note=note)


def is_device_available(settings: OutputSettings) -> bool:
    """Whether the device that was asked for is there by now; looks at the machine afresh."""
    return is_there(DeviceChoice(Direction.OUTPUT, settings.output, settings.hostapi))


class DeviceOutput:
    """A device through PortAudio."""

    def __init__(self, settings: OutputSettings, renderer: Renderer) -> None:
        """Open it.

        Args:
            settings: Which device.
            renderer: What fills its blocks.

        Raises:
            AudioError: There is no such device, or it refuses.
        """
        self._renderer = renderer
        self._device = device = open_device(
            DeviceChoice(Direction.OUTPUT, settings.output, settings.hostapi),
            buffer_frames=settings.buffer_frames,
            channels=CHANNELS * settings.pairs,
            callback=self._callback,
        )
        pairs, note = device.channels // CHANNELS, ""
        if pairs < settings.pairs:
            note = (
                f"{device.name} has {pairs} of {settings.pairs} pairs; the others are heard on "
                "pair 1."
            )
        place = (device.name, device.hostapi, device.buffer_frames, device.latency_ms)
        self.info = OutputInfo(*place, pairs, note=note)
        self._latency_frames = round(device.latency_ms * SAMPLE_RATE_HZ / 1000.0)

    @property
    def latency_ms(self) -> float:
        """From rendering to sounding; where a server sets the blocks, it may set other ones."""
        return self._latency_frames * 1000.0 / SAMPLE_RATE_HZ

    def start(self) -> None:
        """Begin to ask for blocks."""
        self._device.start()

    def stop(self) -> None:
        """Ask for no more; may never return once an audio server has died."""
        self._device.close()

    def _callback(self, out: FloatArray, frames: int, time: Any, status: Any) -> None:
        _render(self._renderer, out, underflow=bool(status) and status.output_underflow)
        if not self.info.buffer_frames:
            delay_s = time.outputBufferDacTime - time.currentTime
            # As PortAudio says it at the start: without the block that is rendered now. While the
            # server changes its blocks it says nonsense.
            latency_frames = round(delay_s * SAMPLE_RATE_HZ) - frames
            if latency_frames >= 0:
                self._latency_frames = latency_frames


class NullOutput:
    """A silent clock: blocks are asked for in real time, and thrown away."""

    def __init__(self, settings: OutputSettings, renderer: Renderer, *, note: str = "") -> None:
        """Prepare it.

        Args:
            settings: Its blocks and pairs.
            renderer: What fills the blocks.
            note: What the user should know about why there is no sound.
        """
        frames, pairs = settings.buffer_frames, settings.pairs
        is_fallback = settings.output != NULL
        self.info = OutputInfo(NULL, "silent clock", frames, 0.0, pairs, is_fallback, note)
        self._renderer = renderer
        self._block = np.zeros((frames, CHANNELS * pairs), np.float32)
        self.latency_ms = 0.0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audio clock", daemon=True)

    def start(self) -> None:
        """Begin to ask for blocks."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for no more."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._ends.wait(max(0.0, due_s - time.monotonic())):
            _render(self._renderer, self._block, underflow=False)
            self._keep(self._block)
            due_s += len(self._block) / SAMPLE_RATE_HZ
            due_s = max(due_s, time.monotonic() - _MOST_LATE_S)

    def _keep(self, block: FloatArray) -> None:
        """Do nothing with a finished block."""


class WavFileOutput(NullOutput):
    """A WAV file of 32-bit floats, written in real time."""

    def __init__(self, settings: OutputSettings, renderer: Renderer) -> None:
        """Create the file.

        Args:
            settings: Its path, whose folder must exist, its blocks and pairs.
            renderer: What fills the blocks.

        Raises:
            AudioError: The file cannot be made.
        """
        super().__init__(settings, renderer)
        path = Path(settings.output)
        self.info = replace(self.info, name=str(path), hostapi="file", is_fallback=False)
        try:
            self._file = WavWriter(path, CHANNELS * settings.pairs)
        except OSError as error:
            raise AudioError(
                f"{path} cannot be written: {error}. Name a file in a folder that exists."
            ) from error

    def stop(self) -> None:
        """Ask for no more, and finish the file."""
        super().stop()
        self._file.close()

    def _keep(self, block: FloatArray) -> None:
        self._file.write(block)


def _render(renderer: Renderer, out: FloatArray, *, underflow: bool) -> None:
    """The outermost frame of the audio callback: whatever fails, the block is silent."""
    try:
        renderer.render(out, underflow=underflow)
    except Exception as failure:
        out.fill(0.0)
        renderer.fail(failure)
