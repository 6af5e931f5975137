"""Rigs as readable text: TOML to frozen values and back, for presets and the state alike.

Pure. Every value stands under its address: `gain = -6.0` in `[slot.3]` is what
`/gen/slot/3/gain -6` sets. Reading checks each value as if it came over OSC, and tells everything
that is wrong at once. Knows nothing of folders or of sound.
Flow: shelf.py (files) → here → session_recall.py, which makes it heard.
"""

import difflib
import struct
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Generic, TypeVar

import tomli_w

from daw_bridge.arguments import Held, Value, check_argument
from daw_bridge.errors import PresetError
from daw_bridge.rig import SESSION_ROWS, SLOT_ROWS, Rig, SlotRig, TakeT, default_of
from daw_bridge.table_rows import SCENES, Row
from generator.api import GenerationRequest
from generator.errors import RequestError

FORMAT = "daw-bridge rig"
VERSION = 1
MAX_TEXT_BYTES = 4_000_000
MAX_SLOTS = 64
# What a take was made from is not there after a restart, so it is not written down.
_PASSING = ("base", "follows", "is_open")
_TAKE_FIELDS = {one.name: one for one in fields(GenerationRequest) if one.name not in _PASSING}
_TEXTS = ("description", "model", "model_sha256")
OtherT = TypeVar("OtherT")
_TOP = ("format", "version", *_TEXTS, "session", "slot", "scene")


@dataclass(frozen=True, slots=True)
class FiledTake:
    """A take of a rig on disk: how it was made, and the file beside the rig if it was kept."""

    request: GenerationRequest
    file: str = ""


@dataclass(frozen=True, slots=True)
class Document(Generic[TakeT]):
    """A rig with its scenes, what it is for, and the model that made its takes."""

    rig: Rig[TakeT]
    scenes: Mapping[int, Rig[TakeT]] = field(default_factory=dict)
    description: str = ""
    model: str = ""
    model_sha256: str = ""


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
    texts = (document.description, document.model, document.model_sha256)
    return Document(exchanged(document.rig), scenes, *texts)


# ── writing ──────────────────────────────────────────────────────────────────
def print_document(document: Document[FiledTake]) -> str:
    """Write a document down.

    Args:
        document: Its slots' values may leave the defaults out.

    Returns:
        TOML; `read_document` gives the same document back.
    """
    texts = {name: getattr(document, name) for name in _TEXTS if getattr(document, name)}
    top = {"format": FORMAT, "version": VERSION, **texts, **_rig_table(document.rig)}
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
        made = {name: getattr(slot.take.request, name) for name in _TAKE_FIELDS}
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
    default = _TAKE_FIELDS[name].default
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


