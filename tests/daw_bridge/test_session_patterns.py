"""The law of patterns: what one message asks of many slots is decided as if asked one by one.

In one decision, so that nobody is between two of its parts, and quickly.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from daw_bridge.arguments import Value
from daw_bridge.audio_commands import SetSlotGain
from daw_bridge.requests import (
    Cancel,
    Command,
    Generate,
    GetValue,
    Go,
    Play,
    Request,
    SetValue,
    Stop,
)
from daw_bridge.session import begin, decide
from daw_bridge.session_decision import Action, Decision, Moment, Reply, Tell
from daw_bridge.session_state import SessionState
from tests.daw_bridge.session_world import MODES, SLOTS
from tests.daw_bridge.test_session import SCRIPTS, play_through

VALUES: list[tuple[str, Value]] = [
    *(("mode", mode) for mode in MODES if mode != "stream"),
    ("gain_db", -3.0),
    ("mute", True),
    ("solo", True),
    ("is_kept", True),
    ("text_1", "rain"),
]
ASKED: list[Callable[[int], Command]] = [
    *(partial(SetValue, field=field, value=value) for field, value in VALUES),
    partial(GetValue, field="gain_db"),
    partial(Play, velocity=0.5),
    partial(Stop, fade_ms=10.0),
    Cancel,
    partial(Go, prompt="pad"),
    Generate,
]


def one_by_one(state: SessionState, asked: list[Request], moment: Moment) -> Decision:
    actions: list[Action] = []
    for request in asked:
        decision = decide(state, request, moment)
        state = decision.state
        actions += decision.actions
    return Decision(state, tuple(actions))


def without_count(state: SessionState) -> SessionState:
    """A state, save how often it was changed."""
    return replace(state, library=replace(state.library, revision=0, clean_revision=0))


def answers(decision: Decision) -> list[Action]:
    """What those who asked are told, in order; a /sync is answered when all of that is done."""
    replies = [one for one in decision.actions if isinstance(one, Reply)]
    return [one for one in replies if one.address != "/synced"]


def is_on_the_way(action: Action) -> bool:
    """Whether an action may be passed over: a fader's way, as where all become solo in turn."""
    return isinstance(action, Tell) and isinstance(action.command, SetSlotGain)


@given(SCRIPTS, st.sampled_from(ASKED), st.booleans())
@settings(max_examples=150)
def test_together_is_one_by_one(
    script: list[str | Command], ask: Callable[[int], Command], numbered: bool
) -> None:
    world = play_through(script)
    # What is made ahead for such slots gets other numbers: it is ordered when all has been obeyed.
    assume(not any(slot.fresh or slot.mode == "stream" for slot in world.state.slots))
    asked = [Request(ask(n), 1, f"/gen/{n}", numbered * n) for n in range(1, SLOTS + 1)]
    moment = Moment(world.frame)
    together = begin(world.state, asked, moment).decision()
    apart = one_by_one(world.state, asked, moment)
    assert without_count(together.state) == without_count(apart.state)
    assert answers(together) == answers(apart)
    done = [{repr(o) for o in one.actions if not is_on_the_way(o)} for one in (together, apart)]
    assert done[0] == done[1]
