"""The devices of this machine through PortAudio, found by host API and name.

The one file that knows sounddevice, which initialises PortAudio when it is imported, so that
happens late, and only in a process that opens a device or in a command that lists them.
Never by an index, which changes from day to day. Knows nothing of takes or of what is played.
Flow: audio_output.py, audio_input.py and device_scan.py → here.
"""

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from daw_bridge.errors import AudioError
from generator.api import CHANNELS, SAMPLE_RATE_HZ

DEFAULT = "default"
_JACK = "JACK Audio Connection Kit"
_LONGEST_PLAUSIBLE_LATENCY_S = 2.0


class Direction(StrEnum):
    """Which way sound goes; the words are PortAudio's."""

    OUTPUT = "output"
    INPUT = "input"


# What JACK shows our ports under. Constants, since PortAudio keeps the pointer.
_CLIENT_NAMES = {Direction.OUTPUT: b"daw-bridge", Direction.INPUT: b"daw-bridge-input"}
# A microphone has one channel, and is heard on both sides.
_FEWEST_CHANNELS = {Direction.OUTPUT: CHANNELS, Direction.INPUT: 1}
_HOW_TO_CHANGE = {
    Direction.OUTPUT: "Choose another: `daw-bridge devices`, or /device/list, tells what there is.",
    Direction.INPUT: "Choose another: `daw-bridge devices`, or /input/list, tells what there is.",
}


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Which device is wanted: a name or a part of it, or DEFAULT, of one host API or any ("")."""

    direction: Direction
    name: str = DEFAULT
    hostapi: str = ""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that could be opened in one direction."""

    name: str
    hostapi: str
    channels: int
    sample_rate_hz: float
    is_default: bool


@dataclass(frozen=True, slots=True)
class OpenedDevice:
    """A device with a stream that has not been started.

    Attributes:
        name: Its name.
        hostapi: Its host API.
        buffer_frames: Length of a block, 0 where the server decides.
        channels: How many the stream has.
        latency_ms: As the host API says; 0 where it says nonsense.
    """

    name: str
    hostapi: str
    buffer_frames: int
    channels: int
    latency_ms: float
    _stream: Any
    _sounddevice: Any

    def start(self) -> None:
        """Begin to call back."""
        self._stream.start()

    def close(self) -> None:
        """Call back no more; may never return once an audio server has died."""
        self._stream.stop()
        self._stream.close()
        _terminate(self._sounddevice)