# ── reading ──────────────────────────────────────────────────────────────────
def read_document(text: str) -> Document[FiledTake]:
    """Read what was written down, by us or by hand.

    Args:
        text: TOML.

    Returns:
        A document in which every value is allowed; slots' values that are defaults are left out.

    Raises:
        PresetError: Anything is wrong; the text names everything that is, a line each.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise PresetError(f"It is {len(text)} bytes long; at most {MAX_TEXT_BYTES} are read.")
    try:
        top = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PresetError(f"It is no TOML: {error}.") from error
    if top.get("format") != FORMAT:
        raise PresetError(f'It is no rig: its first line must be format = "{FORMAT}".')
    if top.get("version") != VERSION:
        raise PresetError(
            f"Its version is {top.get('version')!r}; this daw-bridge reads version {VERSION}. "
            "A newer daw-bridge may read it."
        )
    reader = _Reader()
    document = reader.document(top)
    if reader.faults:
        raise PresetError("\n".join(reader.faults))
    return document


class _Reader:
    """Reads tables, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def document(self, top: Mapping[str, Any]) -> Document[FiledTake]:
        self._refuse_unknown(top, _TOP, "")
        texts = {name: self._text(top.get(name, ""), name) for name in _TEXTS}
        scenes = self._numbered(top.get("scene", {}), "scene", SCENES, self._rig)
        return Document(self._rig(top, ""), scenes, **texts)

    def _rig(self, table: Mapping[str, Any], where: str) -> Rig[FiledTake]:
        if where:
            self._refuse_unknown(table, ("session", "slot"), where)
        session = self._table(table.get("session", {}), f"{where}session")
        self._refuse_unknown(session, SESSION_ROWS, f"{where}session.")
        values = self._values(session, SESSION_ROWS, f"{where}session.")
        slots = self._numbered(table.get("slot", {}), f"{where}slot", MAX_SLOTS, self._slot)
        return Rig(values, slots)

    def _slot(self, table: Mapping[str, Any], where: str) -> SlotRig[FiledTake]:
        self._refuse_unknown(table, (*SLOT_ROWS, "take", "plays"), where)
        values = without_defaults(self._values(table, SLOT_ROWS, where))
        plays = table.get("plays", False)
        if not isinstance(plays, bool):
            self.faults.append(f"{where}plays is {plays!r}; it may be true or false.")
        take = self._take(table["take"], f"{where}take") if "take" in table else None
        return SlotRig(values, take, plays is True)

    def _take(self, found: object, where: str) -> FiledTake | None:
        table = self._table(found, where)
        self._refuse_unknown(table, ("file", *_TAKE_FIELDS), f"{where}.")
        file = self._text(table.get("file", ""), f"{where}.file")
        if file and not is_plain_name(file):
            self.faults.append(f"{where}.file is {file!r}; it must be a file beside this one.")
        given = {name: value for name, value in table.items() if name in _TAKE_FIELDS}
        missing = [name for name in ("prompt", "seed") if name not in given]
        if missing:
            self.faults.append(f"{where} has no {' and no '.join(missing)}: say how it was made.")
            return None
        try:
            return FiledTake(GenerationRequest(**given), file)
        except RequestError as error:
            self.faults.append(f"{where}: {error}")
            return None

    def _values(
        self, table: Mapping[str, Any], rows: Mapping[str, Row], where: str
    ) -> dict[str, Held]:
        values: dict[str, Held] = {}
        for key, found in table.items():
            if key in rows:
                try:
                    values[rows[key].field] = _check(rows[key], found)
                except ValueError as error:
                    self.faults.append(f"{where}{key}: {error}")
        return values

    def _numbered(
        self, found: object, name: str, most: int, read: Callable[[Mapping[str, Any], str], Any]
    ) -> dict[int, Any]:
        numbered = {}
        for key, table in self._table(found, name).items():
            if key.isdecimal() and key.isascii() and 1 <= int(key[:9]) <= most:
                where = f"{name}.{key}"
                numbered[int(key)] = read(self._table(table, where), f"{where}.")
            else:
                self.faults.append(f"{name}.{key} is unknown: numbers go from 1 to {most}.")
        return numbered

    def _table(self, found: object, where: str) -> Mapping[str, Any]:
        if isinstance(found, dict):
            return found
        self.faults.append(f"{where} is {found!r:.40}; it must be a table, such as [{where}].")
        return {}

    def _text(self, found: object, where: str) -> str:
        if isinstance(found, str):
            return found
        self.faults.append(f"{where} is {found!r:.40}; it must be text in quotes.")
        return ""

    def _refuse_unknown(self, found: Iterable[str], known: Iterable[str], where: str) -> None:
        names = list(known)
        for key in found:
            if key not in names:
                near = difflib.get_close_matches(key, names, n=1, cutoff=0.0)
                self.faults.append(f"{where}{key} is unknown: did you mean {near[0]}?")


def _check(row: Row, found: object) -> Held:
    given = found if isinstance(found, list) else [found]
    if len(given) != len(row.arguments):
        raise ValueError(f"{len(given)} values stand there; it takes {len(row.arguments)}.")
    values = tuple(
        check_argument(argument, _tag_of(value), value)
        for argument, value in zip(row.arguments, given, strict=True)
    )
    return values[0] if len(values) == 1 else values


def _tag_of(value: object) -> str:
    tags = {bool: "T", int: "i", float: "d", str: "s"}
    return tags.get(type(value), type(value).__name__)


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
