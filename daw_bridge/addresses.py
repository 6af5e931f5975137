"""From messages to commands: the address book made from the table, with OSC's patterns.

Pure. An exact address costs one look-up in a dictionary; a pattern is matched part by part, in
time linear in its length, and never across a `/`. It does not know bytes, sockets or the music.
Flow: osc.py (bytes to messages) → here → session.py (commands to actions).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import cast

from daw_bridge.arguments import Argument, Held, Kind, Value, check_argument, tagged
from daw_bridge.commands import COMMANDS
from daw_bridge.errors import CommandError, Fault
from daw_bridge.nearest import nearest, no_address
from daw_bridge.osc import Message, TaggedValue
from daw_bridge.patterns import has_wildcard, match_part
from daw_bridge.requests import Command, GetValue, Ping, Request, SetValue, Watch
from daw_bridge.table_rows import SCENES, Access, Row

MAX_ADDRESS_BYTES = 255
_ON = Argument("on", Kind.BOOL)
_NOT_DISPATCHED = (Access.PUSH, Access.REPLY)
_RELEASED = "It came with 0, a button let go, which does nothing here."
_NOT_ASKED = "This address is one that the daemon sends; it obeys nothing there."


@dataclass(frozen=True, slots=True)
class Place:
    """A row at one address: `slot` is that of its slot or scene, 0 where the row has none."""

    row: Row
    slot: int


class AddressBook:
    """Every address of one daemon, for its root and its number of slots."""

    def __init__(self, root: str, slots: int) -> None:
        """Spell out the table.

        Args:
            root: What every address begins with, such as "/gen".
            slots: How many slots there are, counted from 1.
        """
        self.root, self.slots = root, slots
        self.places: dict[str, Place] = {}
        counts = {"slot": slots, "scene": SCENES}
        for row in COMMANDS:
            for number in range(1, counts[row.index] + 1) if row.index else (0,):
                self.places[row.address(root, number)] = Place(row, number)
        asked = [address for address, place in self.places.items() if is_asked(place.row)]
        self._field_rows = {(row.has_slot, row.field): row for row in COMMANDS if row.is_shown}
        self._action_rows = {row.make: row for row in COMMANDS if row.make is not None}
        self._tree: dict[str, object] = {}
        for address in asked:
            node = self._tree
            for part in address[1:].split("/"):
                node = cast("dict[str, object]", node.setdefault(part, {}))

    def resolve(self, message: Message, client: int = 0) -> list[Request | CommandError]:
        """Read what a message asks for.

        Args:
            message: An address or a pattern of addresses, with arguments.
            client: Who sent it.

        Returns:
            One entry for each address that is meant; none where a button was only released, or
            where the message is an answer that came back to us, save with an id, which is always
            answered.
        """
        place = self.places.get(message.address)
        if place is not None and place.row.path == "/req":
            return self._unwrap(message, client)
        return self._resolve(message, client, 0)

    def _resolve(
        self, message: Message, client: int, request_id: int
    ) -> list[Request | CommandError]:
        found: list[Request | CommandError] = []
        try:
            for address in self._addresses(message.address):
                place = self.places[address]
                try:
                    command = _bind(place, address, message.arguments)
                    if command is None and request_id:
                        raise ValueError(_RELEASED if is_asked(place.row) else _NOT_ASKED)
                except ValueError as error:
                    found.append(
                        CommandError(
                            Fault.BAD_VALUE, str(error), address=address, request_id=request_id
                        )
                    )
                    continue
                if command is not None:
                    found.append(Request(command, client, address, request_id))
        except CommandError as error:
            error.request_id = request_id
            found.append(error)
        return found

    def _unwrap(self, message: Message, client: int) -> list[Request | CommandError]:
        row = self.places[message.address].row
        try:
            if len(message.arguments) < 2:
                raise ValueError(f"{message.address} takes an id, an address and its arguments.")
            request_id = check_argument(row.arguments[0], *message.arguments[0])
            inner = check_argument(row.arguments[1], *message.arguments[1])
            if inner == message.address:
                raise ValueError("A request cannot wrap another request.")
        except ValueError as error:
            return [CommandError(Fault.BAD_VALUE, str(error), address=message.address)]
        return self._resolve(Message(str(inner), message.arguments[2:]), client, int(request_id))

    def _addresses(self, pattern: str) -> list[str]:
        if pattern in self.places:
            return [pattern]
        if len(pattern.encode()) > MAX_ADDRESS_BYTES or not pattern.startswith("/"):
            text = f"An address begins with / and has at most {MAX_ADDRESS_BYTES} bytes."
            raise CommandError(Fault.UNKNOWN_ADDRESS, text, address=pattern[:64])
        if has_wildcard(pattern):
            found = list(self._matches(pattern))
            if found:
                return found
            text = f"No address matches the pattern {pattern[:64]}."
            raise CommandError(Fault.UNKNOWN_ADDRESS, text, address=pattern[:64])
        raise CommandError(Fault.UNKNOWN_ADDRESS, self.no_address(pattern), address=pattern[:64])

    def _matches(self, pattern: str) -> Iterator[str]:
        parts = pattern[1:].split("/")
        only_values = "*" in parts[-1] or "?" in parts[-1]
        level: list[tuple[str, dict[str, object]]] = [("", self._tree)]
        for part in parts:
            level = [
                (f"{prefix}/{name}", cast("dict[str, object]", child))
                for prefix, node in level
                for name, child in node.items()
                if match_part(part, name)
            ]
        for address, _ in level:
            place = self.places.get(address)
            if place is not None and _is_reached(place.row, only_values=only_values):
                yield address

    def no_address(self, address: str) -> str:
        """What to tell whoever named an address that is not there."""
        return no_address(address, self._tree, self.places, self.root)

    def nearest(self, address: str) -> str:
        """The known address most like an unknown one."""
        return nearest(address, self._tree, self.places)

    def address_of(self, slot: int, field: str) -> str:
        """Where a value of the session (slot 0) or of a slot is shown."""
        return self._field_rows[slot > 0, field].address(self.root, slot)

    def tagged(self, slot: int, field: str, held: Held) -> tuple[TaggedValue, ...]:
        """What an address holds, with its declared types, as feedback carries it."""
        return tagged(self._field_rows[slot > 0, field].shown, held)

    def message_of(self, command: Command) -> Message:
        """The message that asks for a command: `resolve` gives the command back."""
        if isinstance(command, SetValue):
            arguments = self.tagged(command.slot, command.field, command.value)
            return Message(self.address_of(command.slot, command.field), arguments)
        if isinstance(command, GetValue):
            return Message(self.address_of(command.slot, command.field))
        row = self._action_rows[type(command)]
        address = row.address(self.root, getattr(command, row.index, 0) if row.index else 0)
        if isinstance(command, Ping):
            return Message(address, command.arguments)
        return Message(address, tuple(_given(row, command)))


def _given(row: Row, command: Command) -> Iterator[TaggedValue]:
    names = {field.name for field in fields(command)}
    for argument in row.arguments:
        value = getattr(command, argument.name) if argument.name in names else None
        if value is None:
            return
        yield from tagged((argument,), value)


def is_asked(row: Row) -> bool:
    """Whether messages are sent to the row's address, and not only by us."""
    return row.access not in _NOT_DISPATCHED


