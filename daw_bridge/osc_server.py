"""The sockets of OSC: UDP and TCP in, commands out.

It never blocks and never waits in the way of a message: a datagram is read, decoded, resolved and
handed to `obey` in one go, in the event loop's thread. It does not know what a command does; only
what is about the connection itself (/notify, /ping, who is pushed what) is obeyed here.
Flow: network → osc.py → addresses.py → here → daemon.py; answers and feedback go by osc_sender.py.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daw_bridge.addresses import AddressBook
from daw_bridge.clients import Client, ClientBook, Line, Peer
from daw_bridge.errors import CommandError, DawBridgeError, Fault
from daw_bridge.osc import (
    IMMEDIATELY,
    MAX_PACKET_BYTES,
    Message,
)
from daw_bridge.osc_sender import OscSender, call_at
from daw_bridge.osc_wishes import Wishes
from daw_bridge.packet_reader import SHORT_BYTES, PacketReader, Read
from daw_bridge.requests import (
    ClearSchedule,
    Dump,
    HitCommand,
    Notify,
    Ping,
    Request,
    Sync,
    Watch,
)
from daw_bridge.schedule import LATE_S, MAX_AHEAD_S, Schedule, WallClock, seconds_ahead
from daw_bridge.table_rows import Access
from daw_bridge.tcp import Connection

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
READS_AT_ONCE = 64
# A bundle is obeyed this much before its time, so that its sound can begin on the very frame.
LOOKAHEAD_S = 0.03
_PORT_TRIES = 20
_LOG = logging.getLogger(__name__)
_TOLD_AS_ERROR = (Fault.BAD_PACKET, Fault.UNKNOWN_ADDRESS)

Begin = Callable[[Request], None]
Obey = Callable[[Sequence[Request], float | None], None]


@dataclass(frozen=True, slots=True)
class OscSettings:
    """Where to listen, and for how long a client's wish for feedback holds."""

    host: str
    port: int
    lease_s: float


