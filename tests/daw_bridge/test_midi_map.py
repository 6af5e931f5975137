"""Laws of controllers: a knob reaches its whole range, takes over without a jump, and is kept."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.arguments import Argument, Kind, Value, check_argument
from daw_bridge.commands import COMMANDS
from daw_bridge.errors import PresetError
from daw_bridge.midi_map import (
    MOST,
    Binding,
    Hand,
    can_be_moved,
    position_of,
    print_bindings,
    read_bindings,
    value_at,
)
from daw_bridge.table_rows import GAIN, Access

MOVABLE = [
    row.arguments[0]
    for row in COMMANDS
    if row.access is Access.VALUE and len(row.arguments) == 1 and can_be_moved(row.arguments[0])
]
STEPS = st.integers(0, MOST)
PAN = Argument("pan", Kind.FLOAT, low=-1.0, high=1.0)
CUTOFF = Argument("cutoff", Kind.FLOAT, "Hz", low=20.0, high=20_000.0)


@given(st.sampled_from(MOVABLE), STEPS)
def test_wherever_a_knob_stands_the_value_is_allowed(argument: Argument, step: int) -> None:
    value = value_at(argument, step / MOST)
    assert check_argument(argument, "s" if isinstance(value, str) else "f", value) == value


@given(st.sampled_from([PAN, CUTOFF, GAIN]), STEPS)
def test_a_value_knows_where_its_knob_stands(argument: Argument, step: int) -> None:
    value = value_at(argument, step / MOST)
    assert position_of(argument, value) == pytest.approx(step / MOST, abs=1e-6)


@given(st.sampled_from([PAN, CUTOFF, GAIN]))
def test_the_ends_of_a_knob_are_the_ends_of_the_range(argument: Argument) -> None:
    low, high = argument.bounds
    assert value_at(argument, 0.0) == low
    assert value_at(argument, 1.0) == pytest.approx(high)


@given(st.sampled_from([PAN, CUTOFF]), st.floats(0.0, 1.0), st.lists(STEPS, max_size=40))
def test_a_hand_never_makes_a_jump(argument: Argument, start: float, steps: list[int]) -> None:
    hand, value = Hand(), value_at(argument, start)
    before = None
    for step in steps:
        moved = hand.move(argument, step / MOST, value)
        if moved is not None:
            # No further than the hand itself went, and what it was off when it took hold.
            reach = abs(step / MOST - (step / MOST if before is None else before))
            assert isinstance(moved, float)
            assert isinstance(value, float)
            jump = abs(position_of(argument, moved) - position_of(argument, value))
            assert jump <= reach + 2.5 / MOST
            value = moved
        before = step / MOST


def test_a_hand_that_sweeps_over_the_value_takes_it_and_keeps_it() -> None:
    hand, value = Hand(), 0.5
    for step in range(90):
        assert hand.move(PAN, step / MOST, value) is None
    held: Value | None = None
    for step in range(90, MOST + 1):
        held = hand.move(PAN, step / MOST, value if held is None else float(held))
    assert held == 1.0
    assert hand.move(PAN, 0.0, 1.0) == -1.0  # it holds: even a jump of the hand is its own


def test_a_hand_lets_go_of_what_somebody_else_has_moved() -> None:
    hand = Hand()
    assert hand.move(PAN, 0.5, 0.0) is not None
    assert hand.move(PAN, 0.6, -0.9) is None


def test_the_lowest_end_of_a_gain_is_silence() -> None:
    assert value_at(GAIN, 0.0) == -math.inf
    assert value_at(GAIN, 1 / MOST) == pytest.approx(-60 + 72 / MOST)


BINDINGS = st.builds(
    Binding,
    st.integers(1, 16),
    STEPS,
    st.sampled_from(["/tempo", "/slot/1/pan", "/slot/16/gain", "/fx/filter/cutoff"]),
)


@given(st.lists(BINDINGS, max_size=20))
def test_bindings_survive_their_file(bindings: list[Binding]) -> None:
    assert read_bindings(print_bindings(bindings)) == bindings


@pytest.mark.parametrize(
    "text",
    [
        "control = 3",
        "[[control]]\nchannel = 1",
        '[[control]]\nchannel = 17\ncontroller = 1\npath = "/a"',
        '[[control]]\nchannel = 1\ncontroller = 128\npath = "/a"',
        '[[control]]\nchannel = 1\ncontroller = 1\npath = "a"',
        '[[control]]\nchannel = "1"\ncontroller = 1\npath = "/a"',
        "[other]",
        "no toml",
    ],
)
def test_what_is_no_binding_is_refused(text: str) -> None:
    with pytest.raises(PresetError):
        read_bindings(text)
