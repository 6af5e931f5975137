"""Laws of the noise of a request: seeded, Gaussian, and varied by as much as was asked for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generator.api import MAX_SEED, GenerationRequest
from generator.noise import seeded_noise, varied_noise

SEEDS = st.integers(0, MAX_SEED)


@given(SEEDS, st.integers(1, 40), st.integers(0, 40), st.integers(1, 8))
def test_noise_does_not_depend_on_what_follows(
    seed: int, frames: int, more: int, width: int
) -> None:
    short = seeded_noise(seed, frames, width)
    long = seeded_noise(seed, frames + more, width)
    assert short.shape == (width, frames)
    assert short.dtype == np.float32
    np.testing.assert_array_equal(long[:, :frames], short)


def test_noise_is_gaussian_and_differs_between_seeds_and_draws() -> None:
    base = seeded_noise(7, 2000, 16)
    assert abs(base.mean()) < 0.02
    assert abs(base.std() - 1.0) < 0.02
    for other in (seeded_noise(8, 2000, 16), seeded_noise(7, 2000, 16, draw=1)):
        assert abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 0.02


@given(variation=st.floats(0.0, 1.0), draw=st.integers(0, 3))
def test_a_variation_is_noise_as_far_from_its_seed_as_it_says(variation: float, draw: int) -> None:
    request = GenerationRequest("x", 5, variation=variation, variation_seed=6)
    noise = varied_noise(request, 500, 16, draw=draw)
    own, other = seeded_noise(5, 500, 16, draw=draw), seeded_noise(6, 500, 16, draw=draw)
    angle = np.pi / 2 * variation
    assert abs(np.corrcoef(noise.ravel(), own.ravel())[0, 1] - np.cos(angle)) < 0.05
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1] - np.sin(angle)) < 0.05
    assert abs(noise.std() - 1.0) < 0.03


def test_no_variation_is_the_seed_itself() -> None:
    request = GenerationRequest("x", 5, variation_seed=6)
    np.testing.assert_array_equal(varied_noise(request, 9, 4), seeded_noise(5, 9, 4))
