"""Laws of what is made ahead: fresh pads never repeat, streams never stop and bend in time."""

import math
from dataclasses import replace

import pytest

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeFailed, TakeReady
from daw_bridge.loudness import ENDLESS_RMS_DBFS
from daw_bridge.requests import Generate, Go, NoteOn, Play, SetValue, Stop, Sync
from daw_bridge.session_fresh import SPARES
from daw_bridge.session_recipe import kind
from generator.api import SAMPLE_RATE_HZ
from tests.daw_bridge.session_world import BEAT_FRAMES, World


def played(world: World) -> list[int]:
    return [one.take_id for one in world.told(audio.Play) if isinstance(one, audio.Play)]


# ── fresh ────────────────────────────────────────────────────────────────────


def fresh_pad() -> World:
    world = World()
    world.ask(SetValue(1, "prompt", "snare"))
    world.ask(SetValue(1, "seed", 5))
    world.ask(SetValue(1, "fresh", value=True))
    return world


def test_a_fresh_pad_lays_in_takes_and_never_plays_one_twice() -> None:
    world = fresh_pad()
    world.settle()
    assert len(world.state.slots[0].spares) == SPARES
    for _ in range(20):
        world.ask(Play(1, 1.0))
        world.settle()
    seeds = [take.seed for take in world.state.slots[0].history]
    assert len(set(played(world))) == len(played(world)) == 20
    assert len(set(seeds)) == len(seeds)


def test_a_fresh_pad_hit_faster_than_the_model_plays_as_soon_as_there_is_one() -> None:
    world = fresh_pad()
    world.ask(Play(1, 1.0), request_id=1)
    world.ask(Play(1, 0.5), request_id=2)
    assert played(world) == []
    world.settle()
    assert len(played(world)) == 1
    assert world.replies("/fail")[0][:3] == ("Play", 1, int(Fault.SUPERSEDED))
    assert ("Play", 2) in world.replies("/done")


def test_other_words_make_what_was_laid_in_stale() -> None:
    world = fresh_pad()
    world.settle()
    world.ask(SetValue(1, "prompt", "clap"))
    assert world.state.slots[0].spares == ()
    world.settle()
    world.ask(NoteOn(60, 100, 1))
    take = world.state.slots[0].take
    assert take is not None
    assert take.recipe.prompt == "clap"


def test_what_is_being_made_for_other_words_is_not_what_a_trigger_plays() -> None:
    world = fresh_pad()
    world.ask(SetValue(1, "prompt", "clap"))
    world.ask(Play(1, 1.0))
    world.settle()
    take = world.state.slots[0].take
    assert take is not None
    assert take.recipe.prompt == "clap"
    assert len(played(world)) == 1


@pytest.mark.parametrize(
    "change", [Go(2, "another kick"), SetValue(1, "init_strength", 0.25), SetValue(1, "init", "")]
)
def test_another_beginning_makes_what_was_laid_in_stale(change: Go | SetValue) -> None:
    """A fresh pad that begins from slot 2, of which the take or its share has changed."""
    world = fresh_pad()
    world.ask(Go(2, "kick"))
    world.settle()
    world.ask(SetValue(1, "init", "slot:2"))
    world.settle()
    before = set(world.state.slots[0].spares)
    assert len(before) == SPARES
    world.ask(change)
    world.settle()
    after = world.state.slots[0].spares
    assert len(after) == SPARES
    assert before.isdisjoint(after)
    (base,) = {take.recipe.base for take in after}
    kick = world.state.slots[1].take
    assert kick is not None
    assert base is None if change == SetValue(1, "init", "") else base is not None
    assert base is None or base.source == kick.recipe.identity


def test_what_is_asked_for_goes_before_what_is_made_ahead() -> None:
    world = fresh_pad()
    world.ask(Go(2, "kick"))
    world.make(max(world.jobs))
    assert len(world.jobs) == 1  # one at a time, and only while nobody waits
    world.ask(Sync(7))
    world.settle()
    assert world.replies("/synced") == [(7,)]


