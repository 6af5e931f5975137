"""Laws of the WebSocket, heard by a client of other authors: who listens is told, no other."""

import asyncio
import contextlib
import http.client
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
import websocket

from daw_bridge.addresses import AddressBook
from daw_bridge.osc import Message, decode_packet, encode_message
from daw_bridge.osc_server import OscServer, OscSettings
from daw_bridge.oscquery import HttpServer, HttpSettings, OscQuery
from daw_bridge.requests import Request, SetValue
from daw_bridge.web_socket import MAX_MESSAGE_BYTES

PATIENCE_S = 10.0


class House:
    """A server in a thread of its own: real sockets, and a session that shows what is set."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.book = AddressBook("/gen", 2)
        self.osc = OscServer(OscSettings("127.0.0.1", 0, 0.01), self.book, self._obey)
        settings = HttpSettings("127.0.0.1", 0, 0)
        query = OscQuery(settings, self.book, lambda slot, field: 0.0)
        self.http = HttpServer(settings, query, self.osc)

    def _obey(self, requests: Sequence[Request], due_s: float | None) -> None:
        (request,) = requests
        assert isinstance(request.command, SetValue)
        slot, field = request.command.slot, request.command.field
        arguments = self.book.tagged(slot, field, request.command.value)
        self.osc.out.show(self.book.address_of(slot, field), arguments)

    def call(self, call: Callable[[], None]) -> None:
        """Have the server's own thread do something, and wait for it."""

        async def called() -> None:
            call()

        asyncio.run_coroutine_threadsafe(called(), self.loop).result(PATIENCE_S)

    def show(self, gain: float) -> None:
        self.call(lambda: self.osc.out.show("/gen/slot/1/gain", (("f", gain),)))

    @contextlib.contextmanager
    def client(self) -> Iterator[websocket.WebSocket]:
        """A client that is connected, and hangs up."""
        url = f"ws://127.0.0.1:{self.http.port}/"
        client = websocket.create_connection(url, timeout=PATIENCE_S)
        try:
            yield client
            client.close()
        finally:
            client.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def house() -> Iterator[House]:
    loop = asyncio.SelectorEventLoop()
    running = House(loop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    for start in (running.osc.start, running.http.start):
        asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE_S)
    yield running
    for close in (running.osc.close, running.http.close):
        asyncio.run_coroutine_threadsafe(close(), loop).result(PATIENCE_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def say(client: websocket.WebSocket, command: str, address: str) -> None:
    client.send(json.dumps({"COMMAND": command, "DATA": address}))


def ping(client: websocket.WebSocket) -> None:
    """Everything that was sent before has been obeyed when this returns."""
    client.send_binary(encode_message("/gen/ping", (("i", 7),)))
    assert hear(client) == Message("/pong", (("i", 7),))


def hear(client: websocket.WebSocket) -> Message:
    opcode, packet = client.recv_data()
    assert opcode == websocket.ABNF.OPCODE_BINARY
    (timed,) = decode_packet(packet)
    assert isinstance(timed.message, Message)
    return timed.message


def gain(value: float) -> Message:
    return Message("/gen/slot/1/gain", (("f", value),))


def test_who_listens_is_told_until_it_does_no_more(house: House) -> None:
    with (
        house.client() as listener,
        house.client() as other,
    ):
        say(listener, "LISTEN", "/gen/slot/1/gain")
        ping(listener)
        time.sleep(0.05)  # longer than the lease of somebody who is not connected
        house.show(-6.0)
        house.call(lambda: house.osc.out.show("/gen/slot/2/gain", (("f", -1.0),)))
        assert hear(listener) == gain(-6.0)
        say(listener, "IGNORE", "/gen/slot/1/gain")
        ping(listener)
        house.show(-7.0)
        ping(listener)
        ping(other)  # has heard nothing else either


def test_the_last_of_many_values_is_never_lost_and_they_come_at_thirty_a_second(
    house: House,
) -> None:
    with house.client() as client:
        say(client, "LISTEN", "/gen/slot/1/gain")
        ping(client)
        begun_s = time.monotonic()
        for number in range(300):
            house.show(-number / 8)
            time.sleep(0.001)
        came: list[Message] = []
        while not came or came[-1] != gain(-299 / 8):
            came.append(hear(client))
        elapsed_s = time.monotonic() - begun_s
        assert len(came) <= math.ceil(elapsed_s * 30) + 1


def test_what_is_pushed_can_be_listened_to(house: House) -> None:
    with house.client() as client:
        say(client, "LISTEN", "/gen/slot/2/pos")
        ping(client)
        house.call(lambda: house.osc.out.stream("/gen/slot/2/pos", (("f", 0.5),)))
        assert hear(client) == Message("/gen/slot/2/pos", (("f", 0.5),))


def test_osc_comes_in_as_well_also_in_parts(house: House) -> None:
    with house.client() as client:
        say(client, "LISTEN", "/gen/slot/1/gain")
        packet = encode_message("/gen/slot/1/gain", (("f", -3.0),))
        for begin, end, opcode in ((0, 5, 2), (5, 9, 0)):
            frame = websocket.ABNF.create_frame(packet[begin:end], opcode, 0)
            client.send_frame(frame)
        client.send_frame(websocket.ABNF.create_frame(packet[9:], 0, 1))
        assert hear(client) == gain(-3.0)
        client.send_binary(encode_message("/gen/slot/1/gain", (("f", 99.0),)))
        assert hear(client).address == "/fail"
        client.send_binary(b"\xff\xfe")
        assert hear(client).address == "/gen/error"
        client.ping("still there?")
        assert client.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[1]",
        '{"COMMAND": "SHOUT", "DATA": "/gen"}',
        '{"COMMAND": ["LISTEN"], "DATA": "/gen/tempo"}',
        "[" * 20_000,
        '{"COMMAND": "LISTEN"}',
        '{"COMMAND": "LISTEN", "DATA": "/gen/slot/1/gian"}',
        '{"COMMAND": "LISTEN", "DATA": ""}',
    ],
)
def test_nonsense_is_answered_with_what_would_do_and_harms_nobody(house: House, text: str) -> None:
    with house.client() as client:
        client.send(text)
        answer = hear(client)
        assert answer.address == "/gen/error"
        assert "/gen" in str(answer.arguments[1][1]) or "LISTEN" in str(answer.arguments[1][1])
        ping(client)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Version": "7"}, 400),
    ],
)
def test_other_sites_and_other_protocols_are_refused(
    house: House, headers: dict[str, str], status: int
) -> None:
    asked = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    connection = http.client.HTTPConnection("127.0.0.1", house.http.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", "/", headers=asked | headers)
        assert connection.getresponse().status == status


def test_what_is_too_long_ends_the_connection_and_harms_nobody(house: House) -> None:
    with house.client() as client, contextlib.suppress(ConnectionError):
        client.send_binary(b"/" * (MAX_MESSAGE_BYTES + 1))
        opcode, _ = client.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE
    with house.client() as client:
        ping(client)


def test_whoever_hangs_up_is_forgotten(house: House) -> None:
    with house.client() as client:
        say(client, "LISTEN", "/gen/slot/1/gain")
        ping(client)
    deadline_s = time.monotonic() + PATIENCE_S
    while house.osc.out._connections or len(house.osc._clients):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    house.show(-1.0)
