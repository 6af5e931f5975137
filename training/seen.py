"""How far apart latents are in the eyes of the teacher: a distance between its hidden states.

Squared differences of latents ask for the mean of what could be; a teacher that sees both under the
same noise tells whether they are the same kind of sound. Knows neither students nor schedules.

References:
    Distances of deep features: Zhang et al. 2018, arXiv 1801.03924. In latents, for one-step
    students: Kang et al. 2024, "Distilling Diffusion Models into Conditional GANs", arXiv
    2405.05967. The teacher itself as the eye, under noise of any level, is ours.
"""

import torch
from torch import Tensor
from torch.nn import functional

from generator.backbone import Backbone, Conditions
from generator.interpolant import mix

# Beyond this there is more noise than sound to be seen.
MOST_NOISE = 0.6
# Which share of the blocks looks: the last ones turn to the velocity.
SEEING_SHARE = 0.75


def seen_distance(
    eye: Backbone, pair: tuple[Tensor, Tensor], conditions: Conditions, t: Tensor, noise: Tensor
) -> Tensor:
    """Return the mean squared distance of directions of hidden states, over blocks and places.

    Shapes:
        pair: made and wanted, each [batch, latent_channels, n]; t: [batch]; noise: as made
        ->  a number in [0, 4]

    Args:
        eye: A frozen teacher.
        pair: What gradients go to, and what it should look like.
        conditions: What both were made for.
        t: How much noise both get.
        noise: The noise.

    Returns:
        The distance, zero for equal latents.
    """
    made, wanted = (mix(x, noise, t[:, None, None]) for x in pair)
    depth = round(SEEING_SHARE * len(eye.blocks))
    with torch.no_grad():
        there = list(eye.levels(wanted, t, conditions, depth=depth))
    here = eye.levels(made, t, conditions, depth=depth)
    distances = [_of_directions(a, b) for a, b in zip(here, there, strict=True)]
    return torch.stack(distances[1:]).mean()


def _of_directions(a: Tensor, b: Tensor) -> Tensor:
    a, b = (functional.normalize(x.float(), dim=-1) for x in (a, b))
    return (a - b).square().sum(-1).mean()
