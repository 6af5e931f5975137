"""Fine-tuning of a one-step student on a few sounds: near each of them, and elsewhere as it was.

For each clip the student makes some takes from different noises, and the one that is nearest is
drawn nearer: so every clip has a noise that leads to it, and no take is drawn to the mean of all.
Where asked (``share_at_noise`` under 1, for takes of several steps), it learns at smaller times to
name the clip behind its noise, as in any training. Takes of other prompts are held to what the
student made of them before. Needs neither teacher nor critic.

References:
    Implicit maximum likelihood: Li and Malik 2018, arXiv 1809.09087. Replay of the former model's
    own answers: Li and Hoiem 2016, arXiv 1606.09282. Adapters: `training/lora.py`.
"""

import copy

import torch
from torch import Tensor

from generator.backbone import Backbone, Conditions
from generator.interpolant import data_from_velocity, mix
from training.checkpoints import State
from training.loop import StepDraws, learning_rate, make_optimiser, update, update_average
from training.lora import adapt, learnt_state, merged, restore_learnt
from training.place import HERE, Place, Rows, autocast
from training.sampling import keep_known, map_conditions, one_step
from training.stage_config import OwnSoundsRun
from training.student import Draw, log_snr_times
from training.teacher import autocast_velocity, flow_loss, free_share
from training.vsd import ADAPTED_LAYERS


def nearest(made: Tensor, wanted: Tensor) -> Tensor:
    """Return which candidate of each row is nearest to what is wanted.

    Shapes:
        made: [candidates, batch, latent_channels, n]; wanted: [batch, latent_channels, n]
        ->  [batch]
    """
    return (made - wanted).square().mean((2, 3)).argmin(0)


class FineTuneStage:
    """Tunes a student on latents of a few clips (see `training.loop.Stage`)."""

    def __init__(
        self,
        run: OwnSoundsRun,
        own: Draw,
        others: Draw,
        start: Backbone,
        place: Place = HERE,
    ) -> None:
        """Copy the start, or put adapters on it.

        Args:
            run: Rates, adapters and weights.
            own: Draws ``(rng, tokens)`` -> latents of the clips to learn, with their conditions.
            others: Draws conditions whose takes should stay.
            start: The student as it is; it stays so.
            place: Where; the start is there already.
        """
        torch.manual_seed(run.seed)
        self.config = run
        self.own = own
        self.others = others
        self.start = start.requires_grad_(False)
        self.place = place
        self.live = self.tunable(start)
        self.average = copy.deepcopy(self.live)
        self.optimiser = make_optimiser(self.live.parameters())

    def tunable(self, start: Backbone) -> Backbone:
        """Return what learns: adapters on the start's weights, or a copy of them all."""
        if self.config.learn == "full":
            return copy.deepcopy(start).requires_grad_(True)
        rank, alpha = self.config.lora_rank, self.config.lora_alpha
        return adapt(start, ADAPTED_LAYERS, rank=rank, alpha=alpha)

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Go nearer to some clips, and stay with some other prompts."""
        run = self.config
        terms = {"own": self.own_loss(draws)}
        if run.keep > 0.0:
            terms["kept"] = self.kept_loss(draws)
        loss = terms["own"] + run.keep * terms.get("kept", torch.zeros_like(terms["own"]))
        rate = learning_rate(run.rate, step, steps=run.steps, warm_up=run.warm_up)
        norm = update(self.optimiser, loss, rate=rate, clip_norm=run.clip_norm)
        update_average(self.average, self.live, decay=run.average_decay, step=step)
        return {name: value.detach() for name, value in terms.items()} | {"gradient": norm}

    def own_loss(self, draws: StepDraws) -> Tensor:
        """Return the distance to own clips, from the noise that leads nearest and from between."""
        run = self.config
        batch = self.own(draws.numpy, run.tokens)
        if batch.x0 is None:
            raise AssertionError("own sounds have latents: draw from a latent corpus")
        rows = self.place.rows(len(batch.x0))
        x0, c = rows.of(batch.x0), rows.of_conditions(batch.conditions)
        noise = self.leading_noise(rows, x0, c, draws)
        t = rows.of(log_snr_times(rows.total, run.share_at_noise, draws.torch))
        xt = mix(x0, noise, t[:, None, None])
        v = autocast_velocity(self.live, xt, t, c, bfloat16=run.bfloat16)
        made = data_from_velocity(xt, v, t[:, None, None])
        return flow_loss(made, x0, c.known_mask) * free_share(rows, c.known_mask)

    @torch.no_grad()
    def leading_noise(self, rows: Rows, x0: Tensor, c: Conditions, draws: StepDraws) -> Tensor:
        """Return for each clip the noise, of some, whose take is nearest to it."""
        count = self.config.candidates
        noises = torch.stack([rows.normal(x0, draws.torch) for _ in range(count)])
        every = map_conditions(lambda part: torch.cat([part] * count), c)
        with autocast(x0, bfloat16=self.config.bfloat16):
            made = one_step(self.live, noises.flatten(0, 1), every)
        chosen = nearest(made.reshape(count, *x0.shape), x0)
        return noises[chosen, torch.arange(len(x0), device=x0.device)]

    def kept_loss(self, draws: StepDraws) -> Tensor:
        """Return how far takes of other prompts have gone from what they were.

        Half a batch of them is enough to hold the others, and leaves the time to the own clips.
        """
        batch = self.others(draws.numpy, self.config.tokens // 2)
        rows = self.place.rows(len(batch.caption_ids))
        c = rows.of_conditions(batch.conditions)
        noise = rows.normal(c.known, draws.torch)
        with torch.no_grad():
            before = one_step(self.start, noise, c)
        with autocast(noise, bfloat16=self.config.bfloat16):
            after = keep_known(one_step(self.live, noise, c), c)
        return flow_loss(after, before, c.known_mask) * free_share(rows, c.known_mask)

    @property
    def generator(self) -> Backbone:
        """The tuned student as a plain network."""
        plain: Backbone = merged(self.average)
        return plain.requires_grad_(False).eval()

    def state(self) -> State:
        """Return what was learnt, its average and the optimiser's state."""
        return {
            "learnt": learnt_state(self.live),
            "learnt_average": learnt_state(self.average),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        restore_learnt(self.live, state["learnt"])  # type: ignore[arg-type]
        restore_learnt(self.average, state["learnt_average"])  # type: ignore[arg-type]
        self.optimiser.load_state_dict(state["optimiser"])  # type: ignore[arg-type]
