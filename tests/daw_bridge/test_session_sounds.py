"""Laws of sounds that takes begin from: each in its turn, nothing on a failure, nothing left."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.errors import Fault
from daw_bridge.file_jobs import FileFailed, HearInput, ReadSound, SoundRead
from daw_bridge.output_events import Device, InputOpened
from daw_bridge.requests import Command, Generate, Go, SetValue, Stop, Sync
from daw_bridge.session_decision import Action, DoFiles, Submit
from daw_bridge.sounds import Sound
from tests.daw_bridge.session_world import World

BROKEN = "broken.wav"


@dataclass
class Room(World):
    """A world with a folder of sounds: every name is one, but BROKEN is none."""

    wanted: dict[int, str] = field(default_factory=dict)

    def _obey(self, action: Action) -> None:
        if isinstance(action, DoFiles) and isinstance(action.job, ReadSound):
            self.wanted[action.job_id] = action.job.name
        elif isinstance(action, DoFiles) and isinstance(action.job, HearInput):
            # What comes in is now and then silent.
            self.wanted[action.job_id] = BROKEN if action.job_id % 3 == 0 else f"in {action.job_id}"
        elif isinstance(action, Submit) and action.sound is not None:
            assert action.sound.shm_name in self.memory, "a sound was freed before it was heard"
            assert action.request.base is not None
            assert action.request.base.source == action.sound.identity
        super()._obey(action)

    def read(self) -> None:
        """The file thread reads the next sound."""
        job_id = min(self.wanted)
        name = self.wanted.pop(job_id)
        if name == BROKEN:
            self.tell(FileFailed(job_id, Fault.BAD_VALUE, "broken.wav is no sound."))
            return
        self.memory.add(f"sound-{job_id}")
        self.tell(SoundRead(job_id, Sound(identity_of(name), f"sound-{job_id}", 100)))

    @property
    def inits(self) -> list[str]:
        return [slot.init for slot in self.state.slots]


def identity_of(name: str) -> str:
    return name.encode().hex().ljust(32, "0")[:32]


def source_of(room: Room) -> str:
    """What the take begins from that is being made."""
    (request,) = room.jobs.values()
    assert request.base is not None
    return request.base.source


def test_a_sound_is_named_once_it_has_been_read() -> None:
    room = Room()
    room.ask(SetValue(1, "init", "kick.wav"), request_id=3)
    assert room.inits[0] == ""
    room.read()
    assert room.inits[0] == "kick.wav"
    assert room.replies("/done")[-1][:2] == ("SetValue", 3)
    room.ask(SetValue(1, "init_strength", 0.75))
    room.ask(Generate(1, "boom", 5))
    (request,) = room.jobs.values()
    assert request.base is not None
    assert (request.base.source, request.base.change) == (identity_of("kick.wav"), 0.25)


def test_no_strength_is_all_of_the_change() -> None:
    room = Room()
    room.ask(SetValue(1, "init", "kick.wav"))
    room.read()
    room.ask(SetValue(1, "init_strength", 0.0))
    room.ask(Generate(1, "boom", 5))
    (request,) = room.jobs.values()
    assert request.base is not None
    assert (request.base.change, request.base.keep_s) == (1.0, ())


def test_what_is_sent_with_a_name_waits_for_its_sound() -> None:
    room = Room()
    room.ask(SetValue(1, "init", "kick.wav"))
    room.ask(Go(1, "boom"), request_id=1)
    room.ask(Sync(9))
    assert not room.jobs
    assert not room.replies("/synced")
    room.read()
    assert source_of(room) == identity_of("kick.wav")
    # Whoever asked for /sync waits for the take as well.
    assert not room.replies("/synced")
    room.settle()
    assert room.replies("/synced") == [(9,)]


def test_names_are_set_in_the_order_in_which_they_came() -> None:
    room = Room()
    for name in ("a.wav", "b.wav", "", "c.wav"):
        room.ask(SetValue(1, "init", name))
    room.ask(Generate(1, "boom"))
    while room.wanted:
        room.read()
    assert room.inits[0] == "c.wav"
    assert source_of(room) == identity_of("c.wav")


def test_other_slots_do_not_wait() -> None:
    room = Room()
    room.ask(SetValue(1, "init", "kick.wav"))
    room.ask(Generate(2, "boom"))
    assert len(room.jobs) == 1


def test_a_sound_that_cannot_be_read_changes_nothing() -> None:
    room = Room()
    room.ask(SetValue(1, "init", "kick.wav"))
    room.read()
    room.ask(SetValue(1, "init", BROKEN), request_id=4)
    room.ask(Generate(1, "boom"))
    room.read()
    assert room.replies("/fail")[-1][1:] == (4, Fault.BAD_VALUE, "broken.wav is no sound.")
    assert room.inits[0] == "kick.wav"
    assert source_of(room) == identity_of("kick.wav")


@pytest.mark.parametrize("name", ["kick.wav", BROKEN])
def test_a_name_that_comes_with_a_rig_is_read_at_once(name: str) -> None:
    room = Room()
    # As a preset, a scene or the state sets it: without a hand.
    slots = (replace(room.state.slots[0], init=name), *room.state.slots[1:])
    room.state = replace(room.state, slots=slots)
    room.ask(SetValue(2, "prompt", "anything"))
    room.ask(Generate(1, "boom"), request_id=7)
    assert not room.jobs
    room.read()
    if name == BROKEN:
        assert room.replies("/fail")[-1][1:] == (7, Fault.BAD_VALUE, "broken.wav is no sound.")
    else:
        assert source_of(room) == identity_of(name)


SLOT = st.integers(1, 2)
NAMES = st.sampled_from(["", "a.wav", "b.wav", BROKEN, "slot:1", "input"])
ASKED = st.one_of(
    st.builds(SetValue, SLOT, st.just("init"), NAMES),
    st.builds(SetValue, SLOT, st.just("mode"), st.sampled_from(["stream", "oneshot"])),
    st.builds(Generate, SLOT, st.just("boom")),
    st.builds(Go, SLOT, st.just("boom")),
    st.builds(Stop, SLOT, st.just(10.0)),
)
STEPS = st.lists(st.one_of(ASKED, ASKED, st.sampled_from(["read", "settle"])), max_size=25)


@settings(max_examples=150)
@given(steps=STEPS)
def test_whatever_happens_every_sound_is_given_back_once(steps: list[Command | str]) -> None:
    room = Room()
    room.tell(InputOpened(Device("Microphone", "ALSA")))
    asked = 0
    for step in steps:
        if not isinstance(step, str):
            asked += 1
            room.ask(step, request_id=asked)
        elif step == "settle":
            room.settle()
        elif room.wanted:
            room.read()
    for number in (1, 2):
        room.ask(SetValue(number, "mode", "oneshot"))
        room.ask(Stop(number, 10.0))
    while room.wanted:
        room.read()
    room.settle()
    answered = [values[1] for address in ("/done", "/fail") for values in room.replies(address)]
    assert sorted(one for one in answered if one) == list(range(1, asked + 1))
    assert not room.state.sounds.held
    for slot in (1, 2):
        room.ask(SetValue(slot, "init", ""))
    assert not [name for name in room.memory if name.startswith("sound-")]
    assert not room.state.sounds.memory
