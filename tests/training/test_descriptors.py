"""Each descriptor tells apart the sounds that it is meant to tell apart."""

from collections.abc import Callable

import numpy as np
import pytest

from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.training.sounds import clicks, hiss, tone
from training.claims import CLAIMS
from training.descriptors import (
    attack,
    brightness,
    crest,
    depth,
    lateness,
    length,
    noisiness,
    onsets,
    width,
)


@pytest.mark.parametrize(
    ("measure", "higher", "lower"),
    [
        (brightness, tone(5000.0), tone(200.0)),
        (brightness, hiss(), tone(3000.0)),
        (depth, tone(60.0), tone(600.0)),
        (noisiness, hiss(), tone(600.0)),
        (length, tone(300.0, decay_s=0.5), tone(300.0, decay_s=0.05)),
        (attack, tone(300.0, rise_s=0.4), tone(300.0, decay_s=0.4)),
        (lateness, tone(300.0)[::-1], tone(300.0, decay_s=0.2)),
        (width, hiss(channels=2), hiss()),
        (onsets, clicks(4), clicks(1)),
        (onsets, clicks(1), np.zeros((SAMPLE_RATE_HZ, 2), np.float32)),
        (crest, clicks(1), tone(300.0)),
    ],
)
def test_a_measure_orders_the_clear_cases(
    measure: Callable[[FloatArray], float], higher: FloatArray, lower: FloatArray
) -> None:
    assert measure(higher) > measure(lower)


def test_measures_read_known_values() -> None:
    assert brightness(tone(1000.0)) == pytest.approx(1000.0, rel=0.1)
    assert onsets(clicks(4)) == pytest.approx(4.0, abs=0.5)
    # A decay of 40 dB takes 4.6 time constants.
    assert length(tone(300.0, decay_s=0.2)) == pytest.approx(0.92, abs=0.05)
    assert attack(tone(300.0, rise_s=1.0)) == pytest.approx(0.8, abs=0.1)
    assert width(hiss(channels=2)) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("frames", [1, 300, 441, 5000])
def test_measures_survive_silence_and_short_sounds(frames: int) -> None:
    silent = np.zeros((frames, 2), np.float32)
    for claim in CLAIMS:
        assert np.isfinite(claim.measure(silent))
