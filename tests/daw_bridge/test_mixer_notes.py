"""Laws of the mixer's notes, chokes and endless takes, and of a thousand rounds and accidents."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.audio_commands import Ended, Panic, Play, SetSlotGain, Started, StopSlot
from generator.api import SAMPLE_RATE_HZ
from tests.daw_bridge.mixer_rig import MS, largest_step, mixer_with, noise, render, render_in, tone


def pitch_hz(wave: np.ndarray) -> float:
    """The frequency of a tone, from its phase's slope."""
    spectrum = np.fft.rfft(wave)
    spectrum[0] = 0.0
    analytic = np.fft.ifft(np.concatenate([2 * spectrum, np.zeros(len(wave) - len(spectrum))]))
    middle = np.unwrap(np.angle(analytic))[len(wave) // 4 : -len(wave) // 4]
    return float(np.polyfit(np.arange(len(middle)), middle, 1)[0] * SAMPLE_RATE_HZ / (2 * math.pi))


@pytest.mark.parametrize("semitones", [-12, -5, 1, 7, 12])
def test_a_note_sounds_at_its_pitch(semitones: int) -> None:
    mixer = mixer_with(tone(440.0))
    mixer.handle(Play(1, 0, loop=True, note=60, speed=2 ** (semitones / 12)))
    found_hz = pitch_hz(render(mixer, 20_000)[:, 0].astype(np.float64))
    cents = 1200 * math.log2(found_hz / (440.0 * 2 ** (semitones / 12)))
    assert abs(cents) < 1.0


@given(speed=st.floats(0.3, 3.0), frames=st.integers(1, 2000))
def test_a_note_lasts_as_long_as_its_speed_says(speed: float, frames: int) -> None:
    mixer = mixer_with(noise(1, frames))
    mixer.handle(Play(1, 0, speed=speed, play_id=9))
    render(mixer, 8000)
    assert mixer.events[-1] == Ended(1, 0, math.ceil(frames / speed), 0, 9)


def test_notes_of_a_slot_sound_together_and_each_is_let_go_alone() -> None:
    mixer = mixer_with(tone(220.0))
    mixer.handle(Play(1, 0, loop=True, note=60))
    mixer.handle(Play(1, 0, at_frame=100, loop=True, note=64, speed=2 ** (4 / 12)))
    render(mixer, 1000)
    assert not any(isinstance(event, Ended) for event in mixer.events)
    mixer.handle(StopSlot(1, note=60))
    render(mixer, 1000)
    ended = [event for event in mixer.events if isinstance(event, Ended)]
    assert [event.sounding for event in ended] == [1]
    mixer.handle(StopSlot(1))
    np.testing.assert_array_equal(render(mixer, 1000)[round(10 * MS) + 1 :], 0.0)


def test_a_note_takes_the_place_of_the_same_note() -> None:
    mixer = mixer_with(noise(1, 5000))
    mixer.handle(Play(1, 0, note=60, play_id=1))
    render(mixer, 1000)
    mixer.handle(Play(1, 0, note=60, play_id=2))
    render(mixer, 1000)
    heard = [event for event in mixer.events if isinstance(event, Started | Ended)]
    assert [event.play_id for event in heard] == [1, 2, 1]
    assert len(heard) == len(mixer.events)


def test_of_a_choke_group_only_the_latest_sounds() -> None:
    mixer = mixer_with(tone(300.0), tone(500.0), tone(700.0))
    mixer.handle(Play(1, 0, loop=True, choke=1))
    mixer.handle(Play(2, 1, loop=True, choke=2))
    render(mixer, 1000)
    mixer.handle(Play(3, 2, at_frame=2000, choke=1, loop=True))
    render(mixer, 4000)
    cut = [event for event in mixer.events if isinstance(event, Ended)]
    assert cut == [Ended(1, 0, 2000 + round(10 * MS), 0)]
    assert mixer.playing_slots == 2


@given(left=st.floats(0, 2), right=st.floats(0, 2))
def test_each_side_has_its_gain(left: float, right: float) -> None:
    take = noise(3, 2000)
    mixer = mixer_with(take)
    mixer.handle(SetSlotGain(1, left, right))
    render(mixer, 1000)
    mixer.handle(Play(1, 0))
    expected = take * np.array([left, right], np.float32)
    np.testing.assert_allclose(render(mixer, 2000), expected, rtol=1e-6, atol=1e-9)


# ── what may not stop ────────────────────────────────────────────────────────


def test_an_endless_take_goes_on_without_a_gap_a_step_or_a_change_of_level() -> None:
    frames, overlap = 30_000, round(50 * MS)
    take = noise(5, frames)
    mixer = mixer_with(take)
    mixer.handle(Play(1, 0, repeats=True, crossfade_ms=50, play_id=4))
    out = render(mixer, 10 * frames).astype(np.float64)
    starts = [event.frame for event in mixer.events if isinstance(event, Started)]
    assert starts == [n * (frames - overlap) for n in range(len(starts))]
    assert len(starts) == 11
    windows = out[: len(out) // 2205 * 2205].reshape(-1, 2205, 2)
    levels_db = 20 * np.log10(np.sqrt((windows**2).mean(axis=(1, 2))))
    assert np.ptp(levels_db) < 1.0


def test_what_follows_takes_the_place_of_the_repeat_and_joins_on_the_frame() -> None:
    first, second = noise(1, 9000), noise(2, 9000)
    mixer = mixer_with(first, second)
    mixer.handle(Play(1, 0, repeats=True, crossfade_ms=20))
    mixer.handle(Play(1, 1, at_frame=9000, repeats=True, crossfade_ms=20))
    expected = np.concatenate([first, second])[:17_000]
    np.testing.assert_array_equal(render(mixer, 17_000), expected)


def test_a_level_glides_from_the_one_before_to_its_own() -> None:
    flat = np.full((8000, 2), 0.25, np.float32)
    mixer = mixer_with(flat, flat)
    mixer.handle(Play(1, 0, velocity=0.5, repeats=True))
    mixer.handle(Play(1, 1, at_frame=8000, velocity=2.0, from_velocity=0.5, repeats=True))
    out = render_in(mixer, [250] * 62)
    line = 0.5 + 1.5 * np.arange(7500) / 8000
    np.testing.assert_allclose(out[8000:, 0], 0.25 * line, atol=1e-6)
    assert largest_step(out) < 0.25 * 1.5 / 8000 + 1e-6


def test_a_repeat_that_was_stopped_does_not_come_back() -> None:
    mixer = mixer_with(noise(1, 5000))
    mixer.handle(Play(1, 0, repeats=True))
    mixer.handle(StopSlot(1, at_frame=2000, fade_ms=200))
    render(mixer, 30_000)
    assert mixer.playing_slots == 0


# ── a thousand rounds, a thousand accidents ──────────────────────────────────


@pytest.mark.parametrize("tempo_bpm", [87.3, 174.07])
def test_a_thousand_rounds_at_an_awkward_tempo_are_exact(tempo_bpm: float) -> None:
    frames = round(60.0 / tempo_bpm * SAMPLE_RATE_HZ)
    mixer, other = mixer_with(noise(1, frames)), mixer_with(noise(1, frames))
    mixer.handle(Play(1, 0, at_frame=17, loop=True))
    other.handle(Play(2, 0, at_frame=17 + 1000 * frames, loop=True))
    late, block = np.zeros((1001 * frames, 2), np.float32), 8192
    for begin in range(0, 1000 * frames, block):
        mixer.render(late[: min(block, 1000 * frames - begin)])
    other.render(late[: 1000 * frames])
    first, again = render(other, 3 * frames), render(mixer, 3 * frames)
    np.testing.assert_array_equal(again[17:], first[17:])


def test_a_thousand_accidents_make_no_step_larger_than_the_material() -> None:
    rng = random.Random(1)
    takes = [tone(frequency_hz, peak=0.2) for frequency_hz in (110.0, 220.0, 331.0, 470.0)]
    steepest = max(map(largest_step, takes))
    mixer = mixer_with(*takes)
    mixer.handle(Play(1, 0, loop=True))
    last, worst, silences, panics = render(mixer, 500)[-1:], 0.0, 0, 0
    for number in range(1000):
        match rng.randrange(4):
            case 0:
                mixer.handle(StopSlot(1, fade_ms=rng.uniform(10, 40)))
            case 1:
                mixer.handle(Panic())
                quiet = render(mixer, round(50 * MS) + 500)
                worst = max(worst, largest_step(np.concatenate([last, quiet])))
                last = quiet[-1:]
                panics += 1
                silences += not quiet[round(50 * MS) :].any()
        offset = rng.randrange(300)
        play = Play(1, number % 4, loop=True, crossfade_ms=rng.uniform(20, 60))
        mixer.handle(play if offset % 2 else Play(1, number % 4, loop=True, offset_frames=offset))
        out = render(mixer, rng.randrange(round(60 * MS), 8000))
        worst = max(worst, largest_step(np.concatenate([last, out])))
        last = out[-1:]
    fade_slope = 0.2 * math.sqrt(3) / (10 * MS)
    assert silences == panics > 200
    assert worst <= 2 * steepest + fade_slope, "two voices at once, each with its own slope"


@given(lost=st.lists(st.integers(0, 5000), min_size=1, max_size=8), bar=st.integers(1, 60_000))
def test_two_slots_of_one_bar_start_on_one_frame_whatever_was_lost(
    lost: list[int], bar: int
) -> None:
    mixer = mixer_with(noise(1, 3000), noise(2, 3000))
    mixer.handle(Play(1, 0, bar, loop=True, play_id=1))
    mixer.handle(Play(2, 1, bar, loop=True, play_id=2))
    for frames in lost:  # an underrun: the clock goes on, and nobody renders
        render(mixer, 256)
        mixer.frame += frames
    render(mixer, 70_000)
    first, second = [event for event in mixer.events if isinstance(event, Started)]
    assert first.frame == second.frame >= bar
    begin = mixer.frame
    out = render(mixer, 3000)
    expected = np.roll(noise(1, 3000) + noise(2, 3000), -((begin - first.frame) % 3000), axis=0)
    np.testing.assert_allclose(out, expected, atol=1e-6)
