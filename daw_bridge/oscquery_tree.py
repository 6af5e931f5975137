"""The tree of OSCQuery: what can be asked and what it is now, as JSON, made from the table.

Pure. It does not know how values come about: it is given a function that reads them.

References:
    V. Zapp et al., "OSCQuery Proposal", 2018; attributes FULL_PATH, TYPE, ACCESS, VALUE, RANGE,
    DESCRIPTION, UNIT and CONTENTS.
"""

import math
from collections.abc import Callable

from daw_bridge.addresses import AddressBook
from daw_bridge.arguments import Argument, Held, Kind, Value
from daw_bridge.table_rows import Access, Row

ReadValue = Callable[[int, str], Held]
Json = dict[str, object]
_ACCESS = {Access.VALUE: 3, Access.READ: 1, Access.ACTION: 2, Access.STREAM: 1}


def describe(book: AddressBook, read_value: ReadValue, path: str) -> Json | None:
    """The node at a path with everything below it, or None if there is none."""
    prefix = path.rstrip("/")
    place = book.places.get(prefix)
    node: Json = {"FULL_PATH": prefix or "/", "ACCESS": 0}
    if place is not None and place.row.access in _ACCESS:
        node = _leaf(place.row, prefix, place.slot, read_value)
    below = [
        address
        for address, one in book.places.items()
        if address.startswith(prefix + "/") and one.row.access in _ACCESS
    ]
    if not below:
        return node if len(node) > 2 else None
    names = dict.fromkeys(address[len(prefix) + 1 :].partition("/")[0] for address in below)
    contents = {name: describe(book, read_value, f"{prefix}/{name}") for name in names}
    return node | {"CONTENTS": contents}


def _leaf(row: Row, address: str, slot: int, read_value: ReadValue) -> Json:
    declared = [one for one in row.arguments if one.kind is not Kind.ANY]
    if row.is_shown:
        declared = list(row.shown)
    node: Json = {
        "FULL_PATH": address,
        "ACCESS": 3 if row.is_shown and row.make is not None else _ACCESS[row.access],
        "TYPE": "".join(argument.kind for argument in declared) or "N",
        "DESCRIPTION": row.description,
    }
    if declared:
        node["RANGE"] = [_range(argument) for argument in declared]
        node["UNIT"] = [argument.unit for argument in declared]
    if row.is_shown:
        held = read_value(slot, row.field)
        node["VALUE"] = [_finite(one) for one in (held if isinstance(held, tuple) else (held,))]
    return node


def _range(argument: Argument) -> Json | None:
    if argument.choices:
        return {"VALS": list(argument.choices)}
    limits = {"MIN": argument.low, "MAX": argument.high}
    found = {name: value for name, value in limits.items() if value is not None}
    return {name: _finite(value) for name, value in found.items()} or None


def _finite(value: Value) -> Value | None:
    """JSON has no infinity: a gain of minus infinity is null."""
    return None if isinstance(value, float) and math.isinf(value) else value
