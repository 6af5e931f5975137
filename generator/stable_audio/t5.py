"""The T5 encoder's torch module: pieces of words -> states that the transformer attends to.

Knows nothing of sound. Names of parameters are those of the published weights.

References:
    Raffel et al. 2020, arXiv 1910.10683: norms without mean and shift, relative positions in
    buckets that the first layer learns for all, no scaling of scores.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.stable_audio.sizes import TextSizes

MASKED_SCORE = -1e9


class RootNorm(nn.Module):
    """Divides by the root mean square: [..., width] -> the same."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Scale."""
        wide = x.float()
        power = wide.square().mean(dim=-1, keepdim=True)
        return self.weight * (wide * torch.rsqrt(power + self.epsilon)).to(x.dtype)


class SelfAttention(nn.Module):
    """Attention whose scores are products, unscaled, and a bias by distance."""

    def __init__(self, sizes: TextSizes, *, learns_positions: bool) -> None:
        super().__init__()
        inner = sizes.heads * sizes.head_width
        self.heads, self.buckets, self.farthest = sizes.heads, sizes.buckets, sizes.farthest
        self.q, self.k, self.v = (nn.Linear(sizes.width, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, sizes.width, bias=False)
        if learns_positions:
            self.relative_attention_bias = nn.Embedding(sizes.buckets, sizes.heads)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attend.

        Shapes:
            x: [batch, n, width]; bias: [batch, heads, n, n], added to the scores  ->  as x
        """
        q, k, v = (
            layer(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2)
            for layer in (self.q, self.k, self.v)
        )
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)
        joined: Tensor = self.o(y.transpose(1, 2).flatten(2))
        return joined

    def position_bias(self, count: int) -> Tensor:
        """Return the learnt bias by distance, [1, heads, count, count]."""
        places = torch.arange(count, device=self.o.weight.device)
        distances = places[None, :] - places[:, None]
        table: Tensor = self.relative_attention_bias(self._bucket(distances))
        return table.permute(2, 0, 1)[None]

    def _bucket(self, distances: Tensor) -> Tensor:
        """Number the distances: half of the buckets ahead, in each half the near ones exactly."""
        half = self.buckets // 2
        exact = half // 2
        size = distances.abs()
        spread = torch.log(size.clamp(min=1).float() / exact) / math.log(self.farthest / exact)
        far = (exact + (spread * (half - exact)).long()).clamp(max=half - 1)
        return torch.where(size < exact, size, far) + half * (distances > 0).long()


class AttentionHalf(nn.Module):
    """Norm and attention, added: x: [batch, n, width]; bias: [batch, heads, n, n] -> as x."""

    def __init__(self, sizes: TextSizes, *, learns_positions: bool) -> None:
        super().__init__()
        self.SelfAttention = SelfAttention(sizes, learns_positions=learns_positions)
        self.layer_norm = RootNorm(sizes.width, sizes.epsilon)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attend and add."""
        y: Tensor = x + self.SelfAttention(self.layer_norm(x), bias)
        return y


class Dense(nn.Module):
    """One hidden layer: [..., width] -> the same."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.wi = nn.Linear(sizes.width, sizes.hidden_width, bias=False)
        self.wo = nn.Linear(sizes.hidden_width, sizes.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Bend."""
        y: Tensor = self.wo(functional.relu(self.wi(x)))
        return y


class DenseHalf(nn.Module):
    """Norm and hidden layer, added: [..., width] -> the same."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.DenseReluDense = Dense(sizes)
        self.layer_norm = RootNorm(sizes.width, sizes.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """Bend and add."""
        y: Tensor = x + self.DenseReluDense(self.layer_norm(x))
        return y


class Layer(nn.Module):
    """Both halves, in the list in which the file has them."""

    def __init__(self, sizes: TextSizes, *, learns_positions: bool) -> None:
        super().__init__()
        attention = AttentionHalf(sizes, learns_positions=learns_positions)
        self.layer = nn.ModuleList([attention, DenseHalf(sizes)])

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Shapes: x: [batch, n, width]; bias: [batch, heads, n, n] -> as x."""
        y: Tensor = self.layer[1](self.layer[0](x, bias))
        return y


class Stack(nn.Module):
    """All layers and the last norm; the first layer's bias by distance serves them all."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        layers = [Layer(sizes, learns_positions=place == 0) for place in range(sizes.layers)]
        self.block = nn.ModuleList(layers)
        self.final_layer_norm = RootNorm(sizes.width, sizes.epsilon)

    def forward(self, x: Tensor, ended: Tensor) -> Tensor:
        """Shapes: x: [batch, n, width]; ended: [batch, 1, 1, n], added to the scores -> as x."""
        first: Any = self.block[0]
        positions: Tensor = first.layer[0].SelfAttention.position_bias(x.shape[1])
        for layer in self.block:
            x = layer(x, positions + ended)
        y: Tensor = self.final_layer_norm(x)
        return y


class TextEncoder(nn.Module):
    """States of texts.

    Shapes:
        ids: int64 [batch, n]; mask: [batch, n], 1 for a real piece
            ->  [batch, n, width], zero where a text has ended
    """

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.shared = nn.Embedding(sizes.vocabulary, sizes.width)
        self.encoder = Stack(sizes)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode."""
        x = self.shared(ids)
        kept = mask.to(x.dtype)
        states: Tensor = self.encoder(x, (1.0 - kept)[:, None, None] * MASKED_SCORE)
        return states * kept[..., None]
