"""The time convention of the generator, once, for inference and for training.

t = 1 is noise and t = 0 is data: ``x_t = (1 - t) x0 + t eps`` with velocity ``v = eps - x0``
(rectified flow; Liu et al. 2022, arXiv 2209.03003). Everything here is plain arithmetic that works
on numpy arrays and on torch tensors alike; it does not know what a latent, a prompt or a network
is.

References:
    Ping-pong sampling: Novack et al. 2025, arXiv 2505.08175, section 3.3; the schedule is linear in
    log-SNR from -6 to 2, with its two ends forced to exact noise and exact data.
"""

import math
from typing import Protocol, Self, TypeVar

LOG_SNR_NOISE = -6.0
LOG_SNR_DATA = 2.0


class Field(Protocol):
    """What the formulas need of an array: the same arithmetic in numpy and in torch."""

    def __add__(self, other: Self | float, /) -> Self: ...
    def __sub__(self, other: Self | float, /) -> Self: ...
    def __mul__(self, other: Self | float, /) -> Self: ...
    def __rmul__(self, other: Self | float, /) -> Self: ...


F = TypeVar("F", bound=Field)


def mix(x0: F, eps: F, t: F | float) -> F:
    """Return ``x_t`` on the straight path from data to noise.

    Shapes:
        x0, eps: [..., latent_channels, latent_frames]; t: a number, or broadcastable to them.
    """
    return x0 + (eps - x0) * t


def velocity(x0: F, eps: F) -> F:
    """Return ``dx_t/dt``, which does not depend on t."""
    return eps - x0


def data_from_velocity(xt: F, v: F, t: F | float) -> F:
    """Return the clean latent that ``v`` points back to."""
    return xt - v * t


def noise_from_velocity(xt: F, v: F, t: F | float) -> F:
    """Return the noise that ``v`` points on to."""
    return xt + (v - v * t)


def time_from_log_snr(log_snr: float) -> float:
    """Return t with ``log((1 - t)^2 / t^2) = 2 log_snr``: ``t = sigmoid(-log_snr)``."""
    return 1.0 / (1.0 + math.exp(log_snr))


def ping_pong_times(steps: int) -> tuple[float, ...]:
    """Return the ``steps + 1`` times of ping-pong sampling, from 1.0 down to 0.0.

    Args:
        steps: Number of network evaluations, at least 1.

    Returns:
        The times, falling.

    Raises:
        ValueError: ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f"ping-pong sampling takes at least 1 step, found {steps}")
    span = LOG_SNR_DATA - LOG_SNR_NOISE
    inner = (time_from_log_snr(LOG_SNR_NOISE + span * i / steps) for i in range(1, steps))
    return (1.0, *inner, 0.0)
