"""What effects and sends are set to, and what the audio process must be told of them.

Pure. Values are kept as they were set; note values become seconds of the present tempo on their way
out, so that the delay follows it. Flow: session_turn.py compares what was with what is and tells
the audio process the difference, as with faders (session_strip.py).
"""

import math
from collections.abc import Iterator

from daw_bridge import audio_commands as audio
from daw_bridge.effects import DELAY_TIME, PLACES, audio_number
from daw_bridge.requests import GetValue, SetValue
from daw_bridge.session_shown import EFFECT_FIELDS, SEND_FIELDS
from daw_bridge.session_slot import SlotState
from daw_bridge.session_state import SessionState


def is_of_effects(asked: SetValue | GetValue) -> bool:
    """Whether a value means nothing where there are no effects."""
    if asked.slot:
        return asked.field in SEND_FIELDS
    return asked.field == "fx" or asked.field in EFFECT_FIELDS


def changed_effects(
    before: SessionState, after: SessionState, due_frame: int
) -> Iterator[audio.Command]:
    """What the audio process must be told of effects.

    Args:
        before: How they stood.
        after: How they stand.
        due_frame: When the change is to be heard.

    Yields:
        A command for each value that has changed, or means another time than before.
    """
    if after.missing_effects:
        return
    is_new_tempo = after.transport.tempo_bpm != before.transport.tempo_bpm
    if is_new_tempo or after.effects is not before.effects:
        for key, value in after.effects.items():
            if value != before.effects[key] or (is_new_tempo and key == DELAY_TIME):
                yield _set_effect(after, key, due_frame)
    for number, (old, new) in enumerate(zip(before.slots, after.slots, strict=True), 1):
        if old is not new:
            yield from _changed_sends(number, old, new, due_frame)


def _changed_sends(
    number: int, old: SlotState, new: SlotState, due_frame: int
) -> Iterator[audio.Command]:
    for bus, (was_db, level_db) in enumerate(zip(_levels(old), _levels(new), strict=True)):
        if level_db != was_db:
            yield audio.SetSend(number, bus, level_db, due_frame)


def all_effects(state: SessionState) -> Iterator[audio.Command]:
    """What a new audio process must be told of effects, once it is known to have them."""
    if state.missing_effects:
        return
    for key in state.effects:
        yield _set_effect(state, key, audio.NOW)
    for number, slot in enumerate(state.slots, 1):
        for bus, level_db in enumerate(_levels(slot)):
            if level_db > -math.inf:
                yield audio.SetSend(number, bus, level_db)


def _levels(slot: SlotState) -> tuple[float, ...]:
    """The levels of a slot's sends, in the order of the buses."""
    return tuple(getattr(slot, field) for field in SEND_FIELDS)


def _set_effect(state: SessionState, key: str, due_frame: int) -> audio.Command:
    number = audio_number(key, state.effects[key], state.transport.tempo_bpm)
    return audio.SetEffect(*PLACES[key], number, due_frame)
