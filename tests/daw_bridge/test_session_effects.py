"""Laws of effects in the session: the audio process knows what is set, and note values in time."""

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.arguments import Value
from daw_bridge.commands import COMMANDS
from daw_bridge.effects import BUSES, DEFAULTS, EFFECTS, NOTE_VALUES, PLACES, audio_number
from daw_bridge.errors import Fault
from daw_bridge.requests import GetValue, Request, SetValue
from daw_bridge.session import decide
from daw_bridge.session_decision import Decision, EffectsFound, Moment, Reply, Show, Tell
from daw_bridge.session_effects import all_effects, changed_effects
from daw_bridge.session_shown import EFFECT_FIELDS, SEND_FIELDS
from daw_bridge.session_slot import SlotState
from daw_bridge.session_state import SessionState, new_session
from daw_bridge.transport import Transport
from tests.daw_bridge.strategies import argument_values

MOMENT = Moment(1000)
levels = st.one_of(st.just(-math.inf), st.floats(-60, 12))
slots = st.builds(SlotState, send_delay_db=levels, send_reverb_db=levels, send_chorus_db=levels)
sessions = st.builds(
    lambda ours, tempo_bpm, effects: replace(
        new_session(3, entropy=0), slots=ours, transport=Transport(tempo_bpm), effects=effects
    ),
    st.tuples(slots, slots, slots),
    st.sampled_from([60.0, 87.3, 174.07]),
    st.fixed_dictionaries(
        {
            key: argument_values(EFFECTS[number].parameters[place].argument)
            for key, (number, place) in PLACES.items()
        }
    ),
)


def set_to(state: SessionState, slot: int, field: str, value: Value) -> Decision:
    return decide(state, Request(SetValue(slot, field, value), client=1), MOMENT)


def told(decision: Decision) -> list[audio.Command]:
    return [action.command for action in decision.actions if isinstance(action, Tell)]


def knowledge(commands: Iterable[audio.Command]) -> dict[tuple[object, ...], float]:
    """What an audio process knows that has heard these commands and was new before."""
    known: dict[tuple[object, ...], float] = {}
    for command in commands:
        if isinstance(command, audio.SetEffect):
            known[command.effect, command.place] = command.value
        elif isinstance(command, audio.SetSend):
            known["send", command.slot, command.bus] = command.level_db
    return {key: value for key, value in known.items() if value > -math.inf or key[0] != "send"}


@given(before=sessions, after=sessions)
def test_the_audio_process_that_hears_of_changes_knows_all(
    before: SessionState, after: SessionState
) -> None:
    heard = [*all_effects(before), *changed_effects(before, after, audio.NOW)]
    assert knowledge(heard) == knowledge(all_effects(after))
    assert list(changed_effects(after, after, audio.NOW)) == []


@given(sessions)
def test_without_effects_nothing_is_told(state: SessionState) -> None:
    missing = replace(state, missing_effects="no pyo")
    assert list(all_effects(missing)) == []
    assert list(changed_effects(new_session(3, entropy=0), missing, 0)) == []


@pytest.mark.parametrize("note_value", sorted(NOTE_VALUES))
def test_a_new_tempo_moves_the_delay(note_value: str) -> None:
    state = set_to(new_session(1, entropy=0), 0, "fx/delay/time", note_value).state
    (command,) = told(set_to(state, 0, "tempo_bpm", 87.3))
    assert isinstance(command, audio.SetEffect)
    assert (command.effect, command.place) == PLACES["delay/time"]
    assert command.value == pytest.approx(NOTE_VALUES[note_value] * 4 * 60 / 87.3)


@pytest.mark.parametrize("field", EFFECT_FIELDS)
def test_a_value_of_an_effect_is_kept_shown_and_told(field: str) -> None:
    key = field.removeprefix("fx/")
    number, place = PLACES[key]
    argument = EFFECTS[number].parameters[place].argument
    value: Value = argument.choices[-1] if argument.choices else argument.high or False
    decision = set_to(new_session(1, entropy=0), 0, field, value)
    assert decision.state.effects == {**DEFAULTS, key: value}
    assert told(decision) == [audio.SetEffect(number, place, audio_number(key, value, 120.0))]
    assert Show(0, field, value) in decision.actions


@pytest.mark.parametrize("bus", range(len(BUSES)))
def test_a_send_is_kept_shown_and_told(bus: int) -> None:
    decision = set_to(new_session(2, entropy=0), 2, SEND_FIELDS[bus], -6.0)
    assert getattr(decision.state.slots[1], SEND_FIELDS[bus]) == -6.0
    assert told(decision) == [audio.SetSend(2, bus, -6.0)]
    assert Show(2, SEND_FIELDS[bus], -6.0) in decision.actions


def test_without_effects_setting_and_asking_fail_with_what_is_missing() -> None:
    state = decide(new_session(1, entropy=0), EffectsFound("Install pyo."), MOMENT).state
    asked: list[SetValue | GetValue] = [
        SetValue(0, "fx/filter/frequency", 500.0),
        GetValue(0, "fx/filter/frequency"),
    ]
    asked += [GetValue(0, "fx"), SetValue(1, "send_delay_db", 0.0), GetValue(1, "send_delay_db")]
    for command in asked:
        decision = decide(state, Request(command, client=7, address="/a"), MOMENT)
        assert decision.state == state
        (reply,) = decision.actions
        assert isinstance(reply, Reply)
        assert (reply.client, reply.address) == (7, "/fail")
        assert reply.arguments[2:] == (("i", int(Fault.NOT_AVAILABLE)), ("s", "Install pyo."))


def test_a_new_audio_process_is_brought_to_where_the_old_one_was() -> None:
    state = set_to(new_session(2, entropy=0), 0, "fx/filter/bypass", False).state
    state = set_to(state, 1, "send_reverb_db", -3.0).state
    commands = told(decide(state, EffectsFound(), MOMENT))
    assert knowledge(commands) == knowledge(all_effects(state))
    assert audio.SetSend(1, BUSES.index("reverb"), -3.0) in commands


def test_every_parameter_has_an_address_with_its_range() -> None:
    rows = {row.path: row for row in COMMANDS}
    for key, (number, place) in PLACES.items():
        assert rows[f"/fx/{key}"].arguments == (EFFECTS[number].parameters[place].argument,)
    assert all(f"/slot/{{slot}}/send/{bus}" in rows for bus in BUSES)
