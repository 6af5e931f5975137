"""MIDI ports of the operating system: ALSA, CoreMIDI, Windows, or JACK where there is nothing else.

The one place that touches python-rtmidi. A virtual port of our own is opened where the system has
such; hot plug is the list of ports, looked at again. It does not know what messages mean. Where a
JACK server runs, jack_neighbour.py is preferred, as its events carry exact times.
Flow: port → here → sync_child.py; clock to be sent goes the other way.
"""

import contextlib
import threading
import time
from collections.abc import Callable

import rtmidi

from daw_bridge.errors import DawBridgeError
from daw_bridge.pulses import PulseSender
from daw_bridge.realtime import CONTROL_PRIORITY, ask_for_real_time

CLIENT_NAME = "daw-bridge"
Heard = Callable[[float, bytes], None]
# Named, because the library's own choice ends with an error where ALSA has no sequencer.
_APIS = (
    rtmidi.API_LINUX_ALSA,
    rtmidi.API_MACOSX_CORE,
    rtmidi.API_WINDOWS_MM,
    rtmidi.API_UNIX_JACK,
)


# Pulses are handed out this long before they are due.
_SEND_AHEAD_S = 0.01


class MidiPorts:
    """The MIDI system of this machine, with an input and an output of our own in it."""

    def __init__(self, heard: Heard, sender: PulseSender) -> None:
        """Open it.

        Args:
            heard: Called in a thread of the library with each message and its monotonic time.
            sender: What is to be sent as MIDI clock, by a thread of ours.

        Raises:
            DawBridgeError: This machine has no MIDI system that works.
        """
        self.sends_clock = False
        self._heard, self._sender = heard, sender
        self._inputs: dict[str, rtmidi.MidiIn] = {}
        self._api, self._finder = _working_api()
        self._own: rtmidi.MidiIn | None = None
        self._output: rtmidi.MidiOut | None = None
        with contextlib.suppress(NotImplementedError, rtmidi.RtMidiError):  # Windows has none
            self._own = self._open(lambda one: one.open_virtual_port("in"))
            self._output = rtmidi.MidiOut(self._api, name=CLIENT_NAME)
            self._output.open_virtual_port("out")
        self._ended = threading.Event()
        threading.Thread(target=self._send_clock, name="midi-clock", daemon=True).start()

    @property
    def own_port(self) -> str:
        """The name that other programs see; empty where the system has no virtual ports."""
        return f"{CLIENT_NAME}:in" if self._own is not None else ""

    def inputs(self) -> list[str]:
        """The ports that send MIDI, without our own."""
        return [name for name in self._finder.get_ports() if not name.startswith(CLIENT_NAME)]

    def machine_inputs(self) -> list[str]:
        """All of them: the system does not tell plugs from programs."""
        return self.inputs()

    def connected(self) -> list[str]:
        """The ports that are heard; one that was unplugged is let go of."""
        for name in set(self._inputs) - set(self._finder.get_ports()):
            self.disconnect(name)
        return list(self._inputs)

    def connect(self, port: str) -> None:
        """Hear a port; one that is gone is no error."""
        ports = self._finder.get_ports()
        if port in ports:
            with contextlib.suppress(rtmidi.RtMidiError):
                self._inputs[port] = self._open(lambda one: one.open_port(ports.index(port)))

    def disconnect(self, port: str) -> None:
        """Hear a port no more."""
        gone = self._inputs.pop(port, None)
        if gone is not None:
            gone.close_port()
            gone.delete()

    def send(self, message: bytes) -> None:
        """Send a message now."""
        if self._output is not None:
            self._output.send_message(message)

    def close(self) -> None:
        """Close everything."""
        self._ended.set()
        for name in list(self._inputs):
            self.disconnect(name)
        for port in (self._own, self._output, self._finder):
            if port is not None:
                port.close_port()
                port.delete()

    def _open(self, begin: Callable[[rtmidi.MidiIn], object]) -> rtmidi.MidiIn:
        port = rtmidi.MidiIn(self._api, name=CLIENT_NAME)
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        port.set_callback(self._take)
        begin(port)
        return port

    def _send_clock(self) -> None:
        ask_for_real_time(CONTROL_PRIORITY)
        while not self._ended.wait(_SEND_AHEAD_S / 2):
            if not self.sends_clock:
                continue
            for at_s, message in self._sender.due(time.monotonic() + _SEND_AHEAD_S):
                time.sleep(max(0.0, at_s - time.monotonic()))
                self.send(message)

    def _take(self, event: tuple[list[int], float], _data: object) -> None:
        self._heard(time.monotonic(), bytes(event[0]))


def _working_api() -> tuple[int, rtmidi.MidiIn]:
    compiled = rtmidi.get_compiled_api()
    for api in _APIS:
        if api not in compiled:
            continue
        try:
            return api, rtmidi.MidiIn(api, name=f"{CLIENT_NAME}-finder")
        except rtmidi.RtMidiError:
            continue
    raise DawBridgeError(
        "This machine has no MIDI system that works. On Linux, load snd-seq (modprobe snd-seq) or "
        "start a JACK server; then ask again."
    )
