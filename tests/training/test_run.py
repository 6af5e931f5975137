"""A stage's life on disk: what is logged, looked at and told; a broken run keeps the last state."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from training.checkpoints import STATE_FILE, State, load_state
from training.config import Run
from training.errors import TrainingError
from training.journal import BOARD_FOLDER, LOG_FILE, SAMPLES_FOLDER
from training.loop import StepDraws, StepReport
from training.run import Outing, train
from training.watch import Sight


class Counter:
    """A stage that counts, and whose loss is no number from some step on."""

    def __init__(self, breaks_at: int = 10**9) -> None:
        self.total = 0
        self.breaks_at = breaks_at

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        self.total += 1
        return {"loss": torch.tensor(float("nan") if step >= self.breaks_at else float(step))}

    def state(self) -> State:
        return {"total": self.total}

    def restore(self, state: State) -> None:
        self.total = int(state["total"])  # type: ignore[call-overload]


def config(folder: Path, steps: int, **changes: object) -> Run:
    return Run.model_validate({"run_dir": folder, "steps": steps, "threads": 1} | changes)


def plainly(reports: Iterator[StepReport], first: int, last: int) -> Iterator[StepReport]:
    yield from reports


def test_the_log_and_tensorboard_tell_the_same(tmp_path: Path) -> None:
    train(Counter(), config(tmp_path, 41), Outing(tmp_path / "s"), plainly)
    rows = [json.loads(line) for line in (tmp_path / "s" / LOG_FILE).read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 10, 20, 30, 40]
    board = EventAccumulator(str(tmp_path / "s" / BOARD_FOLDER))
    board.Reload()
    assert [(e.step, e.value) for e in board.Scalars("loss")] == [
        (row["step"], row["loss"]) for row in rows
    ]


def test_a_look_is_logged_kept_and_its_alarm_told(tmp_path: Path) -> None:
    told: list[str] = []
    sound = 0.1 * np.random.default_rng(0).standard_normal((9000, 2)).astype(np.float32)
    outing = Outing(
        tmp_path / "s",
        look=lambda: Sight({"takes": 0.5}, {"prompt": sound}, "takes are alike"),
        look_every=4,
        tell=told.append,
    )
    train(Counter(), config(tmp_path, 9), outing, plainly)
    assert told == ["step 4: takes are alike", "step 8: takes are alike"]
    kept = tmp_path / "s" / SAMPLES_FOLDER / "0000008"
    assert (kept / "prompt.png").read_bytes().startswith(b"\x89PNG")
    assert (kept / "prompt.ogg").read_bytes().startswith(b"OggS")
    board = EventAccumulator(str(tmp_path / "s" / BOARD_FOLDER))
    board.Reload()
    assert board.Tags()["images"] == board.Tags()["audio"] == ["prompt"]


def test_a_loss_that_is_no_number_keeps_the_last_good_state(tmp_path: Path) -> None:
    outing = Outing(tmp_path / "s", resume=True)
    train(Counter(), config(tmp_path, 3), outing, plainly)
    with pytest.raises(TrainingError, match=r"step 5: loss is no number.*lower the rate"):
        train(Counter(breaks_at=5), config(tmp_path, 9), outing, plainly)
    assert load_state(tmp_path / "s" / STATE_FILE) == {"step": 3, "total": 3}


def test_the_time_is_kept_and_the_rest_is_done_later(tmp_path: Path) -> None:
    short = Outing(tmp_path / "s", resume=True, max_minutes=0.0)
    assert train(Counter(), config(tmp_path, 9), short, plainly) == 1
    counter = Counter()
    assert train(counter, config(tmp_path, 9), Outing(tmp_path / "s", resume=True), plainly) == 9
    assert counter.total == 9
