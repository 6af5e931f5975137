"""The noise that a take starts from: drawn from its seed, equal for every backend. Pure.

Flow: a request's seeds → here → the transformer's first step.
"""

import numpy as np

from generator.api import FloatArray, GenerationRequest


def varied_noise(
    request: GenerationRequest, latent_frames: int, channels: int, *, draw: int = 0
) -> FloatArray:
    """Draw the noise of a request: its seed's own, led towards another seed's by its variation.

    Along a quarter of a circle, so that it has unit variance all the way.

    Shapes:
        returns: [channels, latent_frames]

    Args:
        request: Whose seeds and variation count.
        latent_frames: Number of latent frames.
        channels: Number of latent channels.
        draw: As in `seeded_noise`.

    Returns:
        Unit-variance noise.
    """
    noise = seeded_noise(request.seed, latent_frames, channels, draw=draw)
    if not request.variation:
        return noise
    other = seeded_noise(request.variation_seed, latent_frames, channels, draw=draw)
    angle = 0.5 * np.pi * request.variation
    varied: FloatArray = np.float32(np.cos(angle)) * noise + np.float32(np.sin(angle)) * other
    return varied


def seeded_noise(seed: int, latent_frames: int, channels: int, *, draw: int = 0) -> FloatArray:
    """Draw the Gaussian noise that a take starts from, equal for every backend.

    The first frames do not depend on how many follow, so a longer take of a seed begins from the
    noise of the shorter one.

    Shapes:
        returns: [channels, latent_frames]

    Args:
        seed: The seed of the request.
        latent_frames: Number of latent frames.
        channels: Number of latent channels.
        draw: 0 for the starting noise, n for the fresh noise of the n-th further step.

    Returns:
        Unit-variance noise.
    """
    source = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, draw])))
    return source.standard_normal((latent_frames, channels), dtype=np.float32).T.copy()
