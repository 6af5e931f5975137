"""A stage's life on disk: resume, log, save, stop; the one place that knows the run folder."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from training.checkpoints import STATE_FILE, load_state, save_state
from training.config import Run
from training.errors import TrainingError
from training.loop import Stage, StepReport, run

LOG_FILE = "steps.jsonl"
LOG_EVERY = 10


@dataclass(frozen=True, slots=True)
class Outing:
    """One call of a stage: its folder for state and log; whether it goes on from the state there.

    Without ``resume`` the folder must hold no state; ``max_minutes`` stops early.
    """

    folder: Path
    resume: bool = False
    max_minutes: float | None = None


def stage_folder(config: Run, stage: str) -> Path:
    """Return where a stage keeps its state and log."""
    return config.run_dir / stage


def train(
    stage: Stage,
    config: Run,
    outing: Outing,
    show: Callable[[Iterator[StepReport], int, int], Iterator[StepReport]],
) -> int:
    """Train a stage until its steps or its time are up, saving its state as it goes.

    Args:
        stage: What to train.
        config: Its run configuration.
        outing: Where, from where and for how long.
        show: Wraps the reports with a progress bar, given the first and the last step.

    Returns:
        The number of steps the state has seen.

    Raises:
        TrainingError: The folder holds a state and ``resume`` is off, or the state does not fit.
    """
    torch.set_num_threads(config.threads)
    folder = outing.folder
    first = resume_from(stage, folder, resume=outing.resume)
    saved_at, step = time.monotonic(), first
    reports = run(
        stage,
        seed=config.seed,
        first_step=first,
        last_step=config.steps,
        max_minutes=outing.max_minutes,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG_FILE).open("a", encoding="utf-8") as log:
        for report in show(reports, first, config.steps):
            step = report.step + 1
            if report.step % LOG_EVERY == 0:
                log.write(
                    json.dumps({"step": report.step, "elapsed_s": report.elapsed_s} | report.terms)
                    + "\n"
                )
                log.flush()
            if time.monotonic() - saved_at > 60.0 * config.save_every_minutes:
                save_state(folder / STATE_FILE, {"step": step} | stage.state())
                saved_at = time.monotonic()
    save_state(folder / STATE_FILE, {"step": step} | stage.state())
    return step


def resume_from(stage: Stage, folder: Path, *, resume: bool) -> int:
    """Restore a stage from its folder when there is a state.

    Args:
        stage: What to restore.
        folder: Where its state lies.
        resume: Whether a state may be taken up.

    Returns:
        How many steps the state has seen, 0 without one.

    Raises:
        TrainingError: There is a state and ``resume`` is off, or it is of another shape.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return 0
    if not resume:
        raise TrainingError(
            f"{path} holds an earlier run: add --resume to go on with it, or remove it"
        )
    state = load_state(path)
    step = state["step"]
    try:
        stage.restore(state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"{path} does not fit this config ({error}): use the config it was made with"
        ) from error
    if not isinstance(step, int):
        raise TrainingError(f"{path}: the step is {step!r}, expected a whole number")
    return step