class OscServer:
    """One UDP and one TCP socket on the same port.

    Attributes:
        malformed: How many packets could not be read.
        port: Where it listens.
        out: What sends answers and feedback.
        begin: Called with a hit whose packet is known, before anything else is looked at; what is
            called for every message follows. It must not block.
    """

    def __init__(self, settings: OscSettings, book: AddressBook, obey: Obey) -> None:
        """Prepare; nothing is opened yet.

        Args:
            settings: Where to listen.
            book: The addresses.
            obey: Called with the requests of each message, more than one where its address is a
                pattern, and the monotonic time in seconds at which they are to take effect, None
                for at once. It must not block.
        """
        self.begin: Begin = _leave_it
        self.malformed = 0
        self.port = settings.port
        self._settings, self._book, self._obey = settings, book, obey
        self._reader = PacketReader(book)
        self._received = memoryview(bytearray(MAX_PACKET_BYTES))
        self._clients = ClientBook(settings.lease_s)
        self.out = OscSender(self._clients)
        self._wishes = Wishes(self._clients, self.out)
        self._schedule: Schedule[Request] = Schedule()
        self._wall_clock = WallClock()
        self._syncs: list[tuple[int, Request]] = []
        self._dump = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._udp: socket.socket | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self) -> None:
        """Open both sockets.

        Raises:
            DawBridgeError: The address or port cannot be used.
        """
        for last_try in range(1 - _PORT_TRIES, 1):
            try:
                self._udp = self._open_udp()
                self.port = self._udp.getsockname()[1]
                self._tcp = await asyncio.get_running_loop().create_server(
                    lambda: Connection(self), self._settings.host, self.port
                )
                break
            except OSError as error:
                if self._udp is not None:
                    self._udp.close()
                if self._settings.port or not last_try:
                    raise DawBridgeError(
                        f"OSC cannot listen on {self._settings.host} port {self._settings.port}: "
                        f"{error.strerror or error}. Is another daw-bridge running? "
                        "Choose another with --osc-port or --host."
                    ) from error
        self.out.udp = self._udp_socket
        asyncio.get_running_loop().add_reader(self._udp_socket, self._read_udp)

    def _open_udp(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        opened = socket.socket(family, kind)
        try:
            opened.setblocking(False)
            with contextlib.suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            opened.bind(address)
        except OSError:
            opened.close()
            raise
        return opened

    @property
    def _udp_socket(self) -> socket.socket:
        if self._udp is None:
            raise DawBridgeError(
                "The OSC server is used before its start; this is a fault of ours."
            )
        return self._udp

    async def close(self) -> None:
        """Close everything; what is scheduled is forgotten."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp)
            self._udp.close()
        self.out.hang_up()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    # ── in ───────────────────────────────────────────────────────────────────
    def _read_udp(self) -> None:
        udp = self._udp_socket
        for _ in range(READS_AT_ONCE):
            try:
                size, address = udp.recvfrom_into(self._received)
            except BlockingIOError:
                return
            except OSError:
                continue
            self.receive(bytes(self._received[:size]), (address[0], address[1]))

    def receive(self, packet: bytes, peer: Peer) -> None:
        """Obey a packet, whatever it holds.

        Args:
            packet: Any bytes.
            peer: Who sent it.
        """
        hit = self._clients.hit(peer, packet)
        if hit is not None:
            self.begin(hit)
        client = self._clients.heard(peer, time.monotonic())
        if self._dump & 2:
            _LOG.warning("from %s: %s", peer, packet.hex(" "))
        reads = self._reader.read(packet, client.client_id)
        is_timed = any(read.timed.time_tag > IMMEDIATELY for read in reads)
        is_bundle = len(reads) > 1
        now_s, unix_s = self._now() if is_timed or is_bundle else (0.0, 0.0)
        for read in reads:
            if self._dump & 1 and isinstance(read.timed.message, Message):
                _LOG.warning("from %s: %s", peer, read.timed.message)
            ahead_s = seconds_ahead(read.timed.time_tag, unix_s)
            # Of what comes together all is due at one moment: no bar line may fall in between.
            at_once_s = now_s if is_bundle else None
            due_s = now_s + ahead_s if ahead_s > 0.0 else at_once_s
            self._receive_one(read, client, ahead_s, due_s)
        match reads:
            case [Read(found=(Request(command) as hit,))] if isinstance(command, HitCommand):
                if not is_timed and len(packet) <= SHORT_BYTES:
                    client.note_hit(packet, hit)

    def _now(self) -> tuple[float, float]:
        """The monotonic clock and the wall clock of one instant, for all that a packet holds."""
        before_s, wall_s, now_s = time.monotonic(), time.time(), time.monotonic()
        return now_s, self._wall_clock.read(before_s, wall_s, now_s)

    def _receive_one(self, read: Read, client: Client, ahead_s: float, due_s: float | None) -> None:
        message = read.timed.message
        if ahead_s < -LATE_S and isinstance(message, Message):
            late_ms = (("s", message.address), ("d", -1000.0 * ahead_s))
            self.out.send(client.client_id, "/late", late_ms)
        requests = []
        for found in read.found:
            if isinstance(found, CommandError):
                self._refuse(found, client)
            else:
                requests.append(found)
        if not requests:
            return
        if ahead_s <= 0.0 or due_s is None:
            self._do(requests, due_s)
        elif ahead_s > MAX_AHEAD_S:
            text = f"The bundle is {ahead_s:.1f} s ahead; at most {MAX_AHEAD_S:g} s will do."
            self._refuse_requests(requests, Fault.TOO_FAR_AHEAD, text)
        elif self._schedule.add(due_s, requests):
            self._run_schedule()
        else:
            text = "Too many bundles wait for their time; send them later."
            self._refuse_requests(requests, Fault.QUEUE_FULL, text)

    def _refuse(self, error: CommandError, client: Client) -> None:
        self.malformed += error.fault is Fault.BAD_PACKET
        if error.fault in _TOLD_AS_ERROR and not error.request_id:
            told = (("s", error.fault.name.lower()), ("s", error.text))
            self.out.send(client.client_id, self._book.root + "/error", told)
        else:
            head = (("s", error.address), ("i", error.request_id))
            told_why = (*head, ("i", int(error.fault)), ("s", error.text))
            self.out.send(client.client_id, "/fail", told_why)

    def _refuse_requests(self, requests: Sequence[Request], fault: Fault, text: str) -> None:
        for one in requests:
            error = CommandError(fault, text, address=one.address, request_id=one.request_id)
            client = self._clients.get(one.client)
            if client is not None:
                self._refuse(error, client)

    def _run_schedule(self) -> None:
        for due_s, requests in self._schedule.take_due(time.monotonic() + LOOKAHEAD_S):
            self._do(requests, due_s)
        self._release_syncs()
        if self._alarm is not None:
            self._alarm.cancel()
        next_due_s = self._schedule.next_due_s()
        if next_due_s is not None:
            self._alarm = call_at(next_due_s - LOOKAHEAD_S, self._run_schedule)

    def _do(self, requests: Sequence[Request], due_s: float | None) -> None:
        """Obey what one message asks for, together."""
        others = [request for request in requests if not self._is_done_here(request)]
        if others:
            self._obey(others, due_s)

    def _is_done_here(self, request: Request) -> bool:
        """Obey what is about the connection; tells whether it was."""
        match request.command:
            case Ping(arguments):
                self.out.send(request.client, "/pong", arguments)
            case Notify() as wish:
                self._wishes.notify(request, wish)
            case Watch() as wish:
                self._wishes.watch(request, wish)
            case ClearSchedule():
                self._clear_schedule(request)
            case Dump(level):
                self._dump = level
                self.out.done_if_numbered(request)
            case Sync() if len(self._schedule):
                self._syncs.append((self._schedule.arrived, request))
            case _:
                return False
        return True

    def _release_syncs(self) -> None:
        """Obey each /sync before which nothing waits for its time any more."""
        held, self._syncs = self._syncs, []
        for arrived, request in held:
            if self._schedule.has_until(arrived):
                self._syncs.append((arrived, request))
            else:
                self._obey([request], None)

    def _clear_schedule(self, asked: Request) -> None:
        waited = [request for request in self._schedule.clear() if request.request_id]
        text = "It was taken back before its time, by /clear_sched."
        self._refuse_requests(waited, Fault.CANCELLED, text)
        self._release_syncs()
        self.out.done_if_numbered(asked)

    def subscribe(self, host: str, port: int) -> None:
        """Send feedback to a client for as long as the server runs.

        Args:
            host: Its name or address.
            port: Its UDP port.

        Raises:
            DawBridgeError: The host is not known.
        """
        family = self._udp_socket.family
        try:
            *_, address = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise DawBridgeError(f"Feedback cannot go to {host}: {error.strerror}.") from error
        self._wishes.tell_always((str(address[0]), port))

    # ── connections ──────────────────────────────────────────────────────────
    def connected(self, connection: Line) -> None:
        """A client is there, by TCP or a WebSocket."""
        self.out.connect(connection)

    def disconnected(self, connection: Line) -> None:
        """Such a client is gone."""
        self.out.disconnect(connection)
        self._clients.drop(connection.peer)

    def listen(self, peer: Peer, address: str, *, on: bool) -> None:
        """Tell a client of an address for as long as it is connected, or no more.

        Args:
            peer: Who it is.
            address: The full address of a value, or of what is pushed.
            on: Whether it is to be told.
        """
        place = self._book.places.get(address)
        if place is None or not (place.row.is_shown or place.row.access is Access.STREAM):
            near = self._book.nearest(address)
            self.refuse(
                peer, f"There is no value at {address[:64]}; the nearest address is {near}."
            )
            return
        self._wishes.listen(peer, address, on=on)

    def refuse(self, peer: Peer, text: str) -> None:
        """Tell a client that what it said is not understood."""
        client = self._clients.heard(peer, time.monotonic())
        self._refuse(CommandError(Fault.BAD_PACKET, text), client)


def _leave_it(hit: Request) -> None:
    del hit
