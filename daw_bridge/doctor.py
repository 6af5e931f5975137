"""What works on this machine, and what to do about what does not; and the list of devices.

It tries things and reports; it changes nothing, and it is no part of the daemon: it loads what the
control process never does. Flow: __main__.py → here.
"""

import select
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from daw_bridge.errors import AudioError, DawBridgeError, EffectsMissing
from daw_bridge.portaudio import Direction, list_devices
from daw_bridge.rack import open_rack
from daw_bridge.settings import Settings
from daw_bridge.shared_memory import create_block, remove_block
from daw_bridge.sync_process import SyncProcess
from daw_bridge.sync_wire import Listen, PortsChanged, SourceMissing
from generator.errors import GeneratorError
from generator.loading import load_generator

_PYTHON = (3, 11)
_MIDI_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried, and what to do if it does not work."""

    works: bool
    what: str
    advice: str = ""


def device_lines() -> Iterator[str]:
    """The outputs, then the inputs, a line each.

    Yields:
        Lines for the user.

    Raises:
        AudioError: There is no audio library.
    """
    devices = list_devices()
    for device in devices:
        mark = "*" if device.is_default else " "
        yield f"{mark} {device.name} ({device.hostapi}), {device.channels} channels"
    for device in list_devices(Direction.INPUT):
        yield f"  input: {device.name} ({device.hostapi}), {device.channels} channels"
    if not devices:
        yield "There is no output device. daw-bridge runs on a silent clock until there is one,"
        yield "or into a file: daw-bridge run --output FILE.wav"


def findings(settings: Settings) -> Iterator[Finding]:
    """Try everything that the daemon needs.

    Args:
        settings: Which model is asked for.

    Yields:
        One finding after the other.
    """
    version = sys.version_info
    text = f"Python {version.major}.{version.minor}.{version.micro}"
    yield Finding(version >= _PYTHON, text, "" if version >= _PYTHON else "Install Python 3.11.")
    yield _shared_memory()
    yield _devices()
    yield _midi()
    yield _effects()
    yield _model(settings)
    yield _oscsend()


def _shared_memory() -> Finding:
    try:
        block = create_block("doctor", size_bytes=4096)
    except DawBridgeError as error:
        return Finding(False, f"shared memory: {error}", "Make room in /dev/shm.")
    remove_block(block.name)
    return Finding(True, "shared memory")


def _devices() -> Finding:
    try:
        devices = list_devices()
    except AudioError as error:
        return Finding(False, f"audio: {error}", "Debian, Ubuntu: sudo apt install libportaudio2")
    if not devices:
        advice = "Connect one, start JACK, or run with --output null or --output FILE.wav"
        return Finding(False, "audio: no output device", advice)
    default = next((device for device in devices if device.is_default), devices[0])
    return Finding(True, f"audio: {len(devices)} outputs, {default.name} is the default")


def _midi() -> Finding:
    """Have the process of the neighbours, as the daemon starts it, look for MIDI."""
    sync, deadline_s = SyncProcess(), time.monotonic() + _MIDI_S
    try:
        sync.tell(Listen("all"))
        while time.monotonic() < deadline_s:
            select.select([sync], [], [], 0.1)
            for event in sync.poll():
                match event:
                    case PortsChanged(inputs, _, own):
                        return Finding(
                            True,
                            f"MIDI: {own or 'no port of our own'}, {len(inputs)} inputs besides",
                        )
                    case SourceMissing("midi", reason) if reason:
                        # Not a fault: everything else works without it.
                        return Finding(True, f"no MIDI: {reason}")
    finally:
        sync.stop()
    return Finding(False, "MIDI: no answer", "Start again; if it stays so, start without JACK.")


def _effects() -> Finding:
    try:
        open_rack(slots=1, max_frames=1)
    except EffectsMissing as missing:
        # Not a fault: everything else works without them.
        return Finding(True, f"no effects: {missing}")
    return Finding(True, "effects: pyo")


def _model(settings: Settings) -> Finding:
    try:
        generator = load_generator(settings.model)
    except GeneratorError as error:
        return Finding(False, f"model: {error}", "Choose another with --model NAME|PATH")
    return Finding(True, f"model: {generator.name}")


def _oscsend() -> Finding:
    if shutil.which("oscsend"):
        return Finding(True, "oscsend, to send messages from a shell")
    return Finding(
        True, "no oscsend", "To send messages from a shell: sudo apt install liblo-tools"
    )
