"""Laws of takes from the input: what has just come in, on the bar, once for each that is asked."""

from dataclasses import dataclass, field

import pytest

from daw_bridge.errors import Fault
from daw_bridge.file_jobs import FileFailed, HearInput, SoundRead
from daw_bridge.output_events import (
    Device,
    DevicesListed,
    InputOpened,
    OutputOpened,
    OutputRefused,
)
from daw_bridge.portaudio import DeviceInfo, Direction
from daw_bridge.requests import AskInputs, Generate, Go, SetValue, Sync
from daw_bridge.session_decision import Action, DoFiles, ListDevices, OpenInput, Submit
from daw_bridge.session_fresh import SPARES
from daw_bridge.session_shown import value_of
from daw_bridge.session_slot import Take
from daw_bridge.sounds import Sound
from generator.api import SAMPLE_RATE_HZ
from tests.daw_bridge.session_world import World

MICROPHONE = Device("Microphone", "ALSA", latency_ms=12.0)


@dataclass
class Booth(World):
    """A world with an input, at which every moment is another sound."""

    wanted: dict[int, HearInput] = field(default_factory=dict)

    def _obey(self, action: Action) -> None:
        if isinstance(action, DoFiles) and isinstance(action.job, HearInput):
            self.wanted[action.job_id] = action.job
        elif isinstance(action, Submit) and action.sound is not None:
            assert action.sound.shm_name in self.memory, "a sound was freed before it was heard"
        super()._obey(action)

    def hear(self) -> Sound:
        """The file thread copies what came in."""
        job_id = min(self.wanted)
        frames = self.wanted.pop(job_id).frames
        sound = Sound(f"{job_id:032}", f"sound-{job_id}", frames)
        self.memory.add(sound.shm_name)
        self.tell(SoundRead(job_id, sound))
        return sound

    @property
    def sounds_kept(self) -> list[str]:
        return [name for name in self.memory if name.startswith("sound-")]


def booth() -> Booth:
    """A world whose input is open, and whose first slot begins from it."""
    world = Booth()
    world.tell(InputOpened(MICROPHONE))
    world.ask(SetValue(1, "init", "input"))
    world.actions.clear()
    return world


def source_of(world: Booth) -> str:
    (request,) = world.jobs.values()
    assert request.base is not None
    return request.base.source


def spares_of(world: Booth) -> tuple[Take, ...]:
    return world.state.slots[0].spares


def test_a_take_begins_from_what_has_just_come_in() -> None:
    world = booth()
    world.ask(SetValue(1, "duration_s", 1.5))
    world.ask(SetValue(1, "init_strength", 0.75))
    world.ask(Generate(1, "boom", 5))
    world.ask(Sync(9))
    (job,) = world.wanted.values()
    assert job == HearInput(round(1.5 * SAMPLE_RATE_HZ), None)
    assert not world.jobs
    sound = world.hear()
    assert source_of(world) == sound.identity
    (request,) = world.jobs.values()
    assert request.base is not None
    assert request.base.change == 0.25
    assert not world.replies("/synced")
    world.settle()
    assert world.replies("/synced") == [(9,)]


def test_every_take_that_is_asked_for_begins_from_another_moment() -> None:
    world = booth()
    heard = []
    for _ in range(3):
        world.ask(Go(1, "boom", 5))
        heard.append(world.hear().identity)
        assert source_of(world) == heard[-1]
        world.settle()
    assert len(set(heard)) == 3
    assert len(world.sounds_kept) == 1, "only the last one is kept"
    world.ask(SetValue(1, "init", ""))
    assert world.sounds_kept == []


def test_bars_are_those_that_have_passed() -> None:
    world = booth()
    world.ask(SetValue(1, "bars", 2))
    world.frame = 10 * SAMPLE_RATE_HZ
    world.ask(Generate(1, "boom", 5))
    (job,) = world.wanted.values()
    transport = world.state.transport
    assert job.frames == 4 * SAMPLE_RATE_HZ
    assert job.end_frame is not None
    assert 0 <= world.frame - job.end_frame < 2 * SAMPLE_RATE_HZ
    bars = (transport.beat_at(job.end_frame) - transport.bar_beat) / 4
    assert abs(bars - round(bars)) < 1e-4


def test_what_is_asked_meanwhile_waits_its_turn() -> None:
    world = booth()
    world.ask(Generate(1, "boom", 5), request_id=1)
    world.ask(SetValue(1, "init", ""))
    world.ask(Generate(1, "bang", 6), request_id=2)
    world.ask(Generate(2, "other", 7), request_id=3)
    assert len(world.jobs) == 1, "other slots do not wait"
    world.hear()
    bases = {request.prompt: request.base for request in world.jobs.values()}
    assert bases == {"other": None, "bang": None}
    assert world.replies("/fail")[-1][1:3] == (1, Fault.SUPERSEDED)


def test_without_an_input_it_is_told_how_to_have_one() -> None:
    world = Booth()
    world.ask(SetValue(1, "init", "input"), request_id=1)
    ((_, number, code, text),) = world.replies("/fail")
    assert (number, code) == (1, Fault.BAD_VALUE)
    assert "/input" in text
    assert "setting input" in text
    assert world.state.slots[0].init == ""


