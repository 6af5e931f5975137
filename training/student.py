"""What the one-step stages share: how they start, where they draw times, how they keep a student.

A student begins as a copy of the teacher's average weights, or of another student's. Knows no loss.
`training/warmup.py`, `training/arc.py` and `training/vsd.py` build on it.

References:
    Log-SNR uniform on [-6, 2] and logit-normal times: Novack et al. 2025, arXiv 2505.08175,
    section 3; exact t = 1 for a share of the batch is ours, since the published law never reaches
    it.
"""

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from generator.backbone import Backbone, BackboneConfig
from generator.interpolant import LOG_SNR_DATA, LOG_SNR_NOISE
from training.batches import LatentBatch
from training.checkpoints import State, load_state
from training.config import BackboneSizes
from training.errors import TrainingError
from training.loop import learning_rate, make_optimiser, update, update_average
from training.stage_config import StudentRun

Draw: TypeAlias = Callable[[np.random.Generator, int], LatentBatch]


def load_backbone(path: Path, sizes: BackboneSizes) -> Backbone:
    """Return the backbone of a state's average weights, frozen.

    Args:
        path: A state of the teacher stage or of a one-step stage.
        sizes: Sizes that it was trained with.

    Returns:
        The network, in evaluation mode.

    Raises:
        TrainingError: There is no such state, or its weights have other sizes.
    """
    weights = load_state(path).get("average")
    if not isinstance(weights, dict) or "leave.weight" not in weights:
        raise TrainingError(
            f"{path} holds no backbone: give the state of a teacher or one-step stage"
        )
    channels = int(weights["leave.weight"].shape[0])
    text_width = int(weights["read_text.0.weight"].shape[1])
    config = BackboneConfig(latent_channels=channels, text_width=text_width, **sizes.model_dump())
    backbone = Backbone(config)
    try:
        backbone.load_state_dict(weights)
    except RuntimeError as error:
        found = f"width {weights['leave.weight'].shape[1]}"
        raise TrainingError(
            f"{path} has {found}, not the [model] of this config ({sizes}): make them equal"
        ) from error
    return backbone.requires_grad_(False).eval()


def log_snr_times(batch: int, share_at_noise: float, source: torch.Generator) -> Tensor:
    """Return times uniform in log-SNR, a share of them exactly 1.

    Shapes:
        returns: [batch]
    """
    log_snr = LOG_SNR_NOISE + (LOG_SNR_DATA - LOG_SNR_NOISE) * torch.rand(batch, generator=source)
    at_noise = torch.rand(batch, generator=source) < share_at_noise
    return torch.where(at_noise, torch.ones(batch), torch.sigmoid(-log_snr))


def logit_normal_times(batch: int, shift: float, source: torch.Generator) -> Tensor:
    """Return times whose logit is normal around ``shift``.

    Shapes:
        returns: [batch]
    """
    return torch.sigmoid(torch.randn(batch, generator=source) + shift)


def shift_odds(t: Tensor, shift: float) -> Tensor:
    """Multiply the odds ``t / (1 - t)`` by ``exp(shift)``; both ends stay."""
    scaled = t * math.exp(shift)
    return scaled / (1.0 - t + scaled)


class Student:
    """A network in training with its average and its optimiser."""

    def __init__(
        self, run: StudentRun, start: Backbone, *, betas: tuple[float, float] = (0.9, 0.95)
    ) -> None:
        """Copy the start.

        Args:
            run: Rates, clipping and the average's decay.
            start: The network to begin from; it stays as it is.
            betas: Of AdamW.
        """
        self.config = run
        self.live = copy.deepcopy(start).requires_grad_(True).train()
        self.average = copy.deepcopy(start).requires_grad_(False).eval()
        self.optimiser = make_optimiser(self.live.parameters(), betas)
        if run.compile:
            self.live.compile(dynamic=True)

    def update(self, loss: Tensor, step: int) -> Tensor:
        """Go down a loss, move the average, and return the gradient's norm."""
        run = self.config
        rate = learning_rate(run.rate, step, steps=run.steps, warm_up=run.warm_up)
        norm = update(self.optimiser, loss, rate=rate, clip_norm=run.clip_norm)
        update_average(self.average, self.live, decay=run.average_decay, step=step)
        return norm

    def state(self) -> State:
        """Return weights, their average and the optimiser's state."""
        return {name: getattr(self, name).state_dict() for name in ("live", "average", "optimiser")}

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        for name in ("live", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
