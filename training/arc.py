"""ARC: adversarial relativistic-contrastive post-training of a one-step generator.

Real latents are noised, the student names the clean ones, and both are noised again alike for a
critic that learns which of the pair is real and whether the words fit. There is no guidance and no
teacher in the loop. The losses are pure functions of score maps; `training/critic.py` makes the
scores. Knows neither sound nor text.

References:
    Novack et al. 2025, arXiv 2505.08175, equations 4 to 6. Finite-difference gradient penalties:
    Lin et al. 2025, arXiv 2501.08316, here as a mean over positions. Ours: a share of exact t = 1,
    pairs with equal captions left out of the contrastive loss.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from generator.backbone import Backbone, Conditions
from generator.interpolant import data_from_velocity, mix
from training.batches import LatentBatch
from training.checkpoints import State
from training.critic import Critic
from training.ends import EndPoints
from training.loop import StepDraws, learning_rate, make_optimiser, update
from training.place import HERE, Place, Rows
from training.sampling import join, keep_known
from training.stage_config import ArcRun
from training.student import Draw, Student, log_snr_times, logit_normal_times
from training.teacher import autocast_velocity


def relativistic_loss(preferred: Tensor, other: Tensor) -> Tensor:
    """Return ``mean softplus(other - preferred)``: small where the preferred score is the higher.

    The critic prefers the real of a pair, the generator the made one, so each one's loss is the
    other's with the pair swapped.

    Shapes:
        preferred, other: [batch, positions] of one pair a row  ->  a number.
    """
    return functional.softplus(other - preferred).mean()


def contrastive_loss(fitting: Tensor, rolled: Tensor, differs: Tensor) -> Tensor:
    """Return the relativistic loss of real latents under their own against another's words.

    Shapes:
        fitting, rolled: [batch, positions]; differs: [batch] booleans, where the words are others
        ->  a number.
    """
    weight = differs.to(fitting.dtype)
    each = functional.softplus(rolled - fitting).mean(dim=1)
    return (each * weight).sum() / weight.sum().clamp_min(1.0)


def difference_penalty(still: Tensor, moved: Tensor) -> Tensor:
    """Return the mean squared change of scores under a small noise.

    It is R1 on real latents and R2 on made ones.

    Shapes:
        still, moved: [batch, positions]  ->  a number.
    """
    return (moved - still).square().mean()


def centring_loss(real: Tensor, made: Tensor) -> Tensor:
    """Return the mean squared sum of a pair's scores, whose level no other loss holds.

    Shapes:
        real, made: [batch, positions]  ->  a number.
    """
    return (real + made).square().mean()


def roll_text(conditions: Conditions) -> Conditions:
    """Return the conditions with each row's words taken from the row before; all else stays."""
    return replace(
        conditions, text=conditions.text.roll(1, 0), text_mask=conditions.text_mask.roll(1, 0)
    )


def words_differ(caption_ids: Tensor, conditions: Conditions) -> Tensor:
    """Return which rows get other words by rolling.

    A row without words on either side has none to compare.

    Shapes:
        caption_ids: [batch]  ->  [batch] booleans.
    """
    worded = (conditions.text_mask.sum(dim=1) > 0).to(caption_ids.device)
    return (caption_ids != caption_ids.roll(1)) & worded & worded.roll(1)


@dataclass(frozen=True, slots=True)
class Pair:
    """Real and made latents under the same noise, and what they were made for.

    Shapes:
        real, made: [batch, latent_channels, n]; s: [batch], the level of their noise; differs:
        [batch] booleans, where the rolled conditions have other words.
    """

    real: Tensor
    made: Tensor
    s: Tensor
    conditions: Conditions
    rolled: Conditions
    differs: Tensor
    rows: Rows


