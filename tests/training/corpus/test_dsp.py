"""Laws of the building blocks: oscillators, filters, envelopes and noise against slow oracles."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.corpus.effects import finish
from training.corpus.filters import (
    apply_response,
    fast_length,
    highpass,
    lowpass,
    moving_lowpass,
    response_bins,
    sweep,
)
from training.corpus.oscillators import damped_modes, fine_saw, phase_of, pulse, saw, triangle
from training.corpus.patch import Batch, Patch
from training.corpus.recipes import recipes
from training.corpus.synth import draw

RATE = 44_100


@given(st.floats(20.0, 15_000.0), st.floats(0.01, 5.0), st.floats(0.0, 1.0), st.integers(300, 9000))
@settings(max_examples=40, deadline=None)
def test_a_bank_of_modes_is_the_sum_of_its_sinusoids(
    hertz: float, tau_s: float, start: float, frames: int
) -> None:
    frequency = torch.tensor([[hertz, hertz * 1.31]])
    decay, level = torch.tensor([[tau_s, tau_s / 3]]), torch.tensor([[0.7, 0.3]])
    phase = torch.tensor([[start, 0.25]])
    fast = damped_modes(frequency, decay, level, phase, frames)[0].numpy()
    time = np.arange(frames) / RATE
    slow = sum(
        a * np.exp(-time / t) * np.sin(2 * np.pi * (f * time + p))
        for f, t, a, p in zip(
            *(x[0].double().numpy() for x in (frequency, decay, level, phase)), strict=True
        )
    )
    np.testing.assert_allclose(fast, slow, atol=2e-5)


def test_modes_above_hearing_are_silent() -> None:
    one = torch.ones(1, 1)
    assert damped_modes(one * 21_000.0, one, one, one * 0.25, 500).abs().max() == 0.0


def test_a_saw_is_a_saw() -> None:
    frequency = torch.tensor([[110.0]])
    phase = phase_of(frequency, RATE)
    wave = saw(phase, frequency / RATE)[0, 1:]
    ideal = 2.0 * (phase[0, 1:] - 55.0 / RATE).frac() - 1.0
    inside = (phase[0, 1:].frac() > 0.01) & (phase[0, 1:].frac() < 0.99)
    assert (wave - ideal)[inside].abs().max() < 2e-3


def alias_db(saw_wave: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> float:
    """Loudest alias of a high saw below 10 kHz, under its fundamental."""
    frequency = torch.tensor([[1234.5]])
    wave = saw_wave(phase_of(frequency, RATE), frequency / RATE)[0]
    power = torch.fft.rfft(wave * torch.hann_window(RATE)).abs() ** 2
    hertz = torch.arange(len(power)).float()
    distance = (hertz / 1234.5 - torch.round(hertz / 1234.5)).abs() * 1234.5
    low = (hertz > 50) & (hertz < 10_000)
    wrong, right = power[low & (distance > 20)].max(), power[low & (distance < 5)].max()
    return 10 * math.log10(float(wrong / right))


def test_aliases_of_a_high_saw_are_low_and_of_a_fine_one_lower() -> None:
    assert alias_db(saw) < -38.0
    assert alias_db(fine_saw) < -50.0


def test_a_fine_saw_is_a_saw() -> None:
    frequency = torch.tensor([[110.0]])
    phase = phase_of(frequency, RATE)
    wave = fine_saw(phase, frequency / RATE)[0, 2:]
    ideal = 2.0 * (phase[0, 2:] - 110.0 / RATE).frac() - 1.0
    inside = (phase[0, 2:].frac() > 0.01) & (phase[0, 2:].frac() < 0.99)
    assert (wave - ideal)[inside].abs().max() < 2e-3


@pytest.mark.parametrize("width", [0.1, 0.25, 0.5])
def test_a_pulse_has_no_dc(width: float) -> None:
    frequency = torch.tensor([[441.0]])
    wave = pulse(phase_of(frequency, RATE), frequency / RATE, torch.tensor([[width]]))
    assert wave[0, 100:].mean().abs() < 2e-3


def test_a_triangle_stays_between_one_and_minus_one() -> None:
    wave = triangle(phase_of(torch.tensor([[333.0]]), RATE))
    assert wave.min() >= -1.0
    assert wave.max() <= 1.0
    assert wave.mean().abs() < 1e-2


def test_long_notes_stay_in_tune() -> None:
    constant = phase_of(torch.tensor([[1760.0]]), 8 * RATE)
    signal = phase_of(torch.full((1, 8 * RATE), 1760.0), 8 * RATE)
    assert (constant - signal).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("response", "kept_hz", "lost_hz"), [(lowpass, 200.0, 8000.0), (highpass, 8000.0, 100.0)]
)
def test_filters_keep_one_side_and_lose_the_other(
    response: object, kept_hz: float, lost_hz: float
) -> None:
    assert callable(response)
    time = torch.arange(RATE)[None] / RATE
    cutoff = torch.tensor([[1000.0]])
    kept, lost = (torch.sin(2 * math.pi * hertz * time) for hertz in (kept_hz, lost_hz))
    shape = response(response_bins(time), cutoff)
    inside = slice(4000, -4000)
    assert apply_response(kept, shape)[0, inside].abs().max() == pytest.approx(1.0, abs=0.1)
    assert apply_response(lost, shape)[0, inside].abs().max() < 0.05


def test_fixed_filters_are_causal() -> None:
    click = torch.zeros(1, 8192)
    click[0, 4000] = 1.0
    out = apply_response(click, lowpass(response_bins(click), torch.tensor([[2000.0]])))
    assert out[0, :3990].abs().max() < 2e-3 * out.abs().max()


@given(st.integers(1, 5000))
@settings(max_examples=30, deadline=None)
def test_a_sweep_with_unit_gain_changes_nothing(frames: int) -> None:
    noise = torch.randn(2, frames, generator=torch.Generator().manual_seed(frames))
    gain = torch.ones(2, frames // 512 + 2, 513)
    torch.testing.assert_close(sweep(noise, gain), noise, atol=1e-5, rtol=0)


def test_a_moving_lowpass_closes() -> None:
    noise = torch.randn(1, RATE, generator=torch.Generator().manual_seed(1))
    count = RATE // 512 + 2
    cutoff = torch.logspace(4, 2, count)[None]
    out = moving_lowpass(noise, cutoff, torch.tensor([[0.7]]))[0]
    assert out[-8000:].square().mean() < 0.05 * out[:8000].square().mean()


@given(st.integers(1, 10**6))
def test_fft_lengths_are_long_enough_and_not_much_longer(frames: int) -> None:
    length = fast_length(frames)
    assert length >= frames
    assert length % 2 == 0
    assert length <= max(128, frames * 1.21)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_noise_is_a_prefix_of_longer_noise(one: int, other: int, seed: int) -> None:
    recipe = recipes()["rain"]
    batch = Batch([Patch("rain", recipe.renderer, seed, 4096, {})])
    short, long = sorted((one, other))
    assert torch.equal(batch.noise(0, long)[:, :short], batch.noise(0, short))
    assert not torch.equal(batch.noise(0, 64), batch.noise(1, 64))


def test_lines_between_slow_values_meet_them() -> None:
    batch = Batch([draw("rain", 1)])
    wave = torch.sin(batch.slow_time_s * 3.0)
    smooth = batch.smooth(wave)
    assert smooth.shape[-1] == batch.frames
    torch.testing.assert_close(smooth[:, ::64], wave[:, : smooth[:, ::64].shape[-1]])


def test_finish_says_why_it_refuses() -> None:
    assert finish(torch.zeros(2, 100), loop=False) == "silent"
    assert finish(torch.full((2, 100), torch.nan), loop=False) == "not a number"
    assert not isinstance(finish(torch.randn(2, 100), loop=True), str)
