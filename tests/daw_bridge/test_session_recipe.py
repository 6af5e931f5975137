"""Laws of recipes: words and weights, dice that never fall alike, origins, refusals in words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.requests import Generate, Inpaint, SetValue
from daw_bridge.session_recipe import Dice, blend_of, corner_weights, init_refusal, recipe_of, throw
from daw_bridge.session_slot import SlotState
from daw_bridge.transport import Transport
from tests.daw_bridge.session_world import World

CLOCK = Transport(120.0)
weights = st.floats(0, 1)


@given(st.integers(0, 2**64), st.sets(st.integers(0, 2**31 - 1), min_size=2, max_size=30))
def test_no_two_jobs_draw_one_seed(entropy: int, numbers: set[int]) -> None:
    seeds = {throw(SlotState(), number, entropy).seed for number in numbers}
    assert len(seeds) == len(numbers)


def test_a_set_seed_holds_and_a_locked_one_is_that_of_the_take() -> None:
    assert throw(SlotState(seed=7), 1, 0) == Dice(7)
    locked = SlotState(seed_lock=True, shown_seed=9)
    assert throw(locked, 1, 0) == Dice(9)
    varied = throw(replace(locked, variation=0.2), 1, 5)
    assert varied.seed == 9
    assert recipe_of(replace(locked, variation=0.2, prompt="x"), CLOCK, varied).variation == 0.2
    assert throw(locked, 1, 0, seed=3) == Dice(3)


@given(st.tuples(weights, weights, weights, weights))
def test_the_weights_that_count_sum_to_one(given_weights: tuple[float, ...]) -> None:
    one, two, three, four = given_weights
    slot = SlotState(
        text_2="rain", text_4="fire", weight_1=one, weight_2=two, weight_3=three, weight_4=four
    )
    blend = blend_of(slot, "wind")
    assert sum(weight for _, weight in blend) == pytest.approx(1.0)
    assert {text for text, _ in blend} <= {"wind", "rain", "fire"}
    assert all(weight > 0.0 for _, weight in blend)


@given(
    steps=st.integers(1, 8),
    mode=st.sampled_from(["oneshot", "gate", "loop", "stream"]),
    bars=st.integers(0, 2),
)
def test_what_comes_round_has_two_steps_at_least(steps: int, mode: str, bars: int) -> None:
    slot = SlotState(prompt="beat", mode=mode, bars=bars, steps=steps)
    recipe = recipe_of(slot, CLOCK, Dice(1))
    assert recipe.steps == (max(steps, 2) if recipe.loop else steps)
    assert recipe.loop == (mode == "loop" or (mode == "stream" and bars > 0))


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_pad_shares_out_one_whole(x: float, y: float) -> None:
    found = corner_weights(x, y)
    assert sum(found) == pytest.approx(1.0)
    assert all(0.0 <= weight <= 1.0 for weight in found)


def test_a_pad_weighs_slots_with_several_prompts_and_leaves_others() -> None:
    world = World()
    world.ask(SetValue(1, "text_2", "rain"))
    world.ask(SetValue(0, "morph_xy", (0.25, 0.0)))
    first, second = world.state.slots
    assert (first.weight_1, first.weight_2) == (0.75, 0.25)
    assert (second.weight_1, second.weight_2) == (1.0, 0.0)


@pytest.mark.parametrize("init", ["slot:0", "slot:99", "slot:x"])
def test_what_a_take_cannot_begin_from_is_told(init: str) -> None:
    assert len(init_refusal(init, 16)) > 20


def test_a_take_begins_from_that_of_another_slot() -> None:
    world = World()
    world.ask(SetValue(1, "init", "slot:2"))
    world.ask(Generate(1, "kick"), request_id=1)
    assert "no take to begin from" in world.replies("/fail")[-1][3]
    world.ask(Generate(2, "snare", 5))
    world.settle()
    world.ask(SetValue(1, "init_strength", 0.75))
    world.ask(Generate(1, "kick"))
    (request,) = world.jobs.values()
    source = world.state.slots[1].take
    assert source is not None
    assert request.base is not None
    assert (request.base.source, request.base.change) == (source.recipe.identity, 0.25)


def test_a_hole_is_made_anew_and_the_rest_is_kept() -> None:
    world = World()
    world.ask(Generate(1, "pad", 5))
    world.settle()
    world.ask(Inpaint(1, 0.5, 1.0, "choir"))
    (request,) = world.jobs.values()
    assert request.base is not None
    assert (request.prompt, request.base.keep_s) == ("choir", ((0.0, 0.5), (1.0, 2.0)))
    world.settle()
    world.ask(Inpaint(1, 1.0, 3.0), request_id=4)
    assert "goes from 0 to 2.00 s" in world.replies("/fail")[-1][3]
