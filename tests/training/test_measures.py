"""Fréchet distance, retrieval and diversity against their closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.measures import covariance_root, diversity, frechet_distance, ranks, recall

SEEDS = st.integers(0, 2**32 - 1)


def cloud(seed: int, count: int = 40, width: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, width)) @ rng.standard_normal((width, width))


@given(seed=SEEDS)
def test_a_set_is_at_no_distance_from_itself(seed: int) -> None:
    x = cloud(seed)
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-6)


@given(seed=SEEDS, shift=st.floats(-5, 5))
def test_moving_a_set_costs_the_square_of_the_way(seed: int, shift: float) -> None:
    x = cloud(seed)
    assert frechet_distance(x, x + shift) == pytest.approx(5 * shift**2, abs=1e-6)


@given(seed=SEEDS, gain=st.floats(0.1, 3))
def test_widening_a_set_costs_the_variance_of_the_change(seed: int, gain: float) -> None:
    x = cloud(seed)
    x = x - x.mean(0)
    variance = x.var(0, ddof=1).sum()
    wanted = (gain - 1.0) ** 2 * variance
    assert frechet_distance(x, gain * x) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@given(first=SEEDS, second=SEEDS)
def test_the_distance_is_symmetric(first: int, second: int) -> None:
    a, b = cloud(first), 1.5 * cloud(second, count=30)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6, abs=1e-6)


@given(seed=SEEDS, count=st.sampled_from([3, 5, 40]))
def test_the_root_squared_is_the_covariance(seed: int, count: int) -> None:
    x = cloud(seed, count)
    root = covariance_root(x)
    np.testing.assert_allclose(root.T @ root, np.cov(x.T), rtol=1e-9, atol=1e-9)


def test_ranks_count_the_wrong_that_are_as_good() -> None:
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    assert ranks(scores, np.array([0, 2, 1])).tolist() == [0, 2, 2]


def test_a_blind_score_recalls_nothing() -> None:
    blind = ranks(np.zeros((8, 8)), np.arange(8))
    assert recall(blind, 1) == 0.0
    assert recall(ranks(np.eye(8), np.arange(8)), 1) == 1.0


def test_equal_takes_have_no_diversity_and_opposite_ones_have_the_most() -> None:
    same = np.repeat(np.random.default_rng(0).standard_normal((3, 1, 6)), 4, axis=1)
    assert diversity(same) == pytest.approx(0.0, abs=1e-12)
    two = np.stack([same[:, 0], -same[:, 0]], axis=1)
    assert diversity(two) == pytest.approx(2.0)
