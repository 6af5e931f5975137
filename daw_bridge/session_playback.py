"""The rules of playing: cues, voices, what stop forgets, what a new audio process must be told.

Pure. It does not know how takes are made (session_generation.py) or asked for (session.py).
"""

from dataclasses import replace

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.requests import (
    Request,
)
from daw_bridge.session_state import (
    Armed,
    Cue,
    FreeTake,
    SlotState,
    Voice,
)
from daw_bridge.session_turn import Turn

CROSSFADE_MS = 10.0
_NEWER_PLAY = "A newer play of this slot took its place."
_PLAY_IS_LOST = {
    audio.WarningCode.TAKE_MISSING,
    audio.WarningCode.NO_VOICE_FREE,
    audio.WarningCode.SCHEDULE_FULL,
}


class Playback(Turn):
    """A turn with the rules of playing."""

    def play(self, request: Request, number: int, velocity: float) -> None:
        """Play the take of a slot, or as soon as its first one is ready."""
        slot = self.slot(number)
        if slot.take is None and slot.job is None:
            text = f"Slot {number} has no take yet: send it /go with a prompt, or /generate first."
            self.fail(request, Fault.NOT_READY, text)
            return
        cue = Cue(self.new_id(), velocity, self.moment.due_frame, request)
        if slot.take is not None:
            self.arm(number, cue)
        elif slot.job is not None:
            if slot.job.cue is not None:
                self.fail_if_numbered(slot.job.cue.request, Fault.SUPERSEDED, _NEWER_PLAY)
            self.put(number, replace(slot, job=replace(slot.job, cue=cue)))

    def arm(self, number: int, cue: Cue) -> None:
        """Send the slot's take to be played at its frame."""
        slot = self.slot(number)
        if slot.take is None:
            return
        loop = slot.mode == "loop"
        at_frame = self.start_frame(cue)
        self.tell(audio.Play(number, slot.take.take_id, at_frame, cue.velocity, loop, CROSSFADE_MS))
        armed = (*slot.armed, Armed(cue, slot.take, loop, at_frame))
        self.put(number, replace(slot, armed=armed))

    def start_frame(self, cue: Cue) -> int:
        """Where a cue takes effect: the quantise point after its time."""
        if self.state.quantize == "none":
            return cue.due_frame if cue.due_frame > self.moment.frame else audio.NOW
        earliest = max(self.moment.frame, cue.due_frame)
        return self.state.transport.next_point(earliest, self.state.quantize)

    def stop(self, number: int, fade_ms: float) -> None:
        """Fade out what sounds; what was about to start does not."""
        self.tell(audio.StopSlot(number, self.moment.due_frame, fade_ms))
        self.state = replace(self.state, resting=self.state.resting - {number})
        self.forget_cues(number, "It was stopped before it began.")

    def forget_cues(self, number: int, text: str) -> None:
        """Drop what was about to start in a slot; what sounds is told to fade by the caller."""
        slot = self.slot(number)
        job = slot.job
        for holder in (job, *slot.armed):
            if holder is not None and holder.cue is not None:
                self.fail_if_numbered(holder.cue.request, Fault.CANCELLED, text)
        job = replace(job, cue=None) if job else None
        changed = replace(slot, job=job, armed=(), is_fading=bool(slot.voices))
        if changed != slot:
            self.put(number, changed)

    def started(self, number: int, take_id: int) -> None:
        """A voice is heard: the play that asked for it has ended well.

        So have the plays sent before it that have not started: those of one block are one play.
        """
        slot = self.slot(number)
        known = self.state.kept | self.state.released
        take = next((one for one in known if one.take_id == take_id), None)
        if take is None:
            return
        voice = Voice(self.new_id(), take, slot.mode == "loop", 1.0)
        meant = [n for n, armed in enumerate(slot.armed, 1) if armed.take == take]
        begun = slot.armed[: meant[-1]] if meant else ()
        for armed in begun:
            self.done_if_numbered(armed.cue.request)
            voice = replace(voice, loop=armed.loop, velocity=armed.cue.velocity)
        slot = replace(slot, armed=slot.armed[len(begun) :], voices=(*slot.voices, voice))
        self.put(number, replace(slot, is_fading=slot.is_fading and not begun))

    def ended(self, number: int, take_id: int, sounding: int) -> None:
        """A voice is heard no more."""
        slot = self.slot(number)
        voices = list(slot.voices)
        gone = next((voice for voice in voices if voice.take.take_id == take_id), None)
        if gone is not None:
            voices.remove(gone)
        left = tuple(voices) if sounding else ()
        self.put(number, replace(slot, voices=left, is_fading=slot.is_fading and bool(left)))

    def disposed(self, take_id: int) -> None:
        """The audio process has let go of a take."""
        for take in self.state.released:
            if take.take_id == take_id:
                self.actions.append(FreeTake(take.shm_name))
                self.state = replace(self.state, released=self.state.released - {take})

    def warned(self, code: int, take_id: int, number: int) -> None:
        """The audio process left something undone."""
        text = f"The audio process could not play it: {audio.WarningCode(code).name.lower()}."
        if code == audio.WarningCode.TAKE_UNREADABLE:
            self.drop_take(take_id, text)
        elif code in _PLAY_IS_LOST and 1 <= number <= len(self.state.slots):
            slot = self.slot(number)
            for armed in slot.armed:
                self.fail_if_numbered(armed.cue.request, Fault.INTERNAL, text)
            self.put(number, replace(slot, armed=()))

    def drop_take(self, take_id: int, text: str) -> None:
        """A take cannot be played: its slots go without."""
        for number, slot in enumerate(self.state.slots, 1):
            if slot.take is None or slot.take.take_id != take_id:
                continue
            if slot.job is not None and slot.job.take == slot.take:
                self.fail(slot.job.request, Fault.INTERNAL, text)
            self.put(number, replace(slot, take=None, job=None, armed=(), has_failed=True))

    def audio_restarted(self) -> None:
        """Bring a new audio process to where the old one was; loops go on, one-shots are over."""
        self.tell(audio.SetMasterGain(self.state.master_gain_db))
        for number, slot in enumerate(self.state.slots, 1):
            loops = [] if slot.is_fading else [voice for voice in slot.voices if voice.loop]
            resumed = slot.armed
            if not resumed and loops:
                cue = Cue(self.new_id(), loops[-1].velocity, audio.NOW)
                resumed = (Armed(cue, loops[-1].take, loop=True, at_frame=audio.NOW),)
            changed = replace(slot, voices=(), armed=resumed, is_fading=False)
            if changed != slot:
                self.put(number, changed)
            self.reload_slot(number, changed)
        needed = self.state.takes & self.state.released
        for take in self.state.released - needed:
            self.actions.append(FreeTake(take.shm_name))
        self.state = replace(self.state, kept=self.state.kept | needed, released=frozenset())

    def reload_slot(self, number: int, slot: SlotState) -> None:
        """Send a new audio process what a slot needs."""
        if slot.gain_db:
            self.tell(audio.SetSlotGain(number, slot.gain_db))
        for take in sorted(slot.takes, key=lambda take: take.take_id):
            self.tell(audio.InstallTake(take.take_id, take.shm_name, take.frames))
        for armed in slot.armed:
            take_id, velocity = armed.take.take_id, armed.cue.velocity
            at_frame = self.start_frame(armed.cue)
            self.tell(audio.Play(number, take_id, at_frame, velocity, armed.loop, CROSSFADE_MS))
