"""One TCP connection of an OSC client: packets in, packets out, no waiting.

It does not know what is in a packet. Flow: network → framing.py → here → osc_server.py, and back.
"""

import asyncio
from typing import Protocol, cast

from daw_bridge.clients import Line, Peer
from daw_bridge.framing import Framer

MAX_UNSENT_BYTES = 1024 * 1024
LAST_WORDS_S = 1.0


class Listener(Protocol):
    """What a connection tells."""

    def connected(self, connection: Line) -> None:
        """It is there."""

    def disconnected(self, connection: Line) -> None:
        """It is gone."""

    def receive(self, packet: bytes, peer: Peer) -> None:
        """It has brought a packet."""


class Connection(asyncio.Protocol):
    """One TCP client."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._framer = listener, Framer()
        self._transport: asyncio.Transport | None = None
        self._is_deaf = False
        self.peer: Peer = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is; the port is negated, as UDP clients have those above zero."""
        self._transport = cast("asyncio.Transport", transport)
        address = self._transport.get_extra_info("peername")
        self.peer = (address[0], -address[1])
        self._listener.connected(self)

    def data_received(self, content: bytes) -> None:
        """Obey what is complete; hang up on a stream that cannot be read."""
        if self._is_deaf:
            return
        try:
            for packet in self._framer.feed(content):
                self._listener.receive(packet, self.peer)
        except ValueError:
            self._listener.receive(content[:8], self.peer)
            self._hang_up_with_an_answer()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        del error
        self._listener.disconnected(self)

    def send(self, packet: bytes) -> None:
        """Send a packet, or hang up on a client that does not read."""
        if self._transport is None or self._transport.is_closing() or self._is_deaf:
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._transport.abort()
            return
        self._transport.write(self._framer.frame(packet))

    def hang_up(self) -> None:
        """Close it, after what has been written."""
        if self._transport is not None:
            self._transport.close()

    def _hang_up_with_an_answer(self) -> None:
        """Say no more and hear no more, but read on: closed unread, TCP would drop the answer."""
        self._is_deaf = True
        if self._transport is not None:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LAST_WORDS_S, self._transport.abort)
