"""Laws of takes in the mixer: waited for, still being made, let go of; and what is refused."""

import gc
import math
import time
import tracemalloc
import weakref

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
from tests.daw_bridge.mixer_rig import (
    largest_step,
    mixer_with,
    noise,
    render,
    render_in,
    seeded_mixer,
    tone,
)


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
    take, whole = mixer._takes.playable(0), mixer_with(audio)
    assert take is not None
    unmade = take.audio
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
