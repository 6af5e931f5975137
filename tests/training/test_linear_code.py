"""Laws of the linear code: exact with all components, best with few, undone by the first layer."""

import pytest
import torch

from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import BAND_SCALE, AutoencoderConfig, Decoder, Encoder
from training.linear_code import latent_scales, principal_components, take_code

SIZES = AutoencoderConfig(
    latent_channels=24, mel_bands=16, side_mel_bands=8, latent_width=8, latent_blocks=1,
    decoder_width=8, decoder_blocks=1, head_width=8,
)  # fmt: skip


def correlated(rows: int, columns: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(4)
    mixing = torch.randn(columns, columns, generator=source) * 0.8 ** torch.arange(columns)
    return torch.randn(rows, columns, generator=source) @ mixing.T + 3.0


def test_components_are_orthonormal_and_ordered() -> None:
    code = principal_components(correlated(500, 30), 8)
    torch.testing.assert_close(code.axes.T @ code.axes, torch.eye(8), atol=1e-5, rtol=0.0)
    assert bool((code.deviation[:-1] >= code.deviation[1:]).all())


@pytest.mark.parametrize("channels", [2, 8, 29])
def test_no_other_axes_keep_more(channels: int) -> None:
    rows = correlated(500, 30)
    code = principal_components(rows, channels)
    centred = rows - code.mean
    other = torch.linalg.qr(torch.randn(30, channels, generator=torch.Generator().manual_seed(1)))[
        0
    ]
    kept, fewer = (float((centred @ axes).square().sum()) for axes in (code.axes, other))
    assert kept > fewer


def test_the_first_layer_undoes_the_code_and_latents_have_unit_variance() -> None:
    encoder, decoder = Encoder(SIZES, SAMPLE_RATE_HZ), Decoder(SIZES, SAMPLE_RATE_HZ)
    audio = torch.randn(64, 2, 4 * 4096) * torch.rand(64, 2, 1)
    features = encoder.features(audio).flatten(0, 1)
    code = principal_components(features, SIZES.latent_channels)
    take_code(encoder, decoder, code)
    latents = encoder(audio)
    assert float(latents.square().mean()) == pytest.approx(1.0, abs=0.01)
    assert float(latents.mean(dim=(0, 2)).abs().max()) < 1e-3
    patches = decoder.bands(latents).reshape(len(features), -1) / BAND_SCALE
    kept = features[:, : patches.shape[1]]
    assert float((patches - kept).detach().square().mean()) < float(kept.var(dim=0).mean())
    assert bool((latent_scales(code) > 0.0).all())
