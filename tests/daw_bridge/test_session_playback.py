"""Laws of playing: points, gates, notes, loops and what a panic or another process leaves."""

import pytest

from daw_bridge import audio_commands as audio
from daw_bridge.requests import (
    Generate,
    Go,
    NoteOff,
    NoteOn,
    Panic,
    Play,
    SetValue,
    Stop,
)
from daw_bridge.session_decision import (
    Tell,
)
from generator.api import SAMPLE_RATE_HZ
from tests.daw_bridge.session_world import BEAT_FRAMES, MODES, World, playing


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
