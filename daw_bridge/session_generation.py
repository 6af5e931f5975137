"""The rules of generating: the newest request of a slot wins, and each is answered once.

Pure. It knows the generator only by its requests and events.
"""

import random
from dataclasses import replace

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeReady
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
        if job.take is None:
            self.actions.append(CancelJob(job.job_id))
            self.fail(job.request, fault, text)
            if job.cue is not None:
                self.fail_if_numbered(job.cue.request, fault, text)
        else:
            self.made(job.request, job.take)
        self.put(number, replace(self.slot(number), job=None))

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

    def take_ready(self, event: TakeReady) -> None:
        """Hand a take to the audio process; play it if that was the wish."""
        number = self.slot_of_job(event.request_id)
        slot = self.slot(number) if number else None
        if slot is None or slot.job is None:
            self.actions.append(FreeTake(event.shm_name))
            return
        take_id = self.state.takes_made + 1
        made = (event.shm_name, event.frames, event.seed, event.generate_ms)
        take = Take(take_id, *made, slot.job.recipe)
        self.state = replace(self.state, takes_made=take_id, kept=self.state.kept | {take})
        self.tell(audio.InstallTake(take_id, take.shm_name, take.frames))
        cue = slot.job.cue
        job = replace(slot.job, is_begun=True, take=take, cue=None)
        self.put(number, replace(slot, job=job, take=take, shown_seed=take.seed))
        if cue is not None:
            self.arm(number, cue)

    def installed(self, take_id: int) -> None:
        """The take can be played: the generation has ended well."""
        for number, slot in enumerate(self.state.slots, 1):
            job = slot.job
            if job is not None and job.take is not None and job.take.take_id == take_id:
                self.made(job.request, job.take)
                self.put(number, replace(slot, job=None))

    def made(self, request: Request, take: Take) -> None:
        """Answer a generation with the take."""
        numbers = (("i", take.take_id), ("i", take.seed))
        times = (("f", take.generate_ms), ("f", take.frames / SAMPLE_RATE_HZ))
        self.done(request, *numbers, *times)

    def job_failed(self, job_id: int, code: int, text: str) -> None:
        """The generator could not make it."""
        number = self.slot_of_job(job_id)
        job = self.slot(number).job if number else None
        if job is None:
            return
        self.fail(job.request, code, text)
        if job.cue is not None:
            self.fail_if_numbered(job.cue.request, code, text)
        self.put(number, replace(self.slot(number), job=None, has_failed=True))
