"""A look at a generator while it trains: some takes of fixed prompts, and how different they are.

The same prompts and noises every time, so that looks can be compared. A student is looked at beside
its teacher: where its takes of one prompt lie much nearer together, it is collapsing. Knows no
loss; `training/run.py` says when to look.

References:
    Distances among takes of one prompt, student over teacher, as the alarm of a collapse hidden by
    fidelity: the conditional diversity of Novack et al. 2025, arXiv 2505.08175, here on latents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from generator.api import FloatArray
from generator.backbone import Backbone, Conditions
from generator.spectral import SpectralFrames
from generator.synthesis import synthesise
from training.batches import LatentBatch
from training.place import HERE, Place
from training.sampling import map_conditions, one_step, sample_ode
from training.stage_config import WatchSettings

Decode: TypeAlias = Callable[[Tensor], SpectralFrames]
Sample: TypeAlias = Callable[[Backbone, Tensor, Conditions], Tensor]
PROMPT_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen: numbers to log, sounds by name, and whether the takes have become alike."""

    terms: dict[str, float]
    sounds: dict[str, FloatArray]
    alarm: str | None = None


def diversity(latents: Tensor) -> float:
    """Return the mean root-mean-square distance between two takes of one prompt.

    Shapes:
        latents: [prompts, takes, latent_channels, n] with at least two takes
    """
    prompts, takes = latents.shape[:2]
    flat = latents.float().reshape(prompts, takes, -1)
    distances = torch.cdist(flat, flat) / flat.shape[-1] ** 0.5
    return float(distances.sum((1, 2)).mean() / (takes * (takes - 1)))


class Watch:
    """Fixed prompts and noises, and what the teacher makes of them."""

    def __init__(
        self,
        settings: WatchSettings,
        draw: Callable[[np.random.Generator, int], LatentBatch],
        *,
        teacher: Backbone | None = None,
        decode: Decode | None = None,
        place: Place = HERE,
    ) -> None:
        """Choose the prompts.

        Args:
            settings: How many prompts and takes, and how the teacher samples.
            draw: Draws ``(rng, tokens)`` -> conditions.
            teacher: Whose takes a student's are compared with; without one there is no student.
            decode: Makes spectral frames of latents [1, channels, n]; without it nothing sounds.
            place: Where the generator lies; each process looks for itself.
        """
        self.settings = settings
        self.decode = decode
        source = torch.Generator().manual_seed(settings.seed)
        batch = draw(np.random.default_rng(settings.seed), PROMPT_TOKENS)
        self.prompts = min(settings.prompts, len(batch.caption_ids))
        repeated = map_conditions(
            lambda x: x[: self.prompts].repeat_interleave(settings.takes, 0).to(place.device),
            batch.conditions,
        )
        self.conditions = repeated
        self.noise = torch.randn(repeated.known.shape, generator=source).to(place.device)
        self.sample: Sample = self.flow if teacher is None else one_step
        self.teachers: Tensor | None = None
        if teacher is not None:
            self.teachers = self.takes_of(self.flow, teacher)

    def flow(self, backbone: Backbone, noise: Tensor, conditions: Conditions) -> Tensor:
        """Return the end of a backbone's guided flow."""
        s = self.settings
        return sample_ode(backbone, conditions, noise, s.teacher_steps, s.teacher_guidance)

    @torch.no_grad()
    def takes_of(self, sample: Sample, backbone: Backbone) -> Tensor:
        """Return a backbone's takes, [prompts, takes, latent_channels, n]."""
        made = sample(backbone, self.noise, self.conditions)
        return made.reshape(self.prompts, self.settings.takes, *made.shape[1:])

    def look(self, backbone: Backbone) -> Sight:
        """Return what a generator makes of the prompts now."""
        takes = self.takes_of(self.sample, backbone)
        terms = {"take_diversity": diversity(takes), "take_deviation": float(takes.std())}
        alarm = None
        if self.teachers is not None:
            ratio = terms["take_diversity"] / max(diversity(self.teachers), 1e-9)
            terms["diversity_to_teacher"] = ratio
            if ratio < self.settings.alarm_below:
                alarm = (
                    f"collapse: takes of one prompt differ {ratio:.2f} times as much as the "
                    f"teacher's, below {self.settings.alarm_below}; lower the rate or the guidance"
                )
        return Sight(terms, self.sounds(takes), alarm)

    def sounds(self, takes: Tensor) -> dict[str, FloatArray]:
        """Return the first take of each prompt as sound, the teacher's beside a student's."""
        if self.decode is None:
            return {}
        made = {"made": takes} | ({} if self.teachers is None else {"teacher": self.teachers})
        return {
            f"prompt-{number + 1}-{name}": synthesise(self.decode(latents[number, :1]), 0)
            for number in range(min(self.prompts, self.settings.sounds))
            for name, latents in made.items()
        }
