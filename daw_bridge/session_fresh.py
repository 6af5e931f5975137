"""The rules of fresh slots: every trigger plays a take that nobody has heard, made ahead of time.

Pure. While nothing else is being made, a fresh slot lays in a few takes of what it asks for now; a
trigger takes the oldest of them. What was made for other words or another length is forgotten, and
so is what was made from another sound than takes would begin from now: an older moment of the
input, or the take that a slot had before.
"""

from daw_bridge.errors import Fault
from daw_bridge.replacing import replace
from daw_bridge.requests import Request
from daw_bridge.session_decision import CancelJob
from daw_bridge.session_generation import Generation
from daw_bridge.session_playback import NEWER_PLAY
from daw_bridge.session_recipe import kind
from daw_bridge.session_slot import Cue, Job, Purpose, Take
from generator.api import GenerationRequest
from generator.errors import RequestError

SPARES = 3


class Fresh(Generation):
    """A turn with the rules of fresh slots."""

    def cue(
        self,
        request: Request,
        number: int,
        velocity: float,
        *,
        note: int = -1,
        at_once: bool = False,
    ) -> None:
        """Have a take begin: in a fresh slot one that was not heard, when it is there."""
        slot = self.slot(number)
        is_unheard = slot.take is not None and slot.take.take_id != slot.heard
        wanted = self.wanted_ahead(number) if slot.fresh and not is_unheard else None
        if wanted is None:
            super().cue(request, number, velocity, note=note, at_once=at_once)
            return
        cue = Cue(self.new_id(), velocity, self.moment.due_frame, request, note, at_once)
        if slot.job is not None and slot.job.take is None and not slot.spares:
            self.put(number, replace(slot, job=self.with_cue(slot.job, cue)))
            return
        if slot.hungry is not None:
            self.fail_if_numbered(slot.hungry.request, Fault.SUPERSEDED, NEWER_PLAY)
        self.put(number, replace(slot, hungry=cue))
        self._feed(number, wanted)

    def _feed(self, number: int, wanted: GenerationRequest) -> None:
        """Play what a trigger waits for, or have it made, unless the slot's model is at work."""
        slot = self.slot(number)
        if slot.hungry is None:
            return
        if slot.spares:
            self.put(number, replace(slot, spares=slot.spares[1:], hungry=None))
            self.add_take(number, slot.spares[0])
            self.arm(number, slot.hungry)
        elif slot.job is None:
            self.put(number, replace(slot, hungry=None))
            self.order_ahead(number, wanted, Purpose.SPARE, slot.hungry)

    def receive(self, number: int, job: Job, take: Take) -> None:
        """Lay in a take that was made ahead, unless a trigger waits for it."""
        if job.purpose is not Purpose.SPARE or job.cue is not None:
            super().receive(number, job, take)
            return
        slot = self.slot(number)
        self.put(number, replace(slot, spares=(*slot.spares, take)))

    def stock_up(self) -> None:
        """Forget spare takes of what is no more asked for, and have one made if nobody works."""
        is_idle = self._is_idle
        time_has_changed = self.state.transport is not self.before.transport
        sources_have_changed = (
            self.state.slots is not self.before.slots or self.state.sounds is not self.before.sounds
        )
        for number, slot in enumerate(self.state.slots, 1):
            has_changed = (
                time_has_changed
                or slot is not self.before.slots[number - 1]
                or (slot.init and sources_have_changed)
            )
            has_room = is_idle and slot.fresh and len(slot.spares) < SPARES
            if not (has_room or slot.hungry or (has_changed and (slot.fresh or slot.spares))):
                continue
            wanted = self.wanted_ahead(number) if slot.fresh else None
            good = tuple(one for one in slot.spares if wanted and _is_of(one.recipe, wanted))
            if good != slot.spares:
                self.put(number, replace(slot, spares=good))
            self._forget_making(number, wanted)
            is_idle = self._is_idle
            if wanted is not None:
                self._feed(number, wanted)
            slot = self.slot(number)
            if (
                wanted
                and is_idle
                and slot.job is None
                and len(good) < SPARES
                and not slot.has_failed
            ):
                self.order_ahead(number, wanted, Purpose.SPARE)
                is_idle = False

    @property
    def _is_idle(self) -> bool:
        return all(slot.job is None for slot in self.state.slots)

    def _forget_making(self, number: int, wanted: GenerationRequest | None) -> None:
        """Have a take ahead that nobody would want any more not be made."""
        job = self.slot(number).job
        if job is None or job.purpose is not Purpose.SPARE or job.cue or job.take:
            return
        if wanted is None or not _is_of(job.recipe, wanted):
            self.actions.append(CancelJob(job.job_id))
            self.put(number, replace(self.slot(number), job=None))

    def wanted_ahead(self, number: int) -> GenerationRequest | None:
        """What a fresh slot would ask for now; None where that makes no sense.

        A seed of its own would give one take for ever: unless it is varied, it is drawn anew.
        """
        try:
            return self.recipe(number, seed=None if self.slot(number).variation else -1)
        except RequestError:
            return None


def _is_of(made: GenerationRequest, wanted: GenerationRequest) -> bool:
    """Whether a take is one that is wanted: of its kind, and begun from the same sound."""
    return kind(made) == kind(wanted) and made.base == wanted.base
