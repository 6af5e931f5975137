"""Tiny networks and sources for the tests of the one-step stages, real in every part."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from generator.backbone import Backbone, BackboneConfig, Conditions
from training.batches import LatentBatch
from training.loop import Stage, run

CHANNELS = 4
TEXT_WIDTH = 6
FRAMES = 5


def tiny_backbone(seed: int = 0) -> Backbone:
    """A backbone with random weights everywhere, so that every input changes its output."""
    torch.manual_seed(seed)
    config = BackboneConfig(CHANNELS, TEXT_WIDTH, width=16, blocks=2, heads=2)
    return random_everywhere(Backbone(config))


@torch.no_grad()
def random_everywhere(backbone: Backbone) -> Backbone:
    """The backbone itself, what was zero now random."""
    for parameter in backbone.parameters():
        if not parameter.any():
            parameter.normal_(std=0.1)
    return backbone.requires_grad_(False)


def conditions(batch: int, frames: int = FRAMES, seed: int = 0) -> Conditions:
    """Conditions with different words in each row and nothing known."""
    source = torch.Generator().manual_seed(seed)
    return Conditions(
        torch.randn(batch, 3, TEXT_WIDTH, generator=source),
        torch.ones(batch, 3),
        torch.full((batch,), 0.5),
        torch.zeros(batch),
        torch.arange(batch) % 3,
        torch.zeros(batch),
        torch.zeros(batch),
        torch.zeros(batch, CHANNELS, frames),
        torch.zeros(batch, 1, frames),
    )


def draw_pairs(rng: np.random.Generator, tokens: int) -> LatentBatch:
    """Latents that lie around 2, with words."""
    count = max(2, tokens // FRAMES)
    x0 = torch.from_numpy(rng.standard_normal((count, CHANNELS, FRAMES)).astype(np.float32))
    given = conditions(count, seed=int(rng.integers(1000)))
    return LatentBatch(2.0 + 0.5 * x0, given, torch.arange(count), FRAMES)


def draw_captions(rng: np.random.Generator, tokens: int) -> LatentBatch:
    """Words with no latents."""
    batch = draw_pairs(rng, tokens)
    return LatentBatch(None, batch.conditions, batch.caption_ids, FRAMES)


def train(stage: Stage, first: int, last: int) -> list[Mapping[str, float]]:
    """The terms of steps ``first`` to ``last - 1``."""
    return [report.terms for report in run(stage, seed=3, steps=range(first, last))]


def weights_of(module: torch.nn.Module) -> Tensor:
    """All weights in a row."""
    return torch.nn.utils.parameters_to_vector(module.parameters()).detach()
