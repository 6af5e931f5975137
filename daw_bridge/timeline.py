"""What the mixer is to do at which frame: commands that wait for their time, plays for their take.

Pure bookkeeping. Knows what gives way to what; obeys nothing itself. Flow: mixer.py hands commands
in and takes out what is due.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from daw_bridge.audio_commands import (
    Panic,
    Play,
    SetEffect,
    SetMasterGain,
    SetSend,
    SetSlotGain,
    SetSlotOutput,
    Setting,
    StopSlot,
)
from generator.api import SAMPLE_RATE_HZ

MAX_SLOTS = 64
_MAX_SCHEDULED = 1024
_PATIENCE_FRAMES = SAMPLE_RATE_HZ
_MIN_SPEED, _MAX_SPEED = 2.0**-8, 2.0**8
_FAR = 2**62
# Minus infinity is a level too, and only as a level.
_SILENCE_DB = -1000.0

Timed = Play | StopSlot | Setting | Panic


@dataclass(frozen=True, slots=True, order=True)
class Scheduled:
    """A command and its frame; those of one frame keep the order in which they came."""

    frame: int
    order: int
    command: Timed


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A play whose take has not come yet, and the frame at which it is given up."""

    until_frame: int
    order: int
    command: Play


class Timeline:
    """Commands in the order of their frames."""

    def __init__(self) -> None:
        self._schedule: list[Scheduled] = []
        self._waiting: list[_Waiting] = []
        self._order = 0

    @property
    def is_full(self) -> bool:
        """Whether it takes no more."""
        return len(self._schedule) + len(self._waiting) >= _MAX_SCHEDULED

    @property
    def next_frame(self) -> int:
        """The first frame at which something is due."""
        frames = (self._schedule[0].frame if self._schedule else _FAR,)
        return min(*frames, self._waiting[0].until_frame if self._waiting else _FAR)

    def next_order(self) -> int:
        """A number that is higher than any before."""
        self._order += 1
        return self._order

    def add(self, command: Timed, order: int) -> None:
        """Have a command wait for its frame."""
        heapq.heappush(self._schedule, Scheduled(command.at_frame, order, command))

    def await_take(self, play: Play, frame: int) -> None:
        """Have a play wait for its take, for a while from a frame on."""
        self._waiting.append(_Waiting(frame + _PATIENCE_FRAMES, self.next_order(), play))

    def take_arrived(self, take_id: int) -> list[tuple[Play, int]]:
        """Hand out the plays that waited for a take, with their order."""
        ready = [one for one in self._waiting if one.command.take_id == take_id]
        self._waiting = [one for one in self._waiting if one.command.take_id != take_id]
        return [(one.command, one.order) for one in ready]

    def pop_due(self, frame: int) -> Scheduled | None:
        """Take out the first command that is due by a frame."""
        if self._schedule and self._schedule[0].frame <= frame:
            return heapq.heappop(self._schedule)
        return None

    def pop_given_up(self, frame: int) -> Iterator[Play]:
        """Take out the plays whose take has not come in time."""
        while self._waiting and self._waiting[0].until_frame <= frame:
            yield self._waiting.pop(0).command

    def drop_plays_that_give_way_to(self, command: Play | StopSlot, frame: int) -> None:
        """A stop cancels the slot's plays from its frame on; a play replaces one of its frame."""
        first = max(command.at_frame, frame)

        def is_dropped(planned: Timed) -> bool:
            if not isinstance(planned, Play) or not gives_way(planned, command):
                return False
            begins = max(planned.at_frame, frame)
            return begins == first or (isinstance(command, StopSlot) and begins > first)

        self._waiting = [one for one in self._waiting if not is_dropped(one.command)]
        if any(is_dropped(planned.command) for planned in self._schedule):
            kept = [planned for planned in self._schedule if not is_dropped(planned.command)]
            heapq.heapify(kept)
            self._schedule = kept

    def move_play(self, play_id: int, at_frame: int) -> None:
        """Have a play that waits begin at another frame; nothing if it does not wait."""
        for number, planned in enumerate(self._schedule):
            if isinstance(planned.command, Play) and planned.command.play_id == play_id:
                moved = replace(planned.command, at_frame=at_frame)
                self._schedule[number] = Scheduled(at_frame, planned.order, moved)
                heapq.heapify(self._schedule)
        for number, waiting in enumerate(self._waiting):
            if waiting.command.play_id == play_id:
                moved = replace(waiting.command, at_frame=at_frame)
                self._waiting[number] = replace(waiting, command=moved)

    def has_play_in_place_of(self, play: Play, frame: int) -> bool:
        """Whether a play that something gives way to is planned up to a frame."""
        return any(
            one.frame <= frame and isinstance(one.command, Play) and gives_way(play, one.command)
            for one in self._schedule
        )

    def drop_before(self, order: int) -> None:
        """Forget what came before a command, for whatever frame."""
        self._schedule = [planned for planned in self._schedule if planned.order > order]
        heapq.heapify(self._schedule)
        self._waiting = [one for one in self._waiting if one.order > order]


def gives_way(play: Play, command: Play | StopSlot) -> bool:
    """Whether what a play began ends for another play, or a stop, of its slot and note."""
    is_for_all = isinstance(command, StopSlot) and command.note < 0
    return play.slot == command.slot and (is_for_all or play.note == command.note)


def is_sane(command: Timed) -> bool:
    """Whether a command's numbers make sense: finite, and of a slot that there is."""
    match command:
        case Panic():
            return True
        case Play():
            numbers = (command.velocity + command.from_velocity, command.crossfade_ms)
            if not (_MIN_SPEED <= command.speed <= _MAX_SPEED and command.offset_frames >= 0):
                return False
        case StopSlot():
            numbers = (command.fade_ms, 0.0)
        case SetSlotGain():
            numbers = (command.left, command.right)
        case SetSlotOutput():
            numbers = (0.0, 0.0)
        case SetMasterGain(gain_db=level) | SetEffect(value=level) | SetSend(level_db=level):
            numbers = (max(level, _SILENCE_DB), 0.0)
        case _:
            assert_never(command)
    slot = 1 if isinstance(command, SetMasterGain | SetEffect) else command.slot
    return all(map(math.isfinite, numbers)) and 1 <= slot <= MAX_SLOTS
