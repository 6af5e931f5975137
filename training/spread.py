"""Whether made latents vary as much as they should, channel by channel, over a whole batch.

A student that names the mean of what could be varies less than what it was taught; a small scale is
a small error to squares, and heard as a dull sound. Knows neither students nor teachers.
"""

import torch
from torch import Tensor

from training.place import HERE, Place

NOT_ZERO = 1e-6


def spread_loss(made: Tensor, wanted: Tensor, known_mask: Tensor, place: Place = HERE) -> Tensor:
    """Return the mean squared difference of the logarithms of channels' deviations.

    Shapes:
        made, wanted: [batch, latent_channels, n]; known_mask: [batch, 1, n]  ->  a number.

    Args:
        made: What gradients go to.
        wanted: What should vary as much.
        known_mask: Where nothing is made.
        place: Where; deviations are of the batch of all processes.

    Returns:
        0 where every channel varies as much; the same in every process.
    """
    free = 1.0 - known_mask
    made_log, wanted_log = (_log_deviation(x, free, place) for x in (made, wanted))
    return (made_log - wanted_log).square().mean()


def _log_deviation(x: Tensor, free: Tensor, place: Place) -> Tensor:
    count = place.sum(free.sum()).clamp_min(1.0)
    moments = torch.stack([(x * free).sum((0, 2)), (x.square() * free).sum((0, 2))])
    # Gradients are averaged over the processes: each one's own part stands for all of theirs.
    own = place.size * moments
    mean, square = (own + (place.sum(moments) - own).detach()) / count
    logarithm: Tensor = 0.5 * (square - mean.square()).clamp_min(NOT_ZERO).log()
    return logarithm
