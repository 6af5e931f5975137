"""Where the teacher's flow ends, as a lesson for a one-step student.

Trajectories of the frozen teacher from noise to end point are kept in a small pool that is renewed
as training goes on; the student regresses the end point from a random state, often from the noise
itself. Needs no sound: captions are enough. It is all of `training/warmup.py`, and what
`training/arc.py` and `training/vsd.py` may be held by.

References:
    The end point of a probability-flow ODE as the target: Luhman and Luhman 2021, arXiv
    2101.02388, here from any state of the trajectory. Beside score distillation it is the
    regression of Yin et al. 2023, arXiv 2311.18828, section 3.3.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from generator.backbone import Backbone, Conditions
from generator.interpolant import data_from_velocity
from training.checkpoints import STATE_FILE
from training.heard import code_of, heard_distance
from training.loop import StepDraws
from training.place import HERE, Place, Rows, autocast
from training.run import stage_folder
from training.sampling import OdeLaw, keep_known, map_conditions, ode_states
from training.seen import MOST_NOISE, seen_distance
from training.spread import spread_loss
from training.stage_config import StudentRun
from training.student import Draw
from training.teacher import flow_loss, free_share

PoolState = list[dict[str, Tensor]]


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


def solve(
    teacher: Backbone, conditions: Conditions, noise: Tensor, run: StudentRun
) -> Trajectories:
    """Follow the teacher's guided flow.

    Shapes:
        noise: [batch, latent_channels, n]
    """
    law = OdeLaw(run.ends.solver_steps, run.ends.guidance, run.ends.solver)
    with autocast(noise, bfloat16=run.bfloat16):
        states = ode_states(teacher, conditions, noise, law)
    start = torch.tensor(law.times[:-1], device=noise.device)
    ends = keep_known(states[-1], conditions)
    return Trajectories(start, torch.stack(states[:-1], dim=1), ends, conditions)


class TrajectoryPool:
    """The newest batches of trajectories of a frozen teacher, whole in every process."""

    def __init__(self, run: StudentRun, draw: Draw, teacher: Backbone, place: Place = HERE) -> None:
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
        del self.batches[: -self.config.ends.pool]

    def choose(self, rng: np.random.Generator) -> Trajectories:
        """Return one batch of the pool."""
        return self.batches[int(rng.integers(len(self.batches)))]

    def state(self) -> PoolState:
        """Return all batches as tables of tensors."""
        return [
            {"times": b.times, "states": b.states, "ends": b.ends}
            | {field.name: getattr(b.conditions, field.name) for field in fields(Conditions)}
            for b in self.batches
        ]

    def restore(self, state: PoolState) -> None:
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


class EndPoints:
    """The lesson: a pool of flows, and how far a student is from their ends."""

    def __init__(self, run: StudentRun, draw: Draw, teacher: Backbone, place: Place = HERE) -> None:
        """Begin with an empty pool; arguments as `TrajectoryPool`'s."""
        self.config = run
        self.place = place
        self.pool = TrajectoryPool(run, draw, teacher, place)
        self._code: Tensor | None = None
        if run.ends.heard > 0.0:
            state = stage_folder(run, "autoencoder") / STATE_FILE
            self._code = code_of(state, torch.device(place.device))

    def loss(
        self, student: Backbone, step: int, draws: StepDraws
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a student at a step, and its terms.

        They are ``ends``, ``seen``, ``heard`` and ``spread``, as far as they have a weight; all are
        this process's part. The pool is renewed first when it is time. A step on flows that were
        never learnt from has the term ``fresh`` as well: where ``ends`` falls away from it, flows
        are learnt by heart.
        """
        run = self.config
        fresh = step % run.ends.refresh_every == 0 or not self.pool.batches
        if fresh:
            self.pool.renew(draws)
        every = self.pool.batches[-1] if fresh else self.pool.choose(draws.numpy)
        rows = self.place.rows(len(every.ends))
        xt, t = (rows.of(x) for x in every.pick(draws, run.ends.share_at_noise))
        flows = every.part(rows)
        made = named_ends(student, flows, xt, t, bfloat16=run.bfloat16)
        known = flows.conditions.known_mask
        share = free_share(rows, known)
        terms = {"ends": end_point_loss(flows, made) * share}
        if fresh:
            terms["fresh"] = terms["ends"]
        if run.ends.seen > 0.0:
            terms["seen"] = rows.part * self._seen(rows, flows, made, draws)
        if self._code is not None:
            terms["heard"] = heard_distance(self._code, made, flows.ends, known) * share
        if run.ends.spread > 0.0:
            terms["spread"] = spread_loss(made, flows.ends, known, self.place)
        loss = terms["ends"]
        for name in ("seen", "heard", "spread"):
            loss = loss + getattr(run.ends, name) * terms.get(name, 0.0)
        return loss, {name: value.detach() for name, value in terms.items()}

    def _seen(self, rows: Rows, flows: Trajectories, made: Tensor, draws: StepDraws) -> Tensor:
        t = MOST_NOISE * rows.of(torch.rand(rows.total, generator=draws.torch))
        noise = rows.normal(made, draws.torch)
        with autocast(made, bfloat16=self.config.bfloat16):
            return seen_distance(self.pool.teacher, (made, flows.ends), flows.conditions, t, noise)

    def held(
        self, weight: float, student: Backbone, step: int, draws: StepDraws
    ) -> tuple[Tensor | float, dict[str, Tensor]]:
        """Return the loss by a weight, and its terms; at 0 nothing is done."""
        if weight == 0.0:
            return 0.0, {}
        loss, terms = self.loss(student, step, draws)
        return weight * loss, terms
