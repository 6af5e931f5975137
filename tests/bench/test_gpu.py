"""The accelerator's bench runs on a processor too, and its floor is counted, not guessed."""

import os
import subprocess
import sys

import pytest
import torch

from bench import gpu
from tests.source_tree import ROOT


def test_a_dry_run_prints_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--device", "cpu", "--small"]) == 0
    table = capsys.readouterr().out
    for words in ("house size, 0.5 s", "house size, 0.5 s × 8 at once", "seed's size", "floor"):
        assert words in table


def test_a_missing_device_is_named() -> None:
    command = [sys.executable, "-m", "bench.gpu"]
    hidden = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=hidden, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 1
    assert "no CUDA device" in done.stderr


def test_operations_of_a_product_are_counted() -> None:
    """A product of [3, 5] and [5, 7] is 105 multiplications and as many additions."""
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    assert gpu.count_operations(lambda: a @ b) == 210


def test_the_floor_is_the_slower_of_work_and_memory() -> None:
    machine = gpu.Machine("x", operations_per_s=1e9, bytes_per_s=1e6)
    assert machine.floor_ms(1e6, 1e2) == pytest.approx(1.0)
    assert machine.floor_ms(1e6, 1e4) == pytest.approx(10.0)
