"""MIDI clock to be sent: which bytes are due in a stretch of time, from what the transport does.

Pure; the sender says up to when it wants to know. Each pulse is sent once, also where the transport
is set right by a little meanwhile; where it jumps, a start or a song position says so.
Flow: session → engine.py → sync_child.py → here → a port.

References:
    MIDI 1.0 Detailed Specification, "System Real Time Messages" and "Song Position Pointer".
"""

import math
from dataclasses import dataclass

from daw_bridge.clock import MIDI_PULSES_PER_BEAT

_CLOCK, _START, _CONTINUE, _STOP, _SONG_POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
_PULSES_A_SIXTEENTH = MIDI_PULSES_PER_BEAT // 4
_MAX_SONG_POSITION = 2**14 - 1
# Set right by less than this, the transport goes on; by more, it has jumped.
_JUMP_PULSES = 6


@dataclass(frozen=True, slots=True)
class Lead:
    """What the transport does: which beat (in quarter notes) is at a monotonic time, how fast."""

    tempo_bpm: float
    beat: float
    at_s: float
    is_playing: bool

    @property
    def pulses_per_second(self) -> float:
        """How many ticks of MIDI clock a second has."""
        return self.tempo_bpm * MIDI_PULSES_PER_BEAT / 60.0

    def pulse_at(self, at_s: float) -> float:
        """The number of the pulse at a time, with its fraction."""
        return self.beat * MIDI_PULSES_PER_BEAT + (at_s - self.at_s) * self.pulses_per_second

    def time_of(self, pulse: int) -> float:
        """When a pulse is due, in monotonic seconds."""
        return self.at_s + (pulse - self.beat * MIDI_PULSES_PER_BEAT) / self.pulses_per_second


class PulseSender:
    """Turns what the transport does into bytes and their times."""

    def __init__(self) -> None:
        self._lead: Lead | None = None
        self._next_pulse = 0
        self._begins: bytes = b""

    def follow(self, lead: Lead) -> list[bytes]:
        """Take note of what the transport does now.

        Args:
            lead: Its tempo, and a beat at a time.

        Returns:
            What to send at once: a stop, or nothing.
        """
        before, self._lead = self._lead, lead
        if not lead.is_playing:
            return [bytes([_STOP])] if before is not None and before.is_playing else []
        expected = None if before is None or not before.is_playing else before.pulse_at(lead.at_s)
        if expected is None or abs(expected - lead.pulse_at(lead.at_s)) > _JUMP_PULSES:
            self.begin(lead.at_s)
        return []

    def begin(self, at_s: float) -> None:
        """Begin to be heard: what was due before is not sent; a start or a place comes first.

        Args:
            at_s: From when on, monotonic.
        """
        if self._lead is None:
            return
        # A song position counts sixteenths: the first whole one from here on.
        first = math.ceil(self._lead.pulse_at(at_s) - 1e-6)
        sixteenth = max(0, math.ceil(first / _PULSES_A_SIXTEENTH))
        self._next_pulse = sixteenth * _PULSES_A_SIXTEENTH
        self._begins = _begin(sixteenth)

    def due(self, until_s: float) -> list[tuple[float, bytes]]:
        """What is due up to a time and was not handed out yet, in order.

        Args:
            until_s: Monotonic.

        Returns:
            Times and bytes; a time may be a little in the past.
        """
        lead = self._lead
        if lead is None or not lead.is_playing:
            return []
        found: list[tuple[float, bytes]] = []
        while (at_s := lead.time_of(self._next_pulse)) < until_s:
            if self._begins:
                found += [(at_s, one) for one in _messages(self._begins)]
                self._begins = b""
            found.append((at_s, bytes([_CLOCK])))
            self._next_pulse += 1
        return found


def _begin(sixteenth: int) -> bytes:
    if sixteenth == 0:
        return bytes([_START])
    position = min(sixteenth, _MAX_SONG_POSITION)
    return bytes([_SONG_POSITION, position & 0x7F, position >> 7, _CONTINUE])


def _messages(begin: bytes) -> list[bytes]:
    return [begin] if len(begin) == 1 else [begin[:3], begin[3:]]
