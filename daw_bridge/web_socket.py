"""OSCQuery's WebSocket: values as they change, and OSC both ways, on the port of HTTP.

A client says LISTEN or IGNORE with an address, as JSON; from then on each new value of it comes as
an OSC packet, binary. It may also send OSC packets, binary, and is then answered here: what a
browser needs, which has no UDP. websockets knows the protocol; here are only its use, and who is
told. Flow: oscquery.py, once it has let a client in → here → osc_server.py, and back.

References:
    V. Zapp et al., "OSCQuery Proposal", 2018; LISTEN and IGNORE.
"""

import asyncio
import json
import logging
from typing import Protocol

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from daw_bridge.clients import Line, Peer

MAX_MESSAGE_BYTES = 64 * 1024
MAX_UNSENT_BYTES = 1024 * 1024
# A connection of OSC over TCP from the same port is another client.
_PORTS = 65_536
_COMMANDS = {"LISTEN": True, "IGNORE": False}
_LOG = logging.getLogger(__name__)


class Listener(Protocol):
    """What a WebSocket tells."""

    def connected(self, connection: Line) -> None:
        """It is there."""

    def disconnected(self, connection: Line) -> None:
        """It is gone."""

    def receive(self, packet: bytes, peer: Peer) -> None:
        """It has brought an OSC packet."""

    def listen(self, peer: Peer, address: str, *, on: bool) -> None:
        """It wants to be told of an address, or no more."""

    def refuse(self, peer: Peer, text: str) -> None:
        """It has said what is not understood."""


class WebSocket(asyncio.Protocol):
    """One client, from its handshake on."""

    def __init__(self, listener: Listener, transport: asyncio.Transport) -> None:
        address = transport.get_extra_info("peername")
        self.peer: Peer = (address[0], -address[1] - _PORTS)
        self._listener, self._transport = listener, transport
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE_BYTES, logger=_LOG)
        self._message = b""
        self._is_text = False

    def shake_hands(self, head: bytes, rest: bytes) -> None:
        """Answer the request that asks for a WebSocket, and begin.

        Args:
            head: The whole request.
            rest: What came behind it.
        """
        self._protocol.receive_data(head)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
        is_open = self._protocol.state is State.OPEN
        self._flush()
        if not is_open:
            self._transport.close()
            return
        self._listener.connected(self)
        if rest:
            self.data_received(rest)

    def data_received(self, content: bytes) -> None:
        """Obey what is complete."""
        self._protocol.receive_data(content)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        del error
        self._listener.disconnected(self)

    def send(self, packet: bytes) -> None:
        """Send an OSC packet, or hang up on a client that does not read."""
        if self._protocol.state is not State.OPEN or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._transport.abort()
            return
        self._protocol.send_binary(packet)
        self._flush()

    def hang_up(self) -> None:
        """Close it, after what has been written."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1001)
            self._flush()
        self._transport.close()

    def _take(self, frame: Frame) -> None:
        """Put the parts of a message together; obey it with its last one."""
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text, self._message = frame.opcode is Opcode.TEXT, bytes(frame.data)
        elif frame.opcode is Opcode.CONT:
            self._message += frame.data
        else:
            return
        if frame.fin and self._is_text:
            self._obey(self._message)
        elif frame.fin:
            self._listener.receive(self._message, self.peer)

    def _obey(self, text: bytes) -> None:
        try:
            asked = json.loads(text)
            on, address = _COMMANDS[asked["COMMAND"]], str(asked["DATA"])
        except (ValueError, KeyError, TypeError, RecursionError):
            said = text[:64].decode("utf-8", "replace")
            told = 'send {"COMMAND": "LISTEN", "DATA": "/an/address"}, or IGNORE; OSC in binary.'
            self._listener.refuse(self.peer, f"{said!r} is no command of OSCQuery: {told}")
            return
        self._listener.listen(self.peer, address, on=on)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
