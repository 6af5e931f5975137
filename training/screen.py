"""What a person sees of training: progress bars and remarks. The command line makes a real one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from training.latents import Progress, quietly
from training.loop import StepReport


def pass_on(reports: Iterator[StepReport], first: int, last: int) -> Iterator[StepReport]:
    """Show nothing of steps ``first`` to ``last - 1``."""
    del first, last
    yield from reports


def silence(text: str) -> None:
    """Say nothing."""
    del text


@dataclass(frozen=True, slots=True)
class Screen:
    """Wraps the reports of a stage and the items of a job, and hears remarks."""

    reports: Callable[[Iterator[StepReport], int, int], Iterator[StepReport]] = pass_on
    items: Progress = quietly
    tell: Callable[[str], None] = silence
