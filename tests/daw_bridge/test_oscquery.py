"""Laws of discovery: every address is told, in JSON, to this machine's own pages and no others."""

import asyncio
import json
import math
from typing import Any

import pytest

from daw_bridge.addresses import AddressBook
from daw_bridge.arguments import Held
from daw_bridge.osc_server import OscServer, OscSettings
from daw_bridge.oscquery import HttpServer, HttpSettings, OscQuery
from daw_bridge.oscquery_tree import describe
from daw_bridge.session_shown import value_of
from daw_bridge.session_state import new_session
from daw_bridge.table_rows import Access

BOOK = AddressBook("/gen", 3)
STATE = new_session(3, entropy=0)
OSC = OscSettings("127.0.0.1", 0, 60.0)
SETTINGS = HttpSettings("127.0.0.1", 0, 7770)
LOCAL = {"host": "127.0.0.1:7771", "accept": "application/json"}


def read_value(slot: int, field: str) -> Held:
    return -math.inf if field == "master_gain_db" else value_of(STATE, slot, field)


QUERY = OscQuery(SETTINGS, BOOK, read_value)


def get(target: str) -> Any:
    answer = QUERY.answer("GET", target, LOCAL)
    assert answer.status == 200
    return json.loads(answer.body)


def leaves(node: dict[str, Any]) -> list[dict[str, Any]]:
    below = [leaf for child in node.get("CONTENTS", {}).values() for leaf in leaves(child)]
    return [node, *below] if "TYPE" in node else below


def test_the_tree_tells_every_address_that_can_be_sent_to() -> None:
    told = {leaf["FULL_PATH"] for leaf in leaves(get("/"))}
    dispatched = (Access.VALUE, Access.READ, Access.ACTION, Access.STREAM)
    assert told == {a for a, place in BOOK.places.items() if place.row.access in dispatched}


def test_a_value_tells_its_type_range_unit_and_value() -> None:
    node = get("/gen/slot/2/duration")
    assert (node["TYPE"], node["ACCESS"], node["UNIT"], node["VALUE"]) == ("f", 3, ["s"], [2.0])
    assert node["RANGE"] == [{"MIN": 0.1, "MAX": 24.0}]
    assert get("/gen/quantize?RANGE")["RANGE"][0]["VALS"][:2] == ["none", "beat"]
    assert get("/gen/master/gain?VALUE") == {"VALUE": [None]}


def test_host_info_and_what_is_not_there() -> None:
    assert get("/?HOST_INFO")["OSC_PORT"] == 7770
    assert get("/?HOST_INFO")["EXTENSIONS"]["LISTEN"] is True
    assert get("/gen/master/meter")["TYPE"] == "ffff"
    assert QUERY.answer("GET", "/gen/nothing", LOCAL).status == 404
    assert QUERY.answer("GET", "/gen?VALUE", LOCAL).status == 204
    assert QUERY.answer("GET", "/gen?BOGUS", LOCAL).status == 400
    assert QUERY.answer("PUT", "/gen/tempo", LOCAL).status == 405
    assert describe(BOOK, read_value, "/gen/error") is None


def test_a_browser_gets_a_page() -> None:
    answer = QUERY.answer("GET", "/", LOCAL | {"accept": "text/html,*/*"})
    assert answer.content_type.startswith("text/html")
    assert 'ROOT = "/gen"' in answer.body
    assert "{{" not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:7771"},
        {"host": ""},
        {},
        {"host": "127.0.0.1:7771", "origin": "http://evil.example"},
        {"host": "127.0.0.1:7771", "origin": "null"},
    ],
)
def test_other_sites_are_refused(headers: dict[str, str]) -> None:
    assert QUERY.answer("GET", "/gen", headers).status == 403


def test_it_speaks_http_on_a_real_socket_many_times_on_one_connection() -> None:
    async def run() -> None:
        server = HttpServer(SETTINGS, QUERY, OscServer(OSC, BOOK, lambda *_: None))
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(5.0):
            for _ in range(3):
                writer.write(b"GET /gen/tempo HTTP/1.1\r\nHost: localhost\r\n\r\n")
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                assert json.loads(await reader.readexactly(size))["VALUE"] == [120.0]
            writer.write(b"\x00\xff nonsense\r\n\r\n")
            assert await reader.read() == b""
        writer.close()
        await server.close()

    asyncio.run(run())
