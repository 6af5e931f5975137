"""The Oobleck autoencoder's torch modules: stereo samples <-> latents, by strided convolutions.

Knows nothing of text or diffusion. Names of parameters are those of the published weights, save
that their weight norm is folded into plain weights when they are read (weights.py).

References:
    Evans et al. 2024, arXiv 2407.14358, section 3.1; after Kumar et al. 2023, arXiv 2306.06546.
    Snake: Ziyin et al. 2020, arXiv 2006.08195, with a magnitude of its own (Lee et al. 2022,
    arXiv 2206.04658).
"""

import math

import torch
from torch import Tensor, nn

from generator.api import CHANNELS
from generator.stable_audio.sizes import DILATIONS, EDGE_KERNEL, AutoencoderSizes

ENCODER_END_KERNEL = 3
LEAST_DIVISOR = 1e-9


class Snake(nn.Module):
    """A line with a learnt ripple: ``x + sin²(a x) / b``, ``a`` and ``b`` as logarithms.

    Shapes:
        x: [batch, channels, n]  ->  the same
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Bend."""
        rate, height = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        ripple = (x * rate).sin()
        return x + ripple * ripple / (height + LEAST_DIVISOR)


class Residual(nn.Module):
    """Two convolutions around a ripple, added to what came in."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        wide = nn.Conv1d(
            channels,
            channels,
            EDGE_KERNEL,
            dilation=dilation,
            padding=dilation * (EDGE_KERNEL // 2),
        )
        narrow = nn.Conv1d(channels, channels, 1)
        self.layers = nn.Sequential(Snake(channels), wide, Snake(channels), narrow)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: [batch, channels, n] -> the same."""
        y: Tensor = x + self.layers(x)
        return y


class Down(nn.Module):
    """Residuals, then fewer and wider steps: [batch, c, n * stride] -> [batch, d, n]."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(Residual(channels_in, dilation) for dilation in DILATIONS),
            Snake(channels_in),
            nn.Conv1d(channels_in, channels_out, 2 * stride, stride, math.ceil(stride / 2)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Narrow time."""
        y: Tensor = self.layers(x)
        return y


class Up(nn.Module):
    """More and narrower steps, then residuals: [batch, c, n] -> [batch, d, n * stride]."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Snake(channels_in),
            nn.ConvTranspose1d(
                channels_in, channels_out, 2 * stride, stride, math.ceil(stride / 2)
            ),
            *(Residual(channels_out, dilation) for dilation in DILATIONS),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Widen time."""
        y: Tensor = self.layers(x)
        return y


class Encoder(nn.Module):
    """Samples to the mean of their latents.

    Shapes:
        audio: [batch, 2, n * hop_frames]  ->  [batch, latent_channels, n]
    """

    def __init__(self, sizes: AutoencoderSizes) -> None:
        super().__init__()
        widths = _widths(sizes)
        downs = zip(widths, widths[1:], sizes.strides, strict=False)
        self.latent_channels, self.scale = sizes.latent_channels, sizes.scale
        self.layers = nn.Sequential(
            nn.Conv1d(CHANNELS, widths[0], EDGE_KERNEL, padding=EDGE_KERNEL // 2),
            *(Down(*down) for down in downs),
            Snake(widths[-1]),
            nn.Conv1d(
                widths[-1],
                2 * sizes.latent_channels,
                ENCODER_END_KERNEL,
                padding=ENCODER_END_KERNEL // 2,
            ),
        )

    def forward(self, audio: Tensor) -> Tensor:
        """Return the means; the published encoder adds noise of a learnt width to them."""
        means: Tensor = self.layers(audio)[:, : self.latent_channels]
        return means / self.scale


class Decoder(nn.Module):
    """Latents to samples.

    Shapes:
        latents: [batch, latent_channels, n]  ->  [batch, 2, n * hop_frames]
    """

    def __init__(self, sizes: AutoencoderSizes) -> None:
        super().__init__()
        widths = _widths(sizes)[::-1]
        ups = zip(widths, widths[1:], sizes.strides[::-1], strict=False)
        self.scale = sizes.scale
        self.layers = nn.Sequential(
            nn.Conv1d(sizes.latent_channels, widths[0], EDGE_KERNEL, padding=EDGE_KERNEL // 2),
            *(Up(*up) for up in ups),
            Snake(widths[-1]),
            nn.Conv1d(widths[-1], CHANNELS, EDGE_KERNEL, padding=EDGE_KERNEL // 2, bias=False),
            nn.Tanh() if sizes.final_tanh else nn.Identity(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Return the sound, full scale 1.0."""
        audio: Tensor = self.layers(latents * self.scale)
        return audio


def _widths(sizes: AutoencoderSizes) -> list[int]:
    return [sizes.channels * multiple for multiple in (1, *sizes.multiples)]
