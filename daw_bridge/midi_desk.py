"""MIDI messages as messages of our own: notes, controllers, programs and panic, and how to learn.

Whatever MIDI can do can be done by OSC as well: here a message becomes an address of the table with
its arguments, and is obeyed like any other. It knows neither ports nor the music.
Flow: sync_process.py → midi.py → here → addresses.py → session.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

from daw_bridge.addresses import AddressBook, Place
from daw_bridge.arguments import Held
from daw_bridge.midi import ALL_NOTES_OFF, ALL_SOUND_OFF, Control, NoteOff, NoteOn, Program
from daw_bridge.midi_map import (
    MOST,
    Binding,
    Hand,
    can_be_moved,
    print_bindings,
    read_bindings,
)
from daw_bridge.osc import Message, TaggedValue
from daw_bridge.requests import Quit, Request
from daw_bridge.table_rows import Access

ReadValue = Callable[[int, str], Held]
_PRESSED = 64


@dataclass(frozen=True, slots=True)
class Learnt:
    """A controller was bound, as a request had asked for."""

    request: Request
    binding: Binding


class MidiDesk:
    """The bindings of one daemon, and what is being learnt."""

    def __init__(self, book: AddressBook, read_value: ReadValue) -> None:
        self._book, self._read_value = book, read_value
        self._hands: dict[tuple[int, int], tuple[Binding, Hand]] = {}
        self._learning: tuple[Request, str] | None = None

    @property
    def bindings(self) -> list[Binding]:
        """All bindings, by channel and controller."""
        return [self._hands[key][0] for key in sorted(self._hands)]

    def text(self) -> str:
        """The bindings as TOML."""
        return print_bindings(self.bindings)

    def load(self, text: str) -> None:
        """Take bindings out of TOML, in place of all.

        Args:
            text: What `text` gave, or a person wrote; addresses that are not there are left out.

        Raises:
            PresetError: It cannot be read; nothing has changed.
        """
        found = read_bindings(text)
        self._hands = {}
        for binding in found:
            if not self._why_not(self._book.root + binding.path):
                self._bind(binding)

    def learn(self, request: Request, address: str) -> tuple[Request | None, str]:
        """Have the next controller that is moved be bound to an address.

        Args:
            request: Who asks.
            address: A full address.

        Returns:
            A request that waited and is given up for this one, and why this one is refused: empty
            if it is not.
        """
        refusal = self._why_not(address)
        if refusal:
            return None, refusal
        before, self._learning = self._learning, (request, address)
        return before[0] if before is not None else None, ""

    def forget(self, address: str) -> bool:
        """Take the controllers from an address; tells whether there were any."""
        path = address.removeprefix(self._book.root)
        left = {key: one for key, one in self._hands.items() if one[0].path != path}
        had, self._hands = len(self._hands) > len(left), left
        return had

    def hear(self, message: NoteOn | NoteOff | Control | Program) -> list[Message] | Learnt:
        """What a MIDI message asks for.

        Args:
            message: What came.

        Returns:
            Messages as if they had come by OSC, or that a controller was bound.
        """
        match message:
            case NoteOn(channel, note, velocity):
                return [self._message("/note/on", note, velocity, channel)]
            case NoteOff(channel, note):
                return [self._message("/note/off", note, 0, channel)]
            case Program(_, program):
                # Devices show programs from 1, as presets are numbered.
                found = self._message("/preset/load", program + 1)
                return [found] if found.address in self._book.places else []
            case Control(_, controller, _) if controller in (ALL_SOUND_OFF, ALL_NOTES_OFF):
                return [self._message("/panic")]
            case Control() if self._learning is not None:
                return self._learnt(*self._learning, message)
            case Control(channel, controller, value):
                return self._moved(self._hands.get((channel, controller)), value)

    def _learnt(self, request: Request, address: str, control: Control) -> Learnt:
        path = address.removeprefix(self._book.root)
        binding = Binding(control.channel, control.controller, path)
        self._bind(binding)
        self._learning = None
        return Learnt(request, binding)

    def _bind(self, binding: Binding) -> None:
        self._hands[binding.channel, binding.controller] = binding, Hand()

    def _moved(self, bound: tuple[Binding, Hand] | None, value: int) -> list[Message]:
        if bound is None:
            return []
        binding, hand = bound
        address = self._book.root + binding.path
        place = self._book.places[address]
        if place.row.access is Access.ACTION:
            return [Message(address)] if value >= _PRESSED else []
        held = self._read_value(place.slot, place.row.field)
        if isinstance(held, tuple):
            return []
        wanted = hand.move(place.row.arguments[0], value / MOST, held)
        if wanted is None:
            return []
        return [Message(address, self._book.tagged(place.slot, place.row.field, wanted))]

    def _message(self, path: str, *numbers: int) -> Message:
        arguments: tuple[TaggedValue, ...] = tuple(("i", number) for number in numbers)
        return Message(self._book.root + path, arguments)

    def _why_not(self, address: str) -> str:
        place = self._book.places.get(address)
        if place is None:
            return self._book.no_address(address)
        if _is_movable(place):
            return ""
        return (
            f"{address} has no range that a controller could move: choose a number, a switch, a "
            "choice, or a trigger."
        )


def _is_movable(place: Place) -> bool:
    row = place.row
    if row.access is Access.ACTION:
        is_trigger = all(argument.is_optional for argument in row.arguments)
        return is_trigger and row.make not in (None, Quit)
    return row.access is Access.VALUE and len(row.arguments) == 1 and can_be_moved(row.arguments[0])
