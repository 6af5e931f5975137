"""Laws of fades: no seam, stop, swap or panic has a larger step than the takes themselves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.audio_commands import (
    Command,
    Ended,
    Panic,
    Play,
    SetSlotGain,
    StopSlot,
)
from tests.daw_bridge.mixer_rig import (
    MS,
    SPAN,
    largest_step,
    mixer_with,
    noise,
    render,
    seeded_mixer,
    timed_commands,
    tone,
)


# ── no clicks ────────────────────────────────────────────────────────────────
@given(frequency_hz=st.floats(60, 2000), blocks=st.integers(1, 20))
def test_a_seam_has_no_larger_step_than_the_take(frequency_hz: float, blocks: int) -> None:
    take = tone(frequency_hz)
    mixer = mixer_with(take)
    mixer.handle(Play(1, 0, loop=True))
    out = render(mixer, 3 * len(take) + blocks)
    # Rounding of the take's own values to floats is the only slack.
    assert largest_step(out) <= largest_step(take) * (1 + 1e-5)


@given(
    frequency_hz=st.floats(60, 2000),
    stop_frame=st.integers(1000, 9000),
    fade_ms=st.floats(8, 100),
)
def test_a_stop_has_no_larger_step_than_the_take(
    frequency_hz: float, stop_frame: int, fade_ms: float
) -> None:
    take = tone(frequency_hz)
    mixer = mixer_with(take)
    mixer.handle(Play(1, 0, loop=True))
    mixer.handle(StopSlot(1, stop_frame, fade_ms))
    out = render(mixer, 20_000)
    assert largest_step(out) <= largest_step(take) * (1 + 1e-5)
    np.testing.assert_array_equal(out[stop_frame + round(fade_ms * MS) + 1 :], 0.0)


@given(
    old_hz=st.floats(60, 2000),
    new_hz=st.floats(60, 2000),
    swap_frame=st.integers(1000, 9000),
    crossfade_ms=st.floats(10, 100),
)
def test_a_swap_has_no_larger_step_than_both_takes_together(
    old_hz: float, new_hz: float, swap_frame: int, crossfade_ms: float
) -> None:
    old, new = tone(old_hz), tone(new_hz)
    mixer = mixer_with(old, new)
    mixer.handle(Play(1, 0, loop=True))
    mixer.handle(Play(1, 1, swap_frame, loop=True, crossfade_ms=crossfade_ms))
    out = render(mixer, 20_000)
    # Two gains whose squares sum to 1 sum to the root of 2 at most; the rest is the fade's slope.
    slope = 0.4 * math.sqrt(3) / (crossfade_ms * MS)
    assert largest_step(out) <= math.sqrt(2) * max(map(largest_step, (old, new))) + slope
    after = swap_frame + round(crossfade_ms * MS) + 1
    indices = (np.arange(after, 20_000) - swap_frame) % len(new)
    np.testing.assert_array_equal(out[after:], new[indices])


def test_a_crossfade_keeps_the_power() -> None:
    old = noise(1, 400_000, 0.1)
    new = noise(2, 400_000, 0.1)
    mixer = mixer_with(old, new)
    mixer.handle(Play(1, 0, loop=True))
    mixer.handle(Play(1, 1, at_frame=1000, loop=True, crossfade_ms=2000))
    out = render(mixer, 100_000).astype(np.float64)
    levels = np.sqrt((out.reshape(10, 10_000, 2) ** 2).mean(axis=(1, 2)))
    np.testing.assert_allclose(levels, 0.1, rtol=0.03)  # 20,000 numbers each: 5 sigma


def test_a_one_shot_keeps_its_attack_when_it_takes_over() -> None:
    old, new = np.zeros((5000, 2), np.float32), noise(2)
    mixer = mixer_with(old, new)
    mixer.handle(Play(1, 0))
    mixer.handle(Play(1, 1, at_frame=100))
    np.testing.assert_array_equal(render(mixer, 1100)[100:], new)


@given(gain_db=st.one_of(st.just(-math.inf), st.floats(-60, 6)), frame=st.integers(0, 999))
def test_a_gain_change_is_a_ramp(gain_db: float, frame: int) -> None:
    mixer = mixer_with(np.full((5000, 2), 0.25, np.float32))
    mixer.handle(Play(1, 0))
    gain = 10 ** (gain_db / 20)
    mixer.handle(SetSlotGain(1, gain, gain, at_frame=frame))
    out = render(mixer, 2000)
    target = 0.25 * gain
    assert largest_step(out[1:]) <= abs(target - 0.25) / (10 * MS) * 1.001 + 1e-7
    np.testing.assert_allclose(out[frame + 441 :], target, rtol=1e-6)


def test_of_two_stops_the_sooner_end_counts() -> None:
    mixer = mixer_with(tone(100.0))
    mixer.handle(Play(1, 0, loop=True))
    mixer.handle(StopSlot(1, at_frame=100, fade_ms=5000))
    mixer.handle(StopSlot(1, at_frame=200, fade_ms=10))
    out = render(mixer, 1000)
    np.testing.assert_array_equal(out[200 + 441 :], 0.0)
    assert largest_step(out) <= largest_step(tone(100.0)) * 1.5
    assert mixer.events[-1] == Ended(1, 0, 200 + 441, sounding=0)


@pytest.mark.parametrize("fades_ms", [[60_000, 5000, 10], [300, 9000, 200, 8000, 100, 10]])
def test_however_many_stops_there_were_a_quick_one_is_quick(fades_ms: list[int]) -> None:
    mixer = mixer_with(tone(100.0))
    mixer.handle(Play(1, 0, loop=True))
    for number, fade_ms in enumerate(fades_ms):
        mixer.handle(StopSlot(1, at_frame=100 * (number + 1), fade_ms=fade_ms))
    out = render(mixer, 2000)
    np.testing.assert_array_equal(out[100 * len(fades_ms) + 441 :], 0.0)
    assert largest_step(out) <= largest_step(tone(100.0)) * 1.5
    assert mixer.playing_slots == 0


# ── panic ────────────────────────────────────────────────────────────────────
@given(commands=st.lists(timed_commands, max_size=12), before=st.integers(1, SPAN))
def test_panic_silences_every_state_within_50_ms(commands: list[Command], before: int) -> None:
    mixer = seeded_mixer()
    for command in commands:
        mixer.handle(command)
    render(mixer, before)
    mixer.handle(Panic())
    out = render(mixer, 2 * SPAN)
    np.testing.assert_array_equal(out[round(50 * MS) :], 0.0)
    assert mixer.playing_slots == 0


def test_panic_outruns_stops_that_take_their_time() -> None:
    mixer = mixer_with(tone(100.0))
    mixer.handle(Play(1, 0, loop=True))
    mixer.handle(StopSlot(1, 0, fade_ms=60_000))
    mixer.handle(StopSlot(1, 1, fade_ms=50_000))
    mixer.handle(StopSlot(1, 2, fade_ms=40_000))
    render(mixer, 100)
    mixer.handle(Panic())
    np.testing.assert_array_equal(render(mixer, 5000)[round(50 * MS) :], 0.0)


def test_a_panic_of_a_frame_waits_for_it_and_spares_what_is_sent_after_it() -> None:
    mixer = mixer_with(tone(100.0), noise(1))
    mixer.handle(Play(1, 0, loop=True))
    mixer.handle(Play(2, 1, at_frame=30_000))  # sent before: dropped
    mixer.handle(Panic(at_frame=5000))
    mixer.handle(Play(3, 1, at_frame=20_000))
    out = render(mixer, 40_000)
    np.testing.assert_array_equal(out[:5000], np.tile(tone(100.0), (2, 1))[:5000])
    np.testing.assert_array_equal(out[5000 + round(50 * MS) : 20_000], 0.0)
    np.testing.assert_array_equal(out[20_000:21_000], noise(1))
    np.testing.assert_array_equal(out[21_000:], 0.0)
