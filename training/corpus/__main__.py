"""The command line of the corpus: ``python -m training.corpus CONFIG.toml``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from training.config import read_config
from training.corpus.render import CorpusRun, CorpusSummary, iterate_corpus
from training.errors import TrainingError

_EVERY = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a corpus, saying now and then how far it is; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.corpus", description=__doc__)
    parser.add_argument("config", type=Path, help="what to make, see training/configs")
    given = parser.parse_args(arguments)
    summary = CorpusSummary()
    try:
        config = read_config(given.config, CorpusRun)
        torch.set_num_threads(config.threads)
        for summary in iterate_corpus(config, lambda line: sys.stderr.write(f"{line}\n")):
            if summary.clips % _EVERY == 0:
                sys.stderr.write(f"{summary.text()}\n")
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{summary.text()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
