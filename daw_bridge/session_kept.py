"""What of a session is kept in presets, scenes and states: how it stands, and whether it is new.

Pure. Flow: session_recall.py and session_shelf.py ask here, and do what follows.
"""

from dataclasses import fields

from daw_bridge.arguments import Held
from daw_bridge.rig import SESSION_ROWS, SLOT_DEFAULTS, SLOT_ROWS, Rig, SlotRig
from daw_bridge.session_shown import value_of
from daw_bridge.session_slot import SlotState, Take
from daw_bridge.session_state import SessionState

EMPTY: SlotRig[Take] = SlotRig()
_SESSION_FIELDS = tuple(row.field for row in SESSION_ROWS.values())
_SLOT_FIELDS = tuple(row.field for row in SLOT_ROWS.values())
# Where the kept values of a session are: looked at first, because each decision asks.
_HOLDERS = (
    "transport",
    "effects",
    *(name for name in _SESSION_FIELDS if name in {one.name for one in fields(SessionState)}),
)


def kept_value(state: SessionState, slot: int, field: str) -> Held:
    """What was set, which for a seed is not what is shown."""
    held: Held = getattr(state.slots[slot - 1], field) if slot else value_of(state, 0, field)
    return held


def snapshot(state: SessionState) -> Rig[Take]:
    """Everything that is set, the takes, and which slots loop.

    Args:
        state: A session.

    Returns:
        A rig; recalling it in this very state changes nothing.
    """
    session = {row.field: kept_value(state, 0, row.field) for row in SESSION_ROWS.values()}
    slots = {
        number: SlotRig(_slot_values(state, number), slot.take, plays=slot.is_looping)
        for number, slot in enumerate(state.slots, 1)
    }
    return Rig(session, {number: slot for number, slot in slots.items() if slot != EMPTY})


def _slot_values(state: SessionState, number: int) -> dict[str, Held]:
    values = {name: kept_value(state, number, name) for name in SLOT_DEFAULTS}
    return {name: held for name, held in values.items() if held != SLOT_DEFAULTS[name]}


def has_changed(before: SessionState, after: SessionState) -> bool:
    """Whether anything is not what it was.

    Args:
        before: A state.
        after: One after it, of as many slots.

    Returns:
        Whether a rig of it, or a scene, would be another one, or it came of another preset.
    """
    if before.library.scenes is not after.library.scenes:
        return True
    if before.library.preset != after.library.preset:
        return True
    if any(getattr(before, name) is not getattr(after, name) for name in _HOLDERS):
        follows = after.tempo_source != "internal"  # then the tempo is not ours
        for field in _SESSION_FIELDS:
            is_ours = not (follows and field == "tempo_bpm")
            if is_ours and kept_value(before, 0, field) != kept_value(after, 0, field):
                return True
    return before.slots is not after.slots and any(
        _is_other(old, new)
        for old, new in zip(before.slots, after.slots, strict=True)
        if old is not new
    )


def _is_other(old: SlotState, new: SlotState) -> bool:
    return old.take != new.take or any(
        getattr(old, field) != getattr(new, field) for field in _SLOT_FIELDS
    )
