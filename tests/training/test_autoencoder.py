"""Laws of the autoencoder stage: losses are least at the truth, a frozen encoder stays."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from generator.autoencoder import Outputs, centred_stft, mel_filters
from generator.spectral import BINS, HOP_FRAMES, N_FFT, PARTS
from tests.training.small import RATE_HZ, small_corpus
from training.autoencoder import AutoencoderStage
from training.config import AutoencoderRun, AutoencoderSizes
from training.crops import Crops
from training.frame_losses import (
    RealSpectrum,
    advance_loss,
    attack_frames,
    band_loss,
    magnitude_loss,
    missing_db,
    peak_loss,
    real_spectrum,
    vertical_loss,
)
from training.loop import run
from training.sound_losses import convergence, mel_distance, mel_scales

TINY = AutoencoderSizes(
    latent_channels=4, mel_bands=16, side_mel_bands=8,
    latent_width=16, latent_blocks=1, decoder_width=16, decoder_blocks=1, head_width=16,
)  # fmt: skip


def truth(real: RealSpectrum) -> Outputs:
    """The outputs that describe a spectrum exactly, every frame after the first a step onward."""
    spectrum = real.value
    centre = (torch.arange(BINS) % PARTS) * (2 * torch.pi / PARTS)
    advance = torch.zeros(spectrum.shape[0], spectrum.shape[1], BINS)
    advance[:, 1:] = (spectrum[:, 1:, 0] * spectrum[:, :-1, 0].conj()).angle() - centre
    place = torch.arange(spectrum.shape[1])[:, None] + 2
    turns = (place * torch.arange(BINS)) % PARTS * (2 * torch.pi / PARTS)
    offset = spectrum.angle() - (turns + torch.cumsum(advance, 1) - advance[:, :1])[:, :, None]
    size = spectrum.abs().clamp_min(1e-9).log()
    return size, advance, torch.full_like(advance, 0.05), offset, torch.zeros(advance.shape[:2])


@pytest.fixture(scope="module")
def spectrum() -> RealSpectrum:
    return real_spectrum(
        torch.randn(2, 2, 16 * HOP_FRAMES, generator=torch.Generator().manual_seed(2))
    )


def test_every_spectral_loss_is_least_at_the_truth(spectrum: RealSpectrum) -> None:
    starts = torch.zeros(2, 16, dtype=torch.bool)
    right = truth(spectrum)
    size, advance, spread, offset, attack = (
        x + 0.7 * torch.randn(x.shape, generator=torch.Generator().manual_seed(3)) for x in right
    )
    wrong = (size, advance, spread, offset, attack)
    assert float(magnitude_loss(right, spectrum)) < 1e-4
    assert float(peak_loss(right, spectrum)) < 1e-3
    assert float(vertical_loss(right, spectrum, starts)) < 1e-3
    for loss in (magnitude_loss, peak_loss):
        assert float(loss(wrong, spectrum)) > 0.1
    assert float(vertical_loss(wrong, spectrum, starts)) > 0.1
    wrong_advance = (right[0], wrong[1], *right[2:])
    assert float(advance_loss(right, spectrum, starts)) < float(
        advance_loss(wrong_advance, spectrum, starts)
    )


def test_sound_losses_are_zero_for_equal_sounds() -> None:
    audio, scales = torch.randn(2, 8192), mel_scales(float(RATE_HZ))
    assert float(mel_distance(audio, audio, scales)) == 0.0
    assert float(mel_distance(audio, 0.5 * audio, scales)) == pytest.approx(np.log(2.0), abs=0.01)
    assert float(convergence(audio, audio, torch.hann_window(2048))) < 1e-4


def test_an_attack_is_found_where_it_is() -> None:
    audio = torch.zeros(1, 40 * HOP_FRAMES)
    t = torch.arange(20 * HOP_FRAMES) / RATE_HZ
    audio[0, 20 * HOP_FRAMES :] = torch.exp(-t / 0.1) * torch.randn(len(t))
    found = centred_stft(audio, N_FFT, HOP_FRAMES, torch.hann_window(N_FFT))
    frames = (
        attack_frames(found.abs(), mel_filters(64, N_FFT, float(RATE_HZ)))[0]
        .nonzero()[:, 0]
        .tolist()
    )
    assert len(frames) == 1
    assert abs(frames[0] - 20) <= 1


def test_every_step_learns_and_the_code_stays(tmp_path: Path) -> None:
    crops = Crops([small_corpus(tmp_path / "c")], [1.0])
    asked = AutoencoderRun(
        run_dir=tmp_path, model=TINY, steps=4, batch=2, crop_latents=2, code_frames=64,
        adversarial_from=3, discriminator_width=2, bfloat16=False, threads=1,
    )  # fmt: skip
    stage = AutoencoderStage(asked, crops, float(RATE_HZ))
    codes, weights = [], []
    for report in run(stage, seed=0, steps=range(4)):
        assert all(np.isfinite(value) for value in report.terms.values()), report
        assert ("adversarial" in report.terms) == (report.step >= 3)
        codes.append(stage.encoder.get_buffer("projection").clone())
        weights.append(stage.decoder.head.weight.clone())
    assert all(torch.equal(a, b) and a.any() for a, b in pairwise(codes))
    assert not any(torch.equal(a, b) for a, b in pairwise(weights))


def test_missing_partials_cost_their_whole_level() -> None:
    t = torch.arange(32 * HOP_FRAMES) / RATE_HZ
    real = real_spectrum(torch.stack((torch.sin(6000.0 * t), 0.0 * t))[None])
    right = truth(real)
    without = (right[0].clamp(max=-3.0), *right[1:])
    filters = [mel_filters(bands, N_FFT, float(RATE_HZ)) for bands in (24, 96)]
    assert float(band_loss(right, real, filters)) < 1e-3
    assert float(band_loss(without, real, filters)) > 0.05
    assert float(missing_db(right, real)) == pytest.approx(0.0, abs=0.1)
    assert float(missing_db(without, real)) < -40.0
