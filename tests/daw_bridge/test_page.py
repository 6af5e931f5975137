"""Laws of the control page, run by node: what a control shows it sends, and the table takes it."""

import json
import math
import shutil
import subprocess
from functools import cache
from typing import Any

import pytest

from daw_bridge.addresses import AddressBook
from daw_bridge.osc import Message, decode_packet, encode_message, pack
from daw_bridge.oscquery import PAGE
from daw_bridge.oscquery_tree import describe
from daw_bridge.requests import Request, SetValue
from daw_bridge.session_shown import value_of
from daw_bridge.session_state import new_session
from daw_bridge.table_rows import Access
from tests.source_tree import ROOT

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node (nodejs)")
BOOK = AddressBook("/gen", 2)
STATE = new_session(2, entropy=0)
MESSAGES = [
    ("/gen/slot/1/gain", (("f", -math.inf),)),
    ("/gen/slot/1/prompt", (("s", "größer 🥁"),)),
    ("/done", (("s", "/gen/slot/1/go"), ("i", -7), ("d", 0.1), ("T", True), ("F", False))),
    ("/gen/beat", (("i", 3), ("i", 1), ("f", 120.5))),
    ("/x", ()),
]


@cache
def ran() -> dict[str, Any]:
    """The page run over the whole tree, and over some packets."""
    asked = {
        "page": PAGE.read_text("utf-8").replace("{{root}}", "/gen"),
        "tree": describe(BOOK, lambda slot, field: value_of(STATE, slot, field), "/gen"),
        "packets": [list(one) for one in pack(encode_message(*one) for one in MESSAGES)]
        + [list(encode_message(*MESSAGES[1]))],
    }
    done = subprocess.run(
        ["node", str(ROOT / "tests" / "tools" / "page.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def resolved(packet: list[int]) -> list[Any]:
    (timed,) = decode_packet(bytes(packet))
    assert isinstance(timed.message, Message)
    return BOOK.resolve(timed.message)


def test_every_control_sends_what_it_shows_and_the_table_takes_it() -> None:
    for address, access, sent in ran()["controls"]:
        place = BOOK.places[address]
        if place.row.access is not Access.VALUE or not place.row.is_kept:
            continue
        assert access == 3
        wanted = value_of(STATE, place.slot, place.row.field)
        assert sent, address
        for packet in sent:
            (request,) = resolved(packet)
            assert isinstance(request, Request), (address, request)
            assert isinstance(request.command, SetValue)
            assert request.address == address
            assert request.command.value == pytest.approx(wanted), address


def test_every_button_sends_what_the_table_takes_or_lacks_only_its_words() -> None:
    actions = 0
    for address, access, sent in ran()["controls"]:
        if access != 2:
            continue
        actions += 1
        (packet,) = sent
        needed = [one for one in BOOK.places[address].row.arguments if not one.is_optional]
        for found in resolved(packet):
            assert isinstance(found, Request) or needed, (address, found)
    assert actions > 30


def test_enter_in_a_box_presses_the_button_beside_it() -> None:
    ((packet,),) = [ran()["entered"]]
    (timed,) = decode_packet(bytes(packet))
    assert isinstance(timed.message, Message)
    assert timed.message.address == "/gen/slot/1/go"


def test_a_meter_shows_silence() -> None:
    assert ran()["levels"] == [-60.0, -60.0, -12.5, 0.0]


def test_what_can_only_be_read_sends_nothing() -> None:
    assert [one[0] for one in ran()["controls"] if one[1] == 1 and one[2]] == []


def test_packets_are_read_as_they_were_written() -> None:
    bundle, alone = ran()["decoded"]
    written = [
        [
            address,
            [
                str(value).replace("inf", "Infinity") if value == -math.inf else value
                for _, value in arguments
            ],
        ]
        for address, arguments in MESSAGES
    ]
    assert bundle == written
    assert alone == [written[1]]
