"""Laws of the address book: every command has one message, every message an answer."""

import math
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.addresses import AddressBook, is_asked
from daw_bridge.commands import COMMANDS
from daw_bridge.errors import CommandError, Fault
from daw_bridge.osc import Message, TaggedValue, decode_packet, encode_message
from daw_bridge.requests import (
    Command,
    Generate,
    GetValue,
    Go,
    Panic,
    Ping,
    Play,
    Request,
    SetValue,
    Stop,
)
from tests.daw_bridge.bad_messages import bad_messages
from tests.daw_bridge.strategies import SLOTS, commands

BOOK = AddressBook("/gen", SLOTS)
# They take whatever comes, or wrap it.
UNJUDGED = ("/ping", "/req")


def ask(address: str, *arguments: TaggedValue) -> list[Any]:
    found = BOOK.resolve(Message(address, arguments))
    return [one.command if isinstance(one, Request) else one for one in found]


def refusal(address: str, *arguments: TaggedValue) -> CommandError:
    (error,) = ask(address, *arguments)
    assert isinstance(error, CommandError)
    return error


@given(commands())
def test_every_command_survives_the_wire(command: Command) -> None:
    message = BOOK.message_of(command)
    (timed,) = decode_packet(encode_message(message.address, message.arguments))
    assert isinstance(timed.message, Message)
    assert ask(timed.message.address, *timed.message.arguments) == [command]


@given(commands(), st.integers(-(2**31) + 1, 2**31 - 1))
def test_a_wrapped_command_carries_its_id(command: Command, request_id: int) -> None:
    inner = BOOK.message_of(command)
    wrapped = Message("/gen/req", (("i", request_id), ("s", inner.address), *inner.arguments))
    assert BOOK.resolve(wrapped, client=3) == [Request(command, 3, inner.address, request_id)]


@given(st.text(max_size=60), st.lists(st.tuples(st.sampled_from("ifsTNh"), st.none()), max_size=2))
def test_any_address_has_an_answer(path: str, arguments: list[TaggedValue]) -> None:
    for found in BOOK.resolve(Message("/gen/" + path, tuple(arguments))):
        assert isinstance(found, Request | CommandError)


def test_ten_thousand_random_packets_give_commands_or_refusals() -> None:
    source = random.Random(7)
    addresses = list(BOOK.places)
    for _ in range(10_000):
        packet = bytearray(
            encode_message(
                source.choice(addresses),
                [("f", source.uniform(-9, 9)), ("s", "x"), ("T", True)][: source.randint(0, 3)],
            )
        )
        for _ in range(source.randint(0, 4)):
            packet[source.randrange(len(packet))] = source.randrange(256)
        for timed in decode_packet(bytes(packet)):
            if isinstance(timed.message, Message):
                for found in BOOK.resolve(timed.message):
                    assert isinstance(found, Request | CommandError)


@pytest.mark.parametrize(
    ("tag", "value"), [("i", 1), ("h", 1), ("f", 1.0), ("d", 1.0), ("T", True)]
)
def test_any_number_will_do(tag: str, value: object) -> None:
    assert ask("/gen/slot/2/gain", (tag, value)) == [SetValue(2, "gain_db", 1.0)]
    assert ask("/gen/slot/2/seed", (tag, value)) == [SetValue(2, "seed", 1)]


@pytest.mark.parametrize(
    ("address", "argument"),
    [
        ("/gen/slot/1/gain", ("f", math.nan)),
        ("/gen/slot/1/gain", ("f", math.inf)),
        ("/gen/slot/1/gain", ("f", 12.5)),
        ("/gen/slot/1/gain", ("s", "loud")),
        ("/gen/slot/1/gain", ("N", None)),
        ("/gen/slot/1/seed", ("f", 1.5)),
        ("/gen/slot/1/seed", ("h", 2**31)),
        ("/gen/slot/1/seed", ("d", math.inf)),
        ("/gen/slot/1/steps", ("i", 9)),
        ("/gen/slot/1/mode", ("s", "backwards")),
        ("/gen/slot/1/key", ("s", "H moll")),
        ("/gen/slot/1/prompt", ("s", "x" * 9_000)),
        ("/gen/slot/1/prompt", ("i", 808)),
        ("/gen/tempo", ("f", 19.0)),
        ("/gen/slot/1/state", ("s", "playing")),
        ("/gen/slot/1/play", ("f", 1.5)),
    ],
)
def test_wrong_values_are_refused_in_words(address: str, argument: TaggedValue) -> None:
    error = refusal(address, argument)
    assert error.fault is Fault.BAD_VALUE
    assert error.address == address
    assert len(error.text) > 15


def test_every_address_refuses_every_wrong_way_in_words() -> None:
    """The text names the argument, and what would do; a person can read it."""
    found = list(bad_messages("/gen"))
    assert {one.address for one in found} >= {
        row.address("/gen", 1) for row in COMMANDS if is_asked(row) and row.path not in UNJUDGED
    }
    for one in found:
        error = refusal(one.address, *one.arguments)
        assert (error.fault, error.address) == (Fault.BAD_VALUE, one.address), one
        assert error.text.startswith(one.about), one
        assert error.text.endswith("."), one
        assert re.search(
            "[Ss]end|must be|may be|it takes|are taken|not a number|can only|Write", error.text
        ), error.text


def test_minus_infinity_is_a_gain() -> None:
    assert ask("/gen/master/gain", ("f", -math.inf)) == [SetValue(0, "master_gain_db", -math.inf)]


