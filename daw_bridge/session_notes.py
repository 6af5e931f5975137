"""The rules of notes: which slot a note plays, how high, and what its release ends.

Pure. A channel plays the slot of its number, at the pitch of the note around the slot's root; the
tenth channel is for drums: from note 36 on each plays a slot of its own as it is. A note begins at
once, save loops and streams, which begin at the quantise point; it ends all but one-shots.
"""

from daw_bridge.errors import Fault
from daw_bridge.requests import NoteOff, NoteOn, Request
from daw_bridge.session_playback import Playback

DRUM_CHANNEL = 10
FIRST_DRUM_NOTE = 36
MOST_VELOCITY = 127
_ENDLESS = ("loop", "stream")


def slot_of_note(note: int, channel: int, slots: int) -> int | None:
    """The slot that a note plays.

    Args:
        note: Its MIDI number.
        channel: Its MIDI channel, from 1.
        slots: How many slots there are.

    Returns:
        The number of the slot, or None where there is none.

    >>> slot_of_note(60, 3, 16), slot_of_note(38, 10, 16), slot_of_note(35, 10, 16)
    (3, 3, None)
    """
    slot = note - FIRST_DRUM_NOTE + 1 if channel == DRUM_CHANNEL else channel
    return slot if 1 <= slot <= slots else None


def gain_of_velocity(velocity: int) -> float:
    """The gain of a MIDI velocity: its square, as General MIDI recommends."""
    return (velocity / MOST_VELOCITY) ** 2


class Notes(Playback):
    """A turn with the rules of notes."""

    def note_changed(self, request: Request, command: NoteOn | NoteOff) -> None:
        """Obey a key that was pressed or let go; one pressed with velocity 0 was let go."""
        number = slot_of_note(command.note, command.channel, len(self.state.slots))
        if number is None:
            self.fail(request, Fault.BAD_VALUE, self._no_slot(command))
            return
        note = -1 if command.channel == DRUM_CHANNEL else command.note
        mode = self.slot(number).mode
        if isinstance(command, NoteOn) and command.velocity:
            velocity = gain_of_velocity(command.velocity)
            self.cue(request, number, velocity, note=note, at_once=mode not in _ENDLESS)
            return
        if mode != "oneshot":
            self.release(number, note)
        self.done_if_numbered(request)

    def _no_slot(self, command: NoteOn | NoteOff) -> str:
        slots = len(self.state.slots)
        last = FIRST_DRUM_NOTE + slots - 1
        return (
            f"Note {command.note} on channel {command.channel} plays no slot: channels 1 to "
            f"{min(slots, 16)} play the slot of their number, and on channel {DRUM_CHANNEL} notes "
            f"{FIRST_DRUM_NOTE} to {last} play slots 1 to {slots}."
        )
