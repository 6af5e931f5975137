"""What is shown of a session: nothing that has changed is left out, whatever is not looked into."""

from dataclasses import replace
from typing import Any

import pytest

from daw_bridge.session_shown import (
    EFFECT_FIELDS,
    SESSION_FIELDS,
    SLOT_FIELDS,
    changed_values,
    value_of,
)
from daw_bridge.session_slot import Take
from daw_bridge.session_state import SessionState, new_session
from generator.api import GenerationRequest

TAKE = Take(7, "name", 44_100, 3, GenerationRequest("kick", 3, 1.0))
BEFORE = new_session(3, entropy=1)
SLOT = BEFORE.slots[1]
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "what no field shows": {"last_id": 9, "kept": frozenset({TAKE}), "released": frozenset({TAKE})},
    "a slot": {"slots": (BEFORE.slots[0], replace(SLOT, pan=0.5, take=TAKE), BEFORE.slots[2])},
    "an equal slot": {"slots": (BEFORE.slots[0], replace(SLOT), BEFORE.slots[2])},
    "the tempo": {"transport": replace(BEFORE.transport, tempo_bpm=87.3)},
    "an effect": {"effects": dict(BEFORE.effects) | {next(iter(BEFORE.effects)): 0.123}},
    "several": {"xruns_total": 4, "quantize": "bar", "model": "other", "last_id": 3},
}


def compared_field_by_field(before: SessionState, after: SessionState) -> set[tuple[int, str]]:
    places = [(0, field) for field in SESSION_FIELDS + EFFECT_FIELDS]
    places += [(n, field) for n in range(1, len(after.slots) + 1) for field in SLOT_FIELDS]
    return {place for place in places if value_of(before, *place) != value_of(after, *place)}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_are_those_of_a_comparison_field_by_field(change: dict[str, Any]) -> None:
    after = replace(BEFORE, **change)
    found = list(changed_values(BEFORE, after))
    assert {(slot, field) for slot, field, _ in found} == compared_field_by_field(BEFORE, after)
    assert all(value == value_of(after, slot, field) for slot, field, value in found)
    assert len(found) == len({(slot, field) for slot, field, _ in found})


def test_what_lies_behind_the_slots_shows_nothing_of_the_session_itself() -> None:
    other = replace(BEFORE, **(CHANGES["a slot"] | CHANGES["what no field shows"]))
    for field in SESSION_FIELDS:
        assert value_of(other, 0, field) == value_of(BEFORE, 0, field), field