def test_a_model_that_fails_is_not_asked_for_ever() -> None:
    world = fresh_pad()
    for _ in range(5):
        for job_id in tuple(world.jobs):
            del world.jobs[job_id]
            world.tell(TakeFailed(job_id, Fault.GENERATOR_FAILED, "it broke"))
    assert world.jobs == {}


# ── streams ──────────────────────────────────────────────────────────────────


def streaming(bars: int = 0) -> World:
    """A stream whose first take sounds, and whose next one is asked for."""
    world = World()
    world.ask(SetValue(1, "mode", "stream"))
    world.ask(SetValue(1, "bars", bars))
    world.ask(Go(1, "wind"))
    world.make()
    world.start_waiting()
    world.deliver()
    return world


def make_next(world: World, level_db: float | None = None) -> audio.Play:
    """Finish the take that comes next; how it comes in."""
    (job_id,) = world.jobs
    request = world.jobs.pop(job_id)
    world.memory.add(f"take-{job_id}")
    world.tell(TakeReady(job_id, f"take-{job_id}", request.frames, request.seed, 42.0, level_db))
    play = world.told(audio.Play)[-1]
    assert isinstance(play, audio.Play)
    return play


def test_a_free_stream_is_a_chain_of_takes_that_join_on_the_frame() -> None:
    world = streaming()
    for _ in range(5):
        present = world.state.slots[0].voices[-1]
        (request,) = world.jobs.values()
        assert request.follows == present.take.recipe.identity
        assert request.is_open
        play = make_next(world)
        assert play.at_frame == present.start_frame + present.take.frames
        assert (play.offset_frames, play.repeats) == (0, True)
        world.start_waiting()
        world.deliver()
        assert world.state_word() == "playing"
    assert len(set(played(world))) == len(played(world))


def test_a_stream_in_bars_changes_at_the_seam_with_its_beat_on_the_point() -> None:
    world = streaming(bars=2)
    for _ in range(5):
        present = world.state.slots[0].voices[-1]
        play = make_next(world)
        lead = present.take.frames - play.offset_frames
        assert play.loop
        assert (play.at_frame + lead - present.zero_frame) % present.take.frames == 0
        world.start_waiting()
        world.deliver()


@pytest.mark.parametrize("bars", [0, 4])
def test_other_words_come_in_at_the_quantise_point(bars: int) -> None:
    world = streaming(bars)
    world.ask(SetValue(1, "duration_s", 20.0))
    world.ask(SetValue(0, "quantize", "bar"))
    world.settle()
    present = world.state.slots[0].voices[-1]
    world.frame = present.zero_frame + 12_345
    before = set(world.jobs)
    world.ask(SetValue(1, "prompt", "rain"))
    assert before.isdisjoint(world.jobs)  # what was on its way has the old words
    (request,) = world.jobs.values()
    assert request.prompt == "rain"
    assert request.follows == present.take.recipe.follows  # the same past as the present take
    play = make_next(world)
    point = play.at_frame + 441
    assert point % (4 * BEAT_FRAMES) == 0
    assert play.offset_frames == (play.at_frame - present.zero_frame) % present.take.frames
    stop = world.told(audio.StopSlot)[-1]
    assert isinstance(stop, audio.StopSlot)
    assert stop.at_frame == play.at_frame


def test_a_take_that_lost_its_past_is_made_without_and_crossfaded() -> None:
    world = streaming()
    ((job_id, request),) = world.jobs.items()
    del world.jobs[job_id]
    world.tell(TakeFailed(job_id, Fault.GENERATOR_FAILED, "not remembered"))
    ((_, again),) = world.jobs.items()
    assert again == replace(request, follows="")
    present = world.state.slots[0].voices[-1]
    play = make_next(world)
    assert play.at_frame == present.start_frame + present.take.frames - 441


