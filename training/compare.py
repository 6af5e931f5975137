"""`python -m training compare`: which of several states is the best, in one table.

Teachers, warm-ups, ARC and VSD answer the same held-out prompts and claims, measured as
`training/evaluate.py` measures a checkpoint; beside each stands how long its own stage was trained.
All are as they were trained, before any export.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from generator.text import TextEncoder
from training.adherence import held
from training.checkpoints import load_state
from training.claims import KINDS
from training.comparison import Comparison
from training.config import ComparedState, ComparisonRun
from training.curves import minutes_logged
from training.scores import Scores
from training.systems import Subject, of_state
from training.vectors import Progress

TABLE_FILE = "comparison.md"
DECIMALS = {
    "fad": 1, "fad_with_words": 1, "r_at_1": 3, "r_at_5": 3, "r_at_10": 3, "diversity": 3,
}  # fmt: skip
TITLES = (
    "state", "steps", "minutes", "FAD ↓", "FAD with words ↓", "R@1 ↑", "R@5 ↑", "R@10 ↑",
    "diversity ↑", "claims", *KINDS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one state; what was not measured is absent.

    ``trained`` are the steps of its own stage, ``minutes`` the time that they took; ``claims`` are
    those that hold, and of how many, by kind.
    """

    name: str
    trained: int
    minutes: float | None
    scores: Scores
    claims: dict[str, tuple[int, int]]

    @property
    def cells(self) -> list[str]:
        """The cells under TITLES; of what is absent an empty one."""
        minutes = "" if self.minutes is None else f"{self.minutes:.1f}"
        scores = [
            f"{self.scores[key]:.{places}f}" if key in self.scores else ""
            for key, places in DECIMALS.items()
        ]
        right, of = (sum(column) for column in zip(*self.claims.values(), strict=True))
        kinds = [of_many(*self.claims[kind]) if kind in self.claims else "" for kind in KINDS]
        return [self.name, str(self.trained), minutes, *scores, of_many(right, of), *kinds]


def compare(run: ComparisonRun, progress: Progress, tell: Callable[[str], None]) -> list[Row]:
    """Measure all states, and write the table.

    Args:
        run: The states, and what they are measured on.
        progress: Shown while it works.
        tell: Hears each row as soon as it is known.

    Returns:
        The rows, as the run names them; the table lies in ``run_dir``.
    """
    torch.set_num_threads(run.threads)
    words = TextEncoder(run.text_encoder, threads=run.threads)
    # All are opened before one is measured: what is missing is told at once.
    subjects = [of_state(run, given, words) for given in run.states]
    comparison = Comparison(run, words, progress)
    rows = []
    for given, subject in zip(run.states, subjects, strict=True):
        rows.append(row_of(comparison, given, subject))
        tell(line(rows[-1].cells))
    (run.run_dir / TABLE_FILE).write_text(table(rows), encoding="utf-8")
    return rows


def row_of(comparison: Comparison, given: ComparedState, subject: Subject) -> Row:
    """Measure one state."""
    trained = load_state(given.state)["step"]
    return Row(
        given.name,
        trained if isinstance(trained, int) else 0,
        minutes_logged(given.state.parent),
        comparison.scores(comparison.takes(subject)),
        held(comparison.verdicts(subject)),
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    return "\n".join(
        [line(TITLES), line(["---"] * len(TITLES)), *(line(r.cells) for r in rows), ""]
    )


def line(cells: Sequence[str]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def of_many(right: int, of: int) -> str:
    """Return a share as two numbers."""
    return f"{right} of {of}"
