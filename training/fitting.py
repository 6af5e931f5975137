"""As many steps as fit into some minutes, and a schedule of that length: every rate ends low.

Knows no stage by name: whoever has a time tries a few steps of its own and cuts its config.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from training.config import NEVER, Run
from training.loop import Stage
from training.loop import run as run_steps
from training.place import Place

PROBED_STEPS = 24
PROBE_SKIPS = 8
HASTE = 0.95

RunT = TypeVar("RunT", bound=Run)


def from_fields(config: Run) -> Iterator[str]:
    """Give the names of the fields that tell from which step on something happens."""
    for key in type(config).model_fields:
        if key.endswith("_from") and getattr(config, key) < NEVER:
            yield key


def shortened(config: RunT, steps: int) -> RunT:
    """Return a config of fewer steps, with what depends on their number scaled alike."""
    scale = steps / config.steps
    changes = {key: int(getattr(config, key) * scale) for key in from_fields(config)}
    changes |= {"steps": steps, "warm_up": max(1, min(config.warm_up, steps // 10))}
    return config.model_copy(update=changes)


def fitting_steps(
    make: Callable[[RunT, Place], Stage], config: RunT, minutes: float, place: Place
) -> int:
    """Return how many steps fit into some minutes, at most the config's, by trying a few.

    What begins at a later step begins at once while it is tried, so that the dearest step is timed.

    Args:
        make: Makes the stage that is tried.
        config: Its config.
        minutes: The time, that of the trial included.
        place: Where it is trained.

    Returns:
        One at least.
    """
    stage = make(config.model_copy(update=dict.fromkeys(from_fields(config), 0)), place)
    reports = run_steps(stage, seed=config.seed, steps=range(PROBED_STEPS), place=place)
    elapsed_s = [report.elapsed_s for report in reports]
    step_s = (elapsed_s[-1] - elapsed_s[PROBE_SKIPS - 1]) / (PROBED_STEPS - PROBE_SKIPS)
    left_s = HASTE * 60.0 * minutes - elapsed_s[-1]
    return place.leaders(max(1, min(config.steps, int(left_s / step_s))))
