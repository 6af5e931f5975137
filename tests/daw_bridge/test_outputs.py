"""Laws of the output pairs: a slot is heard where it was sent and nowhere else, without a click."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.audio_commands import (
    Command,
    Panic,
    Play,
    SetLimiter,
    SetMasterGain,
    SetSlotOutput,
    StopSlot,
)
from daw_bridge.effects import PLACES
from daw_bridge.guard import CEILING
from daw_bridge.mixer import Mixer
from daw_bridge.mixing_desk import MAX_CHUNK_FRAMES
from daw_bridge.rack import open_rack
from daw_bridge.timeline import MAX_SLOTS
from generator.api import SAMPLE_RATE_HZ, FloatArray

RAMP_FRAMES = SAMPLE_RATE_HZ // 100


def noise(seed: int, frames: int = 20_000, scale: float = 0.1) -> FloatArray:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((frames, 2)) * scale).astype(np.float32)


def mixer_with(*takes: FloatArray, pairs: int) -> Mixer:
    mixer = Mixer(pairs=pairs)
    for take_id, audio in enumerate(takes):
        mixer.install(take_id, audio)
    return mixer


def render(mixer: Mixer, frames: int, pairs: int) -> FloatArray:
    """Shapes: returns [pairs, frames, 2]."""
    out = np.full((frames, 2 * pairs), np.nan, np.float32)
    mixer.render(out)
    return np.stack([out[:, 2 * pair : 2 * pair + 2] for pair in range(pairs)])


@given(wanted=st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_each_slot_is_heard_in_its_pair_and_in_no_other(wanted: list[int]) -> None:
    takes = [noise(seed, 3000) for seed in range(3)]
    mixer = mixer_with(*takes, pairs=4)
    for slot, pair in enumerate(wanted, 1):
        mixer.handle(SetSlotOutput(slot, pair))
    render(mixer, RAMP_FRAMES, 4)
    for slot in (1, 2, 3):
        mixer.handle(Play(slot, slot - 1))
    heard = render(mixer, 3000, 4)
    for pair in range(4):
        expected = np.zeros((3000, 2), np.float32)
        for take, chosen in zip(takes, wanted, strict=True):
            expected += take if chosen == pair else 0
        np.testing.assert_array_equal(heard[pair], expected)


@given(
    moves=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 2)), max_size=6),
    blocks=st.lists(st.integers(1, 700), min_size=1, max_size=12),
)
def test_any_partition_into_blocks_gives_the_same_bits(
    moves: Sequence[tuple[int, int]], blocks: Sequence[int]
) -> None:
    def played(partition: Sequence[int]) -> FloatArray:
        mixer = mixer_with(noise(1), noise(2), pairs=3)
        commands: list[Command] = [Play(1, 0), Play(2, 1, 300), StopSlot(2, 3000)]
        commands += [SetSlotOutput(1, pair, frame) for frame, pair in moves]
        for command in commands:
            mixer.handle(command)
        return np.concatenate([render(mixer, frames, 3) for frames in partition], axis=1)

    np.testing.assert_array_equal(played(blocks), played([sum(blocks)]))


@given(moves=st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 2)), max_size=8))
def test_a_slot_that_moves_never_clicks_and_all_of_it_is_heard(
    moves: Sequence[tuple[int, int]],
) -> None:
    flat = np.full((10_000, 2), 0.5, np.float32)
    mixer = mixer_with(flat, pairs=3)
    mixer.handle(Play(1, 0))
    for frame, pair in moves:
        mixer.handle(SetSlotOutput(1, pair, frame))
    heard = render(mixer, 9_000, 3)
    steps = np.abs(np.diff(heard, axis=1)).max()
    assert steps <= 0.5 / RAMP_FRAMES + 1e-6
    np.testing.assert_allclose(heard.sum(axis=0), 0.5, rtol=1e-6)


@pytest.mark.parametrize("pairs_of_the_device", [1, 2])
def test_what_is_for_a_pair_that_is_not_there_is_heard_on_the_first(
    pairs_of_the_device: int,
) -> None:
    take = noise(3, 2000)
    mixer = mixer_with(take, pairs=4)
    mixer.handle(SetSlotOutput(1, 3))
    mixer.handle(SetSlotOutput(2, 99))
    render(mixer, RAMP_FRAMES, pairs_of_the_device)
    mixer.handle(Play(1, 0))
    heard = render(mixer, 2000, pairs_of_the_device)
    np.testing.assert_array_equal(heard[0], take)
    assert not heard[1:].any()


def test_master_gain_limiter_and_panic_hold_for_every_pair() -> None:
    loud = np.full((60_000, 2), 3.0, np.float32)
    mixer = mixer_with(loud, loud, pairs=2)
    mixer.handle(SetSlotOutput(2, 1))
    for slot in (1, 2):
        mixer.handle(Play(slot, slot - 1, loop=True))
    heard = render(mixer, 2000, 2)
    assert heard.max() <= CEILING
    assert mixer.outputs.limiter_gain < 0.5
    mixer.handle(SetLimiter(is_on=True, ceiling_dbfs=-12.0))
    mixer.handle(SetMasterGain(-20.0))
    render(mixer, SAMPLE_RATE_HZ, 2)
    np.testing.assert_allclose(render(mixer, 64, 2), 10 ** (-12 / 20), rtol=1e-3)
    mixer.handle(Panic())
    render(mixer, SAMPLE_RATE_HZ // 20, 2)
    assert not render(mixer, 500, 2).any()


def test_effects_work_on_the_main_mix_and_on_nothing_else() -> None:
    pytest.importorskip("pyo64")
    takes = [noise(seed) for seed in (1, 2)]
    effects = open_rack(slots=MAX_SLOTS, max_frames=MAX_CHUNK_FRAMES)
    mixer = Mixer(effects=effects, pairs=2)
    for take_id, audio in enumerate(takes):
        mixer.install(take_id, audio)
    effect, place = PLACES["drive/bypass"]
    assert effects.set(effect, place, 0.0, 0)
    mixer.handle(SetSlotOutput(2, 1))
    render(mixer, 4096, 2)
    for slot in (1, 2):
        mixer.handle(Play(slot, slot - 1))
    heard = render(mixer, 4096, 2)
    assert np.abs(heard[0] - takes[0][:4096]).max() > 0.01
    np.testing.assert_array_equal(heard[1], takes[1][:4096])
