"""The mixer: takes that start, loop, swap and end on the exact frame, in slots, into one mix.

Pure: numpy and arithmetic, no device, clock, thread or socket. `Mixer.render` is the audio callback
and obeys its laws: no lock, no log, no array made, nothing freed; takes that nobody sounds any more
are handed out on `disposed`, and whoever runs the callback lets their last reference die elsewhere.

Knows nothing of prompts, quantising or where commands come from. Flow: commands → `handle`, takes →
`install`, blocks ← `render`, events ← `events`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

import numpy as np
import numpy.typing as npt

from daw_bridge.audio_commands import (
    Command,
    Ended,
    Event,
    InstallTake,
    MovePlay,
    Panic,
    Play,
    Quit,
    ReleaseTake,
    SetEffect,
    SetLimiter,
    SetMasterGain,
    SetOnAir,
    SetSend,
    SetSlotGain,
    SetSlotOutput,
    Started,
    StopSlot,
    Warning,
    WarningCode,
)
from daw_bridge.effect_chain import EffectChain
from daw_bridge.installed_takes import InstalledTakes
from daw_bridge.mixing_desk import MAX_CHUNK_FRAMES, MixingDesk
from daw_bridge.outputs import Outputs
from daw_bridge.ramps import NEVER, fade_frames
from daw_bridge.timeline import MAX_SLOTS, Timed, Timeline, gives_way, is_sane
from daw_bridge.voice import Take, Voice
from generator.api import SAMPLE_RATE_HZ, FloatArray

_VOICES = 2 * MAX_SLOTS
_LATE_FADE_FRAMES = SAMPLE_RATE_HZ // 200
_PANIC_FRAMES = SAMPLE_RATE_HZ // 50
_CHOKE_FRAMES = SAMPLE_RATE_HZ // 100


class Mixer:
    """Voices in slots on an absolute clock of frames."""

    def __init__(
        self, *, start_frame: int = 0, effects: EffectChain | None = None, pairs: int = 1
    ) -> None:
        """Reserve everything that rendering needs.

        Args:
            start_frame: Where its clock stands before the first block.
            effects: What works on the mix, made for MAX_SLOTS and MAX_CHUNK_FRAMES; if anything.
            pairs: How many stereo pairs slots may go to.
        """
        self.frame = start_frame
        self.events: deque[Event] = deque()
        self._desk = MixingDesk(pairs, effects)
        self._takes = InstalledTakes()
        self._idle = [Voice() for _ in range(_VOICES)]
        self._sounding: list[Voice] = []
        self._timeline = Timeline()
        # Where a chunk begins that a hit may still join.
        self._open_frame: int | None = None

    @property
    def outputs(self) -> Outputs:
        """The stereo pairs, and how they are."""
        return self._desk.outputs

    @property
    def disposed(self) -> deque[Take]:
        """Takes that nobody sounds any more."""
        return self._takes.disposed

    @property
    def playing_slots(self) -> int:
        """How many slots sound."""
        return len({voice.slot for voice in self._sounding})

    def install(
        self, take_id: int, audio: FloatArray, missing: npt.NDArray[np.int64] | None = None
    ) -> bool:
        """Make a take playable; plays that waited for it are scheduled.

        Shapes:
            audio: [frames, channels]
            missing: [1]

        Args:
            take_id: Its number.
            audio: Its frames, finite and without an offset; at least one.
            missing: How many frames at its end are not made yet, where it is still being made.

        Returns:
            Whether the number was free.
        """
        if take_id in self._takes:
            self._warn(WarningCode.BAD_COMMAND, take_id=take_id)
            return False
        self._takes.add(take_id, audio, missing)
        for play, order in self._timeline.take_arrived(take_id):
            self._put(play, order)
        self._takes.has_arrived(take_id)
        return True

    def handle(self, command: Command) -> None:
        """Obey a command at its frame, which is the next one to be rendered at the earliest.

        Args:
            command: What to do. Those that are for the process are not for the mixer.
        """
        match command:
            case (
                Play()
                | StopSlot()
                | SetSlotGain()
                | SetSlotOutput()
                | SetMasterGain()
                | SetEffect()
                | SetSend()
            ):
                self._plan(command)
            case Panic() if command.at_frame <= self.frame:
                self._panic(self._timeline.next_order())
            case Panic():
                self._put(command, self._timeline.next_order())
            case MovePlay(play_id, at_frame):
                self._timeline.move_play(play_id, at_frame)
            case ReleaseTake():
                self._takes.release(command.take_id)
            case SetLimiter():
                self.outputs.set_limiter(command.ceiling_dbfs, is_on=command.is_on)
            case InstallTake() | SetOnAir() | Quit():
                self._warn(WarningCode.BAD_COMMAND)
            case _:
                assert_never(command)

    def render(self, out: FloatArray, look_again: Callable[[], None] | None = None) -> None:
        """Write the next frames.

        Shapes:
            out: [frames, channels of all pairs]

        Args:
            out: Where to; any number of frames.
            look_again: Handles what has come meanwhile; called when the voices of a chunk are mixed
                and before all that comes after them. A hit that nothing else has to give way to is
                still heard in that chunk, as if it had come in time; all else from the next one on.
        """
        for begin in range(0, len(out), MAX_CHUNK_FRAMES):
            self._render_chunk(out[begin : begin + MAX_CHUNK_FRAMES], look_again)

    # ── commands ─────────────────────────────────────────────────────────────

    def _plan(self, command: Timed) -> None:
        if not is_sane(command):
            self._warn(WarningCode.BAD_COMMAND)
        elif self._open_frame is not None and self._may_join(command, self._open_frame):
            self._join(command, self._open_frame)
        else:
            self._open_frame = None  # what comes later goes after this
            self._place(command)

    def _place(self, command: Timed) -> None:
        if isinstance(command, Play | StopSlot):
            self._timeline.drop_plays_that_give_way_to(command, self.frame)
        if self._timeline.is_full:
            self._warn(WarningCode.SCHEDULE_FULL)
        elif isinstance(command, Play) and command.take_id not in self._takes:
            self._timeline.await_take(command, self.frame)
        else:
            self._put(command, self._timeline.next_order())

    def _put(self, command: Timed, order: int) -> None:
        if command.at_frame <= self.frame:
            self._obey_what_is_due()  # what came before goes before
            self._obey(command, order)
            return
        self._timeline.add(command, order)

    def _obey_what_is_due(self) -> None:
        while (due := self._timeline.pop_due(self.frame)) is not None:
            self._obey(due.command, due.order)
        for play in self._timeline.pop_given_up(self.frame):
            self._warn(WarningCode.TAKE_MISSING, take_id=play.take_id, slot=play.slot)
        for voice in tuple(self._sounding):
            if voice.repeat_frame <= self.frame:
                self._repeat(voice)

    def _obey(self, command: Timed, order: int) -> None:
        match command:
            case Play():
                self._play(command)
            case StopSlot():
                self._fade_out(command, fade_frames(command.fade_ms))
            case Panic():
                self._panic(order)
            case _:
                if not self._desk.set(command, self.frame):
                    self._warn(WarningCode.BAD_COMMAND)

    def _play(self, play: Play) -> None:
        take = self._takes.playable(play.take_id)
        if take is None:
            self._warn(WarningCode.TAKE_MISSING, take_id=play.take_id, slot=play.slot)
            return
        self._forget_unheard(play)
        if not self._idle:
            self._warn(WarningCode.NO_VOICE_FREE, take_id=play.take_id, slot=play.slot)
            return
        frames = fade_frames(play.crossfade_ms)
        takes_over = self._fade_out(play, frames)
        self._choke(play)
        voice = self._idle.pop()
        voice.start(take, play, self.frame)
        # What begins in the middle would begin with a step.
        if play.loop or play.repeats if takes_over else play.offset_frames:
            voice.fade_in(frames)
        take.voices += 1
        self._sounding.append(voice)
        self.events.append(Started(play.slot, play.take_id, self.frame, play.play_id))

    def _repeat(self, voice: Voice) -> None:
        """Begin anew what is about to end, where nothing else is about to begin."""
        voice.repeat_frame = NEVER
        if voice.is_fading_out or self._timeline.has_play_in_place_of(voice.play, voice.end_frame):
            return
        self._play(replace(voice.play, at_frame=self.frame, offset_frames=0))

    def _fade_out(self, command: Play | StopSlot, frames: int) -> bool:
        """Fade out the voices that give way to a command; tells whether there was any."""
        found = False
        for voice in self._sounding:
            if gives_way(voice.play, command):
                voice.fade_out(frame=self.frame, frames=frames)
                found = True
        return found

    def _choke(self, play: Play) -> None:
        """Silence the other slots of the group."""
        for voice in self._sounding:
            if play.choke and voice.play.choke == play.choke and voice.slot != play.slot:
                voice.fade_out(frame=self.frame, frames=_CHOKE_FRAMES)

    def _forget_unheard(self, play: Play) -> None:
        """End voices that began at this very frame: of two plays for one frame the later wins."""
        for voice in self._sounding:
            if gives_way(voice.play, play) and voice.start_frame == self.frame:
                voice.end_frame = self.frame
        self._retire_voices()

    def _panic(self, order: int) -> None:
        """Silence all, and drop what was planned before, for whatever frame."""
        self._timeline.drop_before(order)
        self._open_frame = None
        for voice in self._sounding:
            voice.panic(frame=self.frame, frames=_PANIC_FRAMES)
        self._desk.panic(self.frame)

    # ── sound ────────────────────────────────────────────────────────────────

    def _frames_to_next_change(self) -> int:
        """Until a command is due or a voice ends, so that events carry their exact frame."""
        changes = (min(one.end_frame, one.repeat_frame) for one in self._sounding)
        change = min(changes, default=self.frame + 2**31)
        return max(1, min(change, self._timeline.next_frame) - self.frame)

    def _let_go_of_what_is_not_made(self, frames: int) -> None:
        """Fade out what would come to the end of what is made: its maker is late, or gone.

        A fade's length is left in hand, so that it falls on sound and not on nothing.
        """
        for voice in self._sounding:
            left = voice.frames_left(self.frame)
            if left < frames + _LATE_FADE_FRAMES and left < voice.end_frame - self.frame:
                fade = min(max(left, 1), _LATE_FADE_FRAMES)
                voice.fade_out(frame=self.frame, frames=fade)
                self._warn(WarningCode.TAKE_LATE, take_id=voice.take.take_id, slot=voice.slot)

    def _render_chunk(self, chunk: FloatArray, look_again: Callable[[], None] | None) -> None:
        begin_frame, done, stretches = self.frame, 0, 0
        self._desk.open(chunk)
        while done < len(chunk):
            self._obey_what_is_due()
            self._let_go_of_what_is_not_made(len(chunk) - done)
            frames = min(len(chunk) - done, self._frames_to_next_change())
            self._desk.mix(self._sounding, done, frames, self.frame)
            self.frame += frames
            self._retire_voices()
            done, stretches = done + frames, stretches + 1
        if look_again is not None:
            self._open_frame = begin_frame if stretches == 1 else None
            look_again()
            self._open_frame = None
        self._desk.finish(begin_frame)

    def _may_join(self, play: Timed, begin_frame: int) -> bool:
        """Whether it is a play that can sound from the open chunk's begin on, and changes no more.

        The chunk was mixed in one stretch: no command fell into it, and nothing ended in it.
        """
        if not isinstance(play, Play) or play.at_frame > begin_frame or play.repeats:
            return False
        take = self._takes.playable(play.take_id)
        if take is None:
            return False
        frames = (self.frame - begin_frame) * play.speed
        outlives_it = len(take.audio) - play.offset_frames > frames
        is_whole = take.made_frames == len(take.audio)
        disturbs = any(
            voice.slot == play.slot or (play.choke and voice.play.choke == play.choke)
            for voice in self._sounding
        )
        return outlives_it and is_whole and not disturbs

    def _join(self, play: Timed, begin_frame: int) -> None:
        """Begin a play where the open chunk begins, and add it to the mix."""
        end_frame, self.frame = self.frame, begin_frame
        sounded = len(self._sounding)
        self._place(play)
        for voice in self._sounding[sounded:]:
            self._desk.add(voice, 0, end_frame - begin_frame, begin_frame)
        self.frame = end_frame

    def _retire_voices(self) -> None:
        for voice in tuple(self._sounding):
            if voice.end_frame <= self.frame:
                take = voice.finish()
                self._sounding.remove(voice)
                self._idle.append(voice)
                take.voices -= 1
                left = sum(other.slot == voice.slot for other in self._sounding)
                play_id = voice.play.play_id
                self.events.append(Ended(voice.slot, take.take_id, self.frame, left, play_id))
                self._takes.dispose_if_unused(take)

    def _warn(self, code: WarningCode, *, take_id: int = -1, slot: int = -1) -> None:
        self.events.append(Warning(code, 1, take_id, slot))
