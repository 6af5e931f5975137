"""How far apart latents are to the ear: levels of bands, and how they rise and fall.

Squares of latents count every direction of the code alike, and ask for the mean of what could be:
an attack that lies here or there becomes two half attacks. Here the decoder's linear layer names
the bands of each frame, 86 times a second; differences count as they are, so that the middle of
what could be is asked for, and its rise. Knows neither students nor schedules.

References:
    Distances of what is perceived in place of squares, for one-step students: Kang et al. 2024,
    "Distilling Diffusion Models into Conditional GANs", arXiv 2405.05967.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from generator.spectral import FRAMES_PER_LATENT
from training.states import load_decoder


def code_of(autoencoder: Path, device: torch.device) -> Tensor:
    """Return what makes levels of latents, [FRAMES_PER_LATENT * bands, latent_channels].

    Args:
        autoencoder: The state of that stage.
        device: Where it goes.

    Returns:
        A frozen matrix; levels are in nepers.

    Raises:
        TrainingError: There is no such state, or it holds no autoencoder.
    """
    return load_decoder(autoencoder).uncode.weight.detach().to(device)


def heard_distance(code: Tensor, made: Tensor, wanted: Tensor, known_mask: Tensor) -> Tensor:
    """Return the mean absolute difference of levels, and of their steps from frame to frame.

    Shapes:
        code: [FRAMES_PER_LATENT * bands, latent_channels]; made, wanted: [batch, latent_channels,
        n]; known_mask: [batch, 1, n]  ->  a number in nepers

    Args:
        code: What `code_of` returned.
        made: What gradients go to.
        wanted: What it should sound like.
        known_mask: Where nothing is made.

    Returns:
        The sum of both, zero for equal latents.
    """
    free = 1.0 - known_mask
    # Levels are linear in the latents, so differences go through together.
    wrong = functional.linear(((made - wanted) * free).transpose(1, 2), code)
    frames = wrong.reshape(len(wrong), FRAMES_PER_LATENT * wrong.shape[1], -1)
    total: Tensor = frames.abs().sum() + frames.diff(dim=1).abs().sum()
    return total / (free.sum() * len(code)).clamp_min(1.0)
