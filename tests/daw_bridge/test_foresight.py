"""The law of decisions that are begun ahead: they are those that would have been made then."""

from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.audio_records import decode
from daw_bridge.foresight import Foresight
from daw_bridge.requests import Command, Generate, NoteOn, Play, Request, SetValue
from daw_bridge.session import decide
from daw_bridge.session_decision import Decision, Moment, Tell
from daw_bridge.session_state import SessionState
from tests.daw_bridge.session_world import BEAT_FRAMES, World
from tests.daw_bridge.test_session import (
    CHANNELS,
    KEYS_PRESSED,
    SCRIPTS,
    SLOT_NUMBERS,
    play_through,
)

HITS = st.one_of(
    st.builds(Play, SLOT_NUMBERS, st.sampled_from([0.0, 0.5, 1.0])),
    st.builds(NoteOn, KEYS_PRESSED, st.sampled_from([0, 64]), CHANNELS),
)


def foreseen(state: SessionState, request: Request, moment: Moment) -> Decision | None:
    """What comes of a hit, where it was thought about beforehand."""
    foresight = Foresight()
    assert foresight.take(state, request) is None
    foresight.expect(request)
    foresight.think(state)
    foresight.think(state)
    hit = foresight.take(state, request)
    if hit is None:
        return None
    assert foresight.take(state, request) is None  # each once
    assert [decode(record) for record in hit.records] == list(hit.commands)
    assert [Tell(command) for command in hit.commands] == hit.turn.actions
    hit.turn.moment = moment
    return hit.turn.decision()


@given(SCRIPTS, HITS, st.integers(0, 10**6))
@settings(max_examples=200)
def test_what_was_foreseen_is_what_is_decided(
    script: list[str | Command], command: Command, later: int
) -> None:
    world = play_through(script)
    request = Request(command, 1, "/gen/hit")
    moment = Moment(world.frame + later)
    ahead = foreseen(world.state, request, moment)
    assert ahead in (None, decide(world.state, request, moment))


def test_a_pad_that_is_not_quantised_is_foreseen_and_one_that_is_is_not() -> None:
    world = World()
    world.ask(Generate(1, "kick"))
    world.settle()
    request = Request(Play(1, 1.0), 1, "/gen/slot/1/play")
    decision = foreseen(world.state, request, Moment(7))
    assert decision is not None
    assert any(isinstance(getattr(one, "command", None), audio.Play) for one in decision.actions)
    world.ask(SetValue(0, "quantize", "beat"))
    assert foreseen(world.state, request, Moment(BEAT_FRAMES)) is None


def test_what_changes_meanwhile_makes_it_worthless() -> None:
    world, foresight = World(), Foresight()
    request = Request(Play(1, 1.0), 1, "/gen/slot/1/play")
    world.ask(Generate(1, "kick"))
    world.settle()
    foresight.expect(request)
    for _ in range(2):
        foresight.think(world.state)
    world.ask(SetValue(1, "gain_db", -3.0))
    assert foresight.take(world.state, request) is None
    foresight.think(world.state)
    assert foresight.take(world.state, request) is None  # it has only just changed
    foresight.think(world.state)
    assert foresight.take(world.state, request) is not None
