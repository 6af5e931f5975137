"""The flow-matching teacher: times, the loss as a pure function, and the stage.

Learns the velocity of the straight path from latents to noise (`generator/interpolant.py` has the
time convention). Knows latents and token states, never sound or text. Its average weights start the
one-step stages.

References:
    Rectified flow: Liu et al. 2022, arXiv 2209.03003. Truncated logit-normal times with mass at
    noise: the released configuration of Stable Audio Open Small, here with a share of exact t = 1
    for one step.
"""

import copy
import math

import torch
from torch import Tensor

from generator.backbone import Backbone, BackboneConfig, Conditions
from generator.interpolant import mix, velocity
from training.batches import LatentCorpus
from training.checkpoints import State
from training.config import BackboneSizes
from training.loop import StepDraws, learning_rate, make_optimiser, update, update_average
from training.place import HERE, Place, Rows, autocast
from training.stage_config import TeacherRun

TRUNCATION = 0.075


def build_backbone(sizes: BackboneSizes, latent_channels: int) -> Backbone:
    """Return a fresh backbone of these sizes."""
    return Backbone(BackboneConfig(latent_channels=latent_channels, **sizes.model_dump()))


def draw_times(batch: int, share_at_noise: float, source: torch.Generator) -> Tensor:
    """Return times in (0, 1], leaning to noise, some of them exactly 1.

    Shapes:
        returns: [batch]
    """
    low = 0.5 * (1.0 + math.erf(math.log(TRUNCATION / (1.0 - TRUNCATION)) / math.sqrt(2.0)))
    quantile = low + (1.0 - low) * torch.rand(batch, generator=source)
    normal = math.sqrt(2.0) * torch.erfinv((2.0 * quantile - 1.0).clamp(-0.999999, 0.999999))
    u = (torch.sigmoid(normal) - TRUNCATION) / (1.0 - TRUNCATION)
    at_noise = torch.rand(batch, generator=source) < share_at_noise
    return torch.where(at_noise, torch.ones(batch), (1.0 - u).clamp(1e-4, 1.0))


def flow_loss(made: Tensor, wanted: Tensor, known_mask: Tensor) -> Tensor:
    """Return the mean squared velocity error where nothing is known yet.

    Shapes:
        made, wanted: [batch, latent_channels, n]; known_mask: [batch, 1, n]  ->  a number.
    """
    free = (1.0 - known_mask).expand_as(made)
    return ((made - wanted).square() * free).sum() / free.sum().clamp_min(1.0)


def free_share(rows: Rows, known_mask: Tensor) -> Tensor | float:
    """Return what `flow_loss` of these rows is multiplied by (see `training.place.Rows.share`)."""
    return rows.share((1.0 - known_mask).sum())


class TeacherStage:
    """Trains a backbone on a latent corpus (see `training.loop.Stage`)."""

    def __init__(self, run: TeacherRun, corpus: LatentCorpus, place: Place = HERE) -> None:
        torch.manual_seed(run.seed)
        self.config = run
        self.corpus = corpus
        self.place = place
        self.live = build_backbone(run.model, len(corpus.silence)).to(place.device)
        self.average = copy.deepcopy(self.live).requires_grad_(False)
        self.optimiser = make_optimiser(self.live.parameters())
        if run.compile:
            self.live.compile(dynamic=True)

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Do one flow-matching update."""
        run = self.config
        batch = self.corpus.draw(
            draws.numpy, run.tokens, drop_text=run.drop_text, inpaint=run.inpaint
        )
        if batch.x0 is None:
            raise AssertionError("a latent corpus always has latents")
        rows = self.place.rows(len(batch.x0))
        x0, c = rows.of(batch.x0), rows.of_conditions(batch.conditions)
        t = rows.of(draw_times(rows.total, run.share_at_noise, draws.torch))
        eps = rows.normal(x0, draws.torch)
        xt = mix(x0, eps, t[:, None, None])
        v = autocast_velocity(self.live, xt, t, c, bfloat16=run.bfloat16)
        loss = flow_loss(v, velocity(x0, eps), c.known_mask) * free_share(rows, c.known_mask)
        rate = learning_rate(run.rate, step, steps=run.steps, warm_up=run.warm_up)
        norm = update(self.optimiser, loss, rate=rate, clip_norm=run.clip_norm)
        update_average(self.average, self.live, decay=run.average_decay, step=step)
        return {"loss": loss.detach(), "gradient": norm}

    @property
    def generator(self) -> Backbone:
        """The average weights, which are what is used."""
        return self.average

    def state(self) -> State:
        """Return weights, their average and the optimiser's state."""
        return {
            "live": self.live.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        for name in self.state():
            getattr(self, name).load_state_dict(state[name])


def autocast_velocity(
    backbone: Backbone, xt: Tensor, t: Tensor, conditions: Conditions, *, bfloat16: bool
) -> Tensor:
    """Return the velocity in float32, with bfloat16 matrix products when asked for.

    Shapes:
        xt: [batch, latent_channels, n]; t: [batch]  ->  xt's.
    """
    with autocast(xt, bfloat16=bfloat16):
        v: Tensor = backbone(xt, t, conditions)
    return v.float()