def test_keys_are_brought_into_one_spelling() -> None:
    assert ask("/gen/slot/1/key", ("s", "f#m")) == [SetValue(1, "key", "F# minor")]
    assert ask("/gen/slot/1/key", ("s", "")) == [SetValue(1, "key", "")]


def test_emoji_are_words_too() -> None:
    assert ask("/gen/slot/1/go", ("s", "🥁🔥")) == [Go(1, "🥁🔥")]


@pytest.mark.parametrize(
    ("unknown", "known"),
    [
        ("/gen/slot/1/gian", "/gen/slot/1/gain"),
        ("/gen/slto/1/gain", "/gen/slot/1/gain"),
        ("/gne/panic", "/gen/panic"),
        ("/gen/slot/1", "/gen/slot/1/"),
        ("/gen/slot/17/play", "no slot 17; they go from 1 to 16"),
        ("/gen/scene/0/recall", "no scene 0; they go from 1 to 16"),
        ("/gen/slot/1/prompt/5/text", "no prompt 5; they go from 1 to 4"),
        ("/gen/fx/filtr/bypass", "/gen/fx/filter/bypass"),
        ("/gen/eror", "/gen/"),
        ("/1/fader3", "begin with /gen/"),
    ],
)
def test_an_unknown_address_is_told_the_nearest(unknown: str, known: str) -> None:
    error = refusal(unknown)
    assert error.fault is Fault.UNKNOWN_ADDRESS
    assert known in error.text
    assert "/gen/error" not in error.text, "nobody is to send there"


def test_patterns_reach_every_slot_and_never_cross_a_slash() -> None:
    assert ask("/gen/slot/*/stop") == [Stop(slot, 10.0) for slot in range(1, SLOTS + 1)]
    assert ask("/gen/slot/{1,3}/gain", ("f", -6.0)) == [
        SetValue(1, "gain_db", -6.0),
        SetValue(3, "gain_db", -6.0),
    ]
    assert ask("/gen/slot/[2-4]/gain") == [GetValue(slot, "gain_db") for slot in (2, 3, 4)]
    assert refusal("/gen/*/gain/*").fault is Fault.UNKNOWN_ADDRESS
    assert [one.slot for one in ask("/gen/*/gain")] == [0]


def test_a_star_at_the_end_asks_and_never_acts() -> None:
    found = [*ask("/gen/*"), *ask("/gen/slot/*/*")]
    assert found
    assert all(isinstance(one, GetValue) for one in found)


@pytest.mark.parametrize("argument", [("i", 0), ("f", 0.0), ("F", False)])
def test_a_released_button_does_nothing(argument: TaggedValue) -> None:
    for address in ("/gen/panic", "/gen/slot/1/generate", "/gen/slot/1/cancel"):
        assert ask(address, argument) == []


@pytest.mark.parametrize("argument", [("i", 1), ("f", 0.7), ("T", True), ("N", None), ("I", None)])
def test_a_pressed_button_fires(argument: TaggedValue) -> None:
    assert ask("/gen/panic", argument) == [Panic()]
    assert ask("/gen/slot/1/generate", argument) == [Generate(1)]


def test_a_button_may_play_with_its_velocity() -> None:
    assert ask("/gen/slot/1/play", ("T", True)) == [Play(1, 1.0)]
    assert ask("/gen/slot/1/play", ("f", 0.5)) == [Play(1, 0.5)]
    assert ask("/gen/slot/1/stop", ("f", 0.0)) == [Stop(1, 0.0)]


def test_answers_that_come_back_are_not_answered() -> None:
    for address in ("/gen/error", "/gen/log", "/done", "/fail", "/pong", "/gen/status.reply"):
        assert ask(address, ("s", "x")) == []


@pytest.mark.parametrize(
    ("address", "arguments"),
    [("/gen/panic", [("i", 0)]), ("/gen/startup", [("s", "1")]), ("/done", [])],
)
def test_what_does_nothing_is_passed_over_but_answered_where_it_has_an_id(
    address: str, arguments: list[tuple[str, object]]
) -> None:
    assert BOOK.resolve(Message(address, tuple(arguments))) == []
    error = refusal("/gen/req", ("i", 7), ("s", address), *arguments)
    assert (error.fault, error.request_id, error.address) == (Fault.BAD_VALUE, 7, address)


def test_a_request_cannot_wrap_a_request() -> None:
    error = refusal("/gen/req", ("i", 1), ("s", "/gen/req"), ("i", 2), ("s", "/gen/panic"))
    assert error.fault is Fault.BAD_VALUE
    assert refusal("/gen/req", ("i", 1)).fault is Fault.BAD_VALUE
    assert refusal("/gen/req", ("i", 5), ("s", "/gen/nothing")).request_id == 5


def test_a_ping_keeps_its_arguments() -> None:
    given_arguments = (("i", 3), ("s", "x"), ("T", True), ("b", b"\x01"))
    assert ask("/gen/ping", *given_arguments) == [Ping(given_arguments)]


def test_a_refusal_names_numbers_to_the_last_digit() -> None:
    text = refusal("/gen/slot/1/seed", ("h", 2**31)).text
    assert "2147483648" in text
    assert "to 2147483647." in text
    assert (
        "is 0.01; it must be from 0.1 to 24 s." in refusal("/gen/slot/1/duration", ("d", 0.01)).text
    )
