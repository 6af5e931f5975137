"""Laws of the mixer: exact to the frame, the same for every partition, without a click."""

import gc
import math
import time
import tracemalloc
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.audio_commands import (
    NOW,
    Command,
    Ended,
    InstallTake,
    MovePlay,
    Panic,
    Play,
    Quit,
    ReleaseTake,
    SetMasterGain,
    SetSlotGain,
    Started,
    StopSlot,
    Warning,
    WarningCode,
)
from daw_bridge.guard import CEILING
from daw_bridge.mixer import Mixer
from daw_bridge.timeline import MAX_SLOTS
from generator.api import SAMPLE_RATE_HZ, FloatArray

MS = SAMPLE_RATE_HZ / 1000


def noise(seed: int, frames: int = 1000, scale: float = 0.1) -> FloatArray:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((frames, 2)) * scale).astype(np.float32)


def tone(frequency_hz: float, *, periods: int = 50, peak: float = 0.4) -> FloatArray:
    """A whole number of periods, so that it loops without a seam, at very nearly the frequency."""
    frames = round(periods * SAMPLE_RATE_HZ / frequency_hz)
    wave = peak * np.sin(2 * np.pi * periods * np.arange(frames) / frames)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def mixer_with(*takes: FloatArray, start_frame: int = 0) -> Mixer:
    mixer = Mixer(start_frame=start_frame)
    for take_id, audio in enumerate(takes):
        mixer.install(take_id, audio)
    return mixer


def render(mixer: Mixer, frames: int) -> FloatArray:
    out = np.full((frames, 2), np.nan, np.float32)
    mixer.render(out)
    return out


def render_in(mixer: Mixer, blocks: Sequence[int]) -> FloatArray:
    return np.concatenate([render(mixer, frames) for frames in blocks])


def largest_step(audio: FloatArray) -> float:
    return float(np.abs(np.diff(audio, axis=0)).max())


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

SPAN = 6000
frames_in_span = st.integers(0, SPAN)
linear_gains = st.floats(0, 4)
notes = st.sampled_from([-1, -1, 60, 64])
gains_db = st.one_of(st.just(-math.inf), st.floats(-60, 12))
timed_commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        Play,
        slot=st.integers(1, 3),
        take_id=st.integers(0, 3),
        at_frame=frames_in_span,
        velocity=st.floats(0, 1),
        loop=st.booleans(),
        crossfade_ms=st.floats(0, 40),
        note=notes,
        speed=st.sampled_from([1.0, 1.0, 0.5, 2 ** (1 / 12), 3.0]),
        choke=st.integers(0, 1),
        offset_frames=st.integers(0, 2000),
    ),
    st.builds(StopSlot, st.integers(1, 3), frames_in_span, st.floats(0, 60), notes),
    st.builds(SetSlotGain, st.integers(1, 3), linear_gains, linear_gains, frames_in_span),
    st.builds(SetMasterGain, gains_db, frames_in_span),
)
partitions = st.lists(st.integers(1, 900), max_size=40).map(
    lambda blocks: [*blocks, max(1, SPAN - sum(blocks))]
)


def seeded_mixer() -> Mixer:
    return mixer_with(noise(1, 700), noise(2, 1013, 0.5), tone(440.0), noise(4, 37, 0.4))


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


# ── what waits, what is dropped, what is refused ─────────────────────────────


def test_a_play_waits_for_its_take() -> None:
    take, mixer = noise(1), Mixer()
    mixer.handle(Play(1, 7))
    render(mixer, 256)
    mixer.install(7, take)
    np.testing.assert_array_equal(render(mixer, 1000), take)


def test_a_play_whose_take_never_comes_is_dropped_with_a_warning() -> None:
    mixer = Mixer()
    mixer.handle(Play(1, 7))
    render(mixer, 2 * SAMPLE_RATE_HZ)
    assert list(mixer.events) == [Warning(WarningCode.TAKE_MISSING, 1, take_id=7, slot=1)]


def test_a_stop_cancels_the_plays_that_come_after_it() -> None:
    mixer = mixer_with(noise(1), noise(2))
    mixer.handle(Play(1, 0, at_frame=100))
    mixer.handle(Play(1, 9, at_frame=100))
    mixer.handle(Play(2, 1, at_frame=100))
    mixer.handle(StopSlot(1))
    np.testing.assert_array_equal(render(mixer, 1100)[100:], noise(2))