def _is_reached(row: Row, *, only_values: bool) -> bool:
    if row.path == "/req":
        return False
    return row.access not in (Access.ACTION, Access.STREAM) or not only_values


def _bind(place: Place, address: str, arguments: Sequence[TaggedValue]) -> Command | None:
    """The command for a place, or None where there is nothing to do."""
    row, slot = place.row, place.slot
    if not is_asked(row):
        return None
    if row.access is Access.ACTION:
        return _bind_action(row, slot, arguments)
    if row.access is Access.STREAM:
        return Watch(address, _switch(arguments))
    if not arguments:
        return GetValue(slot, row.field)
    if row.access is Access.READ:
        raise ValueError("This address can only be asked: send it without arguments.")
    checked = _check_arguments(row, arguments)
    values = tuple(cast("Value", checked[argument.name]) for argument in row.arguments)
    return SetValue(slot, row.field, values[0] if len(values) == 1 else values)


def _switch(arguments: Sequence[TaggedValue]) -> bool:
    if len(arguments) != 1:
        raise ValueError("Send 1 to be told what comes on this address, 0 for no more of it.")
    return bool(check_argument(_ON, *arguments[0]))


def _bind_action(row: Row, slot: int, arguments: Sequence[TaggedValue]) -> Command | None:
    if row.make is None:
        return None
    if row.make is Ping:
        return Ping(tuple(arguments))
    if row.ignores_zero and len(arguments) == 1:
        tag, value = arguments[0]
        if tag in "ihfdTF" and not value:
            return None
        if tag in "TNI" or (tag in "ihfd" and not _is_numeric_first(row)):
            arguments = ()
    elif len(arguments) == 1 and arguments[0][0] in "NI":
        arguments = ()
    values = _check_arguments(row, arguments)
    if row.index:
        values[row.index] = slot
    return row.make(**values)  # type: ignore[arg-type]


def _is_numeric_first(row: Row) -> bool:
    return bool(row.arguments) and row.arguments[0].kind in (Kind.INT, Kind.FLOAT, Kind.DOUBLE)


def _check_arguments(row: Row, arguments: Sequence[TaggedValue]) -> dict[str, Value | None]:
    needed = sum(not argument.is_optional for argument in row.arguments)
    if not needed <= len(arguments) <= len(row.arguments):
        names = " ".join(_spell(argument) for argument in row.arguments) or "none"
        came = "1 argument" if len(arguments) == 1 else f"{len(arguments)} arguments"
        asks = ", and tells what it is when it is sent none" if row.access is Access.VALUE else ""
        raise ValueError(f"{came} came; it takes {names}{asks}.")
    values: dict[str, Value | None] = {
        declared.name: declared.default for declared in row.arguments[len(arguments) :]
    }
    for declared, (tag, value) in zip(row.arguments, arguments, strict=False):
        values[declared.name] = check_argument(declared, tag, value)
    return values


def _spell(argument: Argument) -> str:
    text = f"{argument.kind.value}:{argument.name}"
    return f"[{text}]" if argument.is_optional else text
