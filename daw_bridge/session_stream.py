"""The rules of streams: takes without end, each of which goes on where the last one stops.

Pure. While a stream sounds, the take that comes next is being made; if it is late, the present one
goes round, and it never stops. There are two kinds. A stream in bars is a chain of loops of those
bars that change at their common seam. A free one is a chain of open takes (`generator.api`), which
join without a seam where the model remembers the last one, and are crossfaded where it does not.

Other words, weights, keys or lengths take effect at the quantise point: a take of the new kind,
which goes on from the same past, comes in there at the place where the present one has come to.
"""

from daw_bridge import audio_commands as audio
from daw_bridge.loudness import ENDLESS_RMS_DBFS
from daw_bridge.replacing import replace
from daw_bridge.session_decision import CancelJob
from daw_bridge.session_fresh import Fresh
from daw_bridge.session_recipe import kind
from daw_bridge.session_slot import Armed, Cue, Job, Purpose, Take, Voice
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from generator.errors import RequestError

# What is sent this long before its frame reaches the audio process in time.
_AHEAD_FRAMES = SAMPLE_RATE_HZ // 50
# More would lift what is meant to be next to silence.
_MOST_LIFT_DB = 18.0


class Stream(Fresh):
    """A turn with the rules of streams."""

    def keep_streaming(self) -> None:
        """Have what comes next made, in every slot that streams."""
        names = ("transport", "sounds")
        all_may = any(getattr(self.state, n) is not getattr(self.before, n) for n in names)
        for number, slot in enumerate(self.state.slots, 1):
            streams = slot.mode == "stream" or (slot.job and slot.job.purpose is Purpose.NEXT)
            if streams and (all_may or slot is not self.before.slots[number - 1]):
                self._go_on(number)

    def _go_on(self, number: int) -> None:
        slot = self.slot(number)
        present = self.present(number)
        if present is None or slot.mode != "stream":
            self._forget_next(number)
            if slot.bend_frame is not None:
                self.put(number, replace(self.slot(number), bend_frame=None))
            return
        if slot.job is not None and slot.job.purpose is not Purpose.NEXT:
            return
        try:
            wanted = self.recipe(number, seed=-1)
        except RequestError:
            return  # The words were taken away: it goes on with what it has.
        bend_frame = self._bend_frame(number, present, wanted)
        bends = bend_frame is not None and bend_frame < present.next_end(self.moment.frame)
        goes_on_as_it_is = bend_frame is not None and not bends
        if goes_on_as_it_is and bend_frame != present.next_end(self.moment.frame):
            wanted = replace(kind(present.take.recipe), seed=wanted.seed)
        wanted = self._joined(present.take.recipe, wanted, bends=bends)
        on_its_way = self._on_its_way(number)
        if on_its_way is None or kind(on_its_way) != kind(wanted):
            self._forget_next(number)
            cue = Cue(
                self.new_id(),
                present.velocity,
                bend_frame if bends and bend_frame is not None else audio.NOW,
                is_own=True,
            )
            self.order_ahead(number, wanted, Purpose.NEXT, cue)

    def present(self, number: int) -> Voice | None:
        """What streams in a slot now."""
        voices = [one for one in self.slot(number).voices if one.is_endless and not one.is_fading]
        return next((one for one in reversed(voices) if one.play.note < 0), None)

    def _bend_frame(self, number: int, present: Voice, wanted: GenerationRequest) -> int | None:
        """Where the stream is to become another: found once, when the words change."""
        slot = self.slot(number)
        frame = slot.bend_frame
        if kind(wanted) == kind(present.take.recipe):
            frame = None
        elif frame is None:
            point = self.start_frame(number, Cue(0, 1.0, self.moment.due_frame))
            frame = max(point, self.moment.frame)
        if frame != slot.bend_frame:
            self.put(number, replace(slot, bend_frame=frame))
        return frame

    def _joined(
        self, present: GenerationRequest, wanted: GenerationRequest, *, bends: bool
    ) -> GenerationRequest:
        """Have a free stream's take go on from the past: of the present one, or after it."""
        if not wanted.is_open or wanted.base is not None or not present.is_open:
            return wanted
        return replace(wanted, follows=present.follows if bends else present.identity)

    def _on_its_way(self, number: int) -> GenerationRequest | None:
        slot = self.slot(number)
        if slot.job is not None:
            return slot.job.recipe
        return next((one.take.recipe for one in slot.armed if one.cue.is_own), None)

    def _forget_next(self, number: int) -> None:
        """Have what was to come next not be made; what waits for its frame stays until then."""
        slot = self.slot(number)
        if slot.job is not None and slot.job.purpose is Purpose.NEXT:
            self.actions.append(CancelJob(slot.job.job_id))
            self.put(number, replace(slot, job=None))

    def receive(self, number: int, job: Job, take: Take) -> None:
        """Have a take that was made to follow come in where it belongs."""
        present = self.present(number)
        if job.purpose is not Purpose.NEXT or job.cue is None or present is None:
            super().receive(number, job, take)
            return
        self.add_take(number, take)
        cue = replace(job.cue, velocity=present.velocity)
        play = self._following(number, present, take, cue)
        if cue.due_frame != audio.NOW:
            # What was planned for the end of the present take is no more what follows.
            self.tell(audio.StopSlot(number, play.at_frame, play.crossfade_ms))
        self.tell(play)
        slot = self.slot(number)
        asked = tuple(one for one in slot.armed if not one.cue.is_own)
        armed = (*asked, Armed(cue, take, play))
        self.put(number, replace(slot, armed=armed, heard=take.take_id))

    def _following(self, number: int, present: Voice, take: Take, cue: Cue) -> audio.Play:
        """How a take comes in: joined to the end of the present one, or crossfaded with it."""
        slot, earliest = self.slot(number), self.moment.frame + _AHEAD_FRAMES
        lead_frames = round(slot.crossfade_ms * SAMPLE_RATE_HZ / 1000.0)
        bends = cue.due_frame != audio.NOW
        end_frame = present.next_end(earliest)
        is_seamless = not bends and take.recipe.follows == present.take.recipe.identity
        play = audio.Play(
            number,
            take.take_id,
            end_frame,
            cue.velocity,
            take.recipe.loop,
            slot.crossfade_ms,
            play_id=cue.operation_id,
            choke=slot.choke,
            repeats=not take.recipe.loop,
        )
        velocity = self._steady_velocity(take, cue.velocity)
        if is_seamless:
            # Where takes join, the level glides from the one's to the other's.
            return replace(play, velocity=velocity, from_velocity=present.play.velocity)
        at_frame = max((cue.due_frame if bends else end_frame) - lead_frames, earliest)
        offset_frames = 0
        if take.frames == present.take.frames and (take.recipe.loop or bends):
            offset_frames = (at_frame - present.zero_frame) % take.frames
        elif take.recipe.loop and lead_frames < take.frames:
            offset_frames = take.frames - lead_frames
        return replace(play, at_frame=at_frame, velocity=velocity, offset_frames=offset_frames)

    def job_failed(self, job_id: int, code: int, text: str) -> None:
        """What could not be made to follow is made without a past."""
        number = self.slot_of_job(job_id)
        job = self.slot(number).job if number else None
        super().job_failed(job_id, code, text)
        if job is not None and job.purpose is Purpose.NEXT and job.recipe.follows:
            self.order_ahead(number, replace(job.recipe, follows=""), Purpose.NEXT, job.cue)

    def _steady_velocity(self, take: Take, velocity: float) -> float:
        """The gain at which a take is as loud as every other of a stream.

        Loops are made so; takes that begin before their end is made are only so by and large.
        """
        level_db = self.state.levels_db.get(take.take_id, ENDLESS_RMS_DBFS)
        lift_db = min(ENDLESS_RMS_DBFS - level_db, _MOST_LIFT_DB)
        return float(velocity * 10.0 ** (lift_db / 20.0))
