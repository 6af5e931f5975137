"""The rules of generating: the newest request of a slot wins, and each is answered once.

Pure. It knows the generator only by its requests and events.
"""

import random
from dataclasses import replace

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeBegun, TakeReady
from daw_bridge.requests import (
    Generate,
    Go,
    Request,
)
from daw_bridge.session_playback import Playback
from daw_bridge.session_state import (
    CancelJob,
    Cue,
    FreeTake,
    Job,
    Reply,
    SlotState,
    Submit,
    Take,
)
from generator.api import MAX_SEED, SAMPLE_RATE_HZ, GenerationRequest, RequestError


class Generation(Playback):
    """A turn with the rules of generating; what is made may be played at once."""

    def generate(self, request: Request, command: Generate | Go) -> None:
        """Ask for a take, in place of one that is on its way."""
        slot = self.slot(command.slot)
        prompt = slot.prompt if command.prompt is None else command.prompt
        seed = slot.seed if command.seed is None else command.seed
        job_id = self.state.last_id + 1
        try:
            wanted = self.generation_request(slot, prompt, self.drawn_seed(seed, job_id))
        except RequestError as error:
            self.fail(request, Fault.BAD_VALUE, str(error))
            return
        self.cancel(command.slot, Fault.SUPERSEDED, "A newer request of this slot took its place.")
        job = Job(self.new_id(), request, wanted)
        if isinstance(command, Go):
            job = replace(job, cue=Cue(self.new_id(), 1.0, self.moment.due_frame))
        slot = replace(self.slot(command.slot), prompt=prompt, job=job, has_failed=False)
        self.put(command.slot, slot)
        self.actions.append(Submit(job.job_id, wanted))

    def drawn_seed(self, seed: int, job_id: int) -> int:
        """The seed itself, or one drawn for this job where it is -1."""
        if seed >= 0:
            return seed
        return random.Random(f"{self.state.entropy}:{job_id}").randint(0, MAX_SEED)  # noqa: S311

    def generation_request(self, slot: SlotState, prompt: str, seed: int) -> GenerationRequest:
        """What the slot's values ask of a generator.

        Args:
            slot: The slot.
            prompt: The words, if need be other than the slot's own.
            seed: The seed, drawn already.

        Returns:
            A request that a generator can fulfil.

        Raises:
            RequestError: The values do not go together, or the prompt is empty.
        """
        if not prompt.strip():
            raise RequestError('The prompt is empty: name the sound, such as "deep 808 kick".')
        tempo_bpm, beats_per_bar = self.state.transport.beats_of_a_bar
        return GenerationRequest(
            prompt=prompt,
            seed=seed,
            seconds=slot.duration_s,
            steps=slot.steps,
            tempo_bpm=tempo_bpm if slot.bars else None,
            bars=slot.bars or None,
            beats_per_bar=beats_per_bar,
            key=slot.key or None,
            loop=slot.mode == "loop",
        )

    def cancel(self, number: int, fault: Fault, text: str) -> None:
        """Drop what is on its way in a slot and answer for it."""
        job = self.slot(number).job
        if job is None:
            return
        if job.take is not None and job.generate_ms is not None:
            self.made(job.request, job.take, job.generate_ms)
            self.put(number, replace(self.slot(number), job=None))
        else:
            self.actions.append(CancelJob(job.job_id))
            self.give_up(number, job, fault, text)

    def give_up(self, number: int, job: Job, fault: int, text: str) -> None:
        """Answer for a generation that does not come to its end.

        A part of it that sounds goes on as far as it was made; what was to begin later does not.
        """
        slot = self.slot(number)
        self.fail(job.request, fault, text)
        lost = [armed for armed in slot.armed if armed.take == job.take]
        for cue in (job.cue, *(armed.cue for armed in lost)):
            if cue is not None:
                self.fail_if_numbered(cue.request, fault, text)
        armed = tuple(one for one in slot.armed if one not in lost)
        take = None if slot.take == job.take else slot.take
        self.put(number, replace(slot, job=None, take=take, armed=armed))

    def progress(self, job_id: int, fraction: float) -> None:
        """Pass on how far a generation has come."""
        number = self.slot_of_job(job_id)
        job = self.slot(number).job if number else None
        if job is None:
            return
        self.put(number, replace(self.slot(number), job=replace(job, is_begun=True)))
        head = (("s", job.request.address), ("i", job.request.request_id))
        answer = (*head, ("f", min(1.0, max(0.0, fraction))))
        self.actions.append(Reply(job.request.client, "/progress", answer))

    def take_begun(self, event: TakeBegun | TakeReady) -> None:
        """Hand a take to the audio process; play it if that was the wish."""
        number = self.slot_of_job(event.request_id)
        slot = self.slot(number) if number else None
        if slot is None or slot.job is None:
            return
        take_id = self.state.takes_made + 1
        take = Take(take_id, event.shm_name, event.frames, event.seed, slot.job.recipe)
        self.state = replace(self.state, takes_made=take_id, kept=self.state.kept | {take})
        self.tell(audio.InstallTake(take_id, take.shm_name, take.frames))
        cue = slot.job.cue
        job = replace(slot.job, is_begun=True, take=take, cue=None)
        self.put(number, replace(slot, job=job, take=take, shown_seed=take.seed))
        if cue is not None:
            self.arm(number, cue)

    def take_ready(self, event: TakeReady) -> None:
        """Take note that a take is made to its end."""
        number = self.slot_of_job(event.request_id)
        job = self.slot(number).job if number else None
        known = {take.shm_name for take in self.state.kept | self.state.released}
        if job is None and event.shm_name not in known:
            self.actions.append(FreeTake(event.shm_name))
        elif event.shm_name not in known:
            self.take_begun(event)
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
        if whole_ms is not None and has_ended and job.take is not None:
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
        self.put(number, replace(self.slot(number), has_failed=True))
