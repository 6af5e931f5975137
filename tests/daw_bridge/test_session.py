"""Laws of the musical rules, proved on a small honest world that answers what is asked of it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.commands import COMMANDS
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeBegun, TakeFailed, TakeProgress, TakeReady
from daw_bridge.requests import (
    Cancel,
    Command,
    Generate,
    GetValue,
    Go,
    Inpaint,
    NextTake,
    NoteOff,
    NoteOn,
    Panic,
    Play,
    PreviousTake,
    Request,
    SetValue,
    Stop,
    Sync,
)
from daw_bridge.session import Event, decide
from daw_bridge.session_decision import (
    Action,
    AudioRestarted,
    CancelJob,
    FreeTake,
    Moment,
    Reply,
    Show,
    Submit,
    Tell,
    XrunsCounted,
)
from daw_bridge.session_shown import value_of
from daw_bridge.session_state import new_session
from daw_bridge.table_rows import Access
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


STEPS = st.sampled_from(
    [
        *["make"] * 3,
        *["begin"] * 2,
        *["start"] * 2,
        *["deliver"] * 2,
        "one-event",
        "finish",
        "fail",
        "restart",
        "later",
    ]
)
MODES = ("oneshot", "gate", "loop", "stream")
KEYS_PRESSED = st.sampled_from([36, 60, 64])
CHANNELS = st.sampled_from([1, 2, 10, 16])
SLOT_NUMBERS = st.integers(1, SLOTS)
COMMANDS_ASKED = st.one_of(
    st.builds(Generate, SLOT_NUMBERS, st.sampled_from([None, "kick", ""]), st.none()),
    st.builds(Go, SLOT_NUMBERS, st.sampled_from(["pad", "lead", " "]), st.sampled_from([None, 7])),
    st.builds(Go, st.just(1), st.just("bass")),
    st.builds(Play, st.just(1), st.just(0.5)),
    st.builds(Play, SLOT_NUMBERS, st.just(1.0)),
    st.builds(Stop, SLOT_NUMBERS, st.just(10.0)),
    st.builds(Cancel, SLOT_NUMBERS),
    st.builds(NextTake, SLOT_NUMBERS),
    st.builds(PreviousTake, SLOT_NUMBERS),
    st.builds(SetValue, SLOT_NUMBERS, st.just("is_kept"), st.booleans()),
    st.builds(SetValue, SLOT_NUMBERS, st.just("take"), st.integers(1, 4)),
    st.builds(SetValue, SLOT_NUMBERS, st.just("fresh"), st.booleans()),
    st.builds(SetValue, SLOT_NUMBERS, st.just("prompt"), st.sampled_from(["", "wind", "rain"])),
    st.builds(SetValue, SLOT_NUMBERS, st.just("bars"), st.sampled_from([0, 1])),
    st.builds(Inpaint, SLOT_NUMBERS, st.just(0.25), st.sampled_from([0.5, 30.0])),
    st.just(Panic()),
    st.builds(Sync, st.integers(0, 99)),
    st.builds(SetValue, SLOT_NUMBERS, st.just("mode"), st.sampled_from(MODES)),
    st.builds(Play, SLOT_NUMBERS, st.just(0.0)),
    st.builds(NoteOn, KEYS_PRESSED, st.sampled_from([0, 64, 127]), CHANNELS),
    st.builds(NoteOff, KEYS_PRESSED, st.just(0), CHANNELS),
    st.builds(SetValue, SLOT_NUMBERS, st.sampled_from(["mute", "solo"]), st.booleans()),
    st.builds(SetValue, st.just(0), st.just("quantize"), st.sampled_from(["none", "bar"])),
)


def play_through(script: list[str | Command]) -> World:  # noqa: C901 - one case a step
    world, request_id = World(), 0
    for step in script:
        match step:
            case "make" if world.jobs:
                world.make()
            case "begin" if set(world.jobs) - world.begun:
                world.begin()
            case "fail" if world.jobs:
                job_id = min(world.jobs)
                world.fail(job_id)
            case "start":
                world.start_waiting()
            case "finish":
                world.finish_oneshots()
            case "one-event":
                world.deliver(1)
            case "deliver":
                world.deliver()
            case "restart":
                world.restart_audio()
            case "later":
                world.frame += 20_000
            case str():
                pass
            case command:
                request_id += 1
                world.ask(command, request_id)
    return world


# Not `STEPS | COMMANDS_ASKED`: that would make every kind of command as frequent as all steps.
SCRIPTS = st.lists(
    st.booleans().flatmap(lambda is_step: STEPS if is_step else COMMANDS_ASKED),
    min_size=8,
    max_size=60,
)


@given(SCRIPTS)
@settings(max_examples=300)
def test_every_request_is_answered_exactly_once(script: list[str | Command]) -> None:
    world = play_through(script)
    world.settle()
    asked = [step for step in script if not isinstance(step, str)]
    answered = sorted(
        [one[1] for one in world.replies("/done")] + [one[1] for one in world.replies("/fail")]
    )
    expected = [n for n, command in enumerate(asked, 1) if not isinstance(command, Sync)]
    assert answered == expected
    numbers = sorted(command.number for command in asked if isinstance(command, Sync))
    assert sorted(one[0] for one in world.replies("/synced")) == numbers


@given(SCRIPTS)
@settings(max_examples=300)
def test_memory_is_freed_exactly_when_no_slot_needs_it(script: list[str | Command]) -> None:
    world = play_through(script)
    world.settle()
    state = world.state
    assert world.memory == {take.shm_name for take in state.kept | state.released}
    assert state.kept <= state.takes <= state.kept | state.released
    assert {take.take_id for take in state.released} == world.releasing
    assert world.releasing <= {play.take_id for play in world.sounding}


@given(SCRIPTS)
@settings(max_examples=300)
def test_panic_reaches_silence_from_every_state(script: list[str | Command]) -> None:
    world = play_through(script)
    world.ask(Panic(), request_id=10**6)
    world.settle()
    assert world.sounding == []
    assert {slot.voices for slot in world.state.slots} == {()}
    assert ("Panic", 10**6) in world.replies("/done")


@given(SCRIPTS)
@settings(max_examples=200)
def test_the_world_and_the_session_agree_on_what_sounds(script: list[str | Command]) -> None:
    world = play_through(script)
    world.settle()
    heard = sorted((play.slot, play.take_id) for play in world.sounding)
    known = [
        (number, voice.take.take_id)
        for number, slot in enumerate(world.state.slots, 1)
        for voice in slot.voices
    ]
    assert sorted(known) == heard


@given(SCRIPTS)
def test_feedback_alone_tells_every_value(script: list[str | Command]) -> None:
    world = play_through(script)
    shown = {
        (action.slot, action.field): action.value
        for action in world.actions
        if isinstance(action, Show)
    }
    for (slot, name), value in shown.items():
        assert value_of(world.state, slot, name) == value


@pytest.mark.parametrize(
    "command", [Go(1, ""), Go(1, " \n"), Generate(1), Play(1, 1.0), Generate(1, "x" * 2001)]
)
def test_a_refused_command_changes_nothing(command: Command) -> None:
    world = World()
    before = world.state
    (reply,) = world.ask(command, request_id=5)
    assert world.state == before
    assert isinstance(reply, Reply)
    assert reply.address == "/fail"
    assert len(str(reply.arguments[3][1])) > 20


def test_every_value_of_the_table_is_shown() -> None:
    state = new_session(1, entropy=0)
    of_the_machine = {"/device", "/device/buffer", "/device/latency"}
    for row in COMMANDS:
        if row.access in (Access.VALUE, Access.READ) and row.path not in of_the_machine:
            defaults = tuple(argument.default for argument in row.arguments)
            shown = value_of(state, int(row.has_slot), row.field)
            assert shown == (defaults if len(defaults) > 1 else defaults[0]), row.path


def test_go_generates_then_plays_and_tells_how() -> None:
    world = World()
    world.ask(Go(2, "deep kick", 7), request_id=9)
    assert world.state_word(2) == "queued"
    world.make()
    assert world.state_word(2) == "armed"
    world.start_waiting()
    world.deliver()
    assert world.state_word(2) == "playing"
    assert world.replies("/progress") == [("Go", 9, 0.5)]
    assert world.replies("/done") == [("Go", 9, 1, 7, 42.0, 2.0)]
    world.finish_oneshots()
    world.deliver()
    assert world.state_word(2) == "ready"


def test_the_newest_request_of_a_slot_wins() -> None:
    world = World()
    world.ask(Go(1, "old"), request_id=1)
    world.ask(Go(1, "new"), request_id=2)
    assert [request.prompt for request in world.jobs.values()] == ["new"]
    assert world.replies("/fail")[0][:3] == ("Go", 1, int(Fault.SUPERSEDED))
    world.settle()
    assert len(world.told(audio.Play)) == 1


def test_a_take_that_nobody_wants_any_more_is_freed() -> None:
    world = World()
    world.ask(Generate(1, "kick"))
    late = dict(world.jobs)
    world.ask(Cancel(1))
    world.jobs = late
    world.make()
    assert world.memory == set()
    assert world.state_word() == "empty"


@pytest.mark.parametrize(
    ("quantize", "step_frames"), [("beat", BEAT_FRAMES), ("bar", 4 * BEAT_FRAMES)]
)
def test_a_play_takes_effect_at_the_quantise_point(quantize: str, step_frames: int) -> None:
    world = World()
    world.ask(Generate(1, "kick"))
    world.settle()
    world.ask(SetValue(0, "quantize", quantize))
    world.ask(Play(1, 0.5))
    (play,) = world.told(audio.Play)
    assert isinstance(play, audio.Play)
    assert (play.at_frame, play.velocity) == (step_frames, 0.5)


def test_a_bundle_plays_at_its_own_frame() -> None:
    world = World()
    world.ask(Generate(1, "kick"))
    world.settle()
    world.due_frame = 5_000
    world.ask(Play(1, 1.0))
    (play,) = world.told(audio.Play)
    assert isinstance(play, audio.Play)
    assert play.at_frame == 5_000


def test_random_seeds_differ_and_are_shown() -> None:
    world = World()
    seeds = set()
    for _ in range(5):
        world.ask(Generate(1, "kick"))
        world.settle()
        seeds.add(value_of(world.state, 1, "seed"))
    assert len(seeds) == 5
    assert world.state.slots[0].seed == -1


def test_bars_are_exact_and_follow_the_tempo() -> None:
    world = World()
    world.ask(SetValue(0, "tempo_bpm", 100.0))
    world.ask(SetValue(1, "bars", 2))
    world.ask(Generate(1, "drum loop"))
    (request,) = world.jobs.values()
    assert request.frames == 2 * 4 * 60 * SAMPLE_RATE_HZ // 100


def test_stop_takes_the_play_out_of_a_go() -> None:
    world = World()
    world.ask(Go(1, "pad"), request_id=3)
    world.ask(Stop(1, 10.0))
    world.settle()
    assert world.told(audio.Play) == []
    assert world.replies("/done")[0][:2] == ("Go", 3)
    assert world.state_word() == "ready"


def test_play_waits_for_the_first_take() -> None:
    world = World()
    world.ask(Generate(1, "pad"))
    world.ask(Play(1, 0.25), request_id=4)
    world.settle()
    (play,) = world.told(audio.Play)
    assert isinstance(play, audio.Play)
    assert play.velocity == 0.25
    assert ("Play", 4) in world.replies("/done")


def test_sync_waits_for_what_was_asked_before_and_for_nothing_after() -> None:
    world = World()
    world.ask(Generate(1, "pad"))
    world.ask(Sync(5))
    world.ask(Generate(2, "pad"))
    assert world.replies("/synced") == []
    world.make()
    world.deliver()
    assert world.replies("/synced") == [(5,)]
    world.ask(Cancel(2))
    world.ask(Sync(6))
    assert world.replies("/synced") == [(5,), (6,)]


def test_loops_go_on_in_a_new_audio_process_and_gains_with_them() -> None:
    world = World()
    world.ask(SetValue(1, "mode", "loop"))
    world.ask(SetValue(1, "gain_db", -6.0))
    world.ask(SetValue(0, "master_gain_db", -3.0))
    world.ask(Go(1, "drum loop"))
    world.settle()
    world.actions.clear()
    world.restart_audio()
    world.settle()
    assert [type(one).__name__ for one in world.told(object)] == [
        "SetMasterGain",
        "SetSlotGain",
        "InstallTake",
        "Play",
    ]
    assert world.state_word() == "playing"


def test_xruns_count_from_the_last_reset() -> None:
    world = World()
    world.tell(XrunsCounted(7))
    assert value_of(world.state, 0, "xruns") == 7
    world.ask(SetValue(0, "xruns", 0))
    world.tell(XrunsCounted(9))
    assert value_of(world.state, 0, "xruns") == 2


def test_asking_for_a_value_tells_only_the_one_who_asked() -> None:
    world = World()
    assert world.ask(GetValue(1, "gain_db"), client=8) == [Show(1, "gain_db", 0.0, 8)]
    assert replace(world.state) == world.state


def test_a_gate_ends_when_it_is_let_go_and_a_oneshot_does_not() -> None:
    for mode, stops in (("gate", 1), ("oneshot", 0)):
        world = playing(mode)
        world.ask(Play(1, 0.0), request_id=4)
        assert len(world.told(audio.StopSlot)) == stops
        assert ("Play", 4) in world.replies("/done")


def test_a_note_plays_the_slot_of_its_channel_around_the_root() -> None:
    world = playing()
    world.ask(SetValue(1, "root", 48))
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(NoteOn(60, 127, 1))
    play = world.told(audio.Play)[-1]
    assert isinstance(play, audio.Play)
    assert (play.slot, play.speed, play.velocity, play.at_frame) == (1, 2.0, 1.0, audio.NOW)


def test_drums_play_a_slot_for_each_key_as_it_is() -> None:
    world = playing()
    world.ask(NoteOn(36, 64, 10))
    play = world.told(audio.Play)[-1]
    assert isinstance(play, audio.Play)
    assert (play.slot, play.speed, play.note) == (1, 1.0, -1)


@pytest.mark.parametrize("mode", MODES)
def test_a_key_let_go_ends_its_note_and_no_other(mode: str) -> None:
    world = playing(mode)
    world.ask(NoteOn(60, 100, 1))
    world.ask(NoteOn(64, 100, 1))
    world.settle()
    world.ask(NoteOff(60, 0, 1))
    held = {play.note for play in world.sounding}
    assert (60 in held, 64 in held) == (mode == "oneshot", True)


def test_a_note_without_a_slot_is_refused_in_words() -> None:
    world = World()
    world.ask(NoteOn(60, 100, 16), request_id=3)
    ((*_, text),) = world.replies("/fail")
    assert "channels 1 to 2" in text


def test_a_loop_takes_over_with_its_first_beat_on_the_point() -> None:
    world = playing("loop")
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(SetValue(1, "crossfade_ms", 100.0))
    world.ask(Go(1, "other"))
    world.make()
    play = world.told(audio.Play)[-1]
    assert isinstance(play, audio.Play)
    point = 4 * BEAT_FRAMES
    assert play.at_frame == point - 4410
    assert play.offset_frames + 4410 == 2 * SAMPLE_RATE_HZ  # the take's end, and then its start


def test_the_end_of_a_loop_is_a_point_and_a_bar_where_nothing_loops() -> None:
    world = playing("loop")
    world.ask(SetValue(0, "quantize", "loop"))
    (voice,) = world.state.slots[0].voices
    world.frame = voice.start_frame + 3 * voice.take.frames + 1
    world.ask(Play(1, 1.0))
    play = world.told(audio.Play)[-1]
    assert isinstance(play, audio.Play)
    lead = voice.take.frames - play.offset_frames
    assert play.at_frame + lead == voice.start_frame + 4 * voice.take.frames
    world.ask(Generate(2, "kick"))
    world.settle()
    world.ask(Play(2, 1.0))
    play = world.told(audio.Play)[-1]
    assert isinstance(play, audio.Play)
    assert play.at_frame % (4 * BEAT_FRAMES) == 0


def playing(mode: str = "oneshot") -> World:
    world = World()
    world.ask(SetValue(1, "mode", mode))
    world.ask(Go(1, "pad"))
    world.settle()
    assert world.state_word() == "playing"
    return world


def test_a_oneshot_is_over_when_the_audio_process_is_another() -> None:
    world = playing()
    world.restart_audio()
    world.settle()
    assert world.state_word() == "ready"


def test_panic_is_answered_when_it_is_silent_and_not_before() -> None:
    world = playing("loop")
    world.ask(Panic(), request_id=4)
    assert world.state_word() == "fading"
    assert ("Panic", 4) not in world.replies("/done")
    world.deliver()
    assert ("Panic", 4) in world.replies("/done")


def test_a_slot_that_fades_plays_again_when_a_new_voice_starts() -> None:
    world = playing("loop")
    world.ask(Stop(1, 5_000.0))
    world.events.clear()  # the long fade has not ended
    world.ask(Play(1, 1.0))
    world.start_waiting()
    world.tell(world.events.pop(0))
    assert world.state_word() == "playing"


def test_a_silent_slot_has_no_voices_even_if_an_event_was_lost() -> None:
    world = playing("loop")
    world.ask(Play(1, 1.0))
    world.start_waiting()
    world.deliver()
    world.tell(audio.Ended(1, 99, world.frame, sounding=0, play_id=-1))
    assert world.state_word() == "ready"


def test_a_panic_in_a_bundle_silences_at_the_bundles_time() -> None:
    world = playing("loop")
    world.due_frame = 5_000
    actions = world.ask(Panic())
    assert Tell(audio.Panic(5_000)) in actions


def test_a_numbered_set_is_answered_with_the_value_even_if_nothing_changed() -> None:
    world = World()
    for request_id in (5, 6):
        actions = world.ask(SetValue(1, "bars", 2), request_id, client=8)
        assert Show(1, "bars", 2, 8) in actions
    assert world.replies("/done") == [("SetValue", 5), ("SetValue", 6)]


def test_a_take_plays_before_it_is_whole_and_is_answered_when_it_is() -> None:
    world = World()
    world.ask(Go(1, "pad"), request_id=5)
    world.begin()
    world.deliver()
    world.start_waiting()
    world.deliver()
    assert world.state_word() == "playing"
    assert world.replies("/done") == []
    world.make()
    assert [one[1] for one in world.replies("/done")] == [5]
    assert world.memory == {"take-1"} or len(world.memory) == 1


@pytest.mark.parametrize("command", [Cancel(1), Go(1, "other")])
def test_what_was_begun_may_be_cancelled(command: Command) -> None:
    """It goes on to sound as far as it was made; the slot has no take that is cut short."""
    world = World()
    world.ask(Go(1, "pad"), request_id=5)
    world.begin()
    world.start_waiting()
    world.deliver()
    world.ask(command)
    assert [one[1] for one in world.replies("/fail")] == [5]
    assert world.sounding
    assert world.state.slots[0].take is None
    world.finish_oneshots()
    world.deliver()
    world.settle()
    assert world.memory == {take.shm_name for take in world.state.takes}


def test_a_take_that_breaks_off_is_told_and_forgotten() -> None:
    world = World()
    world.ask(Go(1, "pad"), request_id=5)
    world.begin()
    (job_id,) = world.jobs
    world.jobs.clear()
    world.tell(TakeFailed(job_id, Fault.GENERATOR_FAILED, "it broke"))
    world.settle()
    assert [one[1] for one in world.replies("/fail")] == [5]
    world.finish_oneshots()
    world.settle()
    assert world.state_word() == "error"
    assert world.memory == set()
