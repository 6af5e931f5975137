"""The diffusion transformer's torch module: noised latents, time and conditions -> velocity.

Knows nothing of text, numbers or files. Names of parameters are those of the published weights,
so that a file's tensors need no renaming.

References:
    Novack et al. 2025, arXiv 2505.08175. Rotary positions: Su et al. 2021, arXiv 2104.09864.
    Gated linear units: Shazeer 2020, arXiv 2002.05202.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.stable_audio.sizes import TransformerSizes

TIME_FEATURES = 256
LEAST_ROTATED = 32
ROTARY_BASE = 10_000.0
HIDDEN_MULTIPLE = 4


class FourierFeatures(nn.Module):
    """Cosines and sines of a number at learnt frequencies.

    Shapes:
        t: [batch]  ->  [batch, TIME_FEATURES]
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(TIME_FEATURES // 2, 1))

    def forward(self, t: Tensor) -> Tensor:
        """Return the features."""
        # Fast frequencies turn many times over [0, 1]: half precision would blur their phase.
        angles = 2.0 * math.pi * t.float()[:, None] * self.weight.float().T
        return torch.cat((angles.cos(), angles.sin()), dim=-1).to(self.weight.dtype)


class Norm(nn.Module):
    """Layer norm whose shift is a constant of the file, not a parameter."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta: Tensor
        self.register_buffer("beta", torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: [..., width] -> the same."""
        return functional.layer_norm(x, x.shape[-1:], self.gamma, self.beta)


class Rotary(nn.Module):
    """Turns part of each head by its position.

    Shapes:
        x: [batch, heads, n, head_width]  ->  the same
    """

    def __init__(self, head_width: int) -> None:
        super().__init__()
        count = max(head_width // 2, LEAST_ROTATED)
        exponents = torch.arange(0, count, 2).float() / count
        self.inv_freq: Tensor
        self.register_buffer("inv_freq", 1.0 / ROTARY_BASE**exponents)

    def forward(self, x: Tensor) -> Tensor:
        """Turn."""
        half = self.inv_freq.shape[0]
        places = torch.arange(x.shape[2], device=x.device, dtype=torch.float32)
        angles = places[:, None] * self.inv_freq.float()
        cos, sin = angles.cos(), angles.sin()
        a, b, rest = x[..., :half].float(), x[..., half : 2 * half].float(), x[..., 2 * half :]
        turned = torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)
        return torch.cat((turned.to(x.dtype), rest), dim=-1)


class Attention(nn.Module):
    """Attention from ``x`` to itself, or to a context where ``crosses``.

    Shapes:
        x: [batch, n, width]; context: [batch, m, width]  ->  [batch, n, width]
    """

    def __init__(self, sizes: TransformerSizes, *, crosses: bool) -> None:
        super().__init__()
        width, self.heads = sizes.width, sizes.heads
        if crosses:
            self.to_q = nn.Linear(width, width, bias=False)
            self.to_kv = nn.Linear(width, 2 * width, bias=False)
        else:
            self.to_qkv = nn.Linear(width, 3 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        self.q_norm, self.k_norm = (
            nn.LayerNorm(width // sizes.heads, eps=1e-6) if sizes.qk_norm else nn.Identity()
            for _ in range(2)
        )

    def forward(self, x: Tensor, context: Tensor | None, rotary: nn.Module | None) -> Tensor:
        """Attend."""
        if context is None:
            q, k, v = self.to_qkv(x).chunk(3, dim=-1)
        else:
            q, (k, v) = self.to_q(x), self.to_kv(context).chunk(2, dim=-1)
        q, k, v = self.q_norm(self._split(q)), self.k_norm(self._split(k)), self._split(v)
        if rotary is not None:
            q, k = rotary(q), rotary(k)
        y = functional.scaled_dot_product_attention(q, k, v)
        joined: Tensor = self.to_out(y.transpose(1, 2).flatten(2))
        return joined

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


class Gate(nn.Module):
    """Half of a projection, scaled by the swish of the other half."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * HIDDEN_MULTIPLE * width)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: [..., width] -> [..., HIDDEN_MULTIPLE * width]."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        y: Tensor = value * functional.silu(gate)
        return y


class FeedForward(nn.Module):
    """The gated hidden layer of a block; the published list has two places that do nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        out = nn.Linear(HIDDEN_MULTIPLE * width, width)
        self.ff = nn.Sequential(Gate(width), nn.Identity(), out)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: [..., width] -> the same."""
        y: Tensor = self.ff(x)
        return y


class Block(nn.Module):
    """Attention to itself, attention to the conditions, a hidden layer; each normed and added."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.pre_norm = Norm(sizes.width)
        self.self_attn = Attention(sizes, crosses=False)
        self.cross_attend_norm = Norm(sizes.width)
        self.cross_attn = Attention(sizes, crosses=True)
        self.ff_norm = Norm(sizes.width)
        self.ff = FeedForward(sizes.width)

    def forward(self, x: Tensor, context: Tensor, rotary: nn.Module) -> Tensor:
        """Shapes: x: [batch, n, width]; context: [batch, m, width] -> the shape of x."""
        x = x + self.self_attn(self.pre_norm(x), None, rotary)
        x = x + self.cross_attn(self.cross_attend_norm(x), context, None)
        y: Tensor = x + self.ff(self.ff_norm(x))
        return y


class Blocks(nn.Module):
    """The stack between the projections in and out of the transformer's width."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.project_in = nn.Linear(sizes.channels, sizes.width, bias=False)
        self.project_out = nn.Linear(sizes.width, sizes.channels, bias=False)
        self.rotary_pos_emb = Rotary(sizes.width // sizes.heads)
        self.layers = nn.ModuleList([Block(sizes) for _ in range(sizes.depth)])

    def forward(self, x: Tensor, prefix: Tensor, context: Tensor) -> Tensor:
        """Run the stack on the prefix and x; the prefix is dropped again.

        Shapes:
            x: [batch, n, channels]; prefix: [batch, 1, width]; context: [batch, m, width]
                ->  [batch, n, channels]
        """
        x = torch.cat((prefix, self.project_in(x)), dim=1)
        for layer in self.layers:
            x = layer(x, context, self.rotary_pos_emb)
        y: Tensor = self.project_out(x[:, 1:])
        return y


class DiffusionTransformer(nn.Module):
    """Velocity of noised latents.

    Shapes:
        x: [batch, channels, n]; t: [batch] in [0, 1], 1 is noise; tokens: [batch, m,
            condition_width]; summary: [batch, global_width]  ->  [batch, channels, n]
    """

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        width, channels = sizes.width, sizes.channels
        self.timestep_features = FourierFeatures()
        self.to_timestep_embed = _two_layers(TIME_FEATURES, width, bias=True)
        self.to_cond_embed = _two_layers(sizes.condition_width, width, bias=False)
        self.to_global_embed = _two_layers(sizes.global_width, width, bias=False)
        self.preprocess_conv = nn.Conv1d(channels, channels, 1, bias=False)
        self.postprocess_conv = nn.Conv1d(channels, channels, 1, bias=False)
        self.transformer = Blocks(sizes)

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, summary: Tensor) -> Tensor:
        """Return dx/dt."""
        context = self.to_cond_embed(tokens)
        known = self.to_global_embed(summary) + self.to_timestep_embed(self.timestep_features(t))
        x = x + self.preprocess_conv(x)
        y = self.transformer(x.transpose(1, 2), known[:, None], context).transpose(1, 2)
        velocity: Tensor = y + self.postprocess_conv(y)
        return velocity


def _two_layers(width_in: int, width: int, *, bias: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width_in, width, bias=bias), nn.SiLU(), nn.Linear(width, width, bias=bias)
    )
