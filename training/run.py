"""A stage's life on disk: resume, log, look, save, stop; it alone knows the run folder."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from training.checkpoints import STATE_FILE, load_state, save_state
from training.config import Run
from training.errors import TrainingError
from training.journal import Journal
from training.loop import Stage, StepReport, run
from training.place import HERE, Place, quick_in_bfloat16
from training.watch import Sight

LOG_EVERY = 10
NO_BFLOAT16 = "this processor has no matrix units for bfloat16: single precision, faster here"


@dataclass(frozen=True, slots=True)
class Outing:
    """One call of a stage: its folder for state and log; whether it goes on from the state there.

    Without ``resume`` the folder must hold no state; ``max_minutes`` stops early. ``look`` is asked
    for a `Sight` every ``look_every`` steps; ``tell`` hears what a person should know at once.
    """

    folder: Path
    resume: bool = False
    max_minutes: float | None = None
    place: Place = HERE
    look: Callable[[], Sight] | None = None
    look_every: int = 0
    tell: Callable[[str], None] = lambda _: None


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
        TrainingError: The folder holds a state and ``resume`` is off, the state does not fit, or a
            loss is no number any more; the last good state is kept.
    """
    torch.set_num_threads(config.threads)
    place = outing.place
    if config.bfloat16 and not quick_in_bfloat16(place.device.type):
        outing.tell(NO_BFLOAT16)
    first = resume_from(stage, outing.folder, resume=outing.resume)
    saved_at, step = time.monotonic(), first
    reports = run(
        stage,
        seed=config.seed,
        steps=range(first, config.steps),
        max_minutes=outing.max_minutes,
        place=place,
    )
    with Journal(outing.folder, first) if place.leads else nullcontext() as journal:
        for report in show(reports, first, config.steps) if place.leads else reports:
            refuse_non_numbers(report)
            step = report.step + 1
            if journal is None:
                continue
            if report.step % LOG_EVERY == 0:
                journal.write(report.step, {"elapsed_s": report.elapsed_s} | report.terms)
            if outing.look is not None and outing.look_every and step % outing.look_every == 0:
                note(journal, step, outing.look(), outing.tell)
            if time.monotonic() - saved_at > 60.0 * config.save_every_minutes:
                save_state(outing.folder / STATE_FILE, {"step": step} | stage.state())
                saved_at = time.monotonic()
    if place.leads:
        save_state(outing.folder / STATE_FILE, {"step": step} | stage.state())
    return step


def refuse_non_numbers(report: StepReport) -> None:
    """Stop a run whose terms are no numbers any more, before such a state is saved.

    Args:
        report: Of the newest step.

    Raises:
        TrainingError: A term is infinite or no number.
    """
    broken = sorted(name for name, value in report.terms.items() if not math.isfinite(value))
    if broken:
        raise TrainingError(
            f"step {report.step}: {', '.join(broken)} is no number any more; the last saved state "
            "is kept: lower the rate, or turn bfloat16 off, and --resume"
        )


def note(journal: Journal, step: int, sight: Sight, tell: Callable[[str], None]) -> None:
    """Write a look into the journal, and tell its alarm."""
    journal.write(step - 1, sight.terms)
    for name, sound in sight.sounds.items():
        journal.keep_sound(step, name, sound)
    if sight.alarm is not None:
        tell(f"step {step}: {sight.alarm}")


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
