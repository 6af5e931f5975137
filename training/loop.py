"""The one training loop of all stages: a generator of step reports.

The loop knows neither losses nor files: a stage does a step, the caller logs, saves and stops.
Every random draw of a step comes from the run's seed and the step's number alone, so a resumed run
is the run that never stopped, bit for bit.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoints import State
from training.place import HERE, Place, average_gradients


@dataclass(frozen=True, slots=True)
class StepDraws:
    """The two random sources of one step."""

    numpy: np.random.Generator
    torch: torch.Generator


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did; ``terms`` holds only what was computed."""

    step: int
    terms: dict[str, float]
    elapsed_s: float


class Stage(Protocol):
    """One stage of training, holding its networks and optimisers."""

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Do step number ``step`` (from 0) and return its loss terms."""
        ...

    def state(self) -> State:
        """Return everything a resumed run needs."""
        ...

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        ...


def step_draws(seed: int, step: int) -> StepDraws:
    """Return the random sources of a step, a function of seed and step alone."""
    sequence = np.random.SeedSequence((seed, step))
    source = torch.Generator().manual_seed(int(sequence.generate_state(1)[0]))
    return StepDraws(np.random.default_rng(sequence), source)


def run(
    stage: Stage,
    *,
    seed: int,
    steps: range,
    max_minutes: float | None = None,
    place: Place = HERE,
) -> Iterator[StepReport]:
    """Run some steps, or until the time is up, reporting each.

    Among several processes the terms are those of the whole batch, and all stop together.
    """
    started = time.monotonic()
    for step in steps:
        terms = place.average_terms(stage.step(step, step_draws(seed, step)))
        elapsed_s = time.monotonic() - started
        yield StepReport(step, {name: float(value) for name, value in terms.items()}, elapsed_s)
        if max_minutes is not None and place.leaders(elapsed_s >= 60.0 * max_minutes):
            return


def learning_rate(peak: float, step: int, *, steps: int, warm_up: int) -> float:
    """Return a linear warm-up, then a cosine down to a tenth of the peak at the last step."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return float(peak * (0.1 + 0.45 * (1.0 + np.cos(np.pi * progress))))


def make_optimiser(
    parameters: Iterable[nn.Parameter],
    betas: tuple[float, float] = (0.9, 0.95),
    weight_decay: float = 0.01,
) -> torch.optim.AdamW:
    """Return AdamW for the parameters that take gradients, in one kernel where there is one."""
    learnt = [p for p in parameters if p.requires_grad]
    fused = all(p.device.type in ("cpu", "cuda") for p in learnt)
    return torch.optim.AdamW(learnt, betas=betas, weight_decay=weight_decay, fused=fused)


def update(
    optimiser: torch.optim.Optimizer, loss: Tensor, *, rate: float, clip_norm: float = 1.0
) -> Tensor:
    """Step an optimiser down a loss with a clipped gradient, and return the gradient's norm.

    The gradient is the mean of all processes'.
    """
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    average_gradients(parameters)
    norm = nn.utils.clip_grad_norm_(parameters, clip_norm)
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return norm


@torch.no_grad()
def update_average(average: nn.Module, live: nn.Module, *, decay: float, step: int) -> None:
    """Move the average weights toward the live ones; the early steps count more."""
    weight = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    torch._foreach_lerp_(list(average.parameters()), list(live.parameters()), weight)
    for slow, fast in zip(average.buffers(), live.buffers(), strict=True):
        slow.copy_(fast)
