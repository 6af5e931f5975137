"""SwiftAudio's caption-only distillation: a one-step student by variational score distillation.

A frozen teacher knows where real latents lie, a tracker (the fake score) learns where the
student's lie, and the student moves along their difference; a penalty on its variation in time
keeps frames from jittering. No sound and no latents of sound are ever read. The gradients are pure
functions of velocities.

References:
    SwiftAudio: Mai et al. 2026, arXiv 2606.31259, ported from noise to velocity prediction. Weight
    "dmd": Yin et al. 2023, arXiv 2311.18828, equation 8. Guidance of both scores and a tracker of
    low rank: Nguyen and Tran 2023, arXiv 2312.05239. Several tracker updates for one of the
    student: Yin et al. 2024, arXiv 2405.14867.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from generator.backbone import Backbone, Conditions
from generator.interpolant import data_from_velocity, mix, velocity
from training.checkpoints import State
from training.ends import EndPoints
from training.loop import StepDraws, learning_rate, make_optimiser, update
from training.lora import adapt, learnt_state, restore_learnt
from training.place import HERE, Place, Rows, autocast
from training.sampling import guided_velocity, map_conditions, one_step, sample_ode
from training.stage_config import VsdRun
from training.student import Draw, Student, shift_odds
from training.teacher import autocast_velocity, flow_loss, free_share

ADAPTED_LAYERS = ("to_q", "to_kv", "out", "widen", "narrow")
LEVEL_STEPS = 16
NO_DIVISION_BY_ZERO = 1e-4


@dataclass(frozen=True, slots=True)
class Scores:
    """What teacher and tracker say at the same noisy latents of the student.

    Shapes:
        xt, teacher, tracker: [batch, latent_channels, n]; t: [batch].
    """

    xt: Tensor
    t: Tensor
    teacher: Tensor
    tracker: Tensor


def swiftaudio_gradient(scores: Scores) -> Tensor:
    """Return ``sigma^2`` times the difference of the predicted noises: ``t^2 (1 - t) (v_T - v_F)``.

    Shapes:
        returns: [batch, latent_channels, n]
    """
    t = scores.t[:, None, None]
    return t.square() * (1.0 - t) * (scores.teacher - scores.tracker)


def dmd_gradient(scores: Scores, x: Tensor) -> Tensor:
    """Return the difference of the predicted data over the clip's distance to the teacher's.

    Shapes:
        x: [batch, latent_channels, n], the student's clean latents  ->  the same.
    """
    t = scores.t[:, None, None]
    distance = (
        (x.detach() - data_from_velocity(scores.xt, scores.teacher, t))
        .abs()
        .mean((1, 2), keepdim=True)
    )
    return t * (scores.teacher - scores.tracker) / (distance + NO_DIVISION_BY_ZERO)


def moved_along(x: Tensor, gradient: Tensor) -> Tensor:
    """Return a loss whose gradient is ``gradient`` over the number of values in ``x``.

    Shapes:
        x, gradient: [batch, latent_channels, n]  ->  a number.
    """
    return 0.5 * (x - (x - gradient).detach()).square().mean()


def variation(x: Tensor) -> Tensor:
    """Return the mean absolute change from frame to frame of each clip; one frame has none.

    Shapes:
        x: [batch, latent_channels, n]  ->  [batch]
    """
    if x.shape[-1] < 2:
        return x.new_zeros(len(x))
    return (x[..., 1:] - x[..., :-1]).abs().mean((1, 2))


def variation_loss(x: Tensor, allowed: float) -> Tensor:
    """Return the mean variation beyond what is allowed.

    At 0 that is the published penalty, above it a hinge.

    Shapes:
        x: [batch, latent_channels, n]  ->  a number.
    """
    return (variation(x) - allowed).clamp_min(0.0).mean()


def drop_words(conditions: Conditions, dropped: Tensor) -> Conditions:
    """Return the conditions with some rows wordless.

    Shapes:
        dropped: [batch] booleans.
    """

    def choose(kept: Tensor, without: Tensor) -> Tensor:
        return torch.where(dropped.reshape(-1, *[1] * (kept.dim() - 1)), without, kept)

    return map_conditions(choose, conditions, conditions.without_text())


class VsdStage:
    """Distils a teacher into a one-step student from captions alone (see `training.loop.Stage`)."""

    def __init__(
        self,
        run: VsdRun,
        draw: Draw,
        teacher: Backbone,
        start: Backbone | None = None,
        place: Place = HERE,
    ) -> None:
        """Copy the start, and make the tracker from the run's seed.

        Args:
            run: Rates, weights, guidance and the tracker's kind.
            draw: Draws ``(rng, tokens)`` -> conditions; latents are not looked at.
            teacher: Frozen.
            start: The student to begin from, the teacher by default.
            place: Where; the networks are there already.
        """
        torch.manual_seed(run.seed)
        self.config = run
        self.draw = draw
        self.place = place
        self.teacher = teacher
        self.student = Student(run, start or teacher, betas=(0.0, 0.95))
        self.ends = EndPoints(run, draw, teacher, place)
        self.tracker = self.make_tracker(run, teacher)
        self.tracker_optimiser = make_optimiser(self.tracker.parameters(), (0.0, 0.95))
        if run.compile:
            self.tracker.compile(dynamic=True)
        self.allowed_variation = 0.0

    @staticmethod
    def make_tracker(run: VsdRun, teacher: Backbone) -> Backbone:
        """Return the fake score, equal to the teacher: a copy of it, or adapters on it."""
        if run.tracker == "copy":
            return copy.deepcopy(teacher).requires_grad_(True)
        return adapt(teacher, ADAPTED_LAYERS, rank=run.lora_rank, alpha=run.lora_alpha)

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Update the tracker as often as configured, then, its lead being over, the student."""
        if step == 0 and self.config.variation_hinge:
            self.allowed_variation = self.teachers_variation(draws)
        for _ in range(self.config.tracker_updates):
            terms = self.tracker_step(step, draws)
        ahead = step < self.config.tracker_ahead
        return terms if ahead else terms | self.student_step(step, draws)

    def conditions(self, draws: StepDraws) -> tuple[Rows, Conditions]:
        """Draw conditions; what a corpus may know of latents does not come along."""
        batch = self.draw(draws.numpy, self.config.tokens)
        rows = self.place.rows(len(batch.caption_ids))
        return rows, rows.of_conditions(batch.conditions)

    def make(self, rows: Rows, conditions: Conditions, draws: StepDraws) -> Tensor:
        """Return the student's latents for conditions, [batch, latent_channels, n]."""
        noise = rows.normal(conditions.known, draws.torch)
        with autocast(noise, bfloat16=self.config.bfloat16):
            return one_step(self.student.live, noise, conditions)

    @torch.no_grad()
    def teachers_variation(self, draws: StepDraws) -> float:
        """Return how much the teacher's own samples vary from frame to frame."""
        rows, c = self.conditions(draws)
        noise = rows.normal(c.known, draws.torch)
        made = sample_ode(self.teacher, c, noise, LEVEL_STEPS, self.config.teacher_guidance)
        return float(self.place.sum(rows.part * variation(made).mean()) / self.place.size)

    def tracker_step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Teach the tracker the flow of the student's present latents."""
        run = self.config
        rows, c = self.conditions(draws)
        with torch.no_grad():
            x = self.make(rows, c, draws)
        t = rows.of(torch.rand(rows.total, generator=draws.torch))
        eps = rows.normal(x, draws.torch)
        dropped = torch.rand(rows.total, generator=draws.torch) < run.drop_text
        told = drop_words(c, rows.of(dropped))
        xt = mix(x, eps, t[:, None, None])
        v = autocast_velocity(self.tracker, xt, t, told, bfloat16=run.bfloat16)
        loss = flow_loss(v, velocity(x, eps), c.known_mask) * free_share(rows, c.known_mask)
        rate = learning_rate(run.tracker_rate, step, steps=run.steps, warm_up=run.warm_up)
        norm = update(self.tracker_optimiser, loss, rate=rate, clip_norm=run.clip_norm)
        return {"tracker": loss.detach(), "tracker_gradient": norm}

    @torch.no_grad()
    def scores(self, rows: Rows, x: Tensor, conditions: Conditions, draws: StepDraws) -> Scores:
        """Return both guided velocities at the student's latents, noised anew.

        Shapes:
            x: [batch, latent_channels, n]
        """
        run = self.config
        u = rows.of(torch.rand(rows.total, generator=draws.torch))
        t = shift_odds(run.lowest_t + (run.highest_t - run.lowest_t) * u, run.time_shift)
        xt = mix(x.detach(), rows.normal(x, draws.torch), t[:, None, None])
        with autocast(x, bfloat16=run.bfloat16):
            teacher = guided_velocity(self.teacher, xt, t, conditions, run.teacher_guidance)
            tracker = guided_velocity(self.tracker, xt, t, conditions, run.tracker_guidance)
        return Scores(xt, t, teacher, tracker)

    def student_step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Move the student's latents to where the teacher is surer than the tracker."""
        run = self.config
        rows, c = self.conditions(draws)
        x = self.make(rows, c, draws)
        scores = self.scores(rows, x, c, draws)
        gradient = (
            swiftaudio_gradient(scores) if run.weight == "swiftaudio" else dmd_gradient(scores, x)
        )
        gradient = gradient * (1.0 - c.known_mask)
        roughness = variation_loss(x, self.allowed_variation)
        loss = moved_along(x, gradient) + run.variation * roughness
        held, terms = self.ends.held(run.hold, self.student.live, step, draws)
        norm = self.student.update(rows.part * loss + held, step)
        return terms | {
            "pull": gradient.square().mean(),
            "variation": variation(x.detach()).mean(),
            "deviation": x.detach().std(),
            "gradient": norm,
        }

    @property
    def generator(self) -> Backbone:
        """The student's average weights, which are what is used."""
        return self.student.average

    def state(self) -> State:
        """Return the states of student, tracker and optimisers, and the hinge's level."""
        return self.student.state() | {
            "tracker": learnt_state(self.tracker),
            "tracker_optimiser": self.tracker_optimiser.state_dict(),
            "allowed_variation": self.allowed_variation,
            "pool": self.ends.pool.state(),
        }

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        self.student.restore(state)
        restore_learnt(self.tracker, state["tracker"])  # type: ignore[arg-type]
        self.tracker_optimiser.load_state_dict(state["tracker_optimiser"])  # type: ignore[arg-type]
        self.allowed_variation = float(state["allowed_variation"])  # type: ignore[arg-type]
        self.ends.pool.restore(state["pool"])  # type: ignore[arg-type]
