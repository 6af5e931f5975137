"""Laws of reading MIDI: any bytes are read or nothing to us, and another library means the same."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.clock_events import ClockPlaced, ClockStarted, ClockStopped
from daw_bridge.midi import Control, NoteOff, NoteOn, Program, Tick, read_midi

SEVEN_BITS = st.integers(0, 127)
CHANNELS = st.integers(1, 16)


@given(st.binary(max_size=6))
def test_no_bytes_break_it(message: bytes) -> None:
    read_midi(message)


@given(CHANNELS, SEVEN_BITS, SEVEN_BITS)
def test_channel_messages_are_read_as_the_specification_spells_them(
    channel: int, first: int, second: int
) -> None:
    nibble = channel - 1
    on = NoteOn(channel, first, second) if second else NoteOff(channel, first)
    assert read_midi(bytes([0x90 | nibble, first, second])) == on
    assert read_midi(bytes([0x80 | nibble, first, second])) == NoteOff(channel, first)
    assert read_midi(bytes([0xB0 | nibble, first, second])) == Control(channel, first, second)
    assert read_midi(bytes([0xC0 | nibble, first])) == Program(channel, first)


@given(st.integers(0, 2**14 - 1))
def test_a_song_position_counts_sixteenths(sixteenths: int) -> None:
    message = bytes([0xF2, sixteenths & 0x7F, sixteenths >> 7])
    assert read_midi(message) == ClockPlaced(Fraction(sixteenths, 4))


@pytest.mark.parametrize(
    ("byte", "meant"),
    [
        (0xF8, Tick()),
        (0xFA, ClockStarted(Fraction(0))),
        (0xFB, ClockStarted(None)),
        (0xFC, ClockStopped()),
        (0xFE, None),
        (0xFF, None),
    ],
)
def test_the_clock_is_one_byte(byte: int, meant: object) -> None:
    assert read_midi(bytes([byte])) == meant
    assert read_midi(bytes([byte, 0])) is None


def test_what_is_cut_short_means_nothing() -> None:
    for message in (
        b"",
        b"\x90",
        b"\x90\x24",
        b"\xb0\x07",
        b"\xf2\x01",
        b"\x24\x40",
        b"\x90\x90\x40",
    ):
        assert read_midi(message) is None
