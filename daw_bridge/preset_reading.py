"""Rigs from readable text: TOML to frozen values, whoever wrote it.

Pure. Each value is checked as if it came over OSC, and everything that is wrong is told at once.
Flow: shelf.py (files) → here → session_recall.py, which makes it heard.
"""

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daw_bridge.arguments import Held, check_argument
from daw_bridge.errors import PresetError
from daw_bridge.presets import (
    FLAG,
    FORMAT,
    MAX_SLOTS,
    MAX_TEXT_BYTES,
    TAKE_FIELDS,
    TEXTS,
    VERSION,
    Document,
    FiledTake,
    is_plain_name,
    without_defaults,
)
from daw_bridge.rig import SESSION_ROWS, SLOT_ROWS, Rig, SlotRig
from daw_bridge.table_rows import SCENES, Row
from generator.api import GenerationRequest
from generator.errors import RequestError

_TOP = ("format", "version", *TEXTS, FLAG, "session", "slot", "scene")


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
        texts = {name: self._text(top.get(name, ""), name) for name in TEXTS}
        scenes = self._numbered(top.get("scene", {}), "scene", SCENES, self._rig)
        is_dirty = self._flag(top.get(FLAG, False), FLAG)
        return Document(self._rig(top, ""), scenes, **texts, preset_dirty=is_dirty)

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
        plays = self._flag(table.get("plays", False), f"{where}plays")
        take = self._take(table["take"], f"{where}take") if "take" in table else None
        return SlotRig(values, take, plays)

    def _take(self, found: object, where: str) -> FiledTake | None:
        table = self._table(found, where)
        self._refuse_unknown(table, ("file", *TAKE_FIELDS), f"{where}.")
        file = self._text(table.get("file", ""), f"{where}.file")
        if file and not is_plain_name(file):
            self.faults.append(f"{where}.file is {file!r}; it must be a file beside this one.")
        given = {name: value for name, value in table.items() if name in TAKE_FIELDS}
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

    def _flag(self, found: object, where: str) -> bool:
        if not isinstance(found, bool):
            self.faults.append(f"{where} is {found!r}; it may be true or false.")
        return found is True

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