@pytest.mark.parametrize("bars", [0, 1])
@pytest.mark.parametrize("level_db", [-60.0, -40.0, -20.0, -10.0, None])
def test_the_level_is_the_same_after_any_take(bars: int, level_db: float | None) -> None:
    world = streaming(bars)
    for one_db in (level_db, -14.0, -26.0):
        play = make_next(world, one_db)
        if one_db is not None:
            gained_db = one_db + 20 * math.log10(play.velocity)
            assert gained_db == pytest.approx(min(ENDLESS_RMS_DBFS, one_db + 18.0))
        world.start_waiting()
        world.deliver()


def test_a_stream_is_as_loud_as_its_velocity_says() -> None:
    world = streaming(bars=1)
    world.ask(Play(1, 0.5))
    world.start_waiting()
    world.deliver()
    for level_db in (ENDLESS_RMS_DBFS, ENDLESS_RMS_DBFS - 6.0, ENDLESS_RMS_DBFS):
        play = make_next(world, level_db)
        assert play.velocity == pytest.approx(0.5 * 10 ** ((ENDLESS_RMS_DBFS - level_db) / 20))
        world.start_waiting()
        world.deliver()


def test_what_goes_round_is_made_at_one_loudness_and_the_rest_at_its_peak() -> None:
    for mode, bars, rms_dbfs in (
        ("stream", 2, ENDLESS_RMS_DBFS),
        ("stream", 0, None),
        ("loop", 2, ENDLESS_RMS_DBFS),
        ("loop", 0, ENDLESS_RMS_DBFS),
        ("oneshot", 2, None),
        ("gate", 0, None),
    ):
        world = World()
        world.ask(SetValue(1, "mode", mode))
        world.ask(SetValue(1, "bars", bars))
        world.ask(Go(1, "wind"))
        (request,) = world.jobs.values()
        assert request.rms_dbfs == rms_dbfs


def test_where_takes_join_the_level_glides() -> None:
    world = streaming()
    for level_db in (-10.0, -16.0):
        before = world.state.slots[0].voices[-1].play.velocity
        play = make_next(world, level_db)
        world.start_waiting()
        world.deliver()
        assert play.from_velocity == before
    assert play.velocity == pytest.approx(10 ** ((ENDLESS_RMS_DBFS + 16.0) / 20))


def test_a_late_take_comes_in_at_the_end_of_the_next_round() -> None:
    world = streaming(bars=1)
    present = world.state.slots[0].voices[-1]
    world.frame = present.start_frame + 3 * present.take.frames + 5
    play = make_next(world)
    assert play.at_frame + 441 == present.start_frame + 4 * present.take.frames


def test_a_take_that_begins_anew_by_itself_is_known_to() -> None:
    world = streaming()
    (voice,) = world.state.slots[0].voices
    again = voice.start_frame + voice.take.frames - 441
    world.frame = again
    world.tell(audio.Started(1, voice.take.take_id, again, voice.voice_id))
    world.tell(audio.Ended(1, voice.take.take_id, again + 441, 1, voice.voice_id))
    play = make_next(world)
    assert play.at_frame == again + voice.take.frames


def test_a_stopped_stream_asks_for_no_more() -> None:
    world = streaming()
    world.ask(Stop(1, 10.0))
    assert world.jobs == {}
    world.settle()
    assert world.state_word() == "ready"


def test_nothing_of_a_stream_keeps_others_waiting() -> None:
    world = streaming()
    world.ask(Sync(3))
    assert world.replies("/synced") == [(3,)]
    world.ask(Generate(2, "kick"), request_id=9)
    world.settle()
    assert ("Generate", 9) in [one[:2] for one in world.replies("/done")]


def test_a_stream_goes_on_in_a_new_audio_process() -> None:
    world = streaming()
    make_next(world)
    world.restart_audio()
    (play,) = world.waiting_plays
    assert play.take_id == 1
    assert play.at_frame > world.frame


def test_kinds_do_not_know_dice() -> None:
    world = streaming()
    (request,) = world.jobs.values()
    present = world.state.slots[0].voices[-1].take.recipe
    assert request.seed != present.seed
    assert kind(request) == kind(present)
    assert request.frames % 4096 == 0
    assert abs(request.frames - 2 * SAMPLE_RATE_HZ) <= 2048
