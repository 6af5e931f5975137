"""The process of the neighbours: MIDI ports, the JACK transport, Ableton Link.

It is a process of its own for the same reason as audio: libraries that call Python from threads of
their own wait for its lock, a dead JACK server may hang whoever calls it, and a clock that is sent
must not wait for anything. It says what came and when; what that means is decided in control.
It ends when its input does. Flow: ports → a datagram with a line → sync_process.py (control).
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from daw_bridge.errors import DawBridgeError
from daw_bridge.pulses import Lead, PulseSender
from daw_bridge.realtime import CONTROL_PRIORITY, ask_for_real_time, prefer_this_process
from daw_bridge.sync_wire import (
    Follow,
    Listen,
    MidiCame,
    PortsChanged,
    SendClock,
    SourceMissing,
    SyncCommand,
    SyncEvent,
    TimeCame,
    command_from_line,
    to_line,
)

if TYPE_CHECKING:
    from daw_bridge.jack_neighbour import JackNeighbour
    from daw_bridge.link_neighbour import LinkNeighbour

ALL_PORTS = "all"
_LOOK_S = 0.5
_TELL_S = 0.05
_INSTALL = "Install it: pip install 'daw-bridge[{extra}]'."


class Ports(Protocol):
    """What is asked of a MIDI system; it sends clock by itself while `sends_clock`."""

    sends_clock: bool

    @property
    def own_port(self) -> str:
        """The name that other programs see."""

    def inputs(self) -> list[str]:
        """The ports that send MIDI."""

    def machine_inputs(self) -> list[str]:
        """Those of them that are plugs of this machine, as far as that is known."""

    def connected(self) -> list[str]:
        """The ports that are heard."""

    def connect(self, port: str) -> None:
        """Hear a port."""

    def disconnect(self, port: str) -> None:
        """Hear a port no more."""

    def send(self, message: bytes) -> None:
        """Send a message now."""

    def close(self) -> None:
        """Close everything."""


class Clockwork(Protocol):
    """What is asked of a source of time."""

    def tell_time(self) -> TimeCame:
        """Where time is."""


class Neighbours:
    """All neighbours of one daemon."""

    def __init__(self, mouth: socket.socket) -> None:
        self._mouth = mouth
        self._sender = PulseSender()
        self._ports: Ports | None = None
        self._clockwork: Clockwork | None = None
        self._jack: JackNeighbour | None = None
        self._link: LinkNeighbour | None = None
        self._lead: Lead | None = None
        self._wanted = ""
        self._sends_clock = False
        self._joined: set[str] = set()
        self._told: PortsChanged | None = None

    def say(self, event: SyncEvent) -> None:
        """Tell control; called from any thread. What does not fit is lost, as MIDI loses it."""
        with contextlib.suppress(OSError):
            self._mouth.send(to_line(event))

    def obey(self, command: SyncCommand) -> None:
        """Obey control."""
        match command:
            case Listen(port):
                self._wanted = port
                self._open_ports()
                self.look_at_ports()
            case Follow(source):
                self._follow(source)
            case SendClock(on):
                self._sends_clock = on
                if on:
                    self._open_ports()
                self._begin_clock()
            case Lead():
                self._lead_on(command)

    def look_at_ports(self) -> None:
        """Connect what came and is wanted, let go of what is wanted no more; tell of changes."""
        ports = self._ports
        if ports is None:
            return
        inputs, connected = ports.inputs(), ports.connected()
        text = self._wanted.lower()
        wanted = {name for name in inputs if text and text in name.lower()}
        if self._wanted == ALL_PORTS:
            wanted = set(ports.machine_inputs())
        for name in wanted.difference(connected):
            ports.connect(name)
        # What somebody else connected to our own port is theirs to take away.
        for name in self._joined - wanted:
            ports.disconnect(name)
        self._joined = wanted
        told = PortsChanged(tuple(inputs), tuple(ports.connected()), ports.own_port)
        if told != self._told:
            self._told = told
            self.say(told)

    def tell_time(self) -> None:
        """Tell where the time that is followed is."""
        if self._clockwork is not None:
            self.say(self._clockwork.tell_time())

    def close(self) -> None:
        """Leave all of them."""
        for one in (self._ports, self._link):
            if one is not None:
                one.close()

    def _heard(self, at_s: float, message: bytes) -> None:
        self.say(MidiCame(at_s, message.hex()))

    def _lead_on(self, lead: Lead) -> None:
        self._lead = lead
        for message in self._sender.follow(lead):
            if self._ports is not None and self._sends_clock:
                self._ports.send(message)
        if self._link is not None:
            self._link.set_tempo(lead.tempo_bpm)

    def _begin_clock(self) -> None:
        """Send clock or not, as is wanted; begun while time runs, it says first where time is."""
        if self._ports is None or self._ports.sends_clock == self._sends_clock:
            return
        self._sender.begin(time.monotonic())
        self._ports.sends_clock = self._sends_clock

    def _open_ports(self) -> None:
        if self._ports is not None:
            return
        reason = ""
        for open_ports in (self._join_jack, self._open_system_ports):
            try:
                with _quiet_libraries():
                    self._ports = open_ports()
                self._begin_clock()
                break
            except (DawBridgeError, OSError) as error:
                reason = str(error)
        self.say(SourceMissing("midi", "" if self._ports is not None else reason))

    def _join_jack(self) -> Ports:
        _need("jack", "midi")
        from daw_bridge.jack_neighbour import JackNeighbour

        if self._jack is None:
            self._jack = JackNeighbour(self._heard, self._sender, _leave_at_once)
        return self._jack

    def _open_system_ports(self) -> Ports:
        _need("rtmidi", "midi")
        from daw_bridge.midi_ports import MidiPorts

        return MidiPorts(self._heard, self._sender)

    def _follow(self, source: str) -> None:
        if self._link is not None:
            self._link.close()
        self._clockwork = self._link = None
        try:
            if source == "jack":
                with _quiet_libraries():
                    self._join_jack()
                self._clockwork = self._jack
            elif source == "link":
                self._clockwork = self._link = self._join_link()
        except (DawBridgeError, OSError) as error:
            self.say(SourceMissing(source, str(error)))

    def _join_link(self) -> "LinkNeighbour":
        _need("aalink", "link")
        from daw_bridge.link_neighbour import LinkNeighbour

        return LinkNeighbour(self._lead.tempo_bpm if self._lead is not None else 120.0)


def _need(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise DawBridgeError(f"{package} is not there. {_INSTALL.format(extra=extra)}")


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Have ALSA and JACK not write to the terminal what they look for in vain: we tell it once."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def _leave_at_once() -> None:
    """The JACK server has gone: nothing that waits for it must keep this process."""
    os._exit(0)


async def _run(neighbours: Neighbours) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        # Whoever holds Python's lock keeps JACK's callback waiting: none may be put off.
        ask_for_real_time(CONTROL_PRIORITY)
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(neighbours.obey, command_from_line(line))
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, name="ears", daemon=True).start()
    next_look_s = 0.0
    while not ended.is_set():
        neighbours.tell_time()
        if time.monotonic() >= next_look_s:
            next_look_s = time.monotonic() + _LOOK_S
            neighbours.look_at_ports()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TELL_S):
                await ended.wait()


def main() -> None:
    """Run until control is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # control answers; its end is ours
    prefer_this_process()  # before there are threads, which inherit it
    gc.freeze()  # a collection goes over what came since, and is soon done
    mouth = socket.socket(fileno=int(sys.argv[1]))
    mouth.setblocking(False)
    ask_for_real_time(CONTROL_PRIORITY)
    neighbours = Neighbours(mouth)
    asyncio.run(_run(neighbours))
    neighbours.close()
    os._exit(0)


if __name__ == "__main__":
    main()
