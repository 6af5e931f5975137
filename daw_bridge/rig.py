"""A rig: everything that a performer has set, as values. Presets, scenes and the state are rigs.

Which values belong to it follows from the table: every address that can be set and is kept. So a
new row of the table is stored, recalled and morphed without a word here. Knows nothing of files,
of how a rig is written down (presets.py) or of what a recall does (session_recall.py).

A take is of whatever type its holder needs: one in shared memory for the session, one in a file
for a preset.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from daw_bridge.arguments import Argument, Held, Kind
from daw_bridge.commands import COMMANDS
from daw_bridge.table_rows import SLOT_PART, Access, Row

# What stands in for silence where a gain in dB morphs to or from minus infinity.
_SILENCE_DB = -90.0

TakeT = TypeVar("TakeT")


def _key(row: Row) -> str:
    return row.path.removeprefix(f"/slot/{SLOT_PART}").removeprefix("/")


_KEPT = [row for row in COMMANDS if row.access is Access.VALUE and row.is_kept]
# By what a value is called in a file: its address below the root, or below its slot.
SESSION_ROWS: Mapping[str, Row] = {_key(row): row for row in _KEPT if not row.has_slot}
SLOT_ROWS: Mapping[str, Row] = {_key(row): row for row in _KEPT if row.has_slot}


@dataclass(frozen=True, slots=True)
class SlotRig(Generic[TakeT]):
    """A slot: values by field, those left out being the table's defaults; its take; if it loops."""

    values: Mapping[str, Held] = field(default_factory=dict)
    take: TakeT | None = None
    plays: bool = False


@dataclass(frozen=True, slots=True)
class Rig(Generic[TakeT]):
    """Values of the session by field, and slots by number; a slot left out is an empty one."""

    values: Mapping[str, Held] = field(default_factory=dict)
    slots: Mapping[int, SlotRig[TakeT]] = field(default_factory=dict)


def default_of(row: Row) -> Held:
    """What a row holds before anybody has set it."""
    values = tuple(one.default for one in row.arguments)
    held = tuple(value for value in values if value is not None)
    return held[0] if len(row.arguments) == 1 else held


# What a slot holds before anybody has set it, by field.
SLOT_DEFAULTS: Mapping[str, Held] = {row.field: default_of(row) for row in SLOT_ROWS.values()}


def morph(row: Row, start: Held, end: Held, share: float) -> Held:
    """A value on its way: numbers that are not whole glide, everything else is there at once.

    Args:
        row: Whose value.
        start: Where it begins.
        end: Where it ends, exactly.
        share: How much of the way is gone, in [0, 1].

    Returns:
        The value there: on a line, for frequencies on one of equal intervals.
    """
    if share >= 1.0:
        return end
    starts, ends = (value if isinstance(value, tuple) else (value,) for value in (start, end))
    values = tuple(
        _glide(argument, float(one), float(other), share) if argument.kind is Kind.FLOAT else other
        for argument, one, other in zip(row.arguments, starts, ends, strict=True)
    )
    return values[0] if len(values) == 1 else values


def glides(row: Row) -> bool:
    """Whether a row has a number that a morph leads through all values between."""
    return any(argument.kind is Kind.FLOAT for argument in row.arguments)


def _glide(argument: Argument, start: float, end: float, share: float) -> float:
    if argument.unit == "dB":
        start, end = max(start, _SILENCE_DB), max(end, _SILENCE_DB)
    if argument.unit == "Hz" and start > 0.0 and end > 0.0:
        return math.exp(_line(math.log(start), math.log(end), share))
    return _line(start, end, share)


def _line(start: float, end: float, share: float) -> float:
    return start + share * (end - start)
