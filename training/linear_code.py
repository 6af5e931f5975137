"""The code of the autoencoder's encoder: principal components of a corpus's features.

A linear code needs no training, so that the transformer stages can begin at once, and its best
decoder is known beforehand: the trained one starts from it. Knows no losses.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from generator.autoencoder import Decoder, Encoder


@dataclass(frozen=True, slots=True)
class LinearCode:
    """Principal components of features.

    Shapes:
        mean: [features]; axes: [features, channels], orthonormal; deviation: [channels], largest
        first.
    """

    mean: Tensor
    axes: Tensor
    deviation: Tensor


def principal_components(features: Tensor, channels: int) -> LinearCode:
    """Return the best linear code of some features.

    Shapes:
        features: [n, features], n at least ``channels``
    """
    mean = features.mean(dim=0)
    centred = (features - mean).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    deviation = values.clamp_min(1e-9).sqrt().flip(0)[:channels]
    return LinearCode(mean, vectors.flip(1)[:, :channels].float(), deviation.float())


def latent_scales(code: LinearCode) -> Tensor:
    """Return what each component is divided by, [channels].

    The root of its deviation, so that what is louder in the features stays louder in the latents,
    though less so; all together have unit variance.
    """
    root = code.deviation.sqrt()
    return root * root.square().mean().sqrt()


@torch.no_grad()
def take_code(encoder: Encoder, decoder: Decoder, code: LinearCode) -> None:
    """Set the encoder to a code, and the decoder's first layer to its inverse."""
    scales, bands = latent_scales(code), decoder.uncode.out_features
    encoder.get_buffer("mean").copy_(code.mean)
    encoder.get_buffer("projection").copy_(code.axes / scales)
    decoder.uncode.weight.copy_((code.axes * scales)[:bands])
    decoder.uncode.bias.copy_(code.mean[:bands])
