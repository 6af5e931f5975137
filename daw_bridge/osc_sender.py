"""From the daemon to its clients: an answer to one, feedback to all who want it, at a bounded rate.

By UDP, or on the connection that a client keeps open. It never waits, and knows no commands.
Flow: engine.py and osc_server.py → here → osc.py → network.
"""

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence

from daw_bridge.clients import Client, ClientBook, Line, Peer
from daw_bridge.osc import TaggedValue, encode_message, pack
from daw_bridge.requests import Request


class OscSender:
    """What the daemon says to its clients."""

    def __init__(self, clients: ClientBook) -> None:
        """Prepare; until there is a socket nobody is told anything by UDP.

        Args:
            clients: Who is there, and who wants what.
        """
        self.udp: socket.socket | None = None
        self._clients = clients
        self._connections: dict[Peer, Line] = {}

    # ── connections ──────────────────────────────────────────────────────────
    def connect(self, connection: Line) -> None:
        """Talk to a client on a connection from here on."""
        self._connections[connection.peer] = connection

    def disconnect(self, connection: Line) -> None:
        """Do so no more."""
        self._connections.pop(connection.peer, None)

    def has_line(self, peer: Peer) -> bool:
        """Whether a client keeps a connection open."""
        return peer in self._connections

    def hang_up(self) -> None:
        """Close every connection."""
        for connection in list(self._connections.values()):
            connection.hang_up()

    # ── what is said ─────────────────────────────────────────────────────────
    def is_local(self, client_id: int) -> bool:
        """Whether a client is on this machine."""
        client = self._clients.get(client_id)
        return client is not None and ipaddress.ip_address(client.peer[0]).is_loopback

    def send(self, client_id: int, address: str, arguments: Sequence[TaggedValue]) -> None:
        """Answer one client; one that is gone is no error."""
        self._answer(client_id, encode_message(address, arguments))

    def send_many(
        self, client_id: int, messages: Sequence[tuple[str, Sequence[TaggedValue]]]
    ) -> None:
        """Answer one client with many messages in few packets."""
        for packet in pack(encode_message(*message) for message in messages):
            self._answer(client_id, packet)

    def done_if_numbered(self, request: Request) -> None:
        """Answer what has no other answer, where the asker gave it a number."""
        if request.request_id:
            head = (("s", request.address), ("i", request.request_id))
            self.send(request.client, "/done", head)

    def _answer(self, client_id: int, packet: bytes) -> None:
        """Answer on the port that asked and on the one that was named for feedback.

        Many controllers send from one port and hear on another.
        """
        client = self._clients.get(client_id)
        if client is None:
            return
        self._send_packet(client.peer, packet)
        if client.target != client.peer and client.lease_until_s > time.monotonic():
            self._send_packet(client.target, packet)

    def show(self, address: str, arguments: Sequence[TaggedValue]) -> None:
        """Tell everybody who wants feedback, or listens to it, that a value has changed."""
        self.show_many([(address, arguments)])

    def show_many(self, values: Sequence[tuple[str, Sequence[TaggedValue]]]) -> None:
        """Tell everybody who wants it of many values that have changed, in few packets."""
        now_s = time.monotonic()
        due: dict[Peer, list[bytes]] = {}
        for address, arguments in values:
            packet = b""
            for client in self._clients.told(address, now_s):
                packet = packet or encode_message(address, arguments)
                was_idle = client.feedback.next_due_s() is None
                if client.feedback.offer(address, packet, now_s):
                    due.setdefault(client.target, []).append(packet)
                elif was_idle:
                    self._plan_flush(client)
        for target, packets in due.items():
            for packet in pack(packets):
                self._send_packet(target, packet)

    def push(self, address: str, arguments: Sequence[TaggedValue]) -> None:
        """Tell everybody who wants feedback of something that is no value: none is left out."""
        packet = encode_message(address, arguments)
        for client in self._clients.subscribed(time.monotonic()):
            self._send_packet(client.target, packet)

    def stream(self, address: str, arguments: Sequence[TaggedValue]) -> None:
        """Tell everybody who asked for this address."""
        for client in self._clients.watching(address, time.monotonic()):
            self._send_packet(client.target, encode_message(address, arguments))

    def _plan_flush(self, client: Client) -> None:
        due_s = client.feedback.next_due_s()
        if due_s is not None:
            call_at(due_s, lambda: self._flush(client))

    def _flush(self, client: Client) -> None:
        for packet in pack(client.feedback.take_due(time.monotonic())):
            self._send_packet(client.target, packet)
        self._plan_flush(client)

    def _send_packet(self, peer: Peer, packet: bytes) -> None:
        connection = self._connections.get(peer)
        if connection is not None:
            connection.send(packet)
            return
        if self.udp is not None:
            with contextlib.suppress(OSError, OverflowError):  # the latter: TCP, hung up
                self.udp.sendto(packet, peer)


def call_at(due_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    """Have the loop call something at a monotonic time, or at once where that has passed."""
    return asyncio.get_running_loop().call_later(max(0.0, due_s - time.monotonic()), call)
