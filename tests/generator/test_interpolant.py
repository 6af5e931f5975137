"""Laws of the path between data and noise."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.interpolant import (
    data_from_velocity,
    mix,
    noise_from_velocity,
    ping_pong_times,
    velocity,
)

times = st.floats(0.0, 1.0)
seeds = st.integers(0, 2**31 - 1)


@given(seed=seeds, t=times)
def test_velocity_leads_back_to_data_and_on_to_noise(seed: int, t: float) -> None:
    rng = np.random.default_rng(seed)
    x0, eps = rng.standard_normal((2, 3, 5))
    xt, v = mix(x0, eps, t), velocity(x0, eps)
    np.testing.assert_allclose(data_from_velocity(xt, v, t), x0, atol=1e-12)
    np.testing.assert_allclose(noise_from_velocity(xt, v, t), eps, atol=1e-12)


def test_the_path_ends_at_data_and_at_noise() -> None:
    x0, eps = np.zeros(4), np.arange(4.0)
    np.testing.assert_array_equal(mix(x0, eps, 0.0), x0)
    np.testing.assert_array_equal(mix(x0, eps, 1.0), eps)


@given(steps=st.integers(1, 16))
def test_ping_pong_times_fall_from_noise_to_data(steps: int) -> None:
    found = ping_pong_times(steps)
    assert len(found) == steps + 1
    assert found[0] == 1.0
    assert found[-1] == 0.0
    assert all(a > b for a, b in pairwise(found))


def test_ping_pong_without_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 step"):
        ping_pong_times(0)
