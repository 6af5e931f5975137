"""Laws of the mixer: exact to the frame, the same for every partition, without a click."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.audio_commands import (
    Command,
    Ended,
    Play,
    SetMasterGain,
    SetSlotGain,
    Started,
)
from daw_bridge.mixer import Mixer
from tests.daw_bridge.mixer_rig import (
    mixer_with,
    noise,
    partitions,
    render,
    render_in,
    seeded_mixer,
    timed_commands,
)


# ── silence and exactness ────────────────────────────────────────────────────
def test_no_voice_is_silence() -> None:
    np.testing.assert_array_equal(render(Mixer(), 300), 0.0)


@given(at_frame=st.integers(0, 3000), frames=st.integers(1, 500))
def test_a_one_shot_sounds_exactly_at_its_frame(at_frame: int, frames: int) -> None:
    take = noise(1, frames)
    mixer = mixer_with(take)
    mixer.handle(Play(3, 0, at_frame))
    expected = np.zeros((4096, 2), np.float32)
    expected[at_frame : at_frame + frames] = take
    np.testing.assert_array_equal(render_in(mixer, [256] * 16), expected)
    assert list(mixer.events) == [
        Started(3, 0, at_frame),
        Ended(3, 0, at_frame + frames, sounding=0),
    ]


@given(frames=st.integers(1, 700), at_frame=st.integers(0, 600))
def test_a_loop_is_its_take_over_and_over(frames: int, at_frame: int) -> None:
    take = noise(2, frames)
    mixer = mixer_with(take)
    mixer.handle(Play(1, 0, at_frame, loop=True))
    out = render(mixer, 5000)
    np.testing.assert_array_equal(out[:at_frame], 0.0)
    indices = np.arange(5000 - at_frame) % frames
    np.testing.assert_array_equal(out[at_frame:], take[indices])


def test_a_late_play_starts_at_once_and_says_when() -> None:
    mixer = mixer_with(noise(1), start_frame=10_000)
    mixer.handle(Play(1, 0, at_frame=9_000))
    render(mixer, 64)
    assert mixer.events[0] == Started(1, 0, 10_000)


def test_velocity_slot_gain_and_master_gain_multiply() -> None:
    take = noise(4, 4000)
    mixer = mixer_with(take)
    half = 10 ** (-6 / 20)
    mixer.handle(SetSlotGain(1, half, half))
    mixer.handle(SetMasterGain(-3.0))
    render(mixer, 1000)
    mixer.handle(Play(1, 0, velocity=0.5))
    gain = 0.5 * 10 ** (-9 / 20)
    np.testing.assert_allclose(render(mixer, 4000), take * gain, rtol=1e-6, atol=1e-9)


def test_minus_infinity_is_silence() -> None:
    mixer = mixer_with(noise(4))
    mixer.handle(Play(1, 0, loop=True))
    mixer.handle(SetSlotGain(1, 0.0, 0.0))
    render(mixer, 500)
    np.testing.assert_array_equal(render(mixer, 500), 0.0)


# ── the law of partitions ────────────────────────────────────────────────────


@given(commands=st.lists(timed_commands, max_size=12), blocks=partitions)
def test_any_partition_into_blocks_gives_the_same_bits_and_events(
    commands: list[Command], blocks: list[int]
) -> None:
    whole, cut = seeded_mixer(), seeded_mixer()
    for command in commands:
        whole.handle(command)
        cut.handle(command)
    np.testing.assert_array_equal(render_in(cut, blocks), render(whole, sum(blocks)))
    assert cut.events == whole.events
    assert cut.frame == whole.frame == sum(blocks)