def open_device(
    choice: DeviceChoice, *, buffer_frames: int, channels: int, callback: Callable[..., None]
) -> OpenedDevice:
    """Open a device, without starting it.

    Args:
        choice: Which.
        buffer_frames: Length of a block where it is ours to choose; JACK's is JACK's.
        channels: How many are wanted; a device that has fewer gives what it has, in whole pairs
            of an output.
        callback: What sounddevice calls.

    Returns:
        The opened device.

    Raises:
        AudioError: There is no such device, or it refuses.
    """
    direction = choice.direction
    sounddevice = _initialize(direction)
    try:
        device = _find(sounddevice, choice)
        found_api = str(sounddevice.query_hostapis(device["hostapi"])["name"])
        # JACK has one block length for all its clients; to ask for another costs latency.
        blocks = 0 if found_api == _JACK else buffer_frames
        fewest = _FEWEST_CHANNELS[direction]
        count = min(channels, int(device[f"max_{direction}_channels"]) // fewest * fewest)
        stream_of = {
            Direction.OUTPUT: sounddevice.OutputStream,
            Direction.INPUT: sounddevice.InputStream,
        }
        try:
            stream = stream_of[direction](
                device=device["index"],
                samplerate=SAMPLE_RATE_HZ,
                blocksize=blocks,
                channels=count,
                dtype="float32",
                latency="low",
                callback=callback,
            )
        except sounddevice.PortAudioError as error:
            raise AudioError(_why_refused(direction, device, found_api, error)) from error
    except AudioError:
        _terminate(sounddevice)
        raise
    latency_s = float(stream.latency)
    if not 0.0 <= latency_s < _LONGEST_PLAUSIBLE_LATENCY_S:
        latency_s = 0.0  # some servers say nonsense
    return OpenedDevice(
        str(device["name"]), found_api, blocks, count, latency_s * 1000.0, stream, sounddevice
    )


def list_devices(direction: Direction = Direction.OUTPUT) -> tuple[DeviceInfo, ...]:
    """Every device of this machine in one direction, in PortAudio's order.

    Args:
        direction: Which way.

    Returns:
        The devices; none where there is no card and no server.
    """
    with _portaudio(direction) as sounddevice:
        default = _default_index(sounddevice, direction)
        return tuple(
            DeviceInfo(
                name=device["name"],
                hostapi=sounddevice.query_hostapis(device["hostapi"])["name"],
                channels=device[f"max_{direction}_channels"],
                sample_rate_hz=device["default_samplerate"],
                is_default=device["index"] == default,
            )
            for device in sounddevice.query_devices()
            if device[f"max_{direction}_channels"] > 0
        )


def is_there(choice: DeviceChoice) -> bool:
    """Whether a device is there by now; looks at the machine afresh."""
    with _portaudio(choice.direction) as sounddevice:
        try:
            _find(sounddevice, choice)
        except AudioError:
            return False
        return True


@contextlib.contextmanager
def _portaudio(direction: Direction) -> Iterator[Any]:
    """PortAudio with today's devices, for the length of a block.

    It must not stay open longer than it is needed: to close it after its JACK server has died
    aborts the whole process.
    """
    sounddevice = _initialize(direction)
    try:
        yield sounddevice
    finally:
        _terminate(sounddevice)


def _initialize(direction: Direction) -> Any:
    """Import sounddevice, and have JACK show our ports under our own name."""
    try:
        import sounddevice
    except OSError as error:
        raise AudioError(
            f"{error}: sound needs the PortAudio library. On Debian and Ubuntu: "
            "apt install libportaudio2. Without it: --output null, or --output FILE.wav."
        ) from error
    _terminate(sounddevice)  # the import has opened it, and its list of devices is frozen
    with contextlib.suppress(OSError, AttributeError):  # not every PortAudio knows JACK
        library = ctypes.CDLL(sounddevice._libname)
        library.PaJack_SetClientName(ctypes.c_char_p(_CLIENT_NAMES[direction]))
    sounddevice._initialize()
    return sounddevice


def _terminate(sounddevice: Any) -> None:
    while sounddevice._initialized:
        sounddevice._terminate()


def _default_index(sounddevice: Any, direction: Direction) -> int:
    """JACK's device where a server runs, for who starts one wants it; else PortAudio's choice."""
    for hostapi in sounddevice.query_hostapis():
        if hostapi["name"] == _JACK and hostapi[f"default_{direction}_device"] >= 0:
            return int(hostapi[f"default_{direction}_device"])
    return int(sounddevice.default.device[direction is Direction.OUTPUT])


def _find(sounddevice: Any, choice: DeviceChoice) -> dict[str, Any]:
    """The device that was asked for: exact names first, then parts of names."""
    direction, name, hostapi = choice.direction, choice.name, choice.hostapi
    default = _default_index(sounddevice, direction)
    hostapis = [str(one["name"]) for one in sounddevice.query_hostapis()]
    devices = [
        device
        for device in sounddevice.query_devices()
        if device[f"max_{direction}_channels"] >= _FEWEST_CHANNELS[direction]
        and hostapi.lower() in hostapis[device["hostapi"]].lower()
    ]
    wanted = name.lower()
    exact = [device for device in devices if device["name"].lower() == wanted]
    partial = [device for device in devices if wanted in device["name"].lower()]
    found = devices if name == DEFAULT else exact or partial
    found.sort(key=lambda device: device["index"] != default)
    if found:
        return dict(found[0])
    kind = "stereo output" if direction is Direction.OUTPUT else "input"
    what = "" if name == DEFAULT else f" whose name contains {name!r}"
    where = f" of host API {hostapi!r}" if hostapi else ""
    names = ", ".join(sorted(f"{device['name']!r}" for device in devices)) or "none at all"
    raise AudioError(f"No {kind} device{what}{where}; found {names}. {_HOW_TO_CHANGE[direction]}")


def _why_refused(
    direction: Direction, device: dict[str, Any], hostapi: str, error: BaseException
) -> str:
    rate_hz = float(device["default_samplerate"])
    hint = ""
    if hostapi == _JACK and rate_hz != SAMPLE_RATE_HZ:
        hint = (
            f" JACK runs at {rate_hz:.0f} Hz and everything here at {SAMPLE_RATE_HZ} Hz: "
            f"start it with jackd -r {SAMPLE_RATE_HZ}."
        )
    return (
        f"The {direction} {device['name']!r} ({hostapi}) refused: {error}.{hint} "
        f"{_HOW_TO_CHANGE[direction]}"
    )
