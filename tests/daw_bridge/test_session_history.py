"""Laws of a slot's takes: bounded memory, undo that comes back, and what is kept is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.requests import Generate, NextTake, PreviousTake, SetValue
from daw_bridge.session_history import MOST_KEPT, MOST_SECONDS, MOST_TAKES, remembered
from daw_bridge.session_shown import value_of
from daw_bridge.session_slot import Take
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from tests.daw_bridge.session_world import World, playing

RECIPE = GenerationRequest("kick", 1)
lengths_s = st.lists(st.integers(1, 24), max_size=40)


def history_of(lengths_s: list[int]) -> list[Take]:
    return [
        Take(number, f"take-{number}", length_s * SAMPLE_RATE_HZ, 1, RECIPE)
        for number, length_s in enumerate(lengths_s, 1)
    ]


@given(lengths_s=lengths_s, data=st.data())
def test_memory_is_bounded_and_what_matters_stays(
    lengths_s: list[int], data: st.DataObject
) -> None:
    takes = history_of(lengths_s)
    if not takes:
        return
    numbers = [take.take_id for take in takes]
    current = data.draw(st.sampled_from(numbers))
    marked = frozenset(data.draw(st.lists(st.sampled_from(numbers), max_size=MOST_KEPT)))
    left = remembered(takes, current=current, marked=marked)
    found = [take.take_id for take in left]
    assert found == sorted(found)
    assert {current, *marked} <= set(found)
    free = [take for take in left if take.take_id not in {current, *marked}]
    seconds = sum(take.frames for take in left) / SAMPLE_RATE_HZ
    assert not free or (len(left) <= MOST_TAKES and seconds <= MOST_SECONDS)
    forgotten = [take.take_id for take in takes if take not in left]
    assert not free or all(number < free[0].take_id for number in forgotten)


def world_with_takes(count: int) -> World:
    world = World()
    for _ in range(count):
        world.ask(Generate(1, "kick"))
        world.settle()
    return world


def test_undo_goes_back_and_comes_back() -> None:
    world = world_with_takes(3)
    seeds = [take.seed for take in world.state.slots[0].history]
    for expected in (2, 1):
        world.ask(PreviousTake(1))
        assert value_of(world.state, 1, "take") == expected
        assert value_of(world.state, 1, "seed") == seeds[expected - 1]
    world.ask(PreviousTake(1), request_id=5)
    assert world.replies("/fail")[-1][3] == "Slot 1 has no older take."
    world.ask(NextTake(1))
    assert value_of(world.state, 1, "take") == 2


def test_a_take_that_is_not_there_is_refused_by_name() -> None:
    world = world_with_takes(2)
    before = world.state
    world.ask(SetValue(1, "take", 9), request_id=5)
    assert world.replies("/fail")[-1][3] == "Slot 1 has no take 9; it has 1, 2."
    assert world.state == before


def test_a_loop_goes_over_to_the_take_before_at_its_point() -> None:
    world = playing("loop")
    world.ask(Generate(1, "other"))
    world.settle()
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(PreviousTake(1))
    play = world.told(audio.Play)[-1]
    assert isinstance(play, audio.Play)
    assert play.take_id == 1
    assert play.at_frame > world.frame


def test_what_is_marked_outlives_the_others() -> None:
    world = world_with_takes(1)
    world.ask(SetValue(1, "is_kept", value=True))
    for _ in range(MOST_TAKES + 3):
        world.ask(Generate(1))
        world.settle()
    world.ask(SetValue(1, "take", 1))
    assert value_of(world.state, 1, "is_kept") is True
    assert len(world.memory) == MOST_TAKES


@pytest.mark.parametrize("count", [0, MOST_KEPT + 1])
def test_keeping_has_its_limits_in_words(count: int) -> None:
    world = world_with_takes(count)
    for number in range(1, count + 1):
        world.ask(SetValue(1, "take", number))
        world.ask(SetValue(1, "is_kept", value=True), request_id=number)
    if not count:
        world.ask(SetValue(1, "is_kept", value=True), request_id=1)
    text = world.replies("/fail")[-1][3]
    assert "keep" in text
