"""Laws of the wire: any bytes are read or refused, and what is written is read back."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from daw_bridge.errors import CommandError, Fault
from daw_bridge.osc import (
    BUNDLE_BYTES,
    MAX_PACKET_BYTES,
    Message,
    Timed,
    decode_packet,
    encode_bundle,
    encode_message,
    pack,
)
from tests.daw_bridge.strategies import to_float32

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
TAGGED = st.one_of(
    st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("f"), st.floats(allow_nan=False).map(to_float32)),
    st.tuples(st.just("d"), st.floats(allow_nan=False)),
    st.tuples(st.just("s"), TEXTS),
    st.tuples(st.just("b"), st.binary(max_size=30)),
    st.sampled_from([("T", True), ("F", False), ("N", None)]),
)
MESSAGES = st.builds(Message, TEXTS.map("/".__add__), st.lists(TAGGED, max_size=6).map(tuple))


def only_message(packet: bytes) -> Message:
    (timed,) = decode_packet(packet)
    assert isinstance(timed.message, Message), timed.message
    return timed.message


@given(MESSAGES)
def test_decoding_gives_back_what_was_encoded(message: Message) -> None:
    assert only_message(encode_message(message.address, message.arguments)) == message


@given(st.binary(max_size=400))
def test_any_bytes_give_messages_or_refusals(packet: bytes) -> None:
    for timed in decode_packet(packet):
        assert isinstance(timed, Timed)
        assert isinstance(timed.message, Message | CommandError)


def test_ten_thousand_mutated_packets_are_read_or_refused() -> None:
    source = random.Random(20)
    plain = encode_message(
        "/gen/slot/1/go", (("s", "deep kick"), ("i", 7), ("f", 0.5), ("T", True))
    )
    seeds = [plain, encode_bundle([plain, encode_bundle([plain], 2**40)], 2**63)]
    for _ in range(10_000):
        packet = bytearray(source.choice(seeds))
        for _ in range(source.randint(1, 8)):
            packet[source.randrange(len(packet))] = source.randrange(256)
        for timed in decode_packet(bytes(packet[: source.randint(0, len(packet))])):
            assert isinstance(timed.message, Message | CommandError)


@given(st.lists(MESSAGES, max_size=5), st.integers(0, 2**64 - 1))
def test_a_bundle_keeps_order_and_time(messages: list[Message], time_tag: int) -> None:
    packet = encode_bundle([encode_message(m.address, m.arguments) for m in messages], time_tag)
    assert decode_packet(packet) == [Timed(message, time_tag) for message in messages]


def test_a_bad_message_in_a_bundle_drops_no_other() -> None:
    good = encode_message("/gen/panic")
    bad = b"/gen\xff\xfe\0\0"
    kinds = [type(timed.message) for timed in decode_packet(encode_bundle([good, bad, good]))]
    assert kinds == [Message, CommandError, Message]


@given(st.text("ihfdsSbcrmtTFNI", max_size=12), st.binary(min_size=200, max_size=400))
def test_whatever_was_read_can_be_sent_back(tags: str, content: bytes) -> None:
    header = b"/a\0\0" + (("," + tags).encode() + b"\0" * 4)[: (len(tags) + 5) // 4 * 4]
    for timed in decode_packet(header + content):
        if isinstance(timed.message, Message):
            echo = only_message(encode_message("/pong", timed.message.arguments))
            assert [tag for tag, _ in echo.arguments] == list(tags)
            # Not by value: a float that is no number equals nothing, itself included.
            assert repr(echo.arguments) == repr(timed.message.arguments)


def test_symbols_and_characters_are_read_as_the_specification_says() -> None:
    packet = b"/a\0\0,Sci\0\0\0\0yes\0" + struct.pack(">I", ord("x")) + struct.pack(">i", 3)
    assert only_message(packet).arguments == (("S", "yes"), ("c", "x"), ("i", 3))


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\0" * 64,
        b"hello there",
        b"/no-end",
        b"/a\0\0,i\0\0\0\0",
        b"/a\0\0,q\0\0",
        b"/a\0\0i\0\0\0",
        b"#bundle\0",
        b"#bundle\0" + b"\0" * 8 + b"\x7f\xff\xff\xff",
        b"#bundle\0" + b"\0" * 8 + b"\xff\xff\xff\xff",
        b"/a\0\0,c\0\0\xff\xff\xff\xff",
        b"/a\0\0,b\0\0\x7f\xff\xff\xff",
        b"/\xff\0\0,\0\0\0",
        b"x" * (MAX_PACKET_BYTES + 1),
    ],
)
def test_what_is_no_osc_is_refused_with_words(packet: bytes) -> None:
    (timed,) = decode_packet(packet)
    assert isinstance(timed.message, CommandError)
    assert timed.message.fault is Fault.BAD_PACKET
    assert len(timed.message.text) > 20


def test_bundles_inside_bundles_end_somewhere() -> None:
    packet = encode_message("/a")
    for _ in range(500):
        packet = encode_bundle([packet])
    (timed,) = decode_packet(packet)
    assert isinstance(timed.message, CommandError)


@given(st.lists(MESSAGES, max_size=60))
def test_packing_keeps_every_message_and_stays_small(messages: list[Message]) -> None:
    encoded = [encode_message(m.address, m.arguments) for m in messages]
    packets = pack(encoded)
    read = [timed.message for packet in packets for timed in decode_packet(packet)]
    assert read == messages
    assert all(len(packet) <= max(BUNDLE_BYTES, *map(len, encoded)) for packet in packets)


@given(MESSAGES)
def test_python_osc_reads_what_we_write(message: Message) -> None:
    packet = encode_message(message.address, message.arguments)
    theirs = OscMessage(packet)
    assert theirs.address == message.address
    assert len(theirs.params) == len(message.arguments)
    assert OscBundle(encode_bundle([packet, packet])).num_contents == 2
