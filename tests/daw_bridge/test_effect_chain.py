"""Laws of bypass, sends and blocks, on processors that are plain arithmetic: no pyo is needed."""

import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from daw_bridge.effect_chain import EffectChain
from daw_bridge.effect_unit import BLOCK, FADE_FRAMES, EffectUnit, Move, Signal
from daw_bridge.effects import (
    BUSES,
    DEFAULTS,
    EFFECTS,
    NOTE_VALUES,
    PLACES,
    audio_number,
    seconds_of,
)
from generator.api import FloatArray

DELAY = [effect.name for effect in EFFECTS].index("delay")
DRIVE = [effect.name for effect in EFFECTS].index("drive")
BYPASS, LEVEL = 0, 3
SLOTS = 4


class Doubler:
    """Twice the sound times the last parameter, which is a signal; it counts what is asked."""

    signals: Sequence[Signal] = (Signal(at_rest=0.0, move=Move.STRAIGHT),)

    def __init__(self) -> None:
        self.inputs = np.zeros((BLOCK, 3))
        self.output = np.zeros((BLOCK, 2), np.float32)
        self.emptied = 0
        self.heard_silence = False

    @property
    def resets(self) -> Sequence[Callable[[], None]]:
        return (self._reset,)

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        return (values[-1],)

    def process(self) -> None:
        self.heard_silence = not self.inputs[:, :2].any()
        np.multiply(self.inputs[:, :2], 2.0 * self.inputs[:, 2:], out=self.output, casting="unsafe")

    def _reset(self) -> None:
        self.emptied += 1


def chain_of_doublers() -> tuple[EffectChain, list[Doubler]]:
    doublers = [Doubler() for _ in EFFECTS]
    units = [EffectUnit(effect, one) for effect, one in zip(EFFECTS, doublers, strict=True)]
    return EffectChain(units, slots=SLOTS, max_frames=1024), doublers


def ones(frames: int) -> FloatArray:
    return np.ones((frames, 2), np.float32)


def test_an_insert_comes_in_by_a_crossfade_and_goes_out_again() -> None:
    chain, _ = chain_of_doublers()
    chain.set(DRIVE, LEVEL, 1.5, 0)
    chain.set(DRIVE, BYPASS, 0.0, 0)
    mix = ones(1024)
    chain.process(mix, 0)
    fade = np.arange(FADE_FRAMES) / FADE_FRAMES
    assert mix[:FADE_FRAMES, 0] == pytest.approx(1.0 + 2.0 * fade, abs=1e-6)
    assert (mix[FADE_FRAMES:] == 3.0).all()
    chain.set(DRIVE, BYPASS, 1.0, 1024)
    mix = ones(1024)
    chain.process(mix, 1024)
    assert mix[:FADE_FRAMES, 0] == pytest.approx(3.0 - 2.0 * fade, abs=1e-6)
    assert (mix[FADE_FRAMES:] == 1.0).all()


def test_a_value_takes_hold_at_the_first_block_from_its_frame_on() -> None:
    chain, _ = chain_of_doublers()
    chain.set(DRIVE, LEVEL, 1.0, 0)
    chain.set(DRIVE, BYPASS, 0.0, 0)
    chain.process(ones(1024), 0)
    chain.set(DRIVE, LEVEL, 2.0, 1024 + 70)
    mix = ones(1024)
    chain.process(mix, 1024)
    assert (mix[: 2 * BLOCK] == 2.0).all()
    assert mix[2 * BLOCK + 1, 0] > 2.0
    assert mix[2 * BLOCK + FADE_FRAMES, 0] == 4.0


def test_after_going_out_the_memory_is_emptied_before_it_comes_in_again() -> None:
    chain, doublers = chain_of_doublers()
    chain.set(DRIVE, BYPASS, 0.0, 0)
    chain.process(ones(1024), 0)
    chain.set(DRIVE, BYPASS, 1.0, 1024)
    chain.set(DRIVE, BYPASS, 0.0, 1024 + FADE_FRAMES + BLOCK)
    assert doublers[DRIVE].emptied == 0
    chain.process(ones(1024), 1024)
    chain.process(ones(1024), 2048)
    assert doublers[DRIVE].emptied == 1
    assert chain.units[DRIVE].is_wanted
    assert not chain.units[DRIVE].is_out


def test_a_bus_gets_what_slots_send_and_gives_it_to_the_mix() -> None:
    chain, _ = chain_of_doublers()
    chain.set(DELAY, LEVEL + 1, 1.0, 0)
    chain.set(DELAY, BYPASS, 0.0, 0)
    assert chain.sends.set(2, 0, 0.25, 0)
    assert not chain.sends.wants(1, 0)
    for frame in (0, 1024):
        mix = np.zeros((1024, 2), np.float32)
        assert chain.sends.wants(2, frame)
        chain.sends.add(2, ones(512), 512, frame + 512)
        chain.process(mix, frame)
    assert not mix[:512].any()
    assert (mix[512:] == 0.5).all()
    assert not chain.sends.sums.any()  # forgotten


def test_nothing_is_sent_to_a_bus_that_is_out() -> None:
    chain, _ = chain_of_doublers()
    chain.sends.set(1, 0, 1.0, 0)
    assert not chain.sends.wants(1, 0)
    assert chain.is_idle


@pytest.mark.parametrize("slot_and_bus", [(0, 0), (SLOTS + 1, 0), (1, -1), (1, len(BUSES))])
def test_a_send_from_or_to_nowhere_is_refused(slot_and_bus: tuple[int, int]) -> None:
    chain, _ = chain_of_doublers()
    assert not chain.sends.set(*slot_and_bus, 1.0, 0)


def test_the_callback_makes_no_arrays() -> None:
    chain, _ = chain_of_doublers()
    for number in range(len(EFFECTS)):
        chain.set(number, BYPASS, 0.0, 0)
    mix = ones(256)
    for frame in range(0, 4096, 256):
        chain.process(mix, frame)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for frame in range(4096, 8192, 256):
        chain.process(mix, frame)
    grown, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown - before < 2_000
    assert peak - before < 8_000  # views come and go; no block of sound (2 KiB each) is made


def test_note_values_last_what_music_theory_says() -> None:
    assert seconds_of("1/4", 60.0) == 1.0
    assert seconds_of("1/8d", 120.0) == 1.5 * seconds_of("1/8", 120.0)
    for name, part in NOTE_VALUES.items():
        plain, _, _ = name.rstrip("td").partition(" ")
        factor = {"t": 2 / 3, "d": 3 / 2}.get(name[-1], 1.0)
        assert part == pytest.approx(factor / int(plain.removeprefix("1/")))


def test_every_value_of_the_table_becomes_a_number() -> None:
    for key, value in DEFAULTS.items():
        number, place = PLACES[key]
        for one in (value, *EFFECTS[number].parameters[place].argument.choices):
            assert isinstance(audio_number(key, one, 120.0), float)
    assert audio_number("filter/type", "high", 120.0) == 2.0
    assert audio_number("filter/bypass", False, 120.0) == 0.0
