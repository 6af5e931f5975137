"""A small honest world for the musical rules: a generator and an audio process that do as told."""

from dataclasses import dataclass, field, replace
from typing import Any

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeBegun, TakeFailed, TakeProgress, TakeReady
from daw_bridge.requests import (
    Command,
    Go,
    Request,
    SetValue,
)
from daw_bridge.session import Event, decide
from daw_bridge.session_decision import (
    Action,
    AudioRestarted,
    CancelJob,
    FreeTake,
    Moment,
    Reply,
    Submit,
    Tell,
)
from daw_bridge.session_state import new_session
from daw_bridge.timeline import gives_way
from generator.api import SAMPLE_RATE_HZ, GenerationRequest

SLOTS = 2


SETTLED_AFTER = 40


BEAT_FRAMES = SAMPLE_RATE_HZ // 2


@dataclass
class World:
    """A session with a generator and an audio process that do as they are told, one step a time."""

    frame: int = 1000
    due_frame: int = audio.NOW
    jobs: dict[int, GenerationRequest] = field(default_factory=dict)
    installed: dict[int, int] = field(default_factory=dict)
    waiting_plays: list[audio.Play] = field(default_factory=list)
    sounding: list[audio.Play] = field(default_factory=list)
    releasing: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    memory: set[str] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.state = new_session(SLOTS, entropy=1)

    def ask(self, command: Command, request_id: int = 0, client: int = 1) -> list[Action]:
        return self._turn(Request(command, client, type(command).__name__, request_id))

    def tell(self, event: Event) -> list[Action]:
        return self._turn(event)

    def _turn(self, asked: Request | Event) -> list[Action]:
        decision = decide(self.state, asked, Moment(self.frame, self.due_frame))
        self.state = decision.state
        self.actions += decision.actions
        for action in decision.actions:
            self._obey(action)
        return list(decision.actions)

    def _obey(self, action: Action) -> None:
        match action:
            case Submit(job_id, request):
                self.jobs[job_id] = request
            case CancelJob(job_id):
                self.jobs.pop(job_id, None)
                self._give_back(job_id)
            case FreeTake(name):
                self.memory.remove(name)
            case Tell(command):
                self._sound(command)

    def _sound(self, command: audio.Command) -> None:
        match command:
            case audio.InstallTake(take_id, name, frames):
                assert name in self.memory, "a take was freed before it was installed"
                self.installed[take_id] = frames
                self.events.append(audio.Installed(take_id))
            case audio.Play():
                assert command.take_id in self.installed
                place = (command.slot, command.note, command.at_frame)
                self.waiting_plays = [
                    one for one in self.waiting_plays if (one.slot, one.note, one.at_frame) != place
                ]
                self.waiting_plays.append(command)
            case audio.MovePlay(play_id, at_frame):
                self.waiting_plays = [
                    replace(one, at_frame=at_frame) if one.play_id == play_id else one
                    for one in self.waiting_plays
                ]
            case audio.StopSlot():
                self.waiting_plays = [
                    one for one in self.waiting_plays if not gives_way(one, command)
                ]
                self._end([one for one in self.sounding if gives_way(one, command)])
            case audio.Panic():
                self.waiting_plays = []
                self._end(list(self.sounding))
            case audio.ReleaseTake(take_id):
                self.releasing.add(take_id)
                self._dispose()

    def _give_back(self, job_id: int) -> None:
        """As the generator does with a part of a take that the session has not taken note of."""
        held = {take.shm_name for take in self.state.kept | self.state.released}
        self.memory -= {f"take-{job_id}"} - held

    def _end(self, plays: list[audio.Play]) -> None:
        for play in plays:
            self.sounding.remove(play)
            left = sum(one.slot == play.slot for one in self.sounding)
            ended = audio.Ended(play.slot, play.take_id, self.frame, left, play.play_id)
            self.events.append(ended)
        self._dispose()

    def _dispose(self) -> None:
        for take_id in sorted(self.releasing):
            if all(one.take_id != take_id for one in self.sounding + self.waiting_plays):
                self.releasing.remove(take_id)
                self.events.append(audio.Disposed(take_id))

    def make(self, job_id: int | None = None) -> None:
        """The generator finishes a take."""
        job_id = min(self.jobs) if job_id is None else job_id
        request = self.jobs.pop(job_id)
        if job_id not in self.begun:
            self.memory.add(f"take-{job_id}")
        self.tell(TakeProgress(job_id, 0.5))
        self.tell(TakeReady(job_id, f"take-{job_id}", request.frames, request.seed, 42.0))

    def begin(self) -> None:
        """The generator has made the first part of a take."""
        job_id = min(set(self.jobs) - self.begun)
        request = self.jobs[job_id]
        self.begun.add(job_id)
        self.memory.add(f"take-{job_id}")
        self.tell(TakeBegun(job_id, f"take-{job_id}", request.frames, request.seed))

    def fail(self, job_id: int) -> None:
        """The generator cannot make a take."""
        del self.jobs[job_id]
        self._give_back(job_id)
        self.tell(TakeFailed(job_id, Fault.GENERATOR_FAILED, "it broke"))

    def start_waiting(self) -> None:
        """The audio process reaches every frame that a play waits for."""
        for play in sorted(self.waiting_plays, key=lambda play: play.at_frame):
            self.frame = max(self.frame, play.at_frame)
            older = [one for one in self.sounding if gives_way(one, play)]
            self.sounding.append(play)
            started = audio.Started(play.slot, play.take_id, self.frame, play.play_id)
            self.events.append(started)
            self._end(older)
        self.waiting_plays = []
        self._dispose()

    def finish_oneshots(self) -> None:
        self._end([one for one in self.sounding if not (one.loop or one.repeats)])

    def deliver(self, count: int = 10**6) -> None:
        while self.events and count:
            self.tell(self.events.pop(0))
            count -= 1

    def settle(self) -> None:
        """Everything that is on its way arrives."""
        for _ in range(SETTLED_AFTER):  # a stream never ends
            if not (self.jobs or self.events or self.waiting_plays):
                break
            if self.jobs:
                self.make()
            self.start_waiting()
            self.deliver()

    def restart_audio(self) -> None:
        self.installed, self.waiting_plays, self.sounding = {}, [], []
        self.releasing, self.events = set(), []
        self.tell(AudioRestarted())

    def replies(self, address: str) -> list[tuple[Any, ...]]:
        return [
            tuple(value for _, value in action.arguments)
            for action in self.actions
            if isinstance(action, Reply) and action.address == address
        ]

    def told(self, kind: type) -> list[audio.Command]:
        found = (action.command for action in self.actions if isinstance(action, Tell))
        return [command for command in found if isinstance(command, kind)]

    def state_word(self, slot: int = 1) -> str:
        return self.state.slots[slot - 1].state


MODES = ("oneshot", "gate", "loop", "stream")


def playing(mode: str = "oneshot") -> World:
    world = World()
    world.ask(SetValue(1, "mode", mode))
    world.ask(Go(1, "pad"))
    world.settle()
    assert world.state_word() == "playing"
    return world
