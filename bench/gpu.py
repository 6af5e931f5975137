"""The accelerator backend on a CUDA device: how long a take takes, by its length.

``python -m bench.gpu --model FOLDER`` prints a table; the folder is a checkpoint with safetensors
weights. Uses the same clock as bench/generation.py, which times the edge backend.
"""

import argparse
import sys
from pathlib import Path

import torch

from bench.generation import LENGTHS_S, time_takes
from bench.page import render_table
from bench.row import Row
from generator.checkpoint import read_checkpoint
from generator.loading import CHECKPOINTS, HOUSE
from generator.torch_backend import open_torch


def main() -> int:
    """Obey the command line; the exit status is 1 where there is no CUDA device."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--model", type=Path, default=CHECKPOINTS / HOUSE, metavar="FOLDER")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench.gpu: torch finds no CUDA device here", file=sys.stderr)
        return 1
    generator = open_torch(read_checkpoint(options.model), device="cuda")
    device = torch.cuda.get_device_name()
    timings = [time_takes(generator, seconds) for seconds in LENGTHS_S]
    rows = [Row(f"take of {t.seconds:g} s, {device}", "–", t.describe()) for t in timings]
    print(render_table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
