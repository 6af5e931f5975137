"""The rules of recalling a rig: complete, in time, and either at once or by a morph.

Pure. Whatever was stored, a recall is the same three steps: takes that are missing are made while
the old sound goes on; at the quantise point every value is set as if a hand had set it, and what
loops goes over into the new takes; numbers then glide for as long as was asked. A hand that
touches a value on its way takes it over. A recall that cannot be completed changes nothing.
"""

from collections.abc import Iterator, Mapping

from daw_bridge import audio_commands as audio
from daw_bridge.arguments import Held
from daw_bridge.errors import Fault
from daw_bridge.file_jobs import StoredTake
from daw_bridge.generator_events import TakeReady
from daw_bridge.replacing import replace
from daw_bridge.requests import SetValue
from daw_bridge.rig import (
    SESSION_ROWS,
    SLOT_DEFAULTS,
    SLOT_ROWS,
    Rig,
    SlotRig,
    glides,
    morph,
)
from daw_bridge.session_decision import CancelJob
from daw_bridge.session_generation import Generation
from daw_bridge.session_history import remembered
from daw_bridge.session_kept import EMPTY, has_changed, kept_value
from daw_bridge.session_library import Library, Morph, Move, Origin, Recall
from daw_bridge.session_recipe import recipe_of, throw
from daw_bridge.session_slot import Cue, SlotState, Take
from daw_bridge.session_time import Timing
from daw_bridge.table_rows import Row
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from generator.errors import RequestError

# A recall is carried out this long before its point, so that it reaches the very frame.
LEAD_FRAMES = SAMPLE_RATE_HZ * 60 // 1000
_NEWER = "A newer recall took its place."


