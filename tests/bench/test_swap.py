"""The whole way of another model: a real daemon on a real JACK server, and no frame is lost."""

import shutil
from pathlib import Path

import pytest

from bench import swap
from tests.models import tiny_checkpoint

pytestmark = [
    pytest.mark.jack,
    pytest.mark.skipif(shutil.which("jackd") is None, reason="needs jackd2"),
]


def test_models_change_and_bad_ones_do_not_while_a_loop_plays(tmp_path: Path) -> None:
    model = tiny_checkpoint(tmp_path / "first", name="first").folder
    (row,) = swap.measure(str(model), seconds=4.0)
    assert row.passed, row.measured
