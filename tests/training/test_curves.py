"""Laws of the pictures of a run: what the log names is drawn, and a missing log is told."""

import json
from pathlib import Path

import pytest

from training.curves import draw_curves, read_log
from training.errors import TrainingError
from training.journal import LOG_FILE


def test_every_term_is_drawn_even_one_that_came_late(tmp_path: Path) -> None:
    rows = [{"step": i, "elapsed_s": 0.1 * i, "loss": 1 / (i + 1)} for i in range(40)]
    rows += [{"step": i, "elapsed_s": 0.1 * i, "loss": 0.0, "late": i} for i in range(35, 60)]
    (tmp_path / LOG_FILE).write_text("\n".join(map(json.dumps, rows)))
    read = read_log(tmp_path)
    assert [row["step"] for row in read] == list(range(60))
    assert read[37]["loss"] == 0.0
    draw_curves(tmp_path, tmp_path / "deep" / "curves.png")
    assert (tmp_path / "deep" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_missing_log_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="train that stage first"):
        read_log(tmp_path)
