"""HTTP: what OSCQuery asks, answered as JSON; a page for a browser.

Read-only, but for the WebSocket (web_socket.py) that begins here. h11 reads and writes HTTP/1.1;
here is only the rule who may ask: a page of another site may not, whatever name it found for this
machine. It does not know how values come about, nor how the tree is made (oscquery_tree.py).
Flow: network → here → `read_value` → network.

References:
    V. Zapp et al., "OSCQuery Proposal", 2018; attributes FULL_PATH, TYPE, ACCESS, VALUE, RANGE,
    DESCRIPTION, UNIT, CONTENTS and HOST_INFO.
"""

import asyncio
import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

import h11

from daw_bridge.addresses import AddressBook
from daw_bridge.errors import DawBridgeError
from daw_bridge.oscquery_tree import Json, ReadValue, describe
from daw_bridge.web_socket import Listener, WebSocket

_ATTRIBUTES = frozenset(
    {"FULL_PATH", "TYPE", "ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CONTENTS"}
)
_JSON, _HTML, _TEXT = "application/json", "text/html; charset=utf-8", "text/plain; charset=utf-8"
_IDLE_S = 15.0
PAGE = Path(__file__).with_name("page.html")
# The page is whole: it may load nothing and speak to nobody but us.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"
)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where to listen, and the OSC port to tell of."""

    host: str
    port: int
    osc_port: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    content_type: str = _TEXT
    body: str = ""


def host_info(settings: HttpSettings) -> Json:
    """Who answers here, and what of OSCQuery."""
    told = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "TYPE", "UNIT")
    return {
        "NAME": "daw-bridge",
        "OSC_IP": settings.host,
        "OSC_PORT": settings.osc_port,
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": dict.fromkeys((*told, "LISTEN"), True),
    }


# ── answers ──────────────────────────────────────────────────────────────────
class OscQuery:
    """Answers requests; pure but for `read_value`."""

    def __init__(self, settings: HttpSettings, book: AddressBook, read_value: ReadValue) -> None:
        self._settings, self._book, self._read_value = settings, book, read_value
        self._page = PAGE.read_text("utf-8").replace("{{root}}", book.root)

    def answer(self, method: str, target: str, headers: dict[str, str]) -> Answer:
        """Answer one request.

        Args:
            method: GET or HEAD; others are refused.
            target: Path and query.
            headers: By name in small letters.

        Returns:
            What to send.
        """
        refusal = self.refusal(headers)
        if refusal is not None:
            return refusal
        if method not in ("GET", "HEAD"):
            return Answer(405, body="This is read-only: GET it, and set values over OSC.\n")
        parts = urlsplit(target)
        path, query = unquote(parts.path), parts.query
        if query == "HOST_INFO":
            return _json(host_info(self._settings))
        if path == "/" and not query and "text/html" in headers.get("accept", ""):
            return Answer(200, _HTML, self._page)
        return self._node(path, query)

    def refusal(self, headers: dict[str, str]) -> Answer | None:
        """Why somebody may not ask here; None for whoever may."""
        if not is_own(headers.get("host", ""), self._settings.host):
            return Answer(403, body="This Host is not this machine: use its address.\n")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return Answer(403, body="Pages of other sites may not ask here.\n")
        return None

    def _node(self, path: str, query: str) -> Answer:
        node = describe(self._book, self._read_value, path)
        if node is None:
            return Answer(404, body=f"There is no {path[:64]}.\n")
        if not query:
            return _json(node)
        if query not in _ATTRIBUTES:
            return Answer(400, body=f"Known attributes are {', '.join(sorted(_ATTRIBUTES))}.\n")
        return _json({query: node[query]}) if query in node else Answer(204)


def is_own(host: str, listening: str) -> bool:
    """Whether a Host header names this machine: an address, localhost, or what we listen on.

    A name that somebody else's DNS gives to this machine is not its own.

    >>> is_own("localhost:7771", ""), is_own("[::1]:7771", ""), is_own("evil.example", "")
    (True, True, False)
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name in ("localhost", listening.lower()):
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _headers_of(request: h11.Request) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}


def _json(node: object) -> Answer:
    return Answer(200, _JSON, json.dumps(node))


# ── the socket ───────────────────────────────────────────────────────────────
class HttpServer:
    """One TCP socket that speaks HTTP/1.1."""

    def __init__(self, settings: HttpSettings, query: OscQuery, listener: Listener) -> None:
        self.port = settings.port
        self._settings, self._query, self._listener = settings, query, listener
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the socket.

        Raises:
            DawBridgeError: The address or port cannot be used.
        """
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _HttpConnection(self._query, self._listener), host, port
            )
        except OSError as error:
            raise DawBridgeError(
                f"HTTP cannot listen on {host} port {port}: {error.strerror or error}. "
                "Choose another with --http-port or --host."
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Close it."""
        if self._server is not None:
            self._server.close()


class _HttpConnection(asyncio.Protocol):
    """One connection; it may ask many times, and is closed when it says nothing for a while."""

    def __init__(self, query: OscQuery, listener: Listener) -> None:
        self._query, self._listener = query, listener
        self._http = h11.Connection(h11.SERVER)
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        self._wait()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop waiting."""
        del error
        if self._idle is not None:
            self._idle.cancel()

    def data_received(self, content: bytes) -> None:
        """Answer what is complete."""
        self._wait()
        try:
            self._http.receive_data(content)
            while isinstance(event := self._http.next_event(), h11.Event):
                if isinstance(event, h11.Request):
                    if self._goes_over(event):
                        return
                    self._respond(event)
                elif isinstance(event, h11.EndOfMessage):
                    self._go_on()
                elif isinstance(event, h11.ConnectionClosed):
                    self._hang_up()
                    return
        except h11.ProtocolError:
            self._hang_up()

    def _goes_over(self, request: h11.Request) -> bool:
        """Make a WebSocket of the connection, if that is asked for by whoever may."""
        headers = _headers_of(request)
        is_asked = request.method == b"GET" and headers.get("upgrade", "").lower() == "websocket"
        if not is_asked or self._query.refusal(headers):
            return False
        if self._transport is None or not isinstance(self._http.next_event(), h11.EndOfMessage):
            return False
        lines = [f"GET {request.target.decode('latin-1')} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        socket = WebSocket(self._listener, self._transport)
        self.connection_lost(None)
        self._transport.set_protocol(socket)
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        socket.shake_hands(head, self._http.trailing_data[0])
        return True

    def _respond(self, request: h11.Request) -> None:
        headers = _headers_of(request)
        method, target = request.method.decode(), request.target.decode("latin-1")
        answer = self._query.answer(method, target, headers)
        body = answer.body.encode()
        told = [
            ("content-type", answer.content_type),
            ("content-length", str(len(body) if answer.status != 204 else 0)),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", _POLICY),
        ]
        self._send(h11.Response(status_code=answer.status, headers=told))
        if method != "HEAD" and body:
            self._send(h11.Data(data=body))
        self._send(h11.EndOfMessage())

    def _send(self, event: h11.Event) -> None:
        content = self._http.send(event)
        if self._transport is not None and content:
            self._transport.write(content)

    def _go_on(self) -> None:
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        elif self._http.our_state is h11.MUST_CLOSE:
            self._hang_up()

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._hang_up)

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