def test_a_stop_spares_what_is_sent_later_for_the_same_frame() -> None:
    mixer = mixer_with(noise(1))
    mixer.handle(StopSlot(1, at_frame=100))
    mixer.handle(Play(1, 0, at_frame=100))
    np.testing.assert_array_equal(render(mixer, 1100)[100:], noise(1))


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("at_frame", [NOW, 100])
def test_of_two_plays_for_one_frame_the_later_wins(at_frame: int, *, loop: bool) -> None:
    mixer = mixer_with(noise(1), noise(2))
    mixer.handle(Play(1, 0, at_frame, loop=loop))
    mixer.handle(Play(1, 1, at_frame, loop=loop))
    begin = max(at_frame, 0)
    np.testing.assert_array_equal(render(mixer, 1100)[begin : begin + 1000], noise(2))


@pytest.mark.parametrize(
    "command",
    [
        Play(0, 0),
        Play(MAX_SLOTS + 1, 0),
        Play(1, 0, velocity=math.nan),
        Play(1, 0, crossfade_ms=math.inf),
        StopSlot(1, fade_ms=math.nan),
        SetSlotGain(-1, 1.0, 1.0),
        SetSlotGain(1, math.nan, 1.0),
        Play(1, 0, speed=0.0),
        Play(1, 0, speed=math.nan),
        Play(1, 0, offset_frames=-1),
        SetMasterGain(math.nan),
        SetMasterGain(math.inf),
        InstallTake(1, "name", 1),
        Quit(),
    ],
)
def test_a_command_that_makes_no_sense_changes_nothing(command: Command) -> None:
    mixer = mixer_with(noise(1))
    mixer.handle(command)
    assert list(mixer.events) == [Warning(WarningCode.BAD_COMMAND, 1)]
    np.testing.assert_array_equal(render(mixer, 100), 0.0)


def test_more_than_the_schedule_holds_is_refused() -> None:
    mixer = mixer_with(noise(1))
    for index in range(1100):
        mixer.handle(SetMasterGain(0.0, at_frame=1000 + index))
    assert len(mixer.events) == 1100 - 1024
    assert set(mixer.events) == {Warning(WarningCode.SCHEDULE_FULL, 1)}


def test_more_voices_than_there_are_is_refused_without_harm() -> None:
    mixer = mixer_with(noise(1, 10_000, 0.001))
    for frame in range(200):
        mixer.handle(Play(1 + frame % MAX_SLOTS, 0, at_frame=frame, crossfade_ms=200))
    out = render(mixer, 1000)
    assert np.isfinite(out).all()
    refused = [event for event in mixer.events if isinstance(event, Warning)]
    assert {event.code for event in refused} == {WarningCode.NO_VOICE_FREE}


# ── guard, memory, life of takes ─────────────────────────────────────────────


def test_many_loud_voices_stay_under_the_ceiling() -> None:
    mixer = mixer_with(noise(1, 5000, 0.9))
    for slot in range(1, 17):
        mixer.handle(Play(slot, 0, at_frame=slot, loop=True))
    mixer.handle(SetMasterGain(12.0))
    assert np.abs(render(mixer, 20_000)).max() <= CEILING


