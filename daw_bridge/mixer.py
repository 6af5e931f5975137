"""The mixer: takes that start, loop, swap and end on the exact frame, in slots, into one mix.

Pure: numpy and arithmetic, no device, clock, thread or socket. `Mixer.render` is the audio callback
and obeys its laws: no lock, no log, no array made, nothing freed; takes that nobody sounds any more
are handed out on `disposed`, and whoever runs the callback lets their last reference die elsewhere.

Knows nothing of prompts, quantising or where commands come from. Flow: commands → `handle`, takes →
`install`, blocks ← `render`, events ← `events`.
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from daw_bridge.audio_commands import (
    Command,
    Ended,
    Event,
    InstallTake,
    Panic,
    Play,
    Quit,
    ReleaseTake,
    SetMasterGain,
    SetSlotGain,
    Started,
    StopSlot,
    Warning,
    WarningCode,
)
from daw_bridge.guard import Guard
from daw_bridge.voice import Ramp, Scratch, Take, Voice
from generator.api import SAMPLE_RATE_HZ, FloatArray

MAX_SLOTS = 64
_VOICES = 2 * MAX_SLOTS
_MAX_SCHEDULED = 1024
_MAX_CHUNK_FRAMES = 1024
_GAIN_RAMP_FRAMES = SAMPLE_RATE_HZ // 100
_PANIC_FRAMES = SAMPLE_RATE_HZ // 50
_MIN_FADE_FRAMES = SAMPLE_RATE_HZ // 200
_MAX_FADE_FRAMES = SAMPLE_RATE_HZ * 60
_MAX_GAIN_DB = 40.0
_PATIENCE_FRAMES = SAMPLE_RATE_HZ

_Timed = Play | StopSlot | SetSlotGain | SetMasterGain | Panic


@dataclass(frozen=True, slots=True, order=True)
class _Scheduled:
    """A command and its frame; those of one frame keep the order in which they came."""

    frame: int
    order: int
    command: _Timed


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A play whose take has not come yet, and the frame at which it is given up."""

    until_frame: int
    order: int
    command: Play


