"""Laws of stream framing: packets survive any cut of the stream, in both forms."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.framing import Framer
from daw_bridge.osc import MAX_PACKET_BYTES

PACKETS = st.lists(st.binary(min_size=1, max_size=60).map(b"/".__add__), min_size=1, max_size=6)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=20)


def slip(packet: bytes) -> bytes:
    framer = Framer()
    framer.feed(b"\xc0")
    return framer.frame(packet)


def feed_in_pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    framer, packets, start, turn = Framer(), [], 0, 0
    while start < len(stream):
        end = start + cuts[turn % len(cuts)]
        packets += framer.feed(stream[start:end])
        start, turn = end, turn + 1
    return packets


@given(PACKETS, CUTS, st.sampled_from([slip, Framer().frame]))
def test_packets_survive_any_cut(packets: list[bytes], cuts: list[int], form: object) -> None:
    assert callable(form)
    assert feed_in_pieces(b"".join(form(one) for one in packets), cuts) == packets


@given(PACKETS)
def test_slip_without_a_leading_end_is_known_by_its_first_byte(packets: list[bytes]) -> None:
    stream = b"".join(slip(one)[1:] for one in packets)
    assert Framer().feed(stream) == packets


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_give_packets_or_one_clear_refusal(stream: bytes, cuts: list[int]) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(packet, bytes) for packet in feed_in_pieces(stream, cuts))


def test_a_packet_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        Framer().feed(b"\xc0" + b"x" * (2 * MAX_PACKET_BYTES + 1))
    with pytest.raises(ValueError, match="bytes"):
        Framer().feed(b"\x7f\xff\xff\xff")
