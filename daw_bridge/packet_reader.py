"""From packets to requests; what was read lately is known and not read again.

A pad sends the same bytes each time it is hit, and its sound waits for them to be read.
Flow: osc_server.py (packets) → osc.py (messages) → addresses.py (requests), and back.
"""

from dataclasses import dataclass
from functools import lru_cache

from daw_bridge.addresses import AddressBook
from daw_bridge.errors import CommandError
from daw_bridge.osc import Message, Timed, decode_packet
from daw_bridge.requests import Request

_KNOWN_PACKETS = 1024
SHORT_BYTES = 128


@dataclass(frozen=True, slots=True)
class Read:
    """A message of a packet, and what it asks for or why it cannot be obeyed, in order."""

    timed: Timed
    found: tuple[Request | CommandError, ...]


class PacketReader:
    """Reads packets by an address book."""

    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self._known = lru_cache(_KNOWN_PACKETS)(self._read)

    def read(self, packet: bytes, client: int) -> tuple[Read, ...]:
        """Read a packet.

        Args:
            packet: Any bytes.
            client: Who sent it.

        Returns:
            What it holds, in order.
        """
        return (self._known if len(packet) <= SHORT_BYTES else self._read)(packet, client)

    def _read(self, packet: bytes, client: int) -> tuple[Read, ...]:
        return tuple(Read(one, self._found(one.message, client)) for one in decode_packet(packet))

    def _found(
        self, message: Message | CommandError, client: int
    ) -> tuple[Request | CommandError, ...]:
        if isinstance(message, CommandError):
            return (message,)
        return tuple(self._book.resolve(message, client))
