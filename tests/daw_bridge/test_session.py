"""Laws of the musical rules, over any sequence of commands and of what the world does."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.commands import COMMANDS
from daw_bridge.requests import (
    Cancel,
    Command,
    Generate,
    GetValue,
    Go,
    Inpaint,
    NextTake,
    NoteOff,
    NoteOn,
    Panic,
    Play,
    PreviousTake,
    SetValue,
    Stop,
    Sync,
)
from daw_bridge.session_decision import (
    Reply,
    Show,
    XrunsCounted,
)
from daw_bridge.session_shown import value_of
from daw_bridge.session_state import new_session
from daw_bridge.table_rows import Access
from tests.daw_bridge.session_world import MODES, SLOTS, World

STEPS = st.sampled_from(
    [
        *["make"] * 3,
        *["begin"] * 2,
        *["start"] * 2,
        *["deliver"] * 2,
        "one-event",
        "finish",
        "fail",
        "restart",
        "later",
    ]
)


KEYS_PRESSED = st.sampled_from([36, 60, 64])


CHANNELS = st.sampled_from([1, 2, 10, 16])


SLOT_NUMBERS = st.integers(1, SLOTS)


COMMANDS_ASKED = st.one_of(
    st.builds(Generate, SLOT_NUMBERS, st.sampled_from([None, "kick", ""]), st.none()),
    st.builds(Go, SLOT_NUMBERS, st.sampled_from(["pad", "lead", " "]), st.sampled_from([None, 7])),
    st.builds(Go, st.just(1), st.just("bass")),
    st.builds(Play, st.just(1), st.just(0.5)),
    st.builds(Play, SLOT_NUMBERS, st.just(1.0)),
    st.builds(Stop, SLOT_NUMBERS, st.just(10.0)),
    st.builds(Cancel, SLOT_NUMBERS),
    st.builds(NextTake, SLOT_NUMBERS),
    st.builds(PreviousTake, SLOT_NUMBERS),
    st.builds(SetValue, SLOT_NUMBERS, st.just("is_kept"), st.booleans()),
    st.builds(SetValue, SLOT_NUMBERS, st.just("take"), st.integers(1, 4)),
    st.builds(SetValue, SLOT_NUMBERS, st.just("fresh"), st.booleans()),
    st.builds(SetValue, SLOT_NUMBERS, st.just("prompt"), st.sampled_from(["", "wind", "rain"])),
    st.builds(SetValue, SLOT_NUMBERS, st.just("bars"), st.sampled_from([0, 1])),
    st.builds(Inpaint, SLOT_NUMBERS, st.just(0.25), st.sampled_from([0.5, 30.0])),
    st.just(Panic()),
    st.builds(Sync, st.integers(0, 99)),
    st.builds(SetValue, SLOT_NUMBERS, st.just("mode"), st.sampled_from(MODES)),
    st.builds(Play, SLOT_NUMBERS, st.just(0.0)),
    st.builds(NoteOn, KEYS_PRESSED, st.sampled_from([0, 64, 127]), CHANNELS),
    st.builds(NoteOff, KEYS_PRESSED, st.just(0), CHANNELS),
    st.builds(SetValue, SLOT_NUMBERS, st.sampled_from(["mute", "solo"]), st.booleans()),
    st.builds(SetValue, st.just(0), st.just("quantize"), st.sampled_from(["none", "bar"])),
)


def play_through(script: list[str | Command]) -> World:  # noqa: C901 - one case a step
    world, request_id = World(), 0
    for step in script:
        match step:
            case "make" if world.jobs:
                world.make()
            case "begin" if set(world.jobs) - world.begun:
                world.begin()
            case "fail" if world.jobs:
                job_id = min(world.jobs)
                world.fail(job_id)
            case "start":
                world.start_waiting()
            case "finish":
                world.finish_oneshots()
            case "one-event":
                world.deliver(1)
            case "deliver":
                world.deliver()
            case "restart":
                world.restart_audio()
            case "later":
                world.frame += 20_000
            case str():
                pass
            case command:
                request_id += 1
                world.ask(command, request_id)
    return world


# Not `STEPS | COMMANDS_ASKED`: that would make every kind of command as frequent as all steps.
SCRIPTS = st.lists(
    st.booleans().flatmap(lambda is_step: STEPS if is_step else COMMANDS_ASKED),
    min_size=8,
    max_size=60,
)


@given(SCRIPTS)
@settings(max_examples=300)
def test_every_request_is_answered_exactly_once(script: list[str | Command]) -> None:
    world = play_through(script)
    world.settle()
    asked = [step for step in script if not isinstance(step, str)]
    answered = sorted(
        [one[1] for one in world.replies("/done")] + [one[1] for one in world.replies("/fail")]
    )
    expected = [n for n, command in enumerate(asked, 1) if not isinstance(command, Sync)]
    assert answered == expected
    numbers = sorted(command.number for command in asked if isinstance(command, Sync))
    assert sorted(one[0] for one in world.replies("/synced")) == numbers


@given(SCRIPTS)
@settings(max_examples=300)
def test_memory_is_freed_exactly_when_no_slot_needs_it(script: list[str | Command]) -> None:
    world = play_through(script)
    world.settle()
    state = world.state
    assert world.memory == {take.shm_name for take in state.kept | state.released}
    assert state.kept <= state.takes <= state.kept | state.released
    assert {take.take_id for take in state.released} == world.releasing
    assert world.releasing <= {play.take_id for play in world.sounding}


@given(SCRIPTS)
@settings(max_examples=300)
def test_panic_reaches_silence_from_every_state(script: list[str | Command]) -> None:
    world = play_through(script)
    world.ask(Panic(), request_id=10**6)
    world.settle()
    assert world.sounding == []
    assert {slot.voices for slot in world.state.slots} == {()}
    assert ("Panic", 10**6) in world.replies("/done")


@given(SCRIPTS)
@settings(max_examples=200)
def test_the_world_and_the_session_agree_on_what_sounds(script: list[str | Command]) -> None:
    world = play_through(script)
    world.settle()
    heard = sorted((play.slot, play.take_id) for play in world.sounding)
    known = [
        (number, voice.take.take_id)
        for number, slot in enumerate(world.state.slots, 1)
        for voice in slot.voices
    ]
    assert sorted(known) == heard


@given(SCRIPTS)
def test_feedback_alone_tells_every_value(script: list[str | Command]) -> None:
    world = play_through(script)
    shown = {
        (action.slot, action.field): action.value
        for action in world.actions
        if isinstance(action, Show)
    }
    for (slot, name), value in shown.items():
        assert value_of(world.state, slot, name) == value


@pytest.mark.parametrize(
    "command", [Go(1, ""), Go(1, " \n"), Generate(1), Play(1, 1.0), Generate(1, "x" * 2001)]
)
def test_a_refused_command_changes_nothing(command: Command) -> None:
    world = World()
    before = world.state
    (reply,) = world.ask(command, request_id=5)
    assert world.state == before
    assert isinstance(reply, Reply)
    assert reply.address == "/fail"
    assert len(str(reply.arguments[3][1])) > 20


def test_every_value_of_the_table_is_shown() -> None:
    state = new_session(1, entropy=0)
    of_the_machine = {"/device", "/device/buffer", "/device/latency"}
    for row in COMMANDS:
        if row.access in (Access.VALUE, Access.READ) and row.path not in of_the_machine:
            defaults = tuple(argument.default for argument in row.arguments)
            shown = value_of(state, int(row.has_slot), row.field)
            assert shown == (defaults if len(defaults) > 1 else defaults[0]), row.path


def test_sync_waits_for_what_was_asked_before_and_for_nothing_after() -> None:
    world = World()
    world.ask(Generate(1, "pad"))
    world.ask(Sync(5))
    world.ask(Generate(2, "pad"))
    assert world.replies("/synced") == []
    world.make()
    world.deliver()
    assert world.replies("/synced") == [(5,)]
    world.ask(Cancel(2))
    world.ask(Sync(6))
    assert world.replies("/synced") == [(5,), (6,)]


def test_xruns_count_from_the_last_reset() -> None:
    world = World()
    world.tell(XrunsCounted(7))
    assert value_of(world.state, 0, "xruns") == 7
    world.ask(SetValue(0, "xruns", 0))
    world.tell(XrunsCounted(9))
    assert value_of(world.state, 0, "xruns") == 2


def test_asking_for_a_value_tells_only_the_one_who_asked() -> None:
    world = World()
    assert world.ask(GetValue(1, "gain_db"), client=8) == [Show(1, "gain_db", 0.0, 8)]
    assert replace(world.state) == world.state


def test_a_numbered_set_is_answered_with_the_value_even_if_nothing_changed() -> None:
    world = World()
    for request_id in (5, 6):
        actions = world.ask(SetValue(1, "bars", 2), request_id, client=8)
        assert Show(1, "bars", 2, 8) in actions
    assert world.replies("/done") == [("SetValue", 5), ("SetValue", 6)]
