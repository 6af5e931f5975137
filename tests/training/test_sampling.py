"""The samplers end where the closed form says, and guidance is what its formula says."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.training.tiny import CHANNELS, FRAMES, conditions, tiny_backbone
from training.sampling import (
    OdeLaw,
    Solver,
    guided_velocity,
    keep_known,
    one_step,
    sample_ode,
    sample_ping_pong,
    trajectory,
    uniform_times,
)

TOLERANCE = {"euler": 0.15, "heun": 0.02, "dpm": 0.06}
STEPS = {"euler": 64, "heun": 24, "dpm": 24}


def gaussian_velocity(mean: float, deviation: float, x: Tensor, t: float) -> Tensor:
    """E[eps - x0 | x_t] for data from a normal law."""
    variance = (1.0 - t) ** 2 * deviation**2 + t**2
    residual = x - (1.0 - t) * mean
    return -mean + (t - (1.0 - t) * deviation**2) / variance * residual


@given(mean=st.floats(-2, 2), deviation=st.floats(0.3, 2))
@pytest.mark.parametrize("solver", ["euler", "heun", "dpm"])
def test_the_flow_of_a_gaussian_ends_in_its_closed_form(
    solver: Solver, mean: float, deviation: float
) -> None:
    noise = torch.linspace(-2.0, 2.0, 9, dtype=torch.float64)
    law = OdeLaw(STEPS[solver], solver=solver)
    states = trajectory(
        lambda x, t: gaussian_velocity(mean, deviation, x, t), noise, law.times, solver
    )
    # The first-order rule errs by a few hundredths at this step, the others by far less.
    torch.testing.assert_close(
        states[-1], mean + deviation * noise, atol=TOLERANCE[solver], rtol=0.0
    )


@pytest.mark.parametrize("solver", ["euler", "heun", "dpm"])
def test_one_point_of_data_is_reached_exactly(solver: Solver) -> None:
    noise, point = torch.randn(8, dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64)
    law = OdeLaw(4, solver=solver)
    states = trajectory(lambda x, t: (x - point) / t, noise, law.times, solver)
    torch.testing.assert_close(states[-1], point.expand(8), atol=1e-9, rtol=0.0)


def test_the_second_order_rules_beat_euler_at_equal_steps() -> None:
    noise = torch.linspace(-2.0, 2.0, 9, dtype=torch.float64)

    def error(solver: Solver) -> float:
        times = uniform_times(12)
        end = trajectory(lambda x, t: gaussian_velocity(1.0, 0.5, x, t), noise, times, solver)[-1]
        return float((end - (1.0 + 0.5 * noise)).abs().max())

    assert error("heun") < 0.2 * error("euler")
    assert error("dpm") < error("euler")


def test_times_fall_from_one_to_zero() -> None:
    for law in (OdeLaw(7), OdeLaw(7, solver="dpm")):
        assert law.times[0] == 1.0
        assert law.times[-1] == 0.0
        assert np.all(np.diff(law.times) < 0)
        assert len(law.times) == 8


def test_guidance_extrapolates_from_no_words() -> None:
    net, c = tiny_backbone(), conditions(3)
    x, t = torch.randn(3, CHANNELS, FRAMES), torch.tensor([0.2, 0.6, 1.0])
    with_words, without = net(x, t, c), net(x, t, c.without_text())
    assert not torch.allclose(with_words, without)
    for guidance in (0.0, 1.0, 3.0):
        made = guided_velocity(net, x, t, c, guidance)
        wanted = without + guidance * (with_words - without)
        # Batching two halves in one product changes the order of float sums.
        torch.testing.assert_close(made, wanted, atol=1e-5, rtol=1e-5)


def test_one_ping_pong_step_is_one_step_and_one_euler_step() -> None:
    net, c, noise = tiny_backbone(), conditions(3), torch.randn(3, CHANNELS, FRAMES)
    made = one_step(net, noise, c)
    torch.testing.assert_close(sample_ping_pong(net, c, [noise]), made)
    torch.testing.assert_close(sample_ode(net, c, noise, 1, 1.0), made)


def test_what_is_known_comes_back_untouched() -> None:
    c = conditions(2)
    c.known[:, :, :2] = 7.0
    c.known_mask[:, :, :2] = 1.0
    noise = torch.randn(2, CHANNELS, FRAMES)
    net = tiny_backbone()
    for made in (one_step(net, noise, c), sample_ping_pong(net, c, [noise, noise])):
        torch.testing.assert_close(made[:, :, :2], torch.full((2, CHANNELS, 2), 7.0))
    assert math.isclose(float(keep_known(noise, c)[0, 0, 3]), float(noise[0, 0, 3]))
