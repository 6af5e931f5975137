"""Laws of choosing an output: one change at a time, each answered once, and the sound goes on."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.output_events import Device, DevicesListed, OutputOpened, OutputRefused
from daw_bridge.portaudio import DeviceInfo
from daw_bridge.requests import AskDevices, Go, NoteOn, Panic, Play, SetValue, Sync
from daw_bridge.session_decision import AudioRestarted, ListDevices, OpenOutput
from daw_bridge.session_shown import value_of
from tests.daw_bridge.session_world import World, playing

CARD = Device("Card", "ALSA", 5.0, 11.0)
STUDIO = SetValue(0, "device", ("Studio", ""))


def on_card() -> World:
    world = World()
    world.tell(OutputOpened(CARD))
    world.actions.clear()
    return world


def wishes(world: World) -> list[OpenOutput]:
    return [action for action in world.actions if isinstance(action, OpenOutput)]


def test_another_output_is_shown_and_answered_once_it_is_open() -> None:
    world = on_card()
    world.ask(STUDIO, request_id=4)
    world.ask(Sync(1))
    (wish,) = wishes(world)
    assert (wish.output, wish.hostapi, wish.buffer_frames) == ("Studio", "", 0)
    assert value_of(world.state, 0, "device") == ("Card", "ALSA")
    assert world.replies("/done") == world.replies("/synced") == []
    world.tell(OutputOpened(Device("Studio 24", "JACK", 2.5, 8.0), wish.job_id))
    assert value_of(world.state, 0, "device") == ("Studio 24", "JACK")
    assert world.replies("/done") == [("SetValue", 4, "Studio 24", "JACK", 2.5, 8.0)]
    assert world.replies("/synced") == [(1,)]


def test_an_output_that_is_refused_changes_nothing() -> None:
    world = playing("loop")
    world.tell(OutputOpened(CARD))
    before = world.state
    world.ask(STUDIO, request_id=4)
    world.tell(OutputRefused(wishes(world)[0].job_id, "There is no Studio."))
    assert replace(world.state, last_id=0) == replace(before, last_id=0)
    assert world.replies("/fail") == [("SetValue", 4, Fault.NOT_AVAILABLE, "There is no Studio.")]


@pytest.mark.parametrize(
    ("device", "command", "word"),
    [
        (CARD, SetValue(0, "device", ("", "")), "/device/list"),
        (CARD, SetValue(0, "device", ("/home/me/take.WAV", "")), "/rec/start"),
        (Device("out.wav", "file"), SetValue(0, "device_buffer_ms", 3.0), "file"),
        (
            Device("system", "JACK Audio Connection Kit"),
            SetValue(0, "device_buffer_ms", 3.0),
            "jack_bufsize",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    device: Device, command: SetValue, word: str
) -> None:
    world = World()
    world.tell(OutputOpened(device))
    world.ask(command, request_id=2)
    ((_, number, code, text),) = world.replies("/fail")
    assert (number, code) == (2, Fault.BAD_VALUE)
    assert word in text
    assert wishes(world) == []


def test_a_second_change_has_to_wait_for_the_first() -> None:
    world = on_card()
    world.ask(STUDIO)
    world.ask(SetValue(0, "device", ("null", "")), request_id=2)
    world.ask(SetValue(0, "device_buffer_ms", 9.0), request_id=3)
    assert [one[:3] for one in world.replies("/fail")] == [
        ("SetValue", 2, Fault.NOT_READY),
        ("SetValue", 3, Fault.NOT_READY),
    ]
    assert len(wishes(world)) == 1


def test_what_is_so_already_is_done_at_once() -> None:
    world = on_card()
    for command in (
        SetValue(0, "device", ("Card", "")),
        SetValue(0, "device", ("Card", "ALSA")),
        SetValue(0, "device_buffer_ms", 5.0),
    ):
        world.ask(command)
    assert world.replies("/done") == [("SetValue", 0, "Card", "ALSA", 5.0, 11.0)] * 3
    assert wishes(world) == []


def test_other_blocks_are_asked_of_the_present_output() -> None:
    world = on_card()
    world.ask(SetValue(0, "device_buffer_ms", 10.0))
    assert [(one.output, one.buffer_frames) for one in wishes(world)] == [("", 441)]


def test_the_list_names_every_output_and_marks_the_present_one() -> None:
    world = on_card()
    world.ask(AskDevices(), request_id=8)
    (wish,) = [action for action in world.actions if isinstance(action, ListDevices)]
    world.ask(STUDIO)  # a list is in nobody's way
    found = (DeviceInfo("Card", "ALSA", 2, 44_100.0, True), DeviceInfo("Big", "JACK", 8, 4e4, True))
    world.tell(DevicesListed(wish.job_id, found))
    assert world.replies("AskDevices") == [
        ("Card", "ALSA", 2, True),
        ("Big", "JACK", 8, False),
        ("null", "silent clock", 0, False),
    ]
    assert world.replies("/done") == [("AskDevices", 8, 3)]


# ── what goes on ─────────────────────────────────────────────────────────────
def taken_over(world: World, in_frames: int = 13_230) -> list[audio.Play]:
    """What is planned after another output has taken over in order."""
    world.installed, world.waiting_plays, world.sounding = {}, [], []
    world.releasing, world.events = set(), []
    world.tell(AudioRestarted(world.frame + in_frames))
    return world.waiting_plays


@given(passed=st.integers(0, 10**6), in_frames=st.integers(1, 20_000))
def test_a_loop_goes_on_where_it_would_be(passed: int, in_frames: int) -> None:
    world = playing("loop")
    (voice,) = world.state.slots[0].voices
    world.frame += passed
    (play,) = taken_over(world, in_frames)
    assert play.at_frame == world.frame + in_frames
    expected = (play.at_frame - voice.start_frame) % voice.take.frames
    assert (play.offset_frames, play.loop) == (expected, True)


@given(passed=st.integers(0, 200_000))
def test_a_oneshot_goes_on_if_there_is_anything_left_of_it(passed: int) -> None:
    world = playing()
    (voice,) = world.state.slots[0].voices
    world.frame += passed
    plays = taken_over(world)
    place = world.frame + 13_230 - voice.start_frame
    assert [one.offset_frames for one in plays] == [place] * (place < voice.take.frames)
    world.settle()
    assert world.state_word() == ("playing" if plays else "ready")


def test_every_held_note_goes_on_at_its_pitch_and_what_fades_does_not() -> None:
    world = playing("gate")
    for note in (60, 72):
        world.ask(NoteOn(note, 100, 1))
    world.start_waiting()
    world.deliver()
    world.frame += 100
    before = {one.play.note: one for one in world.state.slots[0].voices}
    plays = {play.note: play for play in taken_over(world)}
    assert plays.keys() == before.keys() == {-1, 60, 72}
    for note, play in plays.items():
        passed = (play.at_frame - before[note].start_frame) * before[note].play.speed
        assert play.offset_frames == round(passed)
        assert play.speed == before[note].play.speed
    world.start_waiting()
    world.deliver()
    world.ask(Panic())
    assert taken_over(world) == []


def test_what_waits_for_its_bar_still_comes_on_its_bar_and_the_loop_goes_on_until_then() -> None:
    world = playing("loop")
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(Play(1, 1.0))
    (planned,) = world.waiting_plays
    now, later = taken_over(world, in_frames=500)
    assert (now.at_frame, later) == (world.frame + 500, planned)


def test_a_take_is_there_before_it_is_played_and_gains_before_both() -> None:
    world = playing("loop")
    world.ask(Go(2, "other"))
    world.settle()
    world.actions.clear()
    taken_over(world)
    kinds = [type(one).__name__ for one in world.told(object)]
    assert kinds == ["SetMasterGain", "InstallTake", "InstallTake", "Play", "Play"]
