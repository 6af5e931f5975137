"""Laws of the engine: what is decided is done, in order and quickly; no failure spreads."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from daw_bridge import audio_commands as audio
from daw_bridge.addresses import AddressBook
from daw_bridge.audio_output import OutputInfo
from daw_bridge.audio_records import decode
from daw_bridge.audio_status import AudioStatus
from daw_bridge.engine import Engine
from daw_bridge.engine_parts import Parts
from daw_bridge.errors import AudioError, Fault, QueueFull
from daw_bridge.file_jobs import FileEvent, FileJob
from daw_bridge.generator_events import (
    GeneratorEvent,
    GeneratorReady,
    ModelLoaded,
    ModelRefused,
    TakeReady,
)
from daw_bridge.osc import Message, TaggedValue
from daw_bridge.portaudio import Direction
from daw_bridge.requests import Request
from daw_bridge.session_history import MOST_TAKES
from daw_bridge.session_shown import SLOT_FIELDS
from daw_bridge.session_state import new_session
from daw_bridge.sounds import Sound
from generator.api import SAMPLE_RATE_HZ, GenerationRequest

LOCAL, FOREIGN = 1, 2


@dataclass
class FakeAudio:
    """An audio process that keeps what it is sent, and may be full or gone."""

    room: int = 10**6
    is_gone: bool = False
    sent: list[audio.Command] = field(default_factory=list)
    events: list[audio.Event] = field(default_factory=list)
    xruns: int = 0

    def send(self, command: audio.Command) -> None:
        if self.is_gone:
            raise AudioError("gone")
        if not self.room:
            raise QueueFull("full")
        self.room -= 1
        self.sent.append(command)

    def send_records(self, records: Sequence[bytes]) -> int:
        for sent, record in enumerate(records):
            command = decode(record)
            if self.is_gone or not self.room or not isinstance(command, audio.Command):
                return sent
            self.send(command)
        return len(records)

    def poll(self) -> list[audio.Event]:
        events, self.events = self.events, []
        return events

    def status(self) -> AudioStatus:
        return AudioStatus(callbacks=1, clock_monotonic_s=time.monotonic(), xruns=self.xruns)


@dataclass
class FakeGenerator:
    """A generator that makes a take of one second at once."""

    events: list[GeneratorEvent] = field(default_factory=list)
    warmed: int = 0

    def submit(
        self, request_id: int, request: GenerationRequest, sound: Sound | None = None
    ) -> None:
        del sound
        name = f"take-{request_id}"
        self.events.append(TakeReady(request_id, name, request.frames, request.seed, 25.0))

    def cancel(self, request_id: int) -> None:
        self.events = []

    def known_models(self) -> tuple[str, ...]:
        return ("house", "tone")

    def keep_warm(self) -> None:
        self.warmed += 1

    def try_model(self, job_id: int, model: str) -> None:
        if model == "good":
            self.events.append(ModelLoaded(job_id, "good", "Good", 5.0))
        elif model == "bad":
            self.events.append(ModelRefused(job_id, "It is bad."))

    def leave_model(self, job_id: int) -> None:
        self.events = []

    def poll(self) -> list[GeneratorEvent]:
        events, self.events = self.events, []
        return events


@dataclass
class FakeFiles:
    """A file thread that keeps what is handed in."""

    jobs: dict[int, FileJob] = field(default_factory=dict)
    events: list[FileEvent] = field(default_factory=list)
    model: str = "tone"

    def submit(self, job_id: int, job: FileJob) -> None:
        self.jobs[job_id] = job

    def poll(self) -> list[FileEvent]:
        events, self.events = self.events, []
        return events


@dataclass
class FakeOutputs:
    """Somebody who opens outputs, and keeps what is wished for."""

    wishes: list[tuple[object, ...]] = field(default_factory=list)

    def open(self, job_id: int, output: str, hostapi: str, buffer_frames: int) -> None:
        self.wishes.append((job_id, output, hostapi, buffer_frames))

    def list_devices(self, job_id: int, direction: Direction) -> None:
        self.wishes.append((job_id, direction))


@dataclass
class FakeInputs:
    """Somebody who opens inputs, and keeps what is wished for."""

    wishes: list[tuple[object, ...]] = field(default_factory=list)
    incoming: AudioStatus | None = None

    def open(self, job_id: int, name: str, hostapi: str) -> None:
        self.wishes.append((job_id, name, hostapi))

    def status(self) -> AudioStatus | None:
        return self.incoming


@dataclass
class FakeOsc:
    """An OSC server that keeps what is said."""

    said: list[tuple[str, list[object]]] = field(default_factory=list)

    def is_local(self, client_id: int) -> bool:
        return client_id == LOCAL

    def send(self, client_id: int, address: str, arguments: Sequence[TaggedValue]) -> None:
        self.said.append((address, [value for _, value in arguments]))

    def send_many(
        self, client_id: int, messages: Sequence[tuple[str, Sequence[TaggedValue]]]
    ) -> None:
        for address, arguments in messages:
            self.send(client_id, address, arguments)

    def show_many(self, values: Sequence[tuple[str, Sequence[TaggedValue]]]) -> None:
        self.send_many(0, values)

    def push(self, address: str, arguments: Sequence[TaggedValue]) -> None:
        self.send(0, address, arguments)

    stream = push


class Stage:
    def __init__(self, slots: int = 4) -> None:
        self.audio, self.generator, self.osc = FakeAudio(), FakeGenerator(), FakeOsc()
        self.files = FakeFiles()
        self.freed: list[str] = []
        self.ends = 0
        self.book = AddressBook("/gen", slots)
        self.outputs = FakeOutputs()
        self.inputs = FakeInputs()
        world = (self.audio, self.generator, self.files, self.outputs, self.inputs, self.osc)
        parts = Parts(*world, self.freed.append, self._end)
        self.engine = Engine(new_session(slots, entropy=0), self.book, parts)

    def _end(self) -> None:
        self.ends += 1

    def send(
        self,
        address: str,
        *arguments: TaggedValue,
        client: int = LOCAL,
        due_s: float | None = None,
    ) -> None:
        self.engine.obey([self.request(address, *arguments, client=client)], due_s)

    def request(self, address: str, *arguments: TaggedValue, client: int = LOCAL) -> Request:
        (request,) = self.book.resolve(Message(address, arguments), client)
        assert isinstance(request, Request)
        return request

    def answers(self, address: str) -> list[list[object]]:
        return [arguments for said, arguments in self.osc.said if said == address]


def test_go_reaches_the_audio_process_and_the_asker() -> None:
    stage = Stage()
    stage.send("/gen/slot/1/go", ("s", "kick"), ("i", 5))
    stage.engine.hear_generator()
    install, play = stage.audio.sent
    assert install == audio.InstallTake(1, "take-1", 2 * SAMPLE_RATE_HZ)
    assert isinstance(play, audio.Play)
    stage.audio.events = [audio.Installed(1)]
    stage.engine.hear_audio()
    assert stage.answers("/done") == [["/gen/slot/1/go", 0, 1, 5, 25.0, 2.0]]


def test_a_play_takes_far_less_than_half_a_millisecond() -> None:
    stage = Stage()
    stage.send("/gen/slot/1/generate", ("s", "kick"))
    stage.engine.hear_generator()
    times_ms = []
    for _ in range(300):
        begun_s = time.perf_counter()
        stage.send("/gen/slot/1/play")
        times_ms.append(1000.0 * (time.perf_counter() - begun_s))
    assert statistics.median(times_ms) < 0.5


@pytest.mark.parametrize("begins", [False, True])
@pytest.mark.parametrize("room", [0, 10**6])
def test_hits_sound_and_are_told_the_same_whether_they_were_thought_ahead_or_not(
    begins: bool, room: int
) -> None:
    """Also where they have begun before they are obeyed, and where the ring is full."""
    stages = [Stage(), Stage()]
    for stage in stages:
        stage.send("/gen/slot/1/generate", ("s", "kick"), ("i", 3))
        stage.engine.hear_generator()
        stage.audio.events = [audio.Installed(1)]
        stage.engine.hear_audio()
        for velocity in (1.0, 0.5, 1.0, 1.0, 0.5):
            if stage is stages[0]:
                for _ in range(3):
                    stage.engine.time_goes_on()
                stage.audio.room = room
                if begins:
                    stage.engine.begin(stage.request("/gen/slot/1/play", ("f", velocity)))
            stage.send("/gen/slot/1/play", ("f", velocity))
            stage.audio.room = 10**6
            stage.engine.hear_audio()
            (*_, play) = stage.audio.sent
            assert isinstance(play, audio.Play)
            stage.audio.events = [audio.Started(1, 1, 0, play.play_id)]
            stage.engine.hear_audio()
    ahead, anew = stages
    assert ahead.audio.sent == anew.audio.sent
    assert ahead.osc.said == anew.osc.said
    assert ahead.engine.state.slots == anew.engine.state.slots


def test_a_hit_that_was_foreseen_is_sent_before_it_is_obeyed() -> None:
    stage = Stage()
    stage.send("/gen/slot/1/generate", ("s", "kick"))
    stage.engine.hear_generator()
    hit = stage.request("/gen/slot/1/play")
    stage.engine.begin(hit)
    assert not any(isinstance(one, audio.Play) for one in stage.audio.sent)
    stage.engine.obey([hit], None)
    for _ in range(3):
        stage.engine.time_goes_on()
    sent = len(stage.audio.sent)
    stage.engine.begin(hit)
    assert len(stage.audio.sent) > sent
    assert isinstance(stage.audio.sent[-1], audio.Play)
    sent = len(stage.audio.sent)
    stage.engine.obey([hit], None)
    assert len(stage.audio.sent) == sent


def test_commands_that_find_no_room_are_sent_later_in_order() -> None:
    stage = Stage()
    stage.audio.room = 1
    for gain_db in (-1.0, -2.0, -3.0):
        stage.send("/gen/master/gain", ("f", gain_db))
    assert len(stage.audio.sent) == 1
    stage.audio.room = 1
    stage.engine.hear_audio()
    stage.audio.room = 10
    stage.send("/gen/master/gain", ("f", -4.0))
    stage.engine.hear_audio()
    gains = [one.gain_db for one in stage.audio.sent if isinstance(one, audio.SetMasterGain)]
    assert gains == [-1.0, -2.0, -3.0, -4.0]


def test_an_audio_process_that_is_gone_stops_nothing() -> None:
    stage = Stage()
    stage.audio.is_gone = True
    stage.send("/gen/master/gain", ("f", -1.0))
    assert stage.answers("/gen/master/gain") == [[-1.0]]


def test_a_new_audio_process_is_told_everything_and_nothing_goes_to_the_old_one() -> None:
    stage = Stage()
    stage.send("/gen/slot/1/mode", ("s", "loop"))
    stage.send("/gen/slot/1/go", ("s", "loop"))
    stage.engine.hear_generator()
    (play,) = (one for one in stage.audio.sent if isinstance(one, audio.Play))
    stage.audio.events = [audio.Installed(1), audio.Started(1, 1, 0, play.play_id)]
    stage.engine.hear_audio()
    stage.audio.xruns = 3
    stage.engine.look_at_audio()
    stage.engine.audio_is_restarting()
    stage.audio.sent.clear()
    stage.send("/gen/slot/2/gain", ("f", -6.0))
    assert stage.audio.sent == []
    stage.audio.xruns = 2
    stage.engine.audio_has_restarted()
    stage.engine.look_at_audio()
    assert [type(one).__name__ for one in stage.audio.sent] == [
        "SetMasterGain",
        "SetSlotGain",
        "InstallTake",
        "Play",
    ]
    stage.send("/gen/xruns")
    assert stage.answers("/gen/xruns")[-1] == [5]


def test_the_generator_is_kept_warm_while_something_sounds() -> None:
    stage = Stage()
    stage.engine.keep_warm()
    assert stage.generator.warmed == 0
    stage.send("/gen/slot/1/mode", ("s", "loop"))
    stage.send("/gen/slot/1/go", ("s", "loop"))
    stage.engine.hear_generator()
    (play,) = (one for one in stage.audio.sent if isinstance(one, audio.Play))
    stage.audio.events = [audio.Installed(1), audio.Started(1, 1, 0, play.play_id)]
    stage.engine.hear_audio()
    stage.engine.keep_warm()
    assert stage.generator.warmed == 1
    stage.audio.events = [audio.Ended(1, 1, 0, 0, play.play_id)]
    stage.engine.hear_audio()
    stage.engine.keep_warm()
    assert stage.generator.warmed == 1


def test_status_version_and_refresh() -> None:
    stage = Stage()
    stage.generator.events = [GeneratorReady("tone", 12.0)]
    stage.engine.hear_generator()
    stage.engine.output_opened(OutputInfo("null", "silent clock", 256, 0.0))
    stage.send("/gen/status")
    (status,) = stage.answers("/gen/status.reply")
    assert len(status) == 11
    assert status[7:10] == ["tone", "null", SAMPLE_RATE_HZ]
    stage.send("/gen/version")
    assert stage.answers("/gen/version.reply")[0][0] == "daw-bridge"
    stage.osc.said.clear()
    stage.send("/gen/refresh", ("s", "/gen/slot/2"))
    addresses = [address for address, _ in stage.osc.said]
    assert addresses.pop() == "/done"
    assert len(addresses) == len(set(addresses)) == len(SLOT_FIELDS)
    assert all(address.startswith("/gen/slot/2/") for address in addresses)


def test_a_prefix_ends_where_a_part_of_an_address_ends() -> None:
    stage = Stage(slots=11)
    stage.send("/gen/refresh", ("s", "/gen/slot/1"))
    addresses = [address for address, _ in stage.osc.said[:-1]]
    assert len(addresses) == len(SLOT_FIELDS)
    assert all(address.startswith("/gen/slot/1/") for address in addresses)
    stage.osc.said.clear()
    stage.send("/gen/refresh", ("s", "/gen/slot/1/gain"))
    assert [address for address, _ in stage.osc.said] == ["/gen/slot/1/gain", "/done"]


def test_what_is_due_at_one_moment_is_due_at_one_frame_though_the_clock_is_corrected() -> None:
    stage = Stage()
    due_s = time.monotonic() + 1.0
    for _ in range(20):  # the stand-in's clock begins anew whenever it is read
        stage.send("/gen/master/gain", ("f", -1.0), due_s=due_s)
        time.sleep(0.0002)
    assert (
        len({one.at_frame for one in stage.audio.sent if isinstance(one, audio.SetMasterGain)}) == 1
    )


def test_only_this_machine_may_end_the_daemon() -> None:
    stage = Stage()
    stage.send("/gen/quit", client=FOREIGN)
    assert stage.ends == 0
    assert stage.answers("/fail")[0][2] == Fault.FORBIDDEN
    stage.send("/gen/quit")
    assert stage.ends == 1
    assert len(stage.answers("/done")) == 1


def test_memory_is_given_back_when_the_audio_process_lets_go() -> None:
    stage = Stage()
    for _ in range(MOST_TAKES + 1):
        stage.send("/gen/slot/1/generate", ("s", "kick"))
        stage.engine.hear_generator()
    assert audio.ReleaseTake(1) in stage.audio.sent
    assert stage.freed == []
    assert len(stage.engine.take_names()) == MOST_TAKES + 1
    stage.audio.events = [audio.Disposed(1)]
    stage.engine.hear_audio()
    assert stage.freed == ["take-1"]


def test_another_model_is_loaded_named_and_shown() -> None:
    stage = Stage()
    stage.generator.events = [GeneratorReady("tone", 12.0)]
    stage.engine.hear_generator()
    assert stage.answers("/gen/model") == [["tone"]]
    stage.send("/gen/model/list")
    assert stage.answers("/gen/model/list") == [["house", "tone"]]
    stage.send("/gen/model/load", ("s", "good"))
    stage.engine.hear_generator()
    assert stage.answers("/done")[-1] == ["/gen/model/load", 0, "Good", 5.0]
    assert stage.answers("/gen/model")[-1] == ["Good"]
    assert stage.files.model == "good"


def test_a_model_that_is_refused_changes_nothing() -> None:
    stage = Stage()
    before = stage.engine.state
    stage.send("/gen/model/load", ("s", "bad"))
    stage.engine.hear_generator()
    assert stage.answers("/fail") == [["/gen/model/load", 0, Fault.BAD_VALUE, "It is bad."]]
    assert replace(stage.engine.state, last_id=before.last_id) == before
    assert stage.files.model == "tone"


def test_the_newest_model_wins_and_cancel_answers() -> None:
    stage = Stage()
    for name in ("slow", "slower"):
        stage.send("/gen/model/load", ("s", name))
    stage.send("/gen/sync", ("i", 3))
    assert stage.answers("/synced") == []
    stage.send("/gen/model/cancel")
    codes = [answer[2] for answer in stage.answers("/fail")]
    assert codes == [Fault.SUPERSEDED, Fault.CANCELLED]
    assert stage.answers("/synced") == [[3]]
    stage.send("/gen/model/cancel")
    assert len(stage.answers("/fail")) == 2


def test_only_this_machine_names_folders() -> None:
    stage = Stage()
    stage.send("/gen/model/load", ("s", "/home/me/model"), client=LOCAL + 1)
    assert stage.answers("/fail")[-1][2] == Fault.FORBIDDEN
    stage.send("/gen/model/load", ("s", "house"), client=LOCAL + 1)
    assert stage.engine.state.model_job is not None


def test_what_comes_in_is_metered_while_there_is_an_input() -> None:
    stage = Stage()
    stage.engine.show_meters()
    assert stage.answers("/gen/input/meter") == []
    stage.inputs.incoming = AudioStatus(levels=(1.0, 0.1, 0.5, 0.05))
    stage.engine.show_meters()
    ((left, right, *_),) = stage.answers("/gen/input/meter")
    assert (left, right) == (0.0, -20.0)


def test_another_input_is_wished_for_and_listed() -> None:
    stage = Stage()
    stage.send("/gen/input", ("s", "Micro"))
    stage.send("/gen/input/list")
    assert [wish[1:] for wish in stage.inputs.wishes] == [("Micro", "")]
    assert [wish[1:] for wish in stage.outputs.wishes] == [(Direction.INPUT,)]
