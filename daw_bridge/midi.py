"""MIDI bytes to what they mean. Pure: no port, no time, no table of addresses.

Only what an instrument obeys is read: notes, controllers, programs and the clock. All else, such as
pressure or system exclusive, is nothing to us. Channels are counted from 1, as people do.
Flow: midi ports (bytes) → here → midi_map.py (messages to the addresses of the table).

References:
    MIDI 1.0 Detailed Specification, table 1, "Summary of Status Bytes".
"""

from dataclasses import dataclass
from fractions import Fraction

from daw_bridge.clock_events import ClockPlaced, ClockStarted, ClockStopped

SIXTEENTH = Fraction(1, 4)
ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A key went down; velocity 1 to 127."""

    channel: int
    note: int
    velocity: int


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A key went up."""

    channel: int
    note: int


@dataclass(frozen=True, slots=True)
class Control:
    """A knob, fader or pedal moved; 0 to 127."""

    channel: int
    controller: int
    value: int


@dataclass(frozen=True, slots=True)
class Program:
    """A program was chosen, from 0."""

    channel: int
    program: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One of 24 pulses in a quarter note."""


MidiMessage = (
    NoteOn | NoteOff | Control | Program | Tick | ClockStarted | ClockStopped | ClockPlaced
)


def read_midi(message: bytes) -> MidiMessage | None:
    """Read one whole message, as ports hand them over.

    Args:
        message: Status and data bytes; running status is the port's to undo.

    Returns:
        What it means, None for what is nothing to us or no message.

    >>> read_midi(bytes([0x99, 36, 100])), read_midi(bytes([0x99, 36, 0]))
    (NoteOn(channel=10, note=36, velocity=100), NoteOff(channel=10, note=36))
    """
    if not message or message[0] < 0x80 or any(byte > 0x7F for byte in message[1:]):
        return None
    return _of_system(message) if message[0] >= 0xF0 else _of_channel(message)


def _of_channel(message: bytes) -> MidiMessage | None:
    channel, values = (message[0] & 0x0F) + 1, tuple(message[1:])
    match message[0] & 0xF0, values:
        case 0x90, (note, velocity) if velocity:
            return NoteOn(channel, note, velocity)
        case ((0x80 | 0x90), (note, _)):
            return NoteOff(channel, note)
        case 0xB0, (controller, value):
            return Control(channel, controller, value)
        case 0xC0, (program,):
            return Program(channel, program)
    return None


def _of_system(message: bytes) -> MidiMessage | None:
    match tuple(message):
        case (0xF8,):
            return Tick()
        case (0xFA,):
            return ClockStarted(Fraction(0))
        case (0xFB,):
            return ClockStarted(None)
        case (0xFC,):
            return ClockStopped()
        case (0xF2, low, high):
            return ClockPlaced((low + 128 * high) * SIXTEENTH)
    return None
