"""The spectrogram discriminator of the autoencoder, and its losses.

Knows sound only by its complex STFT at several resolutions; the stage decides when it speaks.

References:
    Spectrogram discriminator with feature matching: Defossez et al. 2022, arXiv 2210.13438,
    equations 2 to 4, here with the least-squares form.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.autoencoder import centred_stft


class SpectrogramDiscriminator(nn.Module):
    """Judges sound by its complex STFT at one resolution, a score per patch, with its features."""

    def __init__(self, n_fft: int, width: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        sizes = (3, width, width, 2 * width, 2 * width)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, (7, 3), stride=(3, 1) if i < 3 else 1, padding=(3, 1))
            for i, (a, b) in enumerate(pairwise(sizes))
        )
        self.score = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Return the feature maps, the score map last.

        Shapes:
            audio: [batch, frames]  ->  maps of [batch, channels, bins, frames]
        """
        window = self.get_buffer("window")
        spectrum = centred_stft(audio, self.n_fft, self.n_fft // 4, window) * (4.0 / self.n_fft)
        log_size = 0.5 * (spectrum.real.square() + spectrum.imag.square() + 1e-9).log()
        gain = (-0.7 * log_size).exp()
        x = torch.stack((spectrum.real * gain, spectrum.imag * gain, 0.1 * log_size), dim=1)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return [*features, self.score(x)]


class MultiResolutionDiscriminator(nn.Module):
    """Several spectrogram discriminators side by side."""

    def __init__(self, width: int, resolutions: tuple[int, ...] = (2048, 1024, 512)) -> None:
        super().__init__()
        self.parts = nn.ModuleList(SpectrogramDiscriminator(n, width) for n in resolutions)

    def forward(self, audio: Tensor) -> list[list[Tensor]]:
        """Shapes: audio: [batch, frames] -> for each resolution, its maps with the score last."""
        return [part(audio) for part in self.parts]


def discriminator_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Return the least-squares loss of the discriminator: real to one, made to zero."""
    terms = [
        (1.0 - r[-1]).square().mean() + m[-1].square().mean()
        for r, m in zip(real, made, strict=True)
    ]
    return torch.stack(terms).mean()


def adversarial_loss(made: list[list[Tensor]]) -> Tensor:
    """Return the decoder's side of `discriminator_loss`: made to one."""
    return torch.stack([(1.0 - m[-1]).square().mean() for m in made]).mean()


def feature_loss(
    real: list[list[Tensor]],
    made: list[list[Tensor]],
    over_all: Callable[[Tensor], Tensor] = lambda mean: mean,
) -> Tensor:
    """Return the mean relative difference of the features of real and made sound.

    ``over_all`` makes means over these rows means over the whole batch, where it is shared.
    """
    pairs = [
        (m, r.detach())
        for real_part, made_part in zip(real, made, strict=True)
        for r, m in zip(real_part[:-1], made_part[:-1], strict=True)
    ]
    sizes = over_all(torch.stack([r.abs().mean() for _, r in pairs]))
    distances = torch.stack([functional.l1_loss(m, r) for m, r in pairs])
    return (distances / sizes.clamp_min(1e-3)).mean()
