"""Messages that no address takes, made from the protocol's table: each row in each wrong way."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from daw_bridge.arguments import Argument, Kind
from daw_bridge.commands import COMMANDS
from daw_bridge.osc import TaggedValue
from daw_bridge.table_rows import Access, Row


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A message, and what is wrong with it."""

    wrong: str
    address: str
    arguments: tuple[TaggedValue, ...]
    about: str = ""


def bad_messages(root: str) -> Iterator[BadMessage]:
    """Every row of the table, asked in every wrong way; slot and scene are 1."""
    for row in COMMANDS:
        address = row.address(root, 1)
        if row.access in (Access.PUSH, Access.REPLY) or _takes_anything(row):
            continue
        if row.access is Access.READ:
            yield BadMessage("set what can only be asked", address, (("f", 1.0),))
        elif row.access is Access.STREAM:
            yield BadMessage("missing", address, ())
            yield BadMessage("wrong type", address, (("s", "x"),), "on")
        else:
            yield from _of(row, address)


def _takes_anything(row: Row) -> bool:
    return any(argument.kind is Kind.ANY for argument in row.arguments)


def _of(row: Row, address: str) -> Iterator[BadMessage]:
    good = tuple(_good(argument) for argument in row.arguments)
    needed = sum(not argument.is_optional for argument in row.arguments)
    if needed > (row.access is Access.VALUE):
        yield BadMessage("missing", address, good[: needed - 1])
    yield BadMessage("too many", address, (*good, ("s", "more")))
    for place, argument in enumerate(row.arguments):
        for wrong, value in _bad(argument):
            arguments = (*good[:place], value, *good[place + 1 :])
            yield BadMessage(wrong, address, arguments, argument.name)


def _good(argument: Argument) -> TaggedValue:
    if argument.kind is Kind.STRING:
        word = "C" if argument.is_key else "x"
        return "s", argument.choices[0] if argument.choices else word
    if argument.kind is Kind.BOOL:
        return "T", True
    low, _ = argument.bounds
    value: Any = argument.default if argument.default is not None else max(low, 0.0)
    return ("i", int(value)) if argument.kind is Kind.INT else ("f", float(value))


def _bad(argument: Argument) -> Iterator[tuple[str, TaggedValue]]:
    yield "bytes", ("b", b"abc")
    if argument.kind is Kind.STRING:
        yield "wrong type", ("f", 3.5)
        yield "too long", ("s", "x" * 5_000)
        if argument.choices:
            yield "no choice", ("s", "nonesuch")
        return
    yield "wrong type", ("s", "loud")
    if argument.kind is Kind.BOOL:
        yield "out of range", ("i", 2)
        return
    yield "no number", ("f", math.nan)
    if argument.kind is Kind.INT:
        yield "fraction", ("f", 1.5)
    for end, step in zip(argument.bounds, (-1.0, 1.0), strict=True):
        if math.isfinite(end):
            yield "out of range", ("d", end + step)
