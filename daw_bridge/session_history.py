"""The rules of a slot's takes: the newest is played, older ones can be gone back to.

Pure. A slot remembers its last takes, as many as its share of memory holds; the one that is current
and those that are marked to be kept are never forgotten.
"""

from collections.abc import Sequence

from daw_bridge.errors import Fault
from daw_bridge.replacing import replace
from daw_bridge.requests import Request
from daw_bridge.session_playback import Playback
from daw_bridge.session_slot import Cue, Take
from generator.api import SAMPLE_RATE_HZ

MOST_TAKES = 16
MOST_SECONDS = 60
MOST_KEPT = 8


def remembered(
    history: Sequence[Take], *, current: int, marked: frozenset[int]
) -> tuple[Take, ...]:
    """What is left of a history when it has grown too long; the oldest goes first.

    Args:
        history: The oldest first.
        current: Number of the take that is never forgotten.
        marked: Numbers of those that are to be kept.

    Returns:
        The same in their order, without what there is no room for.
    """
    kept = list(history)
    for take in history:
        frames = sum(one.frames for one in kept)
        if len(kept) <= MOST_TAKES and frames <= MOST_SECONDS * SAMPLE_RATE_HZ:
            break
        if take.take_id != current and take.take_id not in marked:
            kept.remove(take)
    return tuple(kept)


class History(Playback):
    """A turn with the rules of a slot's takes."""

    def add_take(self, number: int, take: Take) -> None:
        """A new take is there: it is the current one."""
        slot = self.slot(number)
        history = remembered((*slot.history, take), current=take.take_id, marked=slot.marked)
        self.put(number, replace(slot, take=take, history=history, shown_seed=take.seed))

    def take_refusal(self, number: int, take_id: int) -> str:
        """Why a take cannot be chosen; empty if it can."""
        numbers = [take.take_id for take in self.slot(number).history]
        if take_id in numbers:
            return ""
        there = f"it has {', '.join(map(str, numbers))}" if numbers else "it has none yet"
        return f"Slot {number} has no take {take_id}; {there}."

    def choose(self, number: int, take_id: int) -> None:
        """Make a take of the history the current one; a loop goes over to it at its point."""
        slot = self.slot(number)
        take = next(one for one in slot.history if one.take_id == take_id)
        if take == slot.take:
            return
        self.put(number, replace(slot, take=take, shown_seed=take.seed))
        sounding = [voice for voice in slot.voices if voice.is_endless and not voice.is_fading]
        if sounding:
            velocity = sounding[-1].play.velocity
            self.arm(number, Cue(self.new_id(), velocity, self.moment.due_frame))

    def step(self, request: Request, number: int, steps: int) -> None:
        """Go back (-1) or on (1) in the history."""
        slot = self.slot(number)
        numbers = [take.take_id for take in slot.history]
        place = numbers.index(slot.take.take_id) + steps if slot.take in slot.history else -1
        if not 0 <= place < len(numbers):
            which = "older" if steps < 0 else "newer"
            self.fail(request, Fault.NOT_READY, f"Slot {number} has no {which} take.")
            return
        self.choose(number, numbers[place])
        self.done_if_numbered(request)

    def mark_refusal(self, number: int, *, is_kept: bool) -> str:
        """Why the current take cannot be marked to be kept; empty if it can."""
        slot = self.slot(number)
        if slot.take is None:
            return f"Slot {number} has no take to keep."
        if is_kept and len(slot.marked | {slot.take.take_id}) > MOST_KEPT:
            kept = ", ".join(map(str, sorted(slot.marked)))
            return (
                f"Slot {number} keeps {MOST_KEPT} takes already ({kept}): choose one of them and "
                "send 0 to let it go."
            )
        return ""

    def mark(self, number: int, *, is_kept: bool) -> None:
        """Keep the current take whatever comes, or no more."""
        slot = self.slot(number)
        if slot.take is not None:
            one = frozenset({slot.take.take_id})
            marked = slot.marked | one if is_kept else slot.marked - one
            self.put(number, replace(slot, marked=marked))

    def drop_take(self, take_id: int, text: str) -> None:
        """A take cannot be played: its slots go without."""
        for number, slot in enumerate(self.state.slots, 1):
            left = tuple(take for take in slot.history if take.take_id != take_id)
            if left != slot.history:
                self.put(number, replace(slot, history=left))
        super().drop_take(take_id, text)
