"""The comparison with scsynth: both programs are heard, and chance does not decide."""

import shutil

import numpy as np
import pytest

from bench.callback import BLOCK_FRAMES
from bench.scsynth import CHANCE_MS, measure
from generator.api import SAMPLE_RATE_HZ

BLOCK_MS = 1000.0 * BLOCK_FRAMES / SAMPLE_RATE_HZ
GOLDEN_SECTION = 0.6180339887498949


@pytest.mark.jack
@pytest.mark.skipif(shutil.which("jackd") is None, reason="needs jackd2")
@pytest.mark.skipif(shutil.which("scsynth") is None, reason="needs supercollider-server")
def test_both_are_heard() -> None:
    (row,) = measure(triggers=6)
    assert "scsynth: median" in row.measured
    assert row.passed is not None


def test_two_programs_that_are_alike_hardly_differ() -> None:
    """The law that the verdict stands on: by more than CHANCE_MS only in a few of 100 runs."""
    rng = np.random.default_rng(1)
    sent_ms = (np.arange(300) * GOLDEN_SECTION % 1.0) * BLOCK_MS

    def percentiles() -> np.ndarray:
        ready_ms = sent_ms + 0.3 + rng.exponential(0.1, len(sent_ms))
        heard_ms = np.ceil(ready_ms / BLOCK_MS) * BLOCK_MS
        return np.percentile(heard_ms - sent_ms, [50, 99])

    differences = np.array([percentiles() - percentiles() for _ in range(1000)])
    more = np.mean(np.abs(differences) > CHANCE_MS, axis=0)
    assert more[0] < 0.02
    assert more[1] < 0.06
