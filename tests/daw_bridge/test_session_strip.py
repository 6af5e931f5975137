"""Laws of faders: what mute, solo and balance come to, and that nothing is told twice."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.session_slot import SlotState
from daw_bridge.session_state import SessionState, new_session
from daw_bridge.session_strip import all_gains, changed_gains, gains_of, side_gains

strips = st.builds(
    SlotState,
    gain_db=st.one_of(st.just(-math.inf), st.floats(-60, 12)),
    pan=st.floats(-1, 1),
    mute=st.booleans(),
    solo=st.booleans(),
)
sessions = st.lists(strips, min_size=4, max_size=4).map(
    lambda slots: replace(new_session(4, entropy=0), slots=tuple(slots))
)


@given(strips)
def test_balance_takes_and_never_adds(slot: SlotState) -> None:
    full = 10 ** (slot.gain_db / 20)
    left, right = side_gains(replace(slot, mute=False), is_any_solo=False)
    assert max(left, right) == full
    assert min(left, right) >= 0.0
    mirrored = side_gains(replace(slot, mute=False, pan=-slot.pan), is_any_solo=False)
    assert mirrored == (right, left)


@given(sessions)
def test_what_sounds_is_solo_or_nothing_is_and_is_not_muted(state: SessionState) -> None:
    is_any_solo = any(slot.solo for slot in state.slots)
    for slot, gains in zip(state.slots, gains_of(state), strict=True):
        sounds = not slot.mute and (slot.solo or not is_any_solo) and slot.gain_db > -math.inf
        assert (max(gains) > 0.0) == sounds


@given(before=sessions, after=sessions)
def test_the_audio_process_that_hears_of_changes_knows_all(
    before: SessionState, after: SessionState
) -> None:
    known = dict.fromkeys(range(1, 5), (1.0, 1.0))
    for command in [*all_gains(before), *changed_gains(before, after, audio.NOW)]:
        if isinstance(command, audio.SetSlotGain):
            known[command.slot] = (command.left, command.right)
    assert list(known.values()) == gains_of(after)
    assert list(changed_gains(after, after, audio.NOW)) == []


def test_a_muted_mix_is_silent_and_comes_back_where_it_was() -> None:
    state = replace(new_session(1, entropy=0), master_gain_db=-3.0)
    muted = replace(state, master_mute=True)
    assert list(changed_gains(state, muted, 5)) == [audio.SetMasterGain(-math.inf, 5)]
    assert list(changed_gains(muted, state, 6)) == [audio.SetMasterGain(-3.0, 6)]


def test_the_limiter_is_told_of_and_only_where_it_is_not_as_ever() -> None:
    state = new_session(1, entropy=0)
    lower = replace(state, ceiling_dbfs=-6.0)
    told = audio.SetLimiter(is_on=True, ceiling_dbfs=-6.0)
    assert list(changed_gains(state, lower, audio.NOW)) == [told]
    assert told in all_gains(lower)
    assert not any(isinstance(one, audio.SetLimiter) for one in all_gains(state))
