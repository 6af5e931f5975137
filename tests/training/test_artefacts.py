"""Hum at a frame rate is heard where it is, and only there."""

import numpy as np
import pytest

from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.training.sounds import hiss, tone
from training.artefacts import (
    FRAME_RATE_HZ,
    LATENT_RATE_HZ,
    bandwidth_hz,
    frame_hum_db,
    latent_hum_db,
    loudness_lufs,
)

CLEAN = {
    "hiss": hiss(),
    "tone": tone(440.0),
    "decay": tone(440.0, decay_s=0.3),
    "chord": tone(174.6, partials=6) + tone(220.0, partials=6),
}


def pulsing(sound: FloatArray, hz: float, depth: float) -> FloatArray:
    t = np.arange(len(sound)) / SAMPLE_RATE_HZ
    return np.asarray(sound * (1.0 + depth * np.sin(2 * np.pi * hz * t))[:, None], np.float32)


@pytest.mark.parametrize("name", CLEAN)
def test_a_pulse_is_found_at_its_own_rate_alone(name: str) -> None:
    sound = CLEAN[name]
    latent, frame = latent_hum_db(sound), frame_hum_db(sound)
    assert max(latent, frame) < 8.0
    assert latent_hum_db(pulsing(sound, LATENT_RATE_HZ, 0.1)) > latent + 12.0
    assert frame_hum_db(pulsing(sound, FRAME_RATE_HZ, 0.1)) > frame + 12.0
    assert frame_hum_db(pulsing(sound, LATENT_RATE_HZ, 0.1)) < 8.0
    assert latent_hum_db(pulsing(sound, FRAME_RATE_HZ, 0.1)) < 8.0


def test_a_sound_too_short_to_pulse_says_nothing() -> None:
    assert np.isnan(latent_hum_db(hiss(0.2)))
    assert np.isfinite(frame_hum_db(hiss(0.2)))
    assert np.isnan(frame_hum_db(hiss(0.05)))


def test_a_full_scale_sine_has_the_standards_loudness() -> None:
    # ITU-R BS.1770: a 997 Hz sine at 0 dBFS in one of two channels reads -3.01 LUFS.
    sine = 2.0 * tone(997.0, decay_s=1e9)
    assert loudness_lufs(sine) == pytest.approx(0.0, abs=0.05)
    assert loudness_lufs(0.1 * sine) == pytest.approx(-20.0, abs=0.05)
    assert loudness_lufs(np.zeros((10, 2), np.float32)) == -70.0
    assert -70.0 < loudness_lufs(sine[:2000]) < 0.0


def test_bandwidth_ends_where_the_sound_does() -> None:
    assert bandwidth_hz(hiss()) > 21_000.0
    assert bandwidth_hz(tone(1000.0, decay_s=1e9)) == pytest.approx(1000.0, rel=0.25)
    assert bandwidth_hz(tone(100.0) + tone(8000.0)) == pytest.approx(8000.0, rel=0.1)
    assert bandwidth_hz(np.zeros((5, 2), np.float32)) == 0.0
