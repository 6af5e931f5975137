"""Laws of generating: the newest wins, each is answered once, and nothing is left behind."""

import pytest

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeFailed
from daw_bridge.requests import (
    Cancel,
    Command,
    Generate,
    Go,
    SetValue,
)
from daw_bridge.session_shown import value_of
from generator.api import SAMPLE_RATE_HZ
from tests.daw_bridge.session_world import World


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
