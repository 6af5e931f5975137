"""Where sound goes: a device through PortAudio, a silent clock, or a WAV file in real time.

The one file that knows sounddevice, which initialises PortAudio when it is imported, so that
happens late, and only in the audio process or in a command that lists devices.
Devices are chosen by host API and name, never by an index, which changes from day to day.

Knows nothing of takes, voices or the control process. Flow: `open_output` → `Output.start`, which
calls a `Renderer` for each block until `Output.stop`.
"""

import contextlib
import ctypes
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from daw_bridge.errors import AudioError
from daw_bridge.sound_files import WavWriter
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

CLIENT_NAME = b"daw-bridge"
DEFAULT = "default"
NULL = "null"
_JACK = "JACK Audio Connection Kit"
_LONGEST_PLAUSIBLE_LATENCY_S = 2.0
_MOST_LATE_S = 1.0
_HOW_TO_CHANGE = "Choose another: `daw-bridge devices`, or /device/list, tells what there is."


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


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """An output device that could be opened."""

    name: str
    hostapi: str
    channels: int
    sample_rate_hz: float
    is_default: bool


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


def list_devices() -> tuple[DeviceInfo, ...]:
    """Every output device of this machine, in PortAudio's order.

    Returns:
        The devices; none where there is no card and no server.
    """
    with _portaudio() as sounddevice:
        default = _default_index(sounddevice)
        return tuple(
            DeviceInfo(
                name=device["name"],
                hostapi=sounddevice.query_hostapis(device["hostapi"])["name"],
                channels=device["max_output_channels"],
                sample_rate_hz=device["default_samplerate"],
                is_default=device["index"] == default,
            )
            for device in sounddevice.query_devices()
            if device["max_output_channels"] > 0
        )


def is_device_available(settings: OutputSettings) -> bool:
    """Whether the device that was asked for is there by now; looks at the machine afresh."""
    with _portaudio() as sounddevice:
        try:
            _find_device(sounddevice, settings)
        except AudioError:
            return False
        return True


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
        self._sounddevice = _open_portaudio()
        try:
            self._open(self._sounddevice, settings)
        except AudioError:
            _close_portaudio(self._sounddevice)
            raise

    def start(self) -> None:
        """Begin to ask for blocks."""
        self._stream.start()

    def stop(self) -> None:
        """Ask for no more; may never return once an audio server has died."""
        self._stream.stop()
        self._stream.close()
        _close_portaudio(self._sounddevice)

    def _open(self, sounddevice: Any, settings: OutputSettings) -> None:
        device = _find_device(sounddevice, settings)
        hostapi = str(sounddevice.query_hostapis(device["hostapi"])["name"])
        # JACK has one block length for all its clients; to ask for another costs latency.
        blocks = 0 if hostapi == _JACK else settings.buffer_frames
        pairs = min(settings.pairs, int(device["max_output_channels"]) // CHANNELS)
        try:
            self._stream = sounddevice.OutputStream(
                device=device["index"],
                samplerate=SAMPLE_RATE_HZ,
                blocksize=blocks,
                channels=CHANNELS * pairs,
                dtype="float32",
                latency="low",
                callback=self._callback,
            )
        except sounddevice.PortAudioError as error:
            raise AudioError(_why_refused(device, hostapi, error)) from error
        latency_s = float(self._stream.latency)
        if not 0.0 <= latency_s < _LONGEST_PLAUSIBLE_LATENCY_S:
            latency_s = 0.0  # some servers say nonsense
        name, note = str(device["name"]), ""
        if pairs < settings.pairs:
            note = f"{name} has {pairs} of {settings.pairs} pairs; the others are heard on pair 1."
        self.info = OutputInfo(name, hostapi, blocks, latency_s * 1000.0, pairs, note=note)

    def _callback(self, out: FloatArray, _frames: int, _time: object, status: Any) -> None:
        _render(self._renderer, out, underflow=bool(status) and status.output_underflow)


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


@contextlib.contextmanager
def _portaudio() -> Iterator[Any]:
    """PortAudio with today's devices, for the length of a block.

    It must not stay open longer than it is needed: to close it after its JACK server has died
    aborts the whole process.
    """
    sounddevice = _open_portaudio()
    try:
        yield sounddevice
    finally:
        _close_portaudio(sounddevice)


def _open_portaudio() -> Any:
    """Import sounddevice, and have JACK show our ports under our own name."""
    try:
        import sounddevice
    except OSError as error:
        raise AudioError(
            f"{error}: sound needs the PortAudio library. On Debian and Ubuntu: "
            "apt install libportaudio2. Without it: --output null, or --output FILE.wav."
        ) from error
    _close_portaudio(sounddevice)  # the import has opened it, and its list of devices is frozen
    with contextlib.suppress(OSError, AttributeError):  # not every PortAudio knows JACK
        library = ctypes.CDLL(sounddevice._libname)
        # PortAudio reads the name while it initialises, and keeps the pointer: hence a constant.
        library.PaJack_SetClientName(ctypes.c_char_p(CLIENT_NAME))
    sounddevice._initialize()
    return sounddevice


def _close_portaudio(sounddevice: Any) -> None:
    while sounddevice._initialized:
        sounddevice._terminate()


def _default_index(sounddevice: Any) -> int:
    """JACK's output where a server runs, for who starts one wants it; else PortAudio's choice."""
    for hostapi in sounddevice.query_hostapis():
        if hostapi["name"] == _JACK and hostapi["default_output_device"] >= 0:
            return int(hostapi["default_output_device"])
    return int(sounddevice.default.device[1])


def _find_device(sounddevice: Any, settings: OutputSettings) -> dict[str, Any]:
    """The device that was asked for: exact names first, then parts of names."""
    default = _default_index(sounddevice)
    hostapis = [str(hostapi["name"]) for hostapi in sounddevice.query_hostapis()]
    devices = [
        device
        for device in sounddevice.query_devices()
        if device["max_output_channels"] >= CHANNELS
        and settings.hostapi.lower() in hostapis[device["hostapi"]].lower()
    ]
    wanted = settings.output.lower()
    exact = [device for device in devices if device["name"].lower() == wanted]
    partial = [device for device in devices if wanted in device["name"].lower()]
    found = devices if settings.output == DEFAULT else exact or partial
    found.sort(key=lambda device: device["index"] != default)
    if found:
        return dict(found[0])
    what = "" if settings.output == DEFAULT else f" whose name contains {settings.output!r}"
    where = f" of host API {settings.hostapi!r}" if settings.hostapi else ""
    names = ", ".join(sorted(f"{device['name']!r}" for device in devices)) or "none at all"
    raise AudioError(f"No stereo output device{what}{where}; found {names}. {_HOW_TO_CHANGE}")


def _why_refused(device: dict[str, Any], hostapi: str, error: BaseException) -> str:
    rate_hz = float(device["default_samplerate"])
    hint = ""
    if hostapi == _JACK and rate_hz != SAMPLE_RATE_HZ:
        hint = (
            f" JACK runs at {rate_hz:.0f} Hz and everything here at {SAMPLE_RATE_HZ} Hz: "
            f"start it with jackd -r {SAMPLE_RATE_HZ}."
        )
    return f"The output {device['name']!r} ({hostapi}) refused: {error}.{hint} {_HOW_TO_CHANGE}"
