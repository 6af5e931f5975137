"""What the fields of a session show to the world, and which of them a decision has changed.

Pure. A field is named as in the session's or a slot's state, or by a table here where what is shown
is worked out. It knows neither addresses (rig.py) nor who listens.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from operator import attrgetter, is_

from daw_bridge.arguments import Held
from daw_bridge.effects import BUSES, DEFAULTS
from daw_bridge.session_slot import SlotState
from daw_bridge.session_state import SessionState


def _effect_value(key: str, state: SessionState) -> Held:
    return state.effects[key]


_SESSION_VALUES: dict[str, Callable[[SessionState], Held]] = {
    "tempo_bpm": lambda state: state.transport.tempo_bpm,
    "nudge_pct": lambda state: state.transport.nudge_pct,
    "is_playing": lambda state: int(state.transport.is_playing),
    "is_stopped": lambda state: int(not state.transport.is_playing),
    "signature": lambda state: (
        state.transport.signature.numerator,
        state.transport.signature.denominator,
    ),
    "device": lambda state: (state.device.name, state.device.hostapi),
    "input": lambda state: (state.input.name, state.input.hostapi),
    "device_buffer_ms": lambda state: state.device.buffer_ms,
    "device_latency_ms": lambda state: state.device.latency_ms,
    "xruns": lambda state: max(0, state.xruns_total - state.xruns_before),
    "preset_name": lambda state: state.library.preset,
    "preset_dirty": lambda state: state.library.is_dirty,
    "scene": lambda state: state.library.scene,
    "is_recording": lambda state: state.tape.is_recording,
    "fx": lambda state: state.missing_effects or "ready",
    **{f"fx/{key}": partial(_effect_value, key) for key in DEFAULTS},
}
EFFECT_FIELDS = tuple(f"fx/{key}" for key in DEFAULTS)
SEND_FIELDS = tuple(f"send_{bus}_db" for bus in BUSES)
_SLOT_VALUES: dict[str, Callable[[SlotState], Held]] = {
    "seed": lambda slot: slot.shown_seed,
    "take": lambda slot: slot.take.take_id if slot.take else 0,
    "is_kept": lambda slot: slot.take is not None and slot.take.take_id in slot.marked,
    "text_1": lambda slot: slot.prompt,
}
SESSION_FIELDS = (
    "tempo_bpm",
    "tempo_source",
    "nudge_pct",
    "is_playing",
    "is_stopped",
    "signature",
    "midi_in",
    "midi_clock",
    "midi_ports",
    "midi_map",
    "quantize",
    "master_gain_db",
    "master_mute",
    "limiter",
    "ceiling_dbfs",
    "morph_xy",
    "xruns",
    "preset_name",
    "preset_dirty",
    "scene",
    "is_recording",
    "fx",
    "model",
    "output_pairs",
    "device",
    "device_buffer_ms",
    "device_latency_ms",
    "input",
)
SLOT_FIELDS = (
    "prompt",
    "text_1",
    "text_2",
    "text_3",
    "text_4",
    "weight_1",
    "weight_2",
    "weight_3",
    "weight_4",
    "seed",
    "seed_lock",
    "variation",
    "duration_s",
    "bars",
    "key",
    "steps",
    "mode",
    "gain_db",
    "pan",
    "mute",
    "solo",
    "choke",
    "out",
    "crossfade_ms",
    "root",
    *SEND_FIELDS,
    "fresh",
    "init",
    "init_strength",
    "state",
    "take",
    "is_kept",
)


def value_of(state: SessionState, slot: int, field: str) -> Held:
    """What a field of the session (slot 0) or of a slot shows."""
    value: Held
    if slot:
        one = state.slots[slot - 1]
        value = _SLOT_VALUES[field](one) if field in _SLOT_VALUES else getattr(one, field)
    else:
        value = _SESSION_VALUES[field](state) if field in _SESSION_VALUES else getattr(state, field)
    return value


# ── what has changed of it ───────────────────────────────────────────────────
Changed = tuple[int, str, Held]

# These show nothing themselves but through the slots, and change with every note.
_BEHIND = {"slots", "last_id", "kept", "released"}
_shown_of_session = attrgetter(
    *(one.name for one in fields(SessionState) if one.name not in _BEHIND)
)
_PLAIN = tuple(field for field in SLOT_FIELDS if field not in _SLOT_VALUES)
_plain_of_slot = attrgetter(*_PLAIN)


def changed_values(before: SessionState, after: SessionState) -> Iterator[Changed]:
    """Compare what two states show.

    Every decision asks for this, so whatever is the same object is not looked into.

    Args:
        before: What was shown.
        after: Of as many slots.

    Yields:
        Slot (0 for the session), field and value of each that differs.
    """
    if not all(map(is_, _shown_of_session(before), _shown_of_session(after))):
        shown = (
            SESSION_FIELDS if after.effects is before.effects else SESSION_FIELDS + EFFECT_FIELDS
        )
        for field in shown:
            value = value_of(after, 0, field)
            if value != value_of(before, 0, field):
                yield 0, field, value
    if after.slots is not before.slots:
        for number, (old, new) in enumerate(zip(before.slots, after.slots, strict=True), 1):
            if old is not new:
                yield from _changed_of_slot(number, old, new)


def _changed_of_slot(number: int, old: SlotState, new: SlotState) -> Iterator[Changed]:
    for field, was, value in zip(_PLAIN, _plain_of_slot(old), _plain_of_slot(new), strict=True):
        if value != was:
            yield number, field, value
    for field, value_in in _SLOT_VALUES.items():
        if (value := value_in(new)) != value_in(old):
            yield number, field, value
