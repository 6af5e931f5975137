"""OSC bytes to messages and back. Pure: no socket, no clock, no table of addresses.

Values are written by python-osc; reading is our own, because python-osc mis-reads the tags S and
c, lets decoding errors of UTF-8 through and drops the rest of a bundle after one bad message. What
comes from outside may be any bytes: they become messages or `CommandError` values, never an
exception.
Flow: osc_server.py (datagrams) → here → addresses.py (messages to commands).

References:
    The Open Sound Control 1.0 Specification, M. Wright, 2002; 1.1: A. Freed and A. Schmeder,
    "Features and Future of Open Sound Control version 1.1 for NIME", 2009 (SLIP framing).
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pythonosc.parsing import osc_types

from daw_bridge.errors import CommandError, Fault

MAX_PACKET_BYTES = 65_536
MAX_BUNDLE_DEPTH = 8
MAX_ARGUMENTS = 256
IMMEDIATELY = 1
BUNDLE_BYTES = 1_400
_BUNDLE_START = b"#bundle\0"

TaggedValue = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """An address with arguments, each with the tag that it came with; arrays come flattened."""

    address: str
    arguments: tuple[TaggedValue, ...] = ()

    def __str__(self) -> str:
        """As people write it down.

        >>> str(Message("/gen/slot/1/go", (("s", "deep kick"), ("i", 7), ("T", True))))
        "/gen/slot/1/go ,siT 'deep kick' 7 True"
        """
        tags = "," + "".join(tag for tag, _ in self.arguments)
        return " ".join((self.address, tags, *(repr(value) for _, value in self.arguments)))


@dataclass(frozen=True, slots=True)
class Timed:
    """A message, or why there is none, with the NTP time tag of the bundle that held it."""

    message: Message | CommandError
    time_tag: int = IMMEDIATELY


class _Reader:
    """Reads OSC's aligned values from bytes; `ValueError` says what is wrong with them."""

    def __init__(self, packet: bytes, start: int, end: int) -> None:
        self.packet, self.offset, self.end = packet, start, end

    def take(self, count: int) -> bytes:
        """The next bytes, none missing."""
        start = self.offset
        if count < 0 or start + count > self.end:
            raise ValueError(f"it ends {start + count - self.end} bytes too early")
        self.offset = start + count
        return self.packet[start : self.offset]

    def string(self) -> str:
        """A string in UTF-8 that ends with one to four zero bytes."""
        stop = self.packet.find(b"\0", self.offset, self.end)
        if stop < 0:
            raise ValueError("a string has no end")
        text = self.packet[self.offset : stop]
        self.offset = min(stop + 4 - (stop - self.offset) % 4, self.end)
        return text.decode("utf-8")

    def blob(self) -> bytes:
        """Bytes with their length before them, padded to four."""
        length = self.number(">i", 4)
        content = self.take(int(length))
        self.take(min(-int(length) % 4, self.end - self.offset))
        return content

    def number(self, layout: str, count: int) -> int | float:
        """One number in network order."""
        value: int | float = struct.unpack(layout, self.take(count))[0]
        return value

    def character(self) -> str:
        """One character in 32 bits."""
        code = int(self.number(">I", 4))
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise ValueError(f"{code} is no character")
        return chr(code)


_READERS: dict[str, Callable[[_Reader], object]] = {
    "i": lambda reader: reader.number(">i", 4),
    "h": lambda reader: reader.number(">q", 8),
    "f": lambda reader: reader.number(">f", 4),
    "d": lambda reader: reader.number(">d", 8),
    "t": lambda reader: reader.number(">Q", 8),
    "r": lambda reader: reader.number(">I", 4),
    "m": lambda reader: tuple(reader.take(4)),
    "s": _Reader.string,
    "S": _Reader.string,
    "b": _Reader.blob,
    "c": _Reader.character,
    "T": lambda _: True,
    "F": lambda _: False,
    "N": lambda _: None,
    "I": lambda _: None,
}


def _write_blob(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content + bytes(-len(content) % 4)


def _write_nothing(_: object) -> bytes:
    return b""


_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "i": osc_types.write_int,
    "h": osc_types.write_int64,
    "f": osc_types.write_float,
    "d": osc_types.write_double,
    "t": struct.Struct(">Q").pack,
    "r": struct.Struct(">I").pack,
    "m": bytes,
    "s": osc_types.write_string,
    "S": osc_types.write_string,
    "b": _write_blob,  # python-osc writes no empty one
    "c": lambda character: struct.pack(">I", ord(character)),
    **dict.fromkeys("TFNI", _write_nothing),
}


