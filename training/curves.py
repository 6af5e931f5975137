"""Pictures of a run's loss terms from its step log. Knows no stage: it draws what the log names."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training.errors import TrainingError
from training.journal import LOG_FILE

SMOOTHED_OVER = 15
PER_LINE = 5
SHOWN_PERCENT = (0.5, 98.5)


def read_log(folder: Path) -> list[dict[str, float]]:
    """Read the logged steps of a stage folder; a step logged twice counts as it was last.

    Args:
        folder: Where a stage keeps its state and log.

    Returns:
        The rows, in the order of their steps.

    Raises:
        TrainingError: The folder has no log.
    """
    try:
        lines = (folder / LOG_FILE).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TrainingError(f"no {LOG_FILE} in {folder}: train that stage first") from error
    steps = {int(row["step"]): row for row in map(json.loads, lines)}
    return [steps[step] for step in sorted(steps)]


def minutes_logged(folder: Path) -> float | None:
    """Return how long a stage was trained, by its log; None without one.

    The time of every outing counts, also of steps that were lost and done again. An outing begins
    where the clock of the log falls back.
    """
    path = folder / LOG_FILE
    if not path.is_file():
        return None
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    clock = [row["elapsed_s"] for row in rows if "elapsed_s" in row]
    ends = [now for now, following in pairwise([*clock, 0.0]) if following < now]
    return float(sum(ends)) / 60.0


def draw_curves(folder: Path, picture: Path) -> None:
    """Draw every loss term of a stage over its steps, raw and smoothed, into a PNG."""
    rows = read_log(folder)
    names = sorted({name for row in rows for name in row} - {"step", "elapsed_s"})
    lines = -(-len(names) // PER_LINE)
    figure = Figure(figsize=(3.0 * min(PER_LINE, len(names)), 2.4 * lines))
    axes = figure.subplots(lines, min(PER_LINE, len(names)), squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        points = np.array([(row["step"], row[name]) for row in rows if name in row])
        axis.plot(points[:, 0], points[:, 1], linewidth=0.5, alpha=0.4)
        width = min(SMOOTHED_OVER, len(points))
        smooth = np.convolve(points[:, 1], np.ones(width) / width, mode="valid")
        axis.plot(points[width - 1 :, 0], smooth, linewidth=1.2)
        # The first steps fall from anywhere; the scale is that of all the others.
        axis.set_ylim(*np.percentile(points[len(points) // 50 :, 1], SHOWN_PERCENT))
        axis.set_title(name, fontsize=8)
        axis.tick_params(labelsize=6)
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=90)
