"""Each measure tells apart the sounds that it is meant to tell apart."""

import numpy as np
import pytest

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.adherence import (
    CLAIMS,
    Claim,
    Measure,
    attack,
    brightness,
    crest,
    depth,
    judge,
    lateness,
    length,
    noisiness,
    onsets,
    width,
)


def tone(
    hz: float, *, seconds: float = 2.0, decay_s: float = 9.0, rise_s: float = 0.0
) -> FloatArray:
    """A sine that rises, then dies away, equal on both sides."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    level = np.exp(-t / decay_s) * np.clip(t / rise_s, 0.0, 1.0) if rise_s else np.exp(-t / decay_s)
    return np.repeat(
        (0.5 * level * np.sin(2 * np.pi * hz * t)).astype(np.float32)[:, None], 2, axis=1
    )


def hiss(seconds: float = 2.0, channels: int = 1) -> FloatArray:
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((round(seconds * SAMPLE_RATE_HZ), channels), dtype=np.float32)
    return np.repeat(noise, 2 // channels, axis=1)


def clicks(per_second: int) -> FloatArray:
    sound = np.zeros((2 * SAMPLE_RATE_HZ, 2), np.float32)
    for i in range(2 * per_second):
        start = round(i / per_second * SAMPLE_RATE_HZ)
        sound[start : start + 900] = tone(900.0, seconds=1.0)[:900]
    return sound


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
    measure: Measure, higher: FloatArray, lower: FloatArray
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


def test_a_claim_holds_when_most_seeds_agree() -> None:
    claim = Claim(brightness, "a", "b")
    high, low = tone(4000.0), tone(100.0)
    assert judge(claim, [high] * 3 + [low], [low] * 3 + [high]).holds
    assert not judge(claim, [high] * 2 + [low] * 2, [low] * 2 + [high] * 2).holds
    assert judge(claim, [high, low], [low, high]).agreeing == 1


def test_there_are_enough_different_claims() -> None:
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS) >= 20
