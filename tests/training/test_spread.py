"""Spread is lost where takes are scaled towards their mean, and by nothing else."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.spread import spread_loss

SHAPE = (8, 3, 5)
NOTHING_KNOWN = torch.zeros(8, 1, 5)


@given(scale=st.floats(0.05, 20.0), shift=st.floats(-3.0, 3.0))
def test_the_loss_is_the_squared_logarithm_of_the_scale(scale: float, shift: float) -> None:
    wanted = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = float(spread_loss(scale * wanted + shift, wanted, NOTHING_KNOWN))
    assert found == pytest.approx(math.log(scale) ** 2, abs=1e-4)


def test_what_is_known_does_not_count() -> None:
    wanted = torch.randn(SHAPE)
    mask = torch.zeros(8, 1, 5)
    mask[:, :, :2] = 1.0
    made = wanted + 100.0 * mask * torch.randn(SHAPE)
    assert float(spread_loss(made, wanted, mask)) < 1e-10
    assert float(spread_loss(made, wanted, NOTHING_KNOWN)) > 1.0


def test_going_down_the_loss_widens_what_is_narrow() -> None:
    wanted = torch.randn(SHAPE)
    made = (0.5 * wanted).requires_grad_()
    spread_loss(made, wanted, NOTHING_KNOWN).backward()  # type: ignore[no-untyped-call]
    assert made.grad is not None
    assert float((made.detach() - 0.1 * made.grad).std()) > float(made.detach().std())
