"""Rigs as readable text: frozen values to TOML, for presets and the state alike.

Pure. Every value stands under its address: `gain = -6.0` in `[slot.3]` is what
`/gen/slot/3/gain -6` sets. Knows nothing of folders or of sound; preset_reading.py reads.
Flow: session → here → shelf.py (files).
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Generic, TypeVar

import tomli_w

from daw_bridge.arguments import Held, Value
from daw_bridge.rig import SESSION_ROWS, SLOT_ROWS, Rig, SlotRig, TakeT, default_of
from daw_bridge.table_rows import Row
from generator.api import GenerationRequest

FORMAT = "daw-bridge rig"
VERSION = 1
MAX_TEXT_BYTES = 4_000_000
MAX_SLOTS = 64
# What a take was made from is not there after a restart, so it is not written down.
_PASSING = ("base", "follows", "is_open")
TAKE_FIELDS = {one.name: one for one in fields(GenerationRequest) if one.name not in _PASSING}
TEXTS = ("description", "model", "model_sha256", "preset")
FLAG = "preset_dirty"
OtherT = TypeVar("OtherT")


@dataclass(frozen=True, slots=True)
class FiledTake:
    """A take of a rig on disk: how it was made, and the file beside the rig if it was kept."""

    request: GenerationRequest
    file: str = ""


@dataclass(frozen=True, slots=True)
class Document(Generic[TakeT]):
    """A rig with its scenes, what it is for, and the model that made its takes.

    A state names the preset that it came from as well, and whether it is another one by now.
    """

    rig: Rig[TakeT]
    scenes: Mapping[int, Rig[TakeT]] = field(default_factory=dict)
    description: str = ""
    model: str = ""
    model_sha256: str = ""
    preset: str = ""
    preset_dirty: bool = False


def takes_of(document: Document[TakeT]) -> Iterator[TakeT]:
    """Every take of a document, of its rig and of its scenes.

    Args:
        document: The document.

    Yields:
        The takes, slot by slot; one that stands twice comes twice.
    """
    for rig in (document.rig, *document.scenes.values()):
        yield from (slot.take for slot in rig.slots.values() if slot.take is not None)


def with_takes(
    document: Document[TakeT], exchange: Callable[[TakeT], OtherT | None]
) -> Document[OtherT]:
    """The same document with other takes.

    Args:
        document: The document.
        exchange: What stands in for a take.

    Returns:
        A document of whatever `exchange` gives; None is no take.
    """

    def exchanged(rig: Rig[TakeT]) -> Rig[OtherT]:
        slots: dict[int, SlotRig[OtherT]] = {}
        for number, slot in rig.slots.items():
            take = None if slot.take is None else exchange(slot.take)
            slots[number] = SlotRig(slot.values, take, slot.plays)
        return Rig(rig.values, slots)

    scenes = {number: exchanged(rig) for number, rig in document.scenes.items()}
    others = {name: getattr(document, name) for name in (*TEXTS, FLAG)}
    return Document(exchanged(document.rig), scenes, **others)


# ── writing ──────────────────────────────────────────────────────────────────
def print_document(document: Document[FiledTake]) -> str:
    """Write a document down.

    Args:
        document: Its slots' values may leave the defaults out.

    Returns:
        TOML; `read_document` gives the same document back.
    """
    texts = {name: getattr(document, name) for name in TEXTS if getattr(document, name)}
    flag = {FLAG: True} if document.preset_dirty else {}
    top = {"format": FORMAT, "version": VERSION, **texts, **flag, **_rig_table(document.rig)}
    if document.scenes:
        scenes = sorted(document.scenes.items())
        top["scene"] = {str(number): _rig_table(rig) for number, rig in scenes}
    return tomli_w.dumps(top)


def _rig_table(rig: Rig[FiledTake]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    if rig.values:
        table["session"] = _values_table(SESSION_ROWS, rig.values)
    if rig.slots:
        table["slot"] = {str(number): _slot_table(slot) for number, slot in _ordered(rig.slots)}
    return table


def _ordered(slots: Mapping[int, SlotRig[FiledTake]]) -> Iterable[tuple[int, SlotRig[FiledTake]]]:
    return sorted(slots.items())


def _slot_table(slot: SlotRig[FiledTake]) -> dict[str, Any]:
    table = _values_table(SLOT_ROWS, without_defaults(slot.values))
    if slot.plays:
        table["plays"] = True
    if slot.take is not None:
        made = {name: getattr(slot.take.request, name) for name in TAKE_FIELDS}
        kept = {name: value for name, value in made.items() if not _is_default(name, value)}
        table["take"] = ({"file": slot.take.file} if slot.take.file else {}) | kept
    return table


def _values_table(rows: Mapping[str, Row], values: Mapping[str, Held]) -> dict[str, Any]:
    return {
        key: [_short(one) for one in held] if isinstance(held, tuple) else _short(held)
        for key, row in rows.items()
        if (held := values.get(row.field)) is not None
    }


def _is_default(name: str, value: object) -> bool:
    default = TAKE_FIELDS[name].default
    return value is None or (default is not MISSING and value == default)


def _short(value: Value) -> Value:
    """A number that came as a 32-bit float with the few digits that give the same one again.

    >>> _short(-6.300000190734863), _short(174.07), _short(7)
    (-6.3, 174.07, 7)
    """
    if isinstance(value, float) and value == _as_float32(value):
        digits = (float(f"{value:.{digits}g}") for digits in range(1, 10))
        return next(short for short in digits if _as_float32(short) == value)
    return value


def _as_float32(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("nan")


def without_defaults(values: Mapping[str, Held]) -> dict[str, Held]:
    """The values of a slot that are not the table's defaults.

    Args:
        values: By field.

    Returns:
        Those that need to be written down.
    """
    defaults = {row.field: default_of(row) for row in SLOT_ROWS.values()}
    return {name: held for name, held in values.items() if held != defaults[name]}


def is_plain_name(name: str) -> bool:
    r"""Whether a name is that of a file right here: no folder, nothing hidden, nothing odd.

    >>> [is_plain_name(one) for one in ("kit 1.toml", "../kit", "/etc/x", ".ssh", "a\0b", "")]
    [True, False, False, False, False, False]
    """
    odd = set('/\\:*?"<>|')
    return (
        0 < len(name.encode("utf-8", "replace")) <= 120
        and name[0] not in ". "
        and name[-1] not in ". "
        and name.isprintable()
        and not odd & set(name)
    )