class Mixer:
    """Voices in slots on an absolute clock of frames."""

    def __init__(self, *, start_frame: int = 0) -> None:
        """Reserve everything that rendering needs.

        Args:
            start_frame: Where its clock stands before the first block.
        """
        self.frame = start_frame
        self.events: deque[Event] = deque()
        self.disposed: deque[Take] = deque()
        self.guard = Guard(_MAX_CHUNK_FRAMES)
        self._scratch = Scratch(_MAX_CHUNK_FRAMES)
        self._takes: dict[int, Take] = {}
        self._release_on_arrival: set[int] = set()
        self._idle = [Voice() for _ in range(_VOICES)]
        self._sounding: list[Voice] = []
        self._slot_gains = [Ramp(1.0) for _ in range(MAX_SLOTS + 1)]
        self._master_gain = Ramp(1.0)
        self._schedule: list[_Scheduled] = []
        self._waiting: list[_Waiting] = []
        self._order = 0

    @property
    def playing_slots(self) -> int:
        """How many slots sound."""
        return len({voice.slot for voice in self._sounding})

    def install(self, take_id: int, audio: FloatArray) -> bool:
        """Make a take playable; plays that waited for it are scheduled.

        Shapes:
            audio: [frames, channels]

        Args:
            take_id: Its number.
            audio: Its frames, finite and without an offset; at least one.

        Returns:
            Whether the number was free.
        """
        if take_id in self._takes:
            self._warn(WarningCode.BAD_COMMAND, take_id=take_id)
            return False
        self._takes[take_id] = Take(take_id, audio)
        ready = [entry for entry in self._waiting if entry.command.take_id == take_id]
        self._waiting = [entry for entry in self._waiting if entry.command.take_id != take_id]
        for entry in ready:
            self._add(entry.command, entry.order)
        if take_id in self._release_on_arrival:
            self._release_on_arrival.remove(take_id)
            self._release(take_id)
        return True

    def handle(self, command: Command) -> None:
        """Obey a command at its frame, which is the next one to be rendered at the earliest.

        Args:
            command: What to do. `InstallTake` and `Quit` are for whoever runs the mixer.
        """
        match command:
            case Play() | StopSlot() | SetSlotGain() | SetMasterGain():
                self._plan(command)
            case Panic() if command.at_frame <= self.frame:
                self._panic(self._next_order())
            case Panic():
                self._add(command, self._next_order())
            case ReleaseTake():
                self._release(command.take_id)
            case InstallTake() | Quit():
                self._warn(WarningCode.BAD_COMMAND)
            case _:
                assert_never(command)

    def render(self, out: FloatArray) -> None:
        """Write the next frames.

        Shapes:
            out: [frames, channels]

        Args:
            out: Where to; any number of frames.
        """
        done = 0
        while done < len(out):
            self._obey_what_is_due()
            frames = min(len(out) - done, _MAX_CHUNK_FRAMES, self._frames_to_next_change())
            self._mix(out[done : done + frames])
            done += frames

    # ── commands ─────────────────────────────────────────────────────────────

    def _plan(self, command: _Timed) -> None:
        if not _is_sane(command):
            self._warn(WarningCode.BAD_COMMAND)
            return
        if isinstance(command, Play | StopSlot):
            self._drop_plays_that_give_way_to(command)
        if len(self._schedule) + len(self._waiting) >= _MAX_SCHEDULED:
            self._warn(WarningCode.SCHEDULE_FULL)
        elif isinstance(command, Play) and command.take_id not in self._takes:
            until_frame = self.frame + _PATIENCE_FRAMES
            self._waiting.append(_Waiting(until_frame, self._next_order(), command))
        else:
            self._add(command, self._next_order())

    def _next_order(self) -> int:
        self._order += 1
        return self._order

    def _add(self, command: _Timed, order: int) -> None:
        if command.at_frame <= self.frame:
            self._obey_what_is_due()  # what came before goes before
            self._obey(command, order)
            return
        heapq.heappush(self._schedule, _Scheduled(command.at_frame, order, command))

    def _drop_plays_that_give_way_to(self, command: Play | StopSlot) -> None:
        """A stop cancels the slot's plays from its frame on; a play replaces one of its frame."""
        first = max(command.at_frame, self.frame)

        def gives_way(planned: _Timed) -> bool:
            if not isinstance(planned, Play) or planned.slot != command.slot:
                return False
            frame = max(planned.at_frame, self.frame)
            return frame == first or (isinstance(command, StopSlot) and frame > first)

        self._waiting = [entry for entry in self._waiting if not gives_way(entry.command)]
        if any(gives_way(planned.command) for planned in self._schedule):
            kept = [planned for planned in self._schedule if not gives_way(planned.command)]
            heapq.heapify(kept)
            self._schedule = kept

    def _obey_what_is_due(self) -> None:
        while self._schedule and self._schedule[0].frame <= self.frame:
            planned = heapq.heappop(self._schedule)
            self._obey(planned.command, planned.order)
        while self._waiting and self._waiting[0].until_frame <= self.frame:
            play = self._waiting.pop(0).command
            self._warn(WarningCode.TAKE_MISSING, take_id=play.take_id, slot=play.slot)

    def _obey(self, command: _Timed, order: int) -> None:
        match command:
            case Play():
                self._play(command)
            case StopSlot():
                self._fade_out_slot(command.slot, _fade_frames(command.fade_ms))
            case SetSlotGain():
                ramp = self._slot_gains[command.slot]
                ramp.move(_gain(command.gain_db), frame=self.frame, frames=_GAIN_RAMP_FRAMES)
            case SetMasterGain():
                ramp = self._master_gain
                ramp.move(_gain(command.gain_db), frame=self.frame, frames=_GAIN_RAMP_FRAMES)
            case Panic():
                self._panic(order)
            case _:
                assert_never(command)

    def _play(self, play: Play) -> None:
        take = self._takes.get(play.take_id)
        if take is None or take.released:
            self._warn(WarningCode.TAKE_MISSING, take_id=play.take_id, slot=play.slot)
            return
        self._forget_unheard(play.slot)
        if not self._idle:
            self._warn(WarningCode.NO_VOICE_FREE, take_id=play.take_id, slot=play.slot)
            return
        frames = _fade_frames(play.crossfade_ms)
        takes_over = self._fade_out_slot(play.slot, frames)
        voice = self._idle.pop()
        voice.start(take, slot=play.slot, frame=self.frame, velocity=play.velocity, loop=play.loop)
        if takes_over and play.loop:
            voice.fade_in(frames)
        take.voices += 1
        self._sounding.append(voice)
        self.events.append(Started(play.slot, play.take_id, self.frame))

    def _fade_out_slot(self, slot: int, frames: int) -> bool:
        """Fade out every voice of a slot; tells whether there was any."""
        found = False
        for voice in self._sounding:
            if voice.slot == slot:
                voice.fade_out(frame=self.frame, frames=frames)
                found = True
        return found

    def _forget_unheard(self, slot: int) -> None:
        """End voices that began at this very frame: of two plays for one frame the later wins."""
        for voice in self._sounding:
            if voice.slot == slot and voice.start_frame == self.frame:
                voice.end_frame = self.frame
        self._retire_voices()

    def _panic(self, order: int) -> None:
        """Silence all, and drop what was planned before, for whatever frame."""
        self._schedule = [planned for planned in self._schedule if planned.order > order]
        heapq.heapify(self._schedule)
        self._waiting = [entry for entry in self._waiting if entry.order > order]
        for voice in self._sounding:
            voice.panic(frame=self.frame, frames=_PANIC_FRAMES)

    def _release(self, take_id: int) -> None:
        take = self._takes.get(take_id)
        if take is None:
            self._release_on_arrival.add(take_id)
            return
        take.released = True
        self._dispose_if_unused(take)

    def _dispose_if_unused(self, take: Take) -> None:
        if take.released and take.voices == 0:
            self.disposed.append(self._takes.pop(take.take_id))

    # ── sound ────────────────────────────────────────────────────────────────

    def _frames_to_next_change(self) -> int:
        """Until a command is due or a voice ends, so that events carry their exact frame."""
        change = min((voice.end_frame for voice in self._sounding), default=self.frame + 2**31)
        if self._schedule:
            change = min(change, self._schedule[0].frame)
        if self._waiting:
            change = min(change, self._waiting[0].until_frame)
        return max(1, change - self.frame)

    def _mix(self, mix: FloatArray) -> None:
        mix.fill(0.0)
        for voice in self._sounding:
            voice.add_to(mix, self.frame, self._slot_gains[voice.slot], self._scratch)
        self._apply_master_gain(mix)
        self.guard.apply(mix)
        self.frame += len(mix)
        self._retire_voices()

    def _apply_master_gain(self, mix: FloatArray) -> None:
        ramp, scratch = self._master_gain, self._scratch
        if ramp.is_flat_from(self.frame):
            if ramp.target != 1.0:
                np.multiply(mix, ramp.target, out=mix)
            return
        gains = scratch.gains[: len(mix)]
        gains.fill(1.0)
        ramp.multiply_into(gains, self.frame, scratch)
        np.multiply(mix, scratch.to_stereo(gains), out=mix)

    def _retire_voices(self) -> None:
        for voice in tuple(self._sounding):
            if voice.end_frame <= self.frame:
                take = voice.finish()
                self._sounding.remove(voice)
                self._idle.append(voice)
                take.voices -= 1
                left = sum(other.slot == voice.slot for other in self._sounding)
                self.events.append(Ended(voice.slot, take.take_id, self.frame, left))
                self._dispose_if_unused(take)

    def _warn(self, code: WarningCode, *, take_id: int = -1, slot: int = -1) -> None:
        self.events.append(Warning(code, 1, take_id, slot))


def _is_sane(command: _Timed) -> bool:
    match command:
        case Panic():
            return True
        case Play():
            numbers = (command.velocity, command.crossfade_ms)
        case StopSlot():
            numbers = (command.fade_ms, 0.0)
        case SetSlotGain() | SetMasterGain():
            numbers = (max(command.gain_db, -1000.0), 0.0)
        case _:
            assert_never(command)
    slot = 1 if isinstance(command, SetMasterGain) else command.slot
    return all(map(math.isfinite, numbers)) and 1 <= slot <= MAX_SLOTS


def _gain(gain_db: float) -> float:
    return 0.0 if gain_db == -math.inf else 10.0 ** (min(gain_db, _MAX_GAIN_DB) / 20.0)


def _fade_frames(fade_ms: float) -> int:
    frames = round(min(max(fade_ms, 0.0), 1e6) * SAMPLE_RATE_HZ / 1000.0)
    return min(max(frames, _MIN_FADE_FRAMES), _MAX_FADE_FRAMES)
