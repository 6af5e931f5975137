"""The comparison with scsynth: both programs are heard."""

import shutil

import pytest

from bench.scsynth import measure

pytestmark = [
    pytest.mark.jack,
    pytest.mark.skipif(shutil.which("jackd") is None, reason="needs jackd2"),
    pytest.mark.skipif(shutil.which("scsynth") is None, reason="needs supercollider-server"),
]


def test_both_are_heard() -> None:
    (row,) = measure(triggers=6)
    assert "scsynth: median" in row.measured
    assert row.passed is not None