class ArcStage:
    """Trains a student against a critic (see `training.loop.Stage`)."""

    def __init__(
        self,
        run: ArcRun,
        draw: Draw,
        teacher: Backbone,
        start: Backbone | None = None,
        place: Place = HERE,
    ) -> None:
        """Copy teacher and start, and make the critic from the run's seed.

        Args:
            run: Rates, weights and sizes.
            draw: Draws ``(rng, tokens)`` -> latents with their conditions.
            teacher: The critic's trunk; the ends of its flow may hold the student.
            start: The student to begin from, the teacher by default.
            place: Where; the networks are there already.
        """
        torch.manual_seed(run.seed)
        self.config = run
        self.draw = draw
        self.place = place
        self.student = Student(run, start or teacher)
        self.ends = EndPoints(run, draw, teacher, place)
        self.critic = Critic(teacher, run).to(place.device)
        self.critic_optimiser = make_optimiser(self.critic.parameters())
        if run.compile:
            self.critic.compile(dynamic=True)

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Do one update of the critic, then one of the student, each on a batch of its own."""
        return self.critic_step(step, draws) | self.student_step(step, draws)

    def pair(self, batch: LatentBatch, draws: StepDraws) -> Pair:
        """Return the batch's latents and the student's, noised alike."""
        if batch.x0 is None:
            raise AssertionError("ARC needs latents: draw from a latent corpus")
        run, rows = self.config, self.place.rows(len(batch.x0))
        x0, c = rows.of(batch.x0), rows.of_conditions(batch.conditions)
        t = rows.of(log_snr_times(rows.total, run.share_at_noise, draws.torch))
        xt = mix(x0, rows.normal(x0, draws.torch), t[:, None, None])
        v = autocast_velocity(self.student.live, xt, t, c, bfloat16=run.bfloat16)
        made = keep_known(data_from_velocity(xt, v, t[:, None, None]), c)
        s = rows.of(logit_normal_times(rows.total, run.time_shift, draws.torch))
        eps, level = rows.normal(x0, draws.torch), s[:, None, None]
        # Rolled before it is shared: a row's neighbour may be another process's.
        rolled = rows.of_conditions(roll_text(batch.conditions))
        differs = rows.of(words_differ(batch.caption_ids, batch.conditions))
        return Pair(mix(x0, eps, level), mix(made, eps, level), s, c, rolled, differs, rows)

    def critic_step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Teach the critic to tell real from made, and fitting words from others."""
        run = self.config
        with torch.no_grad():
            pair = self.pair(self.draw(draws.numpy, run.tokens), draws)
        terms, real, made = self.critic_terms(pair, draws)
        weights = {"critic": 1.0} | run.weights.model_dump()
        loss = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
        rate = learning_rate(run.critic_rate, step, steps=run.steps, warm_up=run.warm_up)
        norm = update(self.critic_optimiser, loss, rate=rate, clip_norm=run.clip_norm)
        told = {
            "gap": (real - made).mean(),
            "told": (real > made).float().mean(),
            "critic_gradient": norm,
        }
        return {name: value.detach() for name, value in (terms | told).items()}

    def critic_terms(
        self, pair: Pair, draws: StepDraws
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Return the critic's loss terms, and its scores of the real and of the made latents."""
        run, c, part = self.config, pair.conditions, pair.rows.part
        latents = [pair.real, pair.made, pair.real]
        conditions = [c, c, pair.rolled]
        if run.weights.penalty > 0.0:
            moved = [pair.real, pair.made] if run.penalty_of_made else [pair.real]
            latents += [x + run.penalty_noise * pair.rows.normal(x, draws.torch) for x in moved]
            conditions += [c] * len(moved)
        times = pair.s.repeat(len(latents))
        scores = self.critic(torch.cat(latents), times, join(*conditions)).chunk(len(latents))
        real, made, rolled = scores[:3]
        terms = {
            "critic": part * relativistic_loss(real, made),
            "contrastive": contrastive_loss(real, rolled, pair.differs)
            * pair.rows.share(pair.differs.sum()),
            "centring": part * centring_loss(real, made),
        }
        penalties = [
            difference_penalty(still, near)
            for still, near in zip(scores[:2], scores[3:], strict=False)
        ]
        if penalties:
            terms["penalty"] = part * torch.stack(penalties).mean()
        return terms, real, made

    def student_step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Teach the student to be taken for real."""
        pair = self.pair(self.draw(draws.numpy, self.config.tokens), draws)
        self.critic.requires_grad_(False)
        with torch.no_grad():
            real = self.critic(pair.real, pair.s, pair.conditions)
        made = self.critic(pair.made, pair.s, pair.conditions)
        loss = pair.rows.part * relativistic_loss(made, real)
        held, terms = self.ends.held(self.config.hold, self.student.live, step, draws)
        norm = self.student.update(loss + held, step)
        self.critic.requires_grad_(True)
        return {"loss": loss.detach(), "gradient": norm} | terms

    @property
    def generator(self) -> Backbone:
        """The student's average weights, which are what is used."""
        return self.student.average

    def state(self) -> State:
        """Return the states of student, critic and optimisers."""
        return self.student.state() | {
            "critic": self.critic.state_dict(),
            "critic_optimiser": self.critic_optimiser.state_dict(),
            "pool": self.ends.pool.state(),
        }

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        self.student.restore(state)
        for name in ("critic", "critic_optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.ends.pool.restore(state["pool"])  # type: ignore[arg-type]
