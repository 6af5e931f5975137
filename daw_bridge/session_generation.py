"""The rules of generating: the newest request of a slot wins, and each is answered once.

Pure. It knows the generator only by its requests and events. What is made because it was asked for
is told to whoever asked; what is made ahead (session_fresh.py, session_stream.py) to nobody.
"""

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeBegun, TakeReady
from daw_bridge.replacing import replace
from daw_bridge.requests import Generate, Go, Inpaint, Request
from daw_bridge.session_decision import CancelJob, FreeTake, Reply, Submit
from daw_bridge.session_history import History
from daw_bridge.session_recipe import (
    Dice,
    from_source,
    recipe_of,
    source_slot,
    throw,
    with_hole,
)
from daw_bridge.session_slot import Cue, Job, Purpose, Take
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from generator.errors import RequestError


class Generation(History):
    """A turn with the rules of generating; what is made may be played at once."""

    def generate(self, request: Request, command: Generate | Go) -> None:
        """Ask for a take, in place of one that is on its way."""
        try:
            recipe = self.recipe(command.slot, command.prompt, command.seed)
        except RequestError as error:
            self.fail(request, Fault.BAD_VALUE, str(error))
            return
        if command.prompt is not None:
            self.put(command.slot, replace(self.slot(command.slot), prompt=command.prompt))
        self.order(request, command.slot, recipe, plays=isinstance(command, Go))

    def inpaint(self, request: Request, command: Inpaint) -> None:
        """Ask for the current take with a stretch of it made anew."""
        slot = self.slot(command.slot)
        if slot.take is None:
            text = f"Slot {command.slot} has no take to paint in; send it /generate first."
            self.fail(request, Fault.NOT_READY, text)
            return
        dice = Dice(throw(slot, self.state.last_id + 1, self.state.entropy, seed=-1).seed)
        span_s = (command.start_s, command.end_s)
        try:
            recipe = with_hole(slot.take.recipe, *span_s, dice, command.prompt)
        except RequestError as error:
            self.fail(request, Fault.BAD_VALUE, str(error))
            return
        self.order(request, command.slot, recipe)

    def order(
        self, request: Request, number: int, recipe: GenerationRequest, *, plays: bool = False
    ) -> None:
        """Have a take made for whoever asked, in place of one that is on its way."""
        self.cancel(number, Fault.SUPERSEDED, "A newer request of this slot took its place.")
        job = Job(self.new_id(), request, recipe)
        if plays:
            job = replace(job, cue=Cue(self.new_id(), 1.0, self.moment.due_frame))
        self.put(number, replace(self.slot(number), job=job, has_failed=False))
        self.submit(job.job_id, recipe)

    def submit(self, job_id: int, recipe: GenerationRequest) -> None:
        """Ask the generator for a take, and give it the sound that it begins from."""
        self.actions.append(Submit(job_id, recipe, self.state.sounds.of(recipe)))

    def order_ahead(
        self, number: int, recipe: GenerationRequest, purpose: Purpose, cue: Cue | None = None
    ) -> None:
        """Have a take made that nobody asked for yet; the slot must have no other on its way."""
        job = Job(self.new_id(), None, recipe, purpose, cue=cue)
        has_failed = self.slot(number).has_failed and cue is None
        self.put(number, replace(self.slot(number), job=job, has_failed=has_failed))
        self.submit(job.job_id, recipe)

    def recipe(
        self, number: int, prompt: str | None = None, seed: int | None = None
    ) -> GenerationRequest:
        """What a slot asks for, dice thrown.

        Args:
            number: The slot.
            prompt: Words instead of its own.
            seed: A seed instead of its own.

        Returns:
            A request that a generator can fulfil.

        Raises:
            RequestError: The values do not go together.
        """
        slot = self.slot(number)
        dice = throw(slot, self.state.last_id + 1, self.state.entropy, seed=seed)
        recipe = recipe_of(slot, self.state.transport, dice, prompt=prompt)
        if not slot.init:
            return recipe
        return from_source(recipe, self._source(number, slot.init), slot.init_strength)

    def _source(self, number: int, init: str) -> str:
        """Return the identity of the take or sound that a slot's takes begin from."""
        source = source_slot(init, len(self.state.slots))
        if not source:
            return self.state.sounds.source(number, init)
        take = self.slot(source).take
        if take is None:
            raise RequestError(f"Slot {source} has no take to begin from; send it /generate first.")
        return take.recipe.identity

    def cancel(self, number: int, fault: Fault, text: str) -> None:
        """Drop what is on its way in a slot and answer for it."""
        job = self.slot(number).job
        if job is None:
            return
        if job.take is not None and job.generate_ms is not None:
            self.answer_made(number)
        else:
            self.actions.append(CancelJob(job.job_id))
            self.give_up(number, job, fault, text)

    def answer_made(self, number: int) -> None:
        """Answer for a take that is whole, without waiting until it is installed."""
        job = self.slot(number).job
        if job is not None and job.take is not None and job.generate_ms is not None:
            if job.request is not None:
                self.made(job.request, job.take, job.generate_ms)
            self.put(number, replace(self.slot(number), job=None))

    def give_up(self, number: int, job: Job, fault: int, text: str) -> None:
        """Answer for a generation that does not come to its end.

        A part of it that sounds goes on as far as it was made; what was to begin later does not.
        """
        slot = self.slot(number)
        if job.request is not None:
            self.fail(job.request, fault, text)
        lost = [armed for armed in slot.armed if armed.take == job.take]
        for cue in (job.cue, *(armed.cue for armed in lost)):
            if cue is not None:
                self.fail_if_numbered(cue.request, fault, text)
        armed = tuple(one for one in slot.armed if one not in lost)
        history = tuple(take for take in slot.history if take != job.take)
        take = (history[-1] if history else None) if slot.take == job.take else slot.take
        self.put(number, replace(slot, job=None, take=take, history=history, armed=armed))

    def progress(self, job_id: int, fraction: float) -> None:
        """Pass on how far a generation has come."""
        number = self.slot_of_job(job_id)
        job = self.slot(number).job if number else None
        if job is None:
            return
        self.put(number, replace(self.slot(number), job=replace(job, is_begun=True)))
        if job.request is not None:
            head = (("s", job.request.address), ("i", job.request.request_id))
            answer = (*head, ("f", min(1.0, max(0.0, fraction))))
            self.actions.append(Reply(job.request.client, "/progress", answer))

    def take_begun(self, event: TakeBegun | TakeReady) -> None:
        """Hand a take to the audio process; play it if that was the wish."""
        number = self.slot_of_job(event.request_id)
        job = self.slot(number).job if number else None
        if job is None or (isinstance(event, TakeBegun) and job.is_ahead):
            return
        take_id = self.state.takes_made + 1
        take = Take(take_id, event.shm_name, event.frames, event.seed, job.recipe)
        self.state = replace(self.state, takes_made=take_id, kept=self.state.kept | {take})
        self.tell(audio.InstallTake(take_id, take.shm_name, take.frames))
        self.note_level(event, take)
        handed = replace(job, is_begun=True, take=take, cue=None)
        self.put(number, replace(self.slot(number), job=handed))
        self.receive(number, job, take)

    def receive(self, number: int, job: Job, take: Take) -> None:
        """Put a take that was asked for into its slot."""
        self.add_take(number, take)
        if job.cue is not None:
            self.arm(number, job.cue)

    def note_level(self, event: TakeBegun | TakeReady, take: Take) -> None:
        """Remember how loud a take is, for as long as it is kept."""
        if isinstance(event, TakeReady) and event.level_db is not None:
            numbers = {one.take_id for one in self.state.kept}
            levels = {n: level for n, level in self.state.levels_db.items() if n in numbers}
            levels[take.take_id] = event.level_db
            self.state = replace(self.state, levels_db=levels)

    def take_ready(self, event: TakeReady) -> None:
        """Take note that a take is made to its end."""
        number = self.slot_of_job(event.request_id)
        job = self.slot(number).job if number else None
        known = {take.shm_name for take in self.state.kept | self.state.released}
        if job is None and event.shm_name not in known:
            self.actions.append(FreeTake(event.shm_name))
        elif event.shm_name not in known:
            self.take_begun(event)
        elif job is not None and job.take is not None:
            self.note_level(event, job.take)
        self.end_well(number, generate_ms=event.generate_ms)

    def installed(self, take_id: int) -> None:
        """Take note that a take can be played."""
        for number, slot in enumerate(self.state.slots, 1):
            job = slot.job
            if job is not None and job.take is not None and job.take.take_id == take_id:
                self.end_well(number, is_installed=True)

    def end_well(
        self, number: int, *, generate_ms: float | None = None, is_installed: bool = False
    ) -> None:
        """Answer a generation once its take is whole and can be played."""
        job = self.slot(number).job if number else None
        if job is None or job.take is None:
            return
        whole_ms = job.generate_ms if generate_ms is None else generate_ms
        job = replace(job, generate_ms=whole_ms, is_installed=job.is_installed or is_installed)
        has_ended = whole_ms is not None and job.is_installed
        if whole_ms is not None and has_ended and job.take is not None and job.request:
            self.made(job.request, job.take, whole_ms)
        self.put(number, replace(self.slot(number), job=None if has_ended else job))

    def made(self, request: Request, take: Take, generate_ms: float) -> None:
        """Answer a generation with the take."""
        numbers = (("i", take.take_id), ("i", take.seed))
        times = (("f", generate_ms), ("f", take.frames / SAMPLE_RATE_HZ))
        self.done(request, *numbers, *times)

    def job_failed(self, job_id: int, code: int, text: str) -> None:
        """The generator could not make it."""
        number = self.slot_of_job(job_id)
        job = self.slot(number).job if number else None
        if job is None:
            return
        self.give_up(number, job, code, text)
        has_failed = job.purpose is not Purpose.NEXT
        self.put(number, replace(self.slot(number), has_failed=has_failed))
