"""Laws of what MIDI asks for: the same as OSC could, and never more than was bound."""

from daw_bridge.addresses import AddressBook
from daw_bridge.midi import Control, NoteOff, NoteOn, Program
from daw_bridge.midi_desk import Learnt, MidiDesk
from daw_bridge.osc import Message
from daw_bridge.requests import Learn, LoadPreset, Panic, Request
from daw_bridge.requests import NoteOn as PressKey
from daw_bridge.session_shown import value_of
from daw_bridge.session_state import new_session

BOOK = AddressBook("/gen", 4)
STATE = new_session(4, entropy=1)
LEARN = Request(Learn("x"), client=5, address="/gen/midi/learn", request_id=9)


def desk() -> MidiDesk:
    return MidiDesk(BOOK, lambda slot, field: value_of(STATE, slot, field))


def asked(found: list[Message] | Learnt) -> list[object]:
    assert isinstance(found, list)
    resolved = [one for message in found for one in BOOK.resolve(message)]
    return [one.command if isinstance(one, Request) else one for one in resolved]


def learnt(one: MidiDesk, address: str, controller: int = 21) -> Learnt:
    assert one.learn(LEARN, address) == (None, "")
    found = one.hear(Control(3, controller, 64))
    assert isinstance(found, Learnt)
    return found


def test_keys_are_notes_of_the_table() -> None:
    assert asked(desk().hear(NoteOn(2, 60, 100))) == [PressKey(60, 100, 2)]
    (release,) = asked(desk().hear(NoteOff(2, 60)))
    assert type(release).__name__ == "NoteOff"


def test_all_sound_off_is_panic() -> None:
    for controller in (120, 123):
        assert asked(desk().hear(Control(1, controller, 0))) == [Panic()]


def test_programs_are_presets_both_counted_from_1_by_people() -> None:
    assert asked(desk().hear(Program(1, 0))) == [LoadPreset(1)]
    assert asked(desk().hear(Program(16, 127))) == [LoadPreset(128)]


def test_an_unbound_controller_does_nothing() -> None:
    assert desk().hear(Control(1, 21, 64)) == []


def test_a_controller_that_was_learnt_moves_its_address_and_no_other_does() -> None:
    one = desk()
    found = learnt(one, "/gen/slot/2/pan")
    assert (found.request, found.binding.path) == (LEARN, "/slot/2/pan")
    assert one.hear(Control(3, 22, 64)) == []
    (message,) = _messages(one, Control(3, 21, 64))
    assert message.address == "/gen/slot/2/pan"
    assert len(asked([message])) == 1


def _messages(one: MidiDesk, control: Control) -> list[Message]:
    found = one.hear(control)
    assert isinstance(found, list)
    return found


def test_a_trigger_fires_when_it_is_pressed_and_not_when_it_is_let_go() -> None:
    one = desk()
    learnt(one, "/gen/tempo/tap")
    assert _messages(one, Control(3, 21, 127)) == [Message("/gen/tempo/tap")]
    assert _messages(one, Control(3, 21, 0)) == []


def test_what_cannot_be_moved_is_refused_and_nothing_is_learnt() -> None:
    one = desk()
    for address in ("/gen/slot/1/prompt", "/gen/nonsense", "/gen/quit", "/gen/slot/1/go", "", "x"):
        _, refusal = one.learn(LEARN, address)
        assert refusal
    assert one.hear(Control(3, 21, 64)) == []


def test_a_newer_wish_to_learn_takes_the_place_of_the_older() -> None:
    one = desk()
    one.learn(LEARN, "/gen/slot/1/pan")
    before, refusal = one.learn(LEARN, "/gen/slot/2/pan")
    assert (before, refusal) == (LEARN, "")


def test_bindings_are_kept_without_the_root_and_forgotten_by_address() -> None:
    one, other = desk(), MidiDesk(AddressBook("/other", 4), lambda *_: 0.0)
    learnt(one, "/gen/slot/2/pan", 21)
    learnt(one, "/gen/tempo", 22)
    other.load(one.text())
    assert other.bindings == one.bindings
    assert one.forget("/gen/tempo")
    assert not one.forget("/gen/tempo")
    assert [binding.controller for binding in one.bindings] == [21]
    other.load('[[control]]\nchannel = 1\ncontroller = 1\npath = "/of/yesterday"\n')
    assert other.bindings == []