class Recalling(Generation, Timing):
    """A turn with the rules of recalling."""

    is_clean = False  # whether this turn has loaded or saved a preset

    def set_value(self, command: SetValue) -> None:
        """Set a value by its own rule; session.py has them all."""
        raise AssertionError(command)  # the turn that has all rules stands before this one

    @property
    def library(self) -> Library[Take]:
        """Presets, scenes and what is on its way."""
        return self.state.library

    def keep_library(self, library: Library[Take]) -> None:
        """Change the library."""
        self.state = replace(self.state, library=library)

    # ── from the wish to the point ───────────────────────────────────────────
    def recall(self, recall: Recall[Take], recipes: Mapping[int, GenerationRequest]) -> None:
        """Begin to recall a rig.

        Args:
            recall: What.
            recipes: How to make the takes of slots that have none, by slot.
        """
        self.drop_recall(Fault.SUPERSEDED, _NEWER)
        missing: dict[int, tuple[int, GenerationRequest]] = {}
        for number, recipe in recipes.items():
            missing[self.new_id()] = (number, recipe)
            self.submit(self.state.last_id, recipe)
        self.keep_library(replace(self.library, recall=replace(recall, missing=missing)))
        self.recall_when_complete()

    def recipes(self, rig: Rig[StoredTake]) -> dict[int, GenerationRequest]:
        """How to make the takes that a rig was stored without.

        Args:
            rig: What is to be recalled; its tempo and signature hold for its bars.

        Returns:
            A request for each slot that has words and no sound.

        Raises:
            RequestError: The values of a slot do not go together.
        """
        before, actions = self.state, list(self.actions)
        for field in ("tempo_bpm", "signature"):
            if field in rig.values and not self.refusal(SetValue(0, field, rig.values[field])):
                self.set_value(SetValue(0, field, rig.values[field]))
        try:
            found = ((number, self._recipe(number, one)) for number, one in rig.slots.items())
            return {number: recipe for number, recipe in found if recipe is not None}
        finally:
            self.state, self.actions = before, actions

    def _recipe(self, number: int, wanted: SlotRig[StoredTake]) -> GenerationRequest | None:
        if wanted.take is not None:
            return None if wanted.take.shm_name else wanted.take.recipe
        slot = replace(SlotState(), **{**SLOT_DEFAULTS, **wanted.values})  # type: ignore[arg-type]
        if not slot.prompt.strip():
            return None
        dice = throw(slot, self.state.last_id + number, self.state.entropy)
        try:
            return recipe_of(slot, self.state.transport, dice)
        except RequestError as error:
            raise RequestError(f"Slot {number}: {error}") from error

    def drop_recall(self, fault: Fault, text: str) -> None:
        """Give up a recall that is waiting, and answer for it; the old sound stays."""
        recall = self.library.recall
        if recall is not None:
            for job_id in recall.missing:
                self.actions.append(CancelJob(job_id))
            if recall.request is not None:
                self.fail(recall.request, fault, text)
            self.keep_library(replace(self.library, recall=None, wanted=""))

    def take_ready(self, event: TakeReady) -> None:
        """Note that a take is there: for a recall, or for the slot that asked for it."""
        recall = self.library.recall
        if recall is None or event.request_id not in recall.missing:
            super().take_ready(event)
            return
        number, recipe = recall.missing[event.request_id]
        made = (event.shm_name, event.frames, event.seed)
        take = self.adopt(Take(self.state.takes_made + 1, *made, recipe))
        slots = {**recall.rig.slots, number: replace(recall.rig.slots[number], take=take)}
        missing = {job: one for job, one in recall.missing.items() if job != event.request_id}
        recall = replace(recall, rig=replace(recall.rig, slots=slots), missing=missing)
        self.keep_library(replace(self.library, recall=recall))
        self.recall_when_complete()

    def adopt(self, take: Take) -> Take:
        """Take a take in shared memory into keeping, and hand it to the audio process."""
        self.state = replace(self.state, takes_made=take.take_id, kept=self.state.kept | {take})
        self.tell(audio.InstallTake(take.take_id, take.shm_name, take.frames))
        return take

    def job_failed(self, job_id: int, code: int, text: str) -> None:
        """A take will not come: for a recall, or for the slot that asked for it."""
        recall = self.library.recall
        if recall is None or job_id not in recall.missing:
            super().job_failed(job_id, code, text)
            return
        missing = {job: one for job, one in recall.missing.items() if job != job_id}
        self.keep_library(replace(self.library, recall=replace(recall, missing=missing)))
        text = f"Nothing was changed: the take of slot {recall.missing[job_id][0]} failed. {text}"
        self.drop_recall(Fault(code), text)

    def recall_when_complete(self) -> None:
        """Once all takes are there, wait for the quantise point."""
        recall = self.library.recall
        if recall is None or recall.missing:
            return
        quantize = "bar" if self.state.quantize == "loop" else self.state.quantize
        earliest = max(self.moment.frame, self.moment.due_frame)
        point = self.state.transport.next_point(earliest, quantize)
        self.keep_library(replace(self.library, recall=replace(recall, due_frame=point)))
        self.recall_when_due()

    # ── at the point ─────────────────────────────────────────────────────────
    def time_goes_on(self) -> None:
        """Carry out what is due, and lead values on their way a step further."""
        self.recall_when_due()
        self.morph_on()

    def recall_when_due(self) -> None:
        """Carry the recall out if its point is near."""
        recall = self.library.recall
        if recall is None or recall.due_frame is None:
            return
        if self.moment.frame + LEAD_FRAMES < recall.due_frame:
            return
        self.keep_library(replace(self.library, recall=None, wanted=""))
        self.carry_out(recall, recall.due_frame)

    def carry_out(self, recall: Recall[Take], at_frame: int) -> None:
        """Have a rig be what is heard, from a frame on."""
        moment = self.moment
        due_frame = at_frame if at_frame > moment.frame else audio.NOW
        self.moment = replace(moment, due_frame=due_frame)
        moves = tuple(self._set_values(recall))
        for number in range(1, len(self.state.slots) + 1):
            self._set_take(number, recall)
        self.tell_gains()
        self._note_origin(recall)
        self._begin_morph(recall, moves)
        self.moment = moment

    def _set_values(self, recall: Recall[Take]) -> Iterator[Move]:
        """Set what is to be there at once; hand out what is to glide."""
        for slot, row, wanted in self._wanted(recall.rig):
            now = kept_value(self.state, slot, row.field)
            command = SetValue(slot, row.field, wanted)
            if now == wanted or self.refusal(command):
                continue
            if recall.morph_s and glides(row):
                yield Move(slot, row, now, wanted)
            else:
                self.set_value(command)

    def _wanted(self, rig: Rig[Take]) -> Iterator[tuple[int, Row, Held]]:
        for row in SESSION_ROWS.values():
            if row.field in rig.values:
                yield 0, row, rig.values[row.field]
        for number in range(1, len(self.state.slots) + 1):
            values = {**SLOT_DEFAULTS} | dict(rig.slots.get(number, EMPTY).values)
            for row in SLOT_ROWS.values():
                yield number, row, values[row.field]

    def _set_take(self, number: int, recall: Recall[Take]) -> None:
        """Give a slot its take; what loops goes over into it, and what is to loop begins."""
        self.cancel(number, Fault.SUPERSEDED, "A recall took its place.")
        wanted, slot = recall.rig.slots.get(number, EMPTY), self.slot(number)
        was_looping, had = slot.is_looping, slot.take
        plays = wanted.plays
        if recall.origin is Origin.PRESET:  # it does not say; what loops goes on
            plays = was_looping and slot.mode in ("loop", "stream")
        self.put(number, self._with_take(slot, wanted.take))
        if plays and wanted.take is not None:
            if not was_looping or had != wanted.take:
                self.arm(number, Cue(self.new_id(), 1.0, self.moment.due_frame))
        elif was_looping:
            self.stop(number, slot.crossfade_ms)

    def _with_take(self, slot: SlotState, take: Take | None) -> SlotState:
        seed = slot.seed if take is None else take.seed
        history = slot.history
        if take is not None and take not in history:
            history = remembered((*history, take), current=take.take_id, marked=slot.marked)
        return replace(slot, take=take, history=history, shown_seed=seed, has_failed=False)

    def _note_origin(self, recall: Recall[Take]) -> None:
        if recall.origin is Origin.PRESET:
            self.keep_library(replace(self.library, preset=recall.name))
            self.is_clean = True
        elif recall.origin is Origin.SCENE:
            self.keep_library(replace(self.library, scene=int(recall.name)))

    # ── gliding ──────────────────────────────────────────────────────────────
    def _begin_morph(self, recall: Recall[Take], moves: tuple[Move, ...]) -> None:
        self.end_morph()
        begun_frame = max(self.moment.frame, self.moment.due_frame)
        frames = round(recall.morph_s * SAMPLE_RATE_HZ)
        started = Morph(recall.operation_id, recall.request, begun_frame, frames, moves)
        self.keep_library(replace(self.library, morph=started))
        if not moves:
            self.end_morph()

    def morph_on(self) -> None:
        """Lead the values that are on their way to where they should be now."""
        going = self.library.morph
        if going is None or self.moment.frame < going.begun_frame:
            return
        share = min(1.0, (self.moment.frame - going.begun_frame) / max(1, going.frames))
        for move in going.moves:
            held = morph(move.row, move.start, move.end, share)
            self.set_value(SetValue(move.slot, move.row.field, held))
        if share >= 1.0:
            self.end_morph()

    def end_morph(self) -> None:
        """Leave values where they are, and answer: the recall is complete."""
        going = self.library.morph
        if going is not None:
            self.keep_library(replace(self.library, morph=None))
            if going.request is not None:
                self.done(going.request)

    def take_over(self, slot: int, field: str) -> None:
        """A hand is on a value: a morph lets go of it."""
        going = self.library.morph
        if going is not None:
            left = tuple(
                move for move in going.moves if (move.slot, move.row.field) != (slot, field)
            )
            self.keep_library(replace(self.library, morph=replace(going, moves=left)))

    # ── what has changed ─────────────────────────────────────────────────────
    def count_changes(self) -> None:
        """Note that what is kept has changed, so that it is saved and the preset is dirty."""
        library = self.library
        if has_changed(self.before, self.state) or (self.is_clean and library.is_dirty):
            library = replace(library, revision=library.revision + 1)
        if self.is_clean:
            library = replace(library, clean_revision=library.revision)
        if library is not self.library:
            self.keep_library(library)