def test_rendering_makes_no_array() -> None:
    mixer = seeded_mixer()
    out = np.zeros((256, 2), np.float32)

    def busy_blocks() -> None:
        for slot in range(1, 17):
            mixer.handle(Play(slot, slot % 4, NOW, loop=True, crossfade_ms=20))
            mixer.handle(SetSlotGain(slot, 0.7, 0.5))
        for _ in range(20):
            mixer.render(out)
        mixer.events.clear()

    busy_blocks()
    gc.collect()
    tracemalloc.start()
    mixer.render(out)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    mixer.render(out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 8192  # views and numbers; one array of this block alone takes 2 KiB


def test_sixteen_voices_take_less_than_a_tenth_of_a_block() -> None:
    mixer = mixer_with(*(noise(seed, 5000) for seed in range(16)))
    for slot in range(16):
        mixer.handle(Play(slot + 1, slot, loop=True))
    out, times_s = np.zeros((256, 2), np.float32), []
    for _ in range(300):
        begun_s = time.perf_counter()
        mixer.render(out)
        times_s.append(time.perf_counter() - begun_s)
    assert np.median(times_s) < 0.1 * 256 / SAMPLE_RATE_HZ


def test_the_last_reference_to_a_take_never_dies_in_render() -> None:
    audio = noise(1, 100)
    watch = weakref.ref(audio)
    mixer = mixer_with(audio)
    del audio
    mixer.handle(Play(1, 0))
    render(mixer, 50)
    mixer.handle(ReleaseTake(0))
    render(mixer, 20)
    assert not mixer.disposed  # it still sounds
    render(mixer, 200)
    assert watch() is not None
    assert mixer.disposed.popleft().take_id == 0
    assert watch() is None


def test_a_take_released_before_it_came_is_handed_back_at_once() -> None:
    mixer = Mixer()
    mixer.handle(ReleaseTake(5))
    mixer.install(5, noise(1))
    assert [take.take_id for take in mixer.disposed] == [5]


def test_a_released_take_is_not_played_again() -> None:
    mixer = mixer_with(noise(1))
    mixer.handle(Play(1, 0))
    mixer.handle(Play(2, 0, at_frame=500))
    render(mixer, 100)
    mixer.handle(ReleaseTake(0))
    render(mixer, 1000)
    assert Warning(WarningCode.TAKE_MISSING, 1, take_id=0, slot=2) in mixer.events


def test_a_number_is_installed_once() -> None:
    mixer = mixer_with(noise(1))
    assert not mixer.install(0, noise(2))
    mixer.handle(Play(1, 0))
    np.testing.assert_array_equal(render(mixer, 1000), noise(1))


# ── takes that are still being made ──────────────────────────────────────────


def in_the_making(audio: FloatArray, made: int) -> tuple[Mixer, np.ndarray]:
    """A mixer with a take of which only the first frames are there; behind them lies garbage."""
    mixer, missing = Mixer(), np.array([len(audio) - made])
    unmade = audio.copy()
    unmade[made:] = 1e3
    mixer.install(0, unmade, missing)
    return mixer, missing


@given(
    blocks=st.lists(st.sampled_from([1, 7, 64, 256, 300, 2048]), min_size=20, max_size=60),
    speed=st.sampled_from([1.0, 0.5, 1.7, 2.0]),
)
def test_a_late_take_fades_and_what_is_not_made_is_never_heard(
    blocks: list[int], speed: float
) -> None:
    made = 3000
    audio = tone(441.0, periods=400, peak=0.4)
    mixer, _ = in_the_making(audio, made)
    mixer.handle(Play(1, 0, speed=speed))
    heard = render_in(mixer, blocks)
    assert np.abs(heard).max() < 0.45
    assert largest_step(heard) < 0.4 * 2 * np.pi * 441 * speed / SAMPLE_RATE_HZ * 1.2 + 0.005
    if len(heard) * speed > made:
        assert not heard[math.ceil(made / speed) :].any()
        late = [e for e in mixer.events if isinstance(e, Warning)]
        assert [one.code for one in late] == [WarningCode.TAKE_LATE]
        assert sum(isinstance(e, Ended) for e in mixer.events) == 1


@given(st.lists(st.integers(200, 3000), min_size=10, max_size=30))
def test_a_take_that_is_made_in_time_sounds_as_if_it_had_been_there(steps: list[int]) -> None:
    audio = noise(1, 20_000)
    mixer, missing = in_the_making(audio, 6000)
    (unmade, whole) = (mixer._takes[0].audio, mixer_with(audio))
    for one in (mixer, whole):
        one.handle(Play(1, 0))
    made = 6000
    for step in steps:
        np.testing.assert_array_equal(render(mixer, 256), render(whole, 256))
        unmade[made : made + step] = audio[made : made + step]
        made = min(len(audio), made + step)
        missing[0] = len(audio) - made
    assert not any(isinstance(e, Warning) for e in mixer.events)


def test_a_play_that_waits_can_be_moved_and_one_that_has_begun_cannot() -> None:
    mixer = Mixer()
    mixer.install(1, np.full((64, 2), 0.5, np.float32))
    mixer.handle(Play(1, 1, at_frame=100, play_id=7))
    mixer.handle(MovePlay(7, 150))
    out = np.zeros((128, 2), np.float32)
    mixer.render(out)
    assert not out.any()
    mixer.render(out)
    assert np.flatnonzero(out[:, 0])[0] == 150 - 128
    mixer.handle(MovePlay(7, 400))
    mixer.render(out)
    started = [event for event in mixer.events if isinstance(event, Started)]
    assert [event.frame for event in started] == [150]
