"""Laws of playing at another speed: the pitch is exact, and what is added is far below hearing."""

import math

import numpy as np
import pytest

from daw_bridge.interpolation import Interpolator
from generator.api import SAMPLE_RATE_HZ, FloatArray

MOST = 1024


def sine(frequency_hz: float, frames: int) -> FloatArray:
    wave = np.sin(2 * np.pi * frequency_hz * np.arange(frames) / SAMPLE_RATE_HZ)
    return np.stack([wave, 0.5 * wave], axis=1).astype(np.float32)


def read(take: FloatArray, speed: float, *, frame: int = 0, loop: bool = False) -> FloatArray:
    out = np.full((MOST, 2), np.nan, np.float32)
    pairs = take.view(np.complex64)[:, 0]
    Interpolator(MOST).read_into(out, pairs, frame=frame, offset_frames=0, speed=speed, loop=loop)
    return out


@pytest.mark.parametrize("speed", [0.25, 0.5, 2 ** (-1 / 12), 2 ** (1 / 12), 1.5])
@pytest.mark.parametrize("frequency_hz", [100.0, 1000.0, 5000.0])
def test_a_tone_becomes_the_tone_of_the_other_pitch(speed: float, frequency_hz: float) -> None:
    out = read(sine(frequency_hz, 10_000), speed, frame=2000)[:, 0].astype(np.float64)
    angle = 2 * np.pi * frequency_hz * speed * (2000 + np.arange(MOST)) / SAMPLE_RATE_HZ
    error = out - np.sin(angle)
    assert np.sqrt(np.mean(error**2)) < 10 ** (-40 / 20)  # what it lets pass by is a part of it
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    noise = out - basis @ np.linalg.lstsq(basis, out, rcond=None)[0]
    assert np.sqrt(np.mean(noise**2)) < 10 ** (-65 / 20)


@pytest.mark.parametrize(
    ("speed", "frequency_hz"), [(1.6, 18_500.0), (2.0, 15_000.0), (4.0, 15_000.0)]
)
def test_what_would_fold_into_the_audible_is_gone(speed: float, frequency_hz: float) -> None:
    assert SAMPLE_RATE_HZ - speed * frequency_hz < 15_000.0
    out = read(sine(frequency_hz, 10_000), speed, frame=500)
    assert np.abs(out).max() < 10 ** (-35 / 20)


def test_a_loop_goes_round_at_any_speed() -> None:
    periods, frames = 10, 441
    take = sine(periods * SAMPLE_RATE_HZ / frames, frames)
    out = read(take, 1.25, frame=10_000, loop=True)[:, 0]
    angle = 2 * np.pi * periods * 1.25 * (10_000 + np.arange(MOST)) / frames
    np.testing.assert_allclose(out, np.sin(angle), atol=2e-3)


def test_the_sides_stay_apart() -> None:
    out = read(sine(440.0, 10_000), math.sqrt(2.0), frame=1000)
    np.testing.assert_allclose(out[:, 1], 0.5 * out[:, 0], atol=1e-6)
