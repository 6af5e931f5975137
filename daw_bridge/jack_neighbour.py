"""The JACK server as a neighbour: MIDI ports whose events carry their frame, and its transport.

The one place that touches JACK-Client. The process callback runs in JACK's own thread; in the
process of the neighbours nothing else is at work, so it waits for nobody. It does not know what the
messages mean.
Flow: JACK → here → sync_child.py; clock to be sent goes the other way.
"""

import time
from collections.abc import Callable

import jack

from daw_bridge.errors import DawBridgeError
from daw_bridge.frame_clock import FrameClock
from daw_bridge.pulses import PulseSender
from daw_bridge.sync_wire import TimeCame

CLIENT_NAME = "daw-bridge-midi"
Heard = Callable[[float, bytes], None]
_FRAME_COUNTS = 2**32


class JackNeighbour:
    """A client of the running JACK server, with a MIDI input and output of its own."""

    def __init__(self, heard: Heard, sender: PulseSender, ended: Callable[[], None]) -> None:
        """Join the server.

        Args:
            heard: Called in JACK's thread with each message and its monotonic time.
            sender: What is to be sent as MIDI clock; asked in JACK's thread.
            ended: Called when the server has gone.

        Raises:
            DawBridgeError: There is no server.
        """
        jack.set_error_function(_be_quiet)
        jack.set_info_function(_be_quiet)
        try:
            self._client = jack.Client(CLIENT_NAME, no_start_server=True)
        except jack.JackOpenError as error:
            raise DawBridgeError("No JACK server runs: start it, then ask again.") from error
        self.sends_clock = False
        self._heard, self._sender = heard, sender
        self._input = self._client.midi_inports.register("in")
        self._output = self._client.midi_outports.register("out")
        self._pending: list[bytes] = []
        self._clock, self._begin_s = FrameClock(), time.monotonic()
        self._frame = self._last_count = 0
        self._client.set_process_callback(self._process)
        self._client.set_shutdown_callback(lambda _status, _reason: ended())
        self._client.activate()

    @property
    def own_port(self) -> str:
        """The name that other programs see."""
        return str(self._input.name)

    def inputs(self) -> list[str]:
        """The ports that send MIDI, without our own."""
        ports = self._client.get_ports(is_midi=True, is_output=True)
        return [port.name for port in ports if port.name != self._output.name]

    def machine_inputs(self) -> list[str]:
        """Those of them that are plugs of this machine, not programs."""
        ports = self._client.get_ports(is_midi=True, is_output=True, is_physical=True)
        return [port.name for port in ports]

    def connected(self) -> list[str]:
        """The ports that are connected to our input."""
        return [port.name for port in self._input.connections]

    def connect(self, port: str) -> None:
        """Hear a port; one that is gone is no error."""
        try:
            self._client.connect(port, self._input)
        except jack.JackError:
            return

    def disconnect(self, port: str) -> None:
        """Hear a port no more."""
        try:
            self._client.disconnect(port, self._input)
        except jack.JackError:
            return

    def send(self, message: bytes) -> None:
        """Send a message with the next cycle."""
        self._pending.append(message)

    def close(self) -> None:
        """Leave the server."""
        self._client.deactivate()
        self._client.close()

    def tell_time(self) -> TimeCame:
        """What the JACK transport says now."""
        state, position = self._client.transport_query_struct()
        is_playing = state == jack.ROLLING
        at_s = self._begin_s
        if not position.valid & jack.POSITION_BBT:
            seconds = position.frame / position.frame_rate
            return TimeCame("jack", at_s, is_playing=is_playing, seconds=seconds)
        quarters = 4.0 / position.beat_type
        bars = position.bar - 1
        beats = position.beat - 1 + position.tick / position.ticks_per_beat
        return TimeCame(
            "jack",
            at_s,
            is_playing,
            beat=(bars * position.beats_per_bar + beats) * quarters,
            tempo_bpm=position.beats_per_minute * quarters,
            signature=(round(position.beats_per_bar), round(position.beat_type)),
        )

    # ── in JACK's thread ─────────────────────────────────────────────────────
    def _process(self, frames: int) -> None:
        # JACK's own times lag behind after a stall; the audio process smooths as we do.
        count = self._client.last_frame_time
        self._frame += (count - self._last_count) % _FRAME_COUNTS
        self._last_count = count
        self._clock.tick(self._frame, time.monotonic())
        begin_s = self._begin_s = self._clock.monotonic_s
        rate_hz = self._client.samplerate
        for offset, message in self._input.incoming_midi_events():
            self._heard(begin_s + offset / rate_hz, bytes(message))
        self._output.clear_buffer()
        while self._pending:
            self._output.write_midi_event(0, self._pending.pop(0))
        if not self.sends_clock:
            return
        for at_s, message in self._sender.due(begin_s + frames / rate_hz):
            offset = min(max(int((at_s - begin_s) * rate_hz), 0), frames - 1)
            self._output.write_midi_event(offset, message)


def _be_quiet(_text: str) -> None:
    """The library prints what we tell in words of our own."""
