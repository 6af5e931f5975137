"""Who is there: the clients of the OSC server, their leases, and feedback at a bounded rate.

Pure: time is passed in, and what is due is handed out to be sent. It does not know sockets.
Flow: osc_server.py tells it who spoke and what changed, and sends what it says is due.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from daw_bridge.requests import Request

MAX_CLIENTS = 1024
MAX_RATE_HZ = 30.0
# As many pads as two hands reach, at several velocities.
MAX_HITS = 64
Peer = tuple[str, int]
"""Host and port of a UDP client; a TCP connection has the port below zero, its own number."""


class Line(Protocol):
    """A connection that a client keeps open."""

    @property
    def peer(self) -> Peer:
        """Who is at its other end."""

    def send(self, packet: bytes) -> None:
        """Send a packet."""

    def hang_up(self) -> None:
        """Close it, after what has been written."""


class FeedbackQueue:
    """Keeps an address from being sent more often than the rate; the latest value always is."""

    def __init__(self, rate_hz: float = MAX_RATE_HZ) -> None:
        self.period_s = 1.0 / rate_hz
        self._sent_s: dict[str, float] = {}
        self._pending: dict[str, bytes] = {}

    def offer(self, address: str, packet: bytes, now_s: float) -> bool:
        """Take a new value.

        Args:
            address: What it is the value of.
            packet: The encoded message.
            now_s: The present time.

        Returns:
            Whether to send it at once; otherwise `take_due` hands it out when its time has come.
        """
        if now_s - self._sent_s.get(address, -1e9) >= self.period_s:
            self._sent_s[address] = now_s
            self._pending.pop(address, None)
            return True
        self._pending[address] = packet
        return False

    def take_due(self, now_s: float) -> list[bytes]:
        """Hand out the values whose time has come."""
        due = [one for one in self._pending if now_s - self._sent_s[one] >= self.period_s]
        for address in due:
            self._sent_s[address] = now_s
        return [self._pending.pop(address) for address in due]

    def next_due_s(self) -> float | None:
        """When `take_due` next has something, None for never."""
        return min((self._sent_s[one] + self.period_s for one in self._pending), default=None)


@dataclass
class Client:
    """Somebody who has spoken, and where feedback goes to if it is wanted (`lease_until_s`).

    Whoever `stays` is told of what it watches for as long as it is connected. `hits` are packets
    that it has sent and that hold nothing but a hit, and what they ask for.
    """

    client_id: int
    peer: Peer
    target: Peer
    lease_until_s: float = 0.0
    heard_s: float = 0.0
    stays: bool = False
    watched: set[str] = field(default_factory=set)
    feedback: FeedbackQueue = field(default_factory=FeedbackQueue)
    hits: dict[bytes, Request] = field(default_factory=dict)

    def note_hit(self, packet: bytes, hit: Request) -> None:
        """Keep what a packet asks for; of too many the oldest is forgotten."""
        if packet not in self.hits and len(self.hits) >= MAX_HITS:
            del self.hits[next(iter(self.hits))]
        self.hits[packet] = hit


class ClientBook:
    """All clients, by number and by peer; those without a lease are forgotten when it is full."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self._by_id: dict[int, Client] = {}
        self._by_peer: dict[Peer, Client] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def heard(self, peer: Peer, now_s: float) -> Client:
        """The client at a peer, new or known; having spoken renews its lease."""
        client = self._by_peer.get(peer)
        if client is None:
            self._forget_one(now_s)
            self._last_id += 1
            client = Client(self._last_id, peer, peer)
            self._by_peer[peer] = self._by_id[client.client_id] = client
        elif client.lease_until_s > now_s:
            client.lease_until_s = max(client.lease_until_s, now_s + self.lease_s)
        client.heard_s = now_s
        return client

    def hit(self, peer: Peer, packet: bytes) -> Request | None:
        """What a packet is known to ask for, if it has come from there before and is a hit."""
        client = self._by_peer.get(peer)
        return None if client is None else client.hits.get(packet)

    def get(self, client_id: int) -> Client | None:
        """The client of a number, if it is still known."""
        return self._by_id.get(client_id)

    def drop(self, peer: Peer) -> None:
        """Forget a client that has hung up."""
        client = self._by_peer.pop(peer, None)
        if client is not None:
            del self._by_id[client.client_id]

    def subscribed(self, now_s: float) -> Iterator[Client]:
        """Those who want feedback and have a lease."""
        return (one for one in self._by_id.values() if one.lease_until_s > now_s)

    def watching(self, address: str, now_s: float) -> Iterator[Client]:
        """Those who asked for what is pushed on an address, and have been heard of since."""
        return (one for one in self._by_id.values() if self._watches(one, address, now_s))

    def told(self, address: str, now_s: float) -> Iterator[Client]:
        """Those who are told when the value of an address changes."""
        return (
            one
            for one in self._by_id.values()
            if one.lease_until_s > now_s or self._watches(one, address, now_s)
        )

    def _watches(self, one: Client, address: str, now_s: float) -> bool:
        is_there = one.stays or now_s < max(one.lease_until_s, one.heard_s + self.lease_s)
        return address in one.watched and is_there

    def _forget_one(self, now_s: float) -> None:
        if len(self._by_id) < MAX_CLIENTS:
            return
        silent = (o for o in self._by_id.values() if o.lease_until_s <= now_s and not o.stays)
        oldest = next(silent, None) or next(iter(self._by_id.values()))
        self.drop(oldest.peer)
