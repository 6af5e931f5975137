"""What clients wish to be told, for how long and where: leases, ports, single addresses.

It never waits and opens no socket. Flow: osc_server.py → here → clients.py, which keeps it.
"""

import time

from daw_bridge.clients import MAX_RATE_HZ, ClientBook, Peer
from daw_bridge.osc_sender import OscSender
from daw_bridge.requests import Notify, Request, Watch


class Wishes:
    """Notes the wishes of all clients."""

    def __init__(self, clients: ClientBook, out: OscSender) -> None:
        """Note nothing yet.

        Args:
            clients: Who is there; a lease lasts as long as it says.
            out: Who answers.
        """
        self._clients, self._out = clients, out

    def notify(self, request: Request, wish: Notify) -> None:
        """Have a client be told of every change, or no more."""
        client = self._clients.get(request.client)
        if client is None:
            return
        now_s, lease_s = time.monotonic(), self._clients.lease_s if wish.on else 0.0
        if not self._out.has_line(client.peer):
            client.target = (client.peer[0], wish.port or client.peer[1])
        # Whoever asked for the same target before: `oscsend` has a new port of its own each time.
        until_s = now_s + lease_s
        for other in list(self._clients.subscribed(now_s)):
            if other.target == client.target:
                until_s, other.lease_until_s = max(until_s, other.lease_until_s), 0.0
        client.lease_until_s = 0.0  # this answer is for whoever asks, and for no other port
        if wish.rate_hz is not None:
            client.feedback.period_s = 1.0 / min(wish.rate_hz, MAX_RATE_HZ)
        # As scsynth answers it: the number of the client comes first, unless the asker gave an id.
        ids = (("i", request.request_id),) if request.request_id else ()
        answer = (("s", request.address), *ids, ("i", client.client_id), ("f", lease_s))
        self._out.send(request.client, "/done", answer)
        client.lease_until_s = until_s if wish.on else 0.0

    def watch(self, request: Request, wish: Watch) -> None:
        """Have a client be told what is pushed on one address, or no more."""
        client = self._clients.get(request.client)
        if client is not None:
            (client.watched.add if wish.on else client.watched.discard)(wish.address)
            self._out.done_if_numbered(request)

    def listen(self, peer: Peer, address: str, *, on: bool) -> None:
        """Tell a client of one address for as long as it is connected, or no more."""
        client = self._clients.heard(peer, time.monotonic())
        client.stays = True
        (client.watched.add if on else client.watched.discard)(address)

    def tell_always(self, peer: Peer) -> None:
        """Tell a client of every change for as long as the server runs."""
        self._clients.heard(peer, time.monotonic()).lease_until_s = float("inf")
