"""The discriminator of ARC: the teacher's first blocks and a small head on their states.

It scores noisy latents under their conditions, position by position; what is done with the scores
is the business of `training/arc.py`.

References:
    Novack et al. 2025, arXiv 2505.08175, section 3.1: the trunk is initialised from the teacher
    and trained whole, with an early exit at three quarters of its depth.
"""

import copy
import math

from torch import Tensor, nn

from generator.autoencoder import ConvNeXtBlock
from generator.backbone import Backbone, Conditions
from training.place import autocast
from training.stage_config import ArcRun


class Downsample(nn.Module):
    """A strided convolution over positions."""

    def __init__(self, width_in: int, width_out: int, stride: int) -> None:
        super().__init__()
        self.convolve = nn.Conv1d(width_in, width_out, 3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: [batch, n, width_in] -> [batch, ceil(n / stride), width_out]."""
        y: Tensor = self.convolve(x.transpose(1, 2)).transpose(1, 2)
        return y


class Head(nn.Module):
    """ConvNeXt stages that end in one score per (downsampled) position."""

    def __init__(self, width_in: int, run: ArcRun) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width_in)
        layers: list[nn.Module] = []
        width = width_in
        for stage, stride in enumerate(run.head_strides):
            wider = run.head_width * 2**stage
            layers.append(Downsample(width, wider, stride))
            layers += [ConvNeXtBlock(wider) for _ in range(run.head_blocks)]
            width = wider
        self.stages = nn.Sequential(*layers)
        self.leave = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Shapes: hidden: [batch, n, width_in] -> [batch, positions]."""
        scores: Tensor = self.score(self.leave(self.stages(self.norm(hidden))))
        return scores[..., 0]


class Critic(nn.Module):
    """Scores of noisy latents: higher where they look real and fit their words."""

    def __init__(self, teacher: Backbone, run: ArcRun) -> None:
        """Copy the teacher's first blocks.

        Args:
            teacher: Stays as it is.
            run: Depth of the trunk and sizes of the head.
        """
        super().__init__()
        self.trunk = copy.deepcopy(teacher).requires_grad_(True)
        kept = math.ceil(run.critic_depth * len(self.trunk.blocks))
        self.trunk.blocks = self.trunk.blocks[:kept]
        del self.trunk.norm, self.trunk.leave
        self.head = Head(teacher.config.width, run)
        self.halves = run.bfloat16

    def forward(self, xs: Tensor, s: Tensor, conditions: Conditions) -> Tensor:
        """Return the score map in float32.

        Shapes:
            xs: [batch, latent_channels, n]; s: [batch]  ->  [batch, positions]
        """
        with autocast(xs, bfloat16=self.halves):
            hidden = self.trunk.features(xs, s, conditions)
        scores: Tensor = self.head(hidden.float())
        return scores