def test_an_input_that_has_gone_is_told_and_the_slot_stays_as_it_is() -> None:
    world = booth()
    world.ask(Generate(1, "boom", 5))
    world.hear()
    world.settle()
    world.tell(InputOpened(Device(), 0, "The cable is out."))
    before = world.state.slots
    world.ask(Generate(1, "boom", 6), request_id=4)
    assert "The cable is out." in world.replies("/fail")[-1][3]
    assert world.state.slots == before
    assert not world.wanted


def test_what_cannot_be_heard_is_told_and_what_came_after_is_done() -> None:
    world = booth()
    world.ask(Generate(1, "boom", 5), request_id=4)
    world.ask(SetValue(1, "gain_db", -6.0))
    world.ask(SetValue(1, "init", ""), request_id=5)
    (job_id,) = world.wanted
    world.tell(FileFailed(job_id, Fault.BAD_VALUE, "It was silent."))
    assert world.replies("/fail") == [("Generate", 4, Fault.BAD_VALUE, "It was silent.")]
    assert not world.jobs
    assert world.state.slots[0].init == ""
    assert not world.state.sounds.held


def test_fresh_takes_begin_from_what_was_heard_last() -> None:
    world = booth()
    world.ask(SetValue(1, "fresh", True))
    assert not world.jobs, "nothing has been heard yet"
    world.ask(Generate(1, "boom"))
    heard = world.hear().identity
    world.settle()
    spares = world.state.slots[0].spares
    assert spares
    assert {take.recipe.base and take.recipe.base.source for take in spares} == {heard}


def test_fresh_takes_of_an_older_moment_are_forgotten() -> None:
    world = booth()
    world.ask(SetValue(1, "fresh", True))
    for _ in range(3):
        world.ask(Generate(1, "boom"))
        heard = world.hear().identity
        assert not spares_of(world)
        world.settle()
        spares = spares_of(world)
        assert len(spares) == SPARES
        assert {take.recipe.base and take.recipe.base.source for take in spares} == {heard}


@pytest.mark.parametrize("bars", [0, 1])
def test_a_stream_follows_what_is_played(bars: int) -> None:
    world = booth()
    world.ask(SetValue(1, "mode", "stream"))
    world.ask(SetValue(1, "bars", bars))
    world.ask(Go(1, "wind"))
    for _ in range(4):
        heard = world.hear()
        assert not world.wanted
        assert source_of(world) == heard.identity
        world.make()
        world.deliver()
        world.start_waiting()
        world.deliver()
        assert not world.jobs, "the next take waits for what is played to this one"
    (job_id,) = world.wanted
    world.wanted.clear()
    world.tell(FileFailed(job_id, Fault.BAD_VALUE, "It was silent."))
    assert source_of(world) == heard.identity, "without anything new it goes on with the last"
    assert world.replies("/fail") == []


# ── choosing an input ────────────────────────────────────────────────────────
def wish_for(world: World, name: str = "Micro", request_id: int = 3) -> OpenInput:
    world.ask(SetValue(0, "input", (name, "")), request_id=request_id)
    wishes = [action for action in world.actions if isinstance(action, OpenInput)]
    return wishes[-1]


def test_an_input_is_shown_and_answered_once_it_is_open() -> None:
    world = World()
    wish = wish_for(world)
    assert (wish.name, wish.hostapi) == ("Micro", "")
    assert world.replies("/done") == []
    world.ask(SetValue(0, "input", ("Other", "")), request_id=4)
    assert world.replies("/fail")[-1][1:3] == (4, Fault.NOT_READY)
    world.tell(InputOpened(MICROPHONE, wish.job_id))
    assert value_of(world.state, 0, "input") == ("Microphone", "ALSA")
    assert world.replies("/done") == [("SetValue", 3, "Microphone", "ALSA", 12.0)]


def test_an_input_that_is_refused_changes_nothing() -> None:
    world = World()
    world.tell(InputOpened(MICROPHONE))
    wish = wish_for(world, "Other")
    world.tell(OutputRefused(wish.job_id, "There is no Other."))
    assert world.state.input == MICROPHONE
    assert world.replies("/fail") == [("SetValue", 3, Fault.NOT_AVAILABLE, "There is no Other.")]


def test_an_output_can_be_changed_while_an_input_is() -> None:
    world = World()
    world.tell(OutputOpened(Device("Card", "ALSA")))
    wish_for(world)
    world.ask(SetValue(0, "device", ("Studio", "")), request_id=5)
    assert world.replies("/fail") == []


@pytest.mark.parametrize("is_on", [True, False])
def test_the_inputs_are_listed_with_the_one_in_use(*, is_on: bool) -> None:
    world = World()
    if is_on:
        world.tell(InputOpened(MICROPHONE))
    world.ask(AskInputs(), request_id=2)
    (look,) = (action for action in world.actions if isinstance(action, ListDevices))
    assert look.direction is Direction.INPUT
    device = DeviceInfo("Microphone", "ALSA", 1, 44_100.0, is_default=True)
    world.tell(DevicesListed(look.job_id, (device,)))
    assert world.replies("AskInputs") == [("Microphone", "ALSA", 1, is_on)]
    assert world.replies("/done") == [("AskInputs", 2, 1)]
