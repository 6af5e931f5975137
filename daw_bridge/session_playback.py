"""The rules of playing: cues, voices, what stop forgets, what a new audio process must be told.

Pure. It does not know how takes are made (session_generation.py) or asked for (session.py).
"""

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.replacing import replace
from daw_bridge.requests import (
    Request,
)
from daw_bridge.session_decision import FreeTake
from daw_bridge.session_slot import Armed, Cue, Job, SlotState, Take, Voice
from daw_bridge.session_strip import all_gains
from daw_bridge.session_turn import Turn
from generator.api import SAMPLE_RATE_HZ

# By then a new audio process has all takes.
_INSTALL_FRAMES = SAMPLE_RATE_HZ // 4
NEWER_PLAY = "A newer play of this slot took its place."
_PLAY_IS_LOST = {
    audio.WarningCode.TAKE_MISSING,
    audio.WarningCode.NO_VOICE_FREE,
    audio.WarningCode.SCHEDULE_FULL,
}


class Playback(Turn):
    """A turn with the rules of playing."""

    def play(self, request: Request, number: int, velocity: float) -> None:
        """Play the take of a slot, or as soon as its first one is ready.

        A pad that is let go sends 0: it ends what is held, and nothing else.
        """
        if velocity > 0.0:
            self.cue(request, number, velocity)
            return
        if self.slot(number).mode == "gate":
            self.release(number)
        self.done_if_numbered(request)

    def cue(
        self,
        request: Request,
        number: int,
        velocity: float,
        *,
        note: int = -1,
        at_once: bool = False,
    ) -> None:
        """Have a take begin, or say that there is none."""
        slot = self.slot(number)
        if slot.take is None and slot.job is None:
            text = f"Slot {number} has no take yet: send it /go with a prompt, or /generate first."
            self.fail(request, Fault.NOT_READY, text)
            return
        cue = Cue(self.new_id(), velocity, self.moment.due_frame, request, note, at_once)
        if slot.take is not None:
            self.arm(number, cue)
        elif slot.job is not None:
            self.put(number, replace(slot, job=self.with_cue(slot.job, cue)))

    def with_cue(self, job: Job, cue: Cue) -> Job:
        """Have a take begin when it is ready, in place of an older wish for it."""
        if job.cue is not None:
            self.fail_if_numbered(job.cue.request, Fault.SUPERSEDED, NEWER_PLAY)
        return replace(job, cue=cue)

    def arm(self, number: int, cue: Cue) -> None:
        """Send the slot's take to be played at its frame."""
        slot = self.slot(number)
        if slot.take is None:
            return
        play = self.planned(number, slot.take, cue)
        self.tell(play)
        armed = (*slot.armed, Armed(cue, slot.take, play))
        self.put(number, replace(slot, armed=armed, heard=slot.take.take_id))

    def planned(self, number: int, take: Take, cue: Cue) -> audio.Play:
        """How a take of a slot is to be played.

        A loop that takes over from another enters a crossfade before its point, with its own end,
        so that its first beat falls on the point and keeps its attack.
        """
        slot = self.slot(number)
        streams = slot.mode == "stream"
        loop = slot.mode == "loop" or (streams and take.recipe.loop)
        at_frame, offset_frames = self.start_frame(number, cue), 0
        lead_frames = round(slot.crossfade_ms * SAMPLE_RATE_HZ / 1000.0)
        takes_over = any(voice.loop and not voice.is_fading for voice in slot.voices)
        may_lead = loop and takes_over and lead_frames < take.frames and cue.note < 0
        if may_lead and at_frame != audio.NOW and at_frame - self.moment.frame >= lead_frames:
            at_frame, offset_frames = at_frame - lead_frames, take.frames - lead_frames
        return audio.Play(
            number,
            take.take_id,
            at_frame,
            cue.velocity,
            loop,
            slot.crossfade_ms,
            play_id=cue.operation_id,
            note=cue.note,
            speed=2.0 ** ((cue.note - slot.root) / 12.0) if cue.note >= 0 else 1.0,
            choke=slot.choke,
            offset_frames=offset_frames,
            repeats=streams and not loop,
        )

    def start_frame(self, number: int, cue: Cue) -> int:
        """Where a cue takes effect: the quantise point after its time."""
        quantize = self.state.quantize
        if quantize == "none" or cue.is_at_once:
            if cue.due_frame == audio.NOW:
                return audio.NOW
            return cue.due_frame if cue.due_frame > self.moment.frame else audio.NOW
        earliest = max(self.moment.frame, cue.due_frame)
        if quantize != "loop":
            return self.state.transport.next_point(earliest, quantize)
        loops = [one for one in self.slot(number).voices if one.is_endless and not one.is_fading]
        if not loops:
            return self.state.transport.next_point(earliest, "bar")
        return loops[-1].next_end(earliest)

    def stop(self, number: int, fade_ms: float) -> None:
        """Fade out what sounds, at the quantise point; what was about to start does not."""
        at_frame = self.start_frame(number, Cue(0, 0.0, self.moment.due_frame))
        self.tell(audio.StopSlot(number, at_frame, fade_ms))
        self.state = replace(self.state, resting=self.state.resting - {number})
        self.forget_cues(number, "It was stopped before it began.")

    def release(self, number: int, note: int = -1) -> None:
        """End what a pad or a key has held in a slot."""
        fade_ms = self.slot(number).crossfade_ms
        self.tell(audio.StopSlot(number, self.moment.due_frame, fade_ms, note))
        self.forget_cues(number, "It was let go before it began.", note)

    def forget_cues(self, number: int, text: str, note: int = -1) -> None:
        """Drop what was about to start in a slot; what sounds is told to fade by the caller.

        Args:
            number: The slot.
            text: Why.
            note: Only what is played by this note; -1 is everything.
        """
        slot = self.slot(number)
        job = slot.job

        def is_meant(one: int) -> bool:
            return note in (-1, one)

        if job is not None and job.cue is not None and is_meant(job.cue.note):
            self.fail_if_numbered(job.cue.request, Fault.CANCELLED, text)
            job = replace(job, cue=None)
        hungry = slot.hungry
        if hungry is not None and is_meant(hungry.note):
            self.fail_if_numbered(hungry.request, Fault.CANCELLED, text)
            hungry = None
        for armed in slot.armed:
            if is_meant(armed.cue.note):
                self.fail_if_numbered(armed.cue.request, Fault.CANCELLED, text)
        left = tuple(armed for armed in slot.armed if not is_meant(armed.cue.note))
        voices = tuple(
            replace(voice, is_fading=True) if is_meant(voice.play.note) else voice
            for voice in slot.voices
        )
        changed = replace(slot, job=job, armed=left, voices=voices, hungry=hungry)
        if changed != slot:
            self.put(number, changed)

    def started(self, event: audio.Started) -> None:
        """A voice is heard: the play that asked for it has ended well.

        So have the plays of its note that were sent before it for no later frame: those of one
        block are one play. One that was forgotten in the meantime was told to fade, and one that
        may not stop begins anew by itself.
        """
        slot = self.slot(event.slot)
        known = self.state.kept | self.state.released
        take = next((one for one in known if one.take_id == event.take_id), None)
        if take is None:
            return
        armed = next((one for one in slot.armed if one.play.play_id == event.play_id), None)
        again = next((one for one in slot.voices if one.play.play_id == event.play_id), None)
        play, velocity = audio.Play(event.slot, take.take_id, play_id=event.play_id), 1.0
        if armed is not None:
            play, velocity = armed.play, armed.cue.velocity
        elif again is not None:
            play, velocity = replace(again.play, offset_frames=0), again.velocity
        begun = []
        if armed is not None:
            sent = slot.armed[: slot.armed.index(armed) + 1]
            begun = [
                one
                for one in sent
                if one.play.note == play.note and one.play.at_frame <= event.frame
            ]
        for one in begun:
            self.done_if_numbered(one.cue.request)
        voices = tuple(
            replace(voice, is_fading=True) if voice.play.note == play.note else voice
            for voice in slot.voices
        )
        is_over = armed is None and (again is None or again.is_fading)
        voice = Voice(take, play, event.frame, is_fading=is_over, velocity=velocity)
        left = tuple(one for one in slot.armed if one not in begun)
        self.put(event.slot, replace(slot, armed=left, voices=(*voices, voice)))

    def ended(self, event: audio.Ended) -> None:
        """A voice is heard no more."""
        slot = self.slot(event.slot)
        voices = list(slot.voices)
        gone = next((voice for voice in voices if voice.voice_id == event.play_id), None)
        if gone is not None:
            voices.remove(gone)
        self.put(event.slot, replace(slot, voices=tuple(voices) if event.sounding else ()))

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
            lost = [one for one in slot.armed if take_id in (-1, one.take.take_id)]
            for armed in lost:
                self.fail_if_numbered(armed.cue.request, Fault.INTERNAL, text)
            self.put(number, replace(slot, armed=tuple(a for a in slot.armed if a not in lost)))

    def drop_take(self, take_id: int, text: str) -> None:
        """A take cannot be played: its slots go without."""
        for number, slot in enumerate(self.state.slots, 1):
            if slot.take is None or slot.take.take_id != take_id:
                continue
            job = slot.job
            if job is not None and job.take == slot.take and job.request is not None:
                self.fail(job.request, Fault.INTERNAL, text)
            self.put(number, replace(slot, take=None, job=None, armed=(), has_failed=True))

    def audio_restarted(self, at_frame: int) -> None:
        """Bring a new audio process to where the old one was.

        Args:
            at_frame: Where it takes over; NOW if the old one has died. Then loops go on and
                one-shots are over; else all goes on.
        """
        for command in all_gains(self.state):
            self.tell(command)
        for take in sorted(self.state.takes, key=lambda take: take.take_id):
            self.tell(audio.InstallTake(take.take_id, take.shm_name, take.frames))
        for number, slot in enumerate(self.state.slots, 1):
            asked = tuple(self._again(number, one) for one in slot.armed if not one.cue.is_own)
            armed = (*self._resumed(slot, at_frame), *asked)
            changed = replace(slot, voices=(), armed=armed)
            if changed != slot:
                self.put(number, changed)
            for one in armed:
                self.tell(one.play)
        needed = self.state.takes & self.state.released
        for take in self.state.released - needed:
            self.actions.append(FreeTake(take.shm_name))
        self.state = replace(self.state, kept=self.state.kept | needed, released=frozenset())

    def _again(self, number: int, armed: Armed) -> Armed:
        """A play that has not begun, for a new audio process."""
        if armed.play.at_frame > self.moment.frame:
            return armed
        at_frame = self.start_frame(number, armed.cue)
        return replace(armed, play=replace(armed.play, at_frame=at_frame, offset_frames=0))

    def _resumed(self, slot: SlotState, at_frame: int) -> tuple[Armed, ...]:
        """What is played again of what was cut off: it goes on where it would be by then."""
        goes_on = at_frame != audio.NOW
        at_frame = at_frame if goes_on else self.moment.frame + _INSTALL_FRAMES
        found = []
        for voice in slot.voices:
            play = _from_there(voice, at_frame)
            if play is not None and not voice.is_fading and (goes_on or voice.is_endless):
                cue = Cue(self.new_id(), voice.velocity, at_frame, note=play.note)
                found.append(Armed(cue, voice.take, replace(play, play_id=cue.operation_id)))
        return tuple(found)


def _from_there(voice: Voice, at_frame: int) -> audio.Play | None:
    """A play that goes on with a voice from a frame on; None where it would be over by then."""
    passed = voice.play.offset_frames + (at_frame - voice.start_frame) * voice.play.speed
    offset_frames = round(max(0.0, passed))
    if voice.loop:
        offset_frames %= voice.take.frames
    elif offset_frames >= voice.take.frames:
        if not voice.is_endless:
            return None
        offset_frames = 0
    return replace(voice.play, at_frame=at_frame, offset_frames=offset_frames, from_velocity=-1.0)
