"""The law of what is known already: it is read as if for the first time."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.addresses import AddressBook
from daw_bridge.errors import CommandError
from daw_bridge.osc import Message, decode_packet, encode_message
from daw_bridge.packet_reader import PacketReader
from daw_bridge.requests import Request
from tests.daw_bridge.strategies import SLOTS, commands

BOOK = AddressBook("/gen", SLOTS)
PACKETS = st.one_of(
    st.binary(max_size=200),
    commands().map(BOOK.message_of).map(lambda one: encode_message(one.address, one.arguments)),
)


def told(found: Iterable[Request | CommandError]) -> list[object]:
    """What was found, in a form that can be compared."""
    return [str(one) if isinstance(one, CommandError) else one for one in found]


@given(st.lists(PACKETS, max_size=8), st.integers(1, 2))
def test_a_packet_is_read_the_same_each_time(packets: list[bytes], client: int) -> None:
    reader = PacketReader(BOOK)
    for packet in packets * 2:
        reads, decoded = reader.read(packet, client), decode_packet(packet)
        assert [one.timed.time_tag for one in reads] == [one.time_tag for one in decoded]
        for read, timed in zip(reads, decoded, strict=True):
            message = timed.message
            found = BOOK.resolve(message, client) if isinstance(message, Message) else [message]
            assert told(read.found) == told(found)


def test_each_client_is_answered_itself() -> None:
    reader, packet = PacketReader(BOOK), encode_message("/gen/slot/1/play")
    for client in (1, 2, 1):
        ((request,),) = (read.found for read in reader.read(packet, client))
        assert not isinstance(request, CommandError)
        assert request.client == client


def test_a_hit_pad_is_the_very_same_request() -> None:
    reader, packet = PacketReader(BOOK), encode_message("/gen/slot/1/play")
    assert reader.read(packet, 1) is reader.read(bytes(bytearray(packet)), 1)