def decode_packet(packet: bytes) -> list[Timed]:
    """Read a datagram: one message, or a bundle of messages and bundles.

    Args:
        packet: Any bytes at all.

    Returns:
        What it holds, in order; what cannot be read stands there as a `CommandError`.
    """
    if not packet or len(packet) > MAX_PACKET_BYTES:
        text = f"The packet has {len(packet)} bytes; send 4 to {MAX_PACKET_BYTES}."
        return [Timed(CommandError(Fault.BAD_PACKET, text))]
    found: list[Timed] = []
    _decode_element(_Reader(packet, 0, len(packet)), IMMEDIATELY, 0, found)
    return found


def _decode_element(reader: _Reader, time_tag: int, depth: int, found: list[Timed]) -> None:
    message: Message | CommandError
    try:
        if reader.packet.startswith(_BUNDLE_START, reader.offset, reader.end):
            _decode_bundle(reader, depth, found)
            return
        message = _decode_message(reader)
    except ValueError as error:
        text = f"This is no OSC packet: {error}. Send an OSC 1.0 message or bundle."
        message = CommandError(Fault.BAD_PACKET, text)
    found.append(Timed(message, time_tag))


def _decode_bundle(reader: _Reader, depth: int, found: list[Timed]) -> None:
    if depth >= MAX_BUNDLE_DEPTH:
        raise ValueError(f"bundles are nested more than {MAX_BUNDLE_DEPTH} deep")
    reader.take(len(_BUNDLE_START))
    time_tag = int(reader.number(">Q", 8))
    while reader.offset < reader.end:
        size = int(reader.number(">i", 4))
        start = reader.offset
        reader.take(size)
        _decode_element(_Reader(reader.packet, start, start + size), time_tag, depth + 1, found)


def _decode_message(reader: _Reader) -> Message:
    if reader.packet[reader.offset : reader.offset + 1] != b"/":
        raise ValueError("it begins with neither / nor #bundle")
    address = reader.string()
    if reader.offset >= reader.end:
        return Message(address)
    tags = reader.string()
    if not tags.startswith(","):
        raise ValueError("the type tags do not begin with a comma")
    if len(tags) > MAX_ARGUMENTS:
        raise ValueError(f"it has more than {MAX_ARGUMENTS} arguments")
    return Message(address, tuple(_decode_arguments(reader, tags[1:])))


def _decode_arguments(reader: _Reader, tags: str) -> Iterable[TaggedValue]:
    for tag in tags:
        if tag in "[]":
            continue
        read = _READERS.get(tag)
        if read is None:
            raise ValueError(f"the type tag {tag!r} is unknown")
        yield tag, read(reader)


def encode_message(address: str, arguments: Sequence[TaggedValue] = ()) -> bytes:
    """Write one message.

    Args:
        address: The full address.
        arguments: Type tag and value of each argument; a value must fit its tag.

    Returns:
        The datagram.
    """
    tags = "".join(tag for tag, _ in arguments)
    head = osc_types.write_string(address) + osc_types.write_string(f",{tags}")
    return head + b"".join(_WRITERS[tag](value) for tag, value in arguments)


def encode_bundle(elements: Iterable[bytes], time_tag: int = IMMEDIATELY) -> bytes:
    """Put encoded messages or bundles into one bundle."""
    parts = [_BUNDLE_START, struct.pack(">Q", time_tag)]
    for element in elements:
        parts += [struct.pack(">i", len(element)), element]
    return b"".join(parts)


def pack(messages: Iterable[bytes]) -> list[bytes]:
    """Put many messages into few packets: bundles of at most BUNDLE_BYTES, a lone one as it is."""
    packets: list[bytes] = []
    group: list[bytes] = []
    size = 16
    for message in messages:
        if group and size + 4 + len(message) > BUNDLE_BYTES:
            packets.append(_join(group))
            group, size = [], 16
        group.append(message)
        size += 4 + len(message)
    if group:
        packets.append(_join(group))
    return packets


def _join(group: list[bytes]) -> bytes:
    return group[0] if len(group) == 1 else encode_bundle(group)
