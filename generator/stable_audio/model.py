"""The whole model as one torch module: text, numbers, transformer and autoencoder.

Puts the parts together as the published wrapper does; knows nothing of files or sampling.
"""

import math

import torch
from torch import Tensor, nn

from generator.stable_audio.oobleck import Decoder, Encoder
from generator.stable_audio.sizes import NumberRange, StableAudioConfig, TextSizes
from generator.stable_audio.t5 import TextEncoder
from generator.stable_audio.transformer import DiffusionTransformer

NUMBER_FEATURES = 256
SECONDS_TOTAL = "seconds_total"


class NumberEmbedding(nn.Module):
    """A number to a token.

    Shapes:
        value: [batch]  ->  [batch, width]
    """

    def __init__(self, bounds: NumberRange, width: int) -> None:
        super().__init__()
        self.bounds = bounds
        self.weights = nn.Parameter(torch.randn(NUMBER_FEATURES // 2))
        self.projection = nn.Linear(NUMBER_FEATURES + 1, width)

    def forward(self, value: Tensor) -> Tensor:
        """Embed the number's place in its range."""
        low, high = self.bounds.low, self.bounds.high
        place = ((value.float().clamp(low, high) - low) / (high - low))[:, None]
        angles = place * self.weights.float() * (2.0 * math.pi)
        features = torch.cat((place, angles.sin(), angles.cos()), dim=-1)
        token: Tensor = self.projection(features.to(self.weights.dtype))
        return token


class ConditionedTransformer(nn.Module):
    """The transformer with its conditions: what one step of sampling runs.

    Shapes:
        x: [batch, channels, n]; t: [batch]; text: [batch, text_tokens, condition_width], zero
            where the text has ended; seconds: [batch]  ->  velocity [batch, channels, n]
    """

    def __init__(self, config: StableAudioConfig) -> None:
        super().__init__()
        self.text_id = config.text_id
        self.cross_ids, self.global_ids = config.cross_ids, config.global_ids
        self.numbers = nn.ModuleDict(
            {
                name: NumberEmbedding(bounds, config.condition_width)
                for name, bounds in config.numbers.items()
            }
        )
        self.transformer = DiffusionTransformer(config.transformer)

    def forward(self, x: Tensor, t: Tensor, text: Tensor, seconds: Tensor) -> Tensor:
        """Return dx/dt."""
        told = {
            name: embed(seconds if name == SECONDS_TOTAL else torch.zeros_like(seconds))
            for name, embed in self.numbers.items()
        }
        parts = [text if name == self.text_id else told[name][:, None] for name in self.cross_ids]
        summary = torch.cat([told[name] for name in self.global_ids], dim=-1)
        velocity: Tensor = self.transformer(x, t, torch.cat(parts, dim=1), summary)
        return velocity


class StableAudioModel(nn.Module):
    """Every network; `forward` is not used, each part is called by its stage."""

    def __init__(self, config: StableAudioConfig, text_sizes: TextSizes) -> None:
        super().__init__()
        self.config = config
        self.text = TextEncoder(text_sizes)
        self.velocity = ConditionedTransformer(config)
        self.encoder = Encoder(config.autoencoder)
        self.decoder = Decoder(config.autoencoder)
