"""Hypothesis strategies for the control side: commands that the table allows."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from daw_bridge.arguments import Argument, Kind
from daw_bridge.commands import COMMANDS
from daw_bridge.requests import Command, GetValue, Ping, SetValue
from daw_bridge.table_rows import Access, Row
from generator.keys import KEYS

SLOTS = 16


def argument_values(argument: Argument) -> st.SearchStrategy[Any]:
    """Values that an argument may have, such as survive 32-bit floats."""
    if argument.also_int:
        return st.integers(-100, 100) | argument_values(replace(argument, also_int=False))
    if argument.choices:
        return st.sampled_from(argument.choices)
    if argument.is_key:
        return st.sampled_from(["", *KEYS])
    if argument.kind is Kind.STRING:
        letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
        return st.text(letters, max_size=40)
    if argument.kind is Kind.BOOL:
        return st.booleans()
    low, high = argument.bounds
    if argument.kind is Kind.INT:
        return st.integers(int(low), int(high))
    return st.floats(low, high, allow_nan=False).map(to_float32).filter(lambda v: low <= v <= high)


def to_float32(value: float) -> float:
    import struct

    try:
        return float(struct.unpack(">f", struct.pack(">f", value))[0])
    except OverflowError:
        return 0.0


def _commands_of(row: Row) -> st.SearchStrategy[Command]:
    slots = st.integers(1, SLOTS) if row.index else st.just(0)
    if row.access is Access.VALUE:
        each = [argument_values(argument) for argument in row.arguments]
        values = each[0] if len(each) == 1 else st.tuples(*each)
        return st.one_of(
            st.builds(SetValue, slots, st.just(row.field), values),
            st.builds(GetValue, slots, st.just(row.field)),
        )
    if row.access is Access.READ:
        return st.builds(GetValue, slots, st.just(row.field))
    assert row.make is not None
    given: dict[str, st.SearchStrategy[Any]] = {row.index: slots} if row.index else {}
    for argument in row.arguments:
        values = argument_values(argument)
        if row.ignores_zero:
            values = values.filter(bool)
        is_droppable = argument.is_optional and argument.default is None
        given[argument.name] = st.none() | values if is_droppable else values
    return st.builds(row.make, **given).filter(_has_no_gap(row))


def _has_no_gap(row: Row) -> Any:
    def check(command: Command) -> bool:
        missing = [getattr(command, argument.name) is None for argument in row.arguments]
        return missing == sorted(missing)

    return check


def commands() -> st.SearchStrategy[Command]:
    """Every command that a message can carry, but for pings with arguments."""
    rows = [row for row in COMMANDS if row.is_shown or row.make]
    return st.one_of([_commands_of(row) for row in rows if row.make is not Ping])
