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
        if slot.armed is not None and slot.armed.at_frame == at_frame != audio.NOW:
            self.fail_if_numbered(slot.armed.cue.request, Fault.SUPERSEDED, _NEWER_PLAY)
        elif slot.armed is not None:
            self.done_if_numbered(slot.armed.cue.request)
        self.tell(audio.Play(number, slot.take.take_id, at_frame, cue.velocity, loop, CROSSFADE_MS))
        self.put(number, replace(slot, armed=Armed(cue, slot.take, loop, at_frame)))

    def start_frame(self, cue: Cue) -> int:
        """Where a cue takes effect: the quantise point after its time."""
        if self.state.quantize == "none":
            return cue.due_frame if cue.due_frame > self.moment.frame else audio.NOW
        earliest = max(self.moment.frame, cue.due_frame)
        return self.state.transport.next_point(earliest, self.state.quantize)

    def stop(self, number: int, fade_ms: float) -> None:
        """Fade out what sounds; what was about to start does not."""
        self.tell(audio.StopSlot(number, self.moment.due_frame, fade_ms))
        self.forget_cues(number, "It was stopped before it began.")

    def forget_cues(self, number: int, text: str) -> None:
        """Drop what was about to start in a slot; what sounds is told to fade by the caller."""
        slot = self.slot(number)
        job = slot.job
        for holder in (job, slot.armed):
            if holder is not None and holder.cue is not None:
                self.fail_if_numbered(holder.cue.request, Fault.CANCELLED, text)
        job = replace(job, cue=None) if job else None
        changed = replace(slot, job=job, armed=None, is_fading=bool(slot.voices))
        if changed != slot:
            self.put(number, changed)

    def started(self, number: int, take_id: int) -> None:
        """A voice is heard: the play that asked for it has ended well."""
        slot = self.slot(number)
        armed = slot.armed
        take = next((one for one in self.state.kept if one.take_id == take_id), None)
        if take is None:
            return
        loop, velocity = slot.mode == "loop", 1.0
        if armed is not None and armed.take.take_id == take_id:
            loop, velocity = armed.loop, armed.cue.velocity
            self.done_if_numbered(armed.cue.request)
            slot = replace(slot, armed=None, is_fading=False)
        voice = Voice(self.new_id(), take, loop, velocity)
        self.put(number, replace(slot, voices=(*slot.voices, voice)))

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
            if slot.armed is not None:
                self.fail_if_numbered(slot.armed.cue.request, Fault.INTERNAL, text)
                self.put(number, replace(slot, armed=None))

    def drop_take(self, take_id: int, text: str) -> None:
        """A take cannot be played: its slots go without."""
        for number, slot in enumerate(self.state.slots, 1):
            if slot.take is None or slot.take.take_id != take_id:
                continue
            if slot.job is not None and slot.job.take == slot.take:
                self.fail(slot.job.request, Fault.INTERNAL, text)
            self.put(number, replace(slot, take=None, job=None, armed=None, has_failed=True))

    def audio_restarted(self) -> None:
        """Bring a new audio process to where the old one was; loops go on, one-shots are over."""
        for take in self.state.released:
            self.actions.append(FreeTake(take.shm_name))
        self.state = replace(self.state, released=frozenset())
        self.tell(audio.SetMasterGain(self.state.master_gain_db))
        for number, slot in enumerate(self.state.slots, 1):
            loops = [] if slot.is_fading else [voice for voice in slot.voices if voice.loop]
            resumed = slot.armed
            if resumed is None and loops:
                cue = Cue(self.new_id(), loops[-1].velocity, audio.NOW)
                resumed = Armed(cue, loops[-1].take, loop=True, at_frame=audio.NOW)
            changed = replace(slot, voices=(), armed=resumed, is_fading=False)
            if changed != slot:
                self.put(number, changed)
            self.reload_slot(number, changed)

    def reload_slot(self, number: int, slot: SlotState) -> None:
        """Send a new audio process what a slot needs."""
        if slot.gain_db:
            self.tell(audio.SetSlotGain(number, slot.gain_db))
        for take in sorted(slot.takes, key=lambda take: take.take_id):
            self.tell(audio.InstallTake(take.take_id, take.shm_name, take.frames))
        if slot.armed is not None:
            cue, take = slot.armed.cue, slot.armed.take
            at_frame = self.start_frame(cue)
            play = audio.Play(number, take.take_id, at_frame, cue.velocity, slot.armed.loop)
            self.tell(play)
