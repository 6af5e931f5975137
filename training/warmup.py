"""ODE warm-up: the student learns in one evaluation where the teacher's many steps end.

Trajectories of the frozen teacher from noise to end point are kept in a small pool that is renewed
as training goes on; the student regresses the end point from a random state, often from the noise
itself. Needs no sound: captions are enough. Its average starts `training/arc.py` and
`training/vsd.py`.

References:
    The optional first phase of Novack et al. 2025, arXiv 2505.08175; the end point of a
    probability-flow ODE as the target is Luhman and Luhman 2021, arXiv 2101.02388, here from any
    state of the trajectory.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from generator.backbone import Backbone, Conditions
from generator.interpolant import data_from_velocity
from training.checkpoints import State
from training.loop import StepDraws
from training.place import HERE, Place, Rows, autocast
from training.sampling import OdeLaw, keep_known, map_conditions, ode_states
from training.seen import MOST_NOISE, seen_distance
from training.stage_config import WarmUpRun
from training.student import Draw, Student
from training.teacher import flow_loss, free_share


@dataclass(frozen=True, slots=True)
class Trajectories:
    """A batch of solved flows.

    Shapes:
        times: [states] from 1 down to the last before 0; states: [batch, states, latent_channels,
        n]; ends: [batch, latent_channels, n], what the flow ended in.
    """

    times: Tensor
    states: Tensor
    ends: Tensor
    conditions: Conditions

    def pick(self, draws: StepDraws, share_at_noise: float) -> tuple[Tensor, Tensor]:
        """Return a state of each flow and its time: the noise itself for a share, else any.

        Shapes:
            returns: [batch, latent_channels, n], [batch]
        """
        batch, device = len(self.states), self.states.device
        at_noise = torch.rand(batch, generator=draws.torch) < share_at_noise
        any_state = torch.randint(len(self.times), (batch,), generator=draws.torch)
        chosen = torch.where(at_noise, torch.zeros_like(any_state), any_state).to(device)
        return self.states[torch.arange(batch, device=device), chosen], self.times[chosen]

    def part(self, rows: Rows) -> "Trajectories":
        """Return some of the flows."""
        told = rows.of_conditions(self.conditions)
        return Trajectories(self.times, rows.of(self.states), rows.of(self.ends), told)


def solve(teacher: Backbone, conditions: Conditions, noise: Tensor, run: WarmUpRun) -> Trajectories:
    """Follow the teacher's guided flow.

    Shapes:
        noise: [batch, latent_channels, n]
    """
    law = OdeLaw(run.solver_steps, run.guidance, run.solver)
    with autocast(noise, bfloat16=run.bfloat16):
        states = ode_states(teacher, conditions, noise, law)
    start = torch.tensor(law.times[:-1], device=noise.device)
    ends = keep_known(states[-1], conditions)
    return Trajectories(start, torch.stack(states[:-1], dim=1), ends, conditions)


class TrajectoryPool:
    """The newest batches of trajectories of a frozen teacher, whole in every process."""

    def __init__(self, run: WarmUpRun, draw: Draw, teacher: Backbone, place: Place = HERE) -> None:
        """Begin empty.

        Args:
            run: Solver, guidance, size of the pool and how often it is renewed.
            draw: Gives conditions; their sound, where there is one, is not looked at.
            teacher: Whose flow is followed.
            place: Where; each process follows its rows of a batch.
        """
        self.config = run
        self.draw = draw
        self.teacher = teacher
        self.place = place
        self.batches: list[Trajectories] = []

    def renew(self, draws: StepDraws) -> None:
        """Solve one more batch, and drop the oldest when the pool is full."""
        batch = self.draw(draws.numpy, self.config.tokens)
        rows = self.place.rows(len(batch.caption_ids))
        c = rows.of_conditions(batch.conditions)
        mine = solve(self.teacher, c, rows.normal(c.known, draws.torch), self.config)
        states, ends = (self.place.join(x, rows.total) for x in (mine.states, mine.ends))
        every = map_conditions(lambda x: x.to(self.place.device), batch.conditions)
        self.batches.append(Trajectories(mine.times, states, ends, every))
        del self.batches[: -self.config.pool]

    def choose(self, rng: np.random.Generator) -> Trajectories:
        """Return one batch of the pool."""
        return self.batches[int(rng.integers(len(self.batches)))]

    def state(self) -> list[dict[str, Tensor]]:
        """Return all batches as tables of tensors."""
        return [
            {"times": b.times, "states": b.states, "ends": b.ends}
            | {field.name: getattr(b.conditions, field.name) for field in fields(Conditions)}
            for b in self.batches
        ]

    def restore(self, state: list[dict[str, Tensor]]) -> None:
        """Take back what `state` returned."""
        names = [field.name for field in fields(Conditions)]
        placed = [{k: v.to(self.place.device) for k, v in table.items()} for table in state]
        self.batches = [
            Trajectories(
                t["times"], t["states"], t["ends"], Conditions(*(t[name] for name in names))
            )
            for t in placed
        ]


def named_ends(
    student: Backbone, flows: Trajectories, xt: Tensor, t: Tensor, *, bfloat16: bool
) -> Tensor:
    """Return where the student says that flows end, from a state of each.

    Shapes:
        xt: [batch, latent_channels, n]; t: [batch]  ->  as xt
    """
    with autocast(xt, bfloat16=bfloat16):
        v = student(xt, t, flows.conditions)
    named: Tensor = data_from_velocity(xt, v.float(), t[:, None, None])
    return named


def end_point_loss(flows: Trajectories, made: Tensor) -> Tensor:
    """Return the mean squared distance of named ends to the flows' ends.

    Shapes:
        made: [batch, latent_channels, n]  ->  a number.
    """
    return flow_loss(made, flows.ends, flows.conditions.known_mask)


class WarmUpStage:
    """Trains a student on the ends of the teacher's flow (see `training.loop.Stage`)."""

    def __init__(
        self,
        run: WarmUpRun,
        draw: Draw,
        teacher: Backbone,
        start: Backbone | None = None,
        place: Place = HERE,
    ) -> None:
        """Copy the start.

        Args:
            run: Rates and the pool's settings.
            draw: Draws ``(rng, tokens)`` -> conditions, from captions or from a corpus.
            teacher: Frozen; its flow is the target.
            start: The student to begin from, the teacher by default.
            place: Where; the networks are there already.
        """
        self.config = run
        self.place = place
        self.teacher = teacher
        self.pool = TrajectoryPool(run, draw, teacher, place)
        self.student = Student(run, start or teacher)

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Renew the pool when it is time, then do one update."""
        run = self.config
        if step % run.refresh_every == 0 or not self.pool.batches:
            self.pool.renew(draws)
        every = self.pool.choose(draws.numpy)
        rows = self.place.rows(len(every.ends))
        xt, t = (rows.of(x) for x in every.pick(draws, run.share_at_noise))
        flows = every.part(rows)
        made = named_ends(self.student.live, flows, xt, t, bfloat16=run.bfloat16)
        terms = {
            "loss": end_point_loss(flows, made) * free_share(rows, flows.conditions.known_mask)
        }
        if run.seen > 0.0:
            terms["seen"] = rows.part * self.seen(rows, flows, made, draws)
        norm = self.student.update(terms["loss"] + run.seen * terms.get("seen", 0.0), step)
        return {name: value.detach() for name, value in terms.items()} | {"gradient": norm}

    def seen(self, rows: Rows, flows: Trajectories, made: Tensor, draws: StepDraws) -> Tensor:
        """Return how far from their ends the named ones are in the eyes of the teacher."""
        t = MOST_NOISE * rows.of(torch.rand(rows.total, generator=draws.torch))
        noise = rows.normal(made, draws.torch)
        with autocast(made, bfloat16=self.config.bfloat16):
            return seen_distance(self.teacher, (made, flows.ends), flows.conditions, t, noise)

    @property
    def generator(self) -> Backbone:
        """The student's average weights, which are what is used."""
        return self.student.average

    def state(self) -> State:
        """Return the student's state and the pool."""
        return self.student.state() | {"pool": self.pool.state()}

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        self.student.restore(state)
        self.pool.restore(state["pool"])  # type: ignore[arg-type]
