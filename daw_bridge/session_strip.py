"""What faders, balance, mute and solo come to, and where a slot goes: what audio is told of it.

Pure. A muted slot is silent; where any slot is solo, so are all that are not. Balance takes from
the other side and adds to none, because takes are stereo. Flow: session_turn.py compares what was
with what is and tells the audio process the difference.
"""

import math
from collections.abc import Iterator

from daw_bridge import audio_commands as audio
from daw_bridge.guard import CEILING_DBFS
from daw_bridge.session_slot import SlotState
from daw_bridge.session_state import SessionState

Gains = tuple[float, float]
UNITY: Gains = (1.0, 1.0)


def side_gains(slot: SlotState, *, is_any_solo: bool) -> Gains:
    """The gains of a slot's left and right side, linear."""
    if slot.mute or (is_any_solo and not slot.solo):
        return (0.0, 0.0)
    gain = 10.0 ** (slot.gain_db / 20.0)
    return (gain * _side(-slot.pan), gain * _side(slot.pan))


def _side(pan: float) -> float:
    """The gain of the side that is full at 1, and shut at -1."""
    if pan >= 0.0:
        return 1.0
    return math.sqrt(2.0) * math.sin((pan + 1.0) * math.pi / 4.0)


def gains_of(state: SessionState) -> list[Gains]:
    """The gains of every slot, in their order."""
    is_any_solo = _is_any_solo(state)
    return [side_gains(slot, is_any_solo=is_any_solo) for slot in state.slots]


def _is_any_solo(state: SessionState) -> bool:
    return any(slot.solo for slot in state.slots)


def master_gain_db(state: SessionState) -> float:
    """The gain of the whole mix."""
    return -math.inf if state.master_mute else state.master_gain_db


def _limiter(state: SessionState) -> audio.SetLimiter:
    return audio.SetLimiter(state.limiter, state.ceiling_dbfs)


def changed_gains(
    before: SessionState, after: SessionState, due_frame: int
) -> Iterator[audio.Command]:
    """What the audio process must be told of faders and outputs.

    Args:
        before: How they stood.
        after: How they stand.
        due_frame: When the change is to be heard.

    Yields:
        A command for each gain and output that has changed.
    """
    if master_gain_db(after) != master_gain_db(before):
        yield audio.SetMasterGain(master_gain_db(after), due_frame)
    if _limiter(after) != _limiter(before):
        yield _limiter(after)
    if after.slots is before.slots:
        return
    was_any_solo, is_any_solo = _is_any_solo(before), _is_any_solo(after)
    for number, (old, new) in enumerate(zip(before.slots, after.slots, strict=True), 1):
        if old is new and was_any_solo == is_any_solo:
            continue
        gains = side_gains(new, is_any_solo=is_any_solo)
        if gains != side_gains(old, is_any_solo=was_any_solo):
            yield audio.SetSlotGain(number, *gains, due_frame)
        if new.out != old.out:
            yield audio.SetSlotOutput(number, new.out - 1, due_frame)


def all_gains(state: SessionState) -> Iterator[audio.Command]:
    """What a new audio process must be told of faders and outputs."""
    yield audio.SetMasterGain(master_gain_db(state))
    if not (state.limiter and state.ceiling_dbfs == CEILING_DBFS):
        yield _limiter(state)
    for number, (slot, gains) in enumerate(zip(state.slots, gains_of(state), strict=True), 1):
        if gains != UNITY:
            yield audio.SetSlotGain(number, *gains)
        if slot.out > 1:
            yield audio.SetSlotOutput(number, slot.out - 1)
