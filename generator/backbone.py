"""The rectified-flow transformer's torch module: noised latents and words -> velocity.

Teacher and one-step student are the same module; so is the trunk of ARC's discriminator. It knows
nothing of sampling, losses or files. Trained by `training/`, exported by `training/export.py`.

References:
    Rotary positions: Su et al. 2021, arXiv 2104.09864. Normalised queries and keys, SwiGLU, a
    prepended condition token: as in Stable Audio Open Small (Novack et al. 2025, arXiv 2505.08175).
    Our additions: the known latents and their mask as inputs, so that one module continues,
    in-paints and loops; each latent's place in the bar; the note that the words name.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ

KEY_COUNT = 25
SECONDS_SCALE = 16.0
TEMPO_CENTRE_BPM = 120.0
NOTES_PER_OCTAVE = 12
# Turns a beat: of four bars, two, one, half a bar, a beat, an eighth, a sixteenth; and of triplets.
BEAT_TURNS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 3.0)


@dataclass(frozen=True, slots=True)
class BackboneConfig:
    """Sizes; every field is a count, ``expansion`` that of the perceptrons over the width."""

    latent_channels: int = 64
    text_width: int = 384
    width: int = 256
    blocks: int = 8
    heads: int = 4
    expansion: int = 3


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything but the latents that a velocity depends on.

    Shapes:
        text: [batch, tokens, text_width]; text_mask: [batch, tokens], 1 for a real token; seconds,
            tempo_bpm (0 = none): [batch]; key: [batch] integers, 0 = none; note: [batch] MIDI
            numbers, 0 = none; origin_s: [batch], where the first beat lies, in seconds from the
            first latent; known: [batch, latent_channels, n] given clean latents, zero elsewhere;
            known_mask: [batch, 1, n], 1 where given.
    """

    text: Tensor
    text_mask: Tensor
    seconds: Tensor
    tempo_bpm: Tensor
    key: Tensor
    note: Tensor
    origin_s: Tensor
    known: Tensor
    known_mask: Tensor

    def without_text(self) -> "Conditions":
        """Return the same conditions with no words, key or note, for guidance."""
        return Conditions(
            torch.zeros_like(self.text),
            torch.zeros_like(self.text_mask),
            self.seconds,
            self.tempo_bpm,
            torch.zeros_like(self.key),
            torch.zeros_like(self.note),
            self.origin_s,
            self.known,
            self.known_mask,
        )


def fourier_features(value: Tensor, count: int) -> Tensor:
    """Return sines and cosines of a value around unit size, [batch] -> [batch, 2 count]."""
    scales = torch.exp(torch.linspace(math.log(0.5), math.log(200.0), count, device=value.device))
    angles = value[:, None] * scales
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


class BeatFeatures(nn.Module):
    """Where in the beat and in the bar each latent's middle lies, zero without a tempo.

    Shapes:
        tempo_bpm, origin_s: [batch]  ->  [batch, count, 2 len(BEAT_TURNS)]
    """

    def __init__(self) -> None:
        super().__init__()
        # A buffer lies where the module does: numbers from the host would break a recording.
        self.turns: Tensor
        self.register_buffer("turns", torch.tensor(BEAT_TURNS), persistent=False)

    def forward(self, tempo_bpm: Tensor, origin_s: Tensor, count: int) -> Tensor:
        """Tell for ``count`` latents."""
        middles = torch.arange(count, device=tempo_bpm.device) + 0.5
        seconds = middles * (LATENT_HOP_FRAMES / SAMPLE_RATE_HZ) - origin_s[:, None]
        beats = seconds * (tempo_bpm[:, None] / 60.0)
        angles = 2.0 * math.pi * beats[..., None] * self.turns
        told = torch.cat((angles.sin(), angles.cos()), dim=-1)
        return told * (tempo_bpm > 0).to(told.dtype)[:, None, None]


def rotate(x: Tensor) -> Tensor:
    """Turn the first half of each head by its position.

    Shapes:
        x: [batch, heads, n, head_width]  ->  the same.
    """
    angles = rotary_angles(x.shape[2], x.shape[3], x.device)
    quarter = angles.shape[1]
    a, b, rest = x[..., :quarter], x[..., quarter : 2 * quarter], x[..., 2 * quarter :]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat((a * cos - b * sin, a * sin + b * cos, rest), dim=-1)


def rotary_angles(count: int, head_width: int, device: torch.device) -> Tensor:
    """Return how far each position turns each pair of a head, [count, head_width // 4] radians."""
    quarter = head_width // 4
    rates = torch.exp(torch.arange(quarter, device=device) * (-math.log(1000.0) / quarter))
    return torch.arange(count, device=device)[:, None] * rates


def scaled_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Return scaled dot-product attention, in single precision on a CPU.

    There the backward pass of half precision takes ten times as long as that of single precision.

    Shapes:
        q: [batch, heads, n, head_width]; k, v: [batch, heads, m, head_width]; bias: [batch, 1, 1,
        m], added to the scores  ->  q's.
    """
    if q.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            single = None if bias is None else bias.float()
            return functional.scaled_dot_product_attention(
                q.float(), k.float(), v.float(), attn_mask=single
            )
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)


class Attention(nn.Module):
    """Attention with normalised queries and keys, from ``x`` to itself or to a context."""

    def __init__(self, width: int, heads: int, *, context_width: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.crosses = context_width is not None
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(context_width or width, 2 * width, bias=False)
        self.q_norm = nn.LayerNorm(width // heads)
        self.k_norm = nn.LayerNorm(width // heads)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        """Attend.

        Shapes:
            x: [batch, n, width]; context: [batch, m, *]
                bias: [batch, 1, 1, m], added to the scores
        """
        q = self.q_norm(self.split(self.to_q(x)))
        k, v = self.to_kv(context).chunk(2, dim=-1)
        k, v = self.k_norm(self.split(k)), self.split(v)
        if not self.crosses:
            q, k = rotate(q), rotate(k)
        y = scaled_attention(q, k, v, bias)
        joined: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return joined

    def split(self, x: Tensor) -> Tensor:
        """Shapes: [batch, n, width] -> [batch, heads, n, head_width]."""
        batch, count, width = x.shape
        return x.reshape(batch, count, self.heads, width // self.heads).transpose(1, 2)


class Block(nn.Module):
    """Self-attention, attention to the words, a gated perceptron; modulated by the globals."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        width = config.width
        hidden = config.expansion * width
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(3))
        self.modulation = nn.Parameter(torch.zeros(6, width))
        self.attend = Attention(width, config.heads)
        self.read = Attention(width, config.heads, context_width=width)
        self.widen = nn.Linear(width, 2 * hidden, bias=False)
        self.narrow = nn.Linear(hidden, width, bias=False)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor, text: Tensor, bias: Tensor, shifts: Tensor) -> Tensor:
        """Apply the block.

        Shapes:
            x: [batch, n, width]; text: [batch, m, width]; shifts: [batch, 6, width]  ->  x's.
        """
        s = (shifts + self.modulation).chunk(6, dim=1)
        y = self.norms[0](x) * (1.0 + s[0]) + s[1]
        x = x + self.attend(y, y, None)
        x = x + self.read(self.norms[1](x) * (1.0 + s[2]) + s[3], text, bias)
        y = self.norms[2](x) * (1.0 + s[4]) + s[5]
        gate, value = self.widen(y).chunk(2, dim=-1)
        narrowed: Tensor = self.narrow(functional.silu(gate) * value)
        return x + narrowed


class Backbone(nn.Module):
    """The velocity network."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        width, channels = config.width, config.latent_channels
        self.beats = BeatFeatures()
        self.enter = nn.Linear(2 * channels + 1 + 2 * len(BEAT_TURNS), width)
        self.read_text = nn.Sequential(nn.Linear(config.text_width, width), nn.LayerNorm(width))
        self.no_text = nn.Parameter(torch.zeros(1, 1, width))
        self.keys = nn.Embedding(KEY_COUNT, width)
        self.scalars = nn.Linear(4 * 64 + config.text_width, width)
        self.globals = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.shifts = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.shifts.weight)
        nn.init.zeros_(self.shifts.bias)
        nn.init.normal_(self.keys.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        """Return the velocity at ``x_t`` (t = 1 is noise, see `generator.interpolant`).

        Shapes:
            x: [batch, latent_channels, n]; t: [batch]  ->  x's.
        """
        hidden = self.features(x, t, conditions)
        velocity: Tensor = self.leave(self.norm(hidden)).transpose(1, 2)
        return velocity

    def features(
        self, x: Tensor, t: Tensor, conditions: Conditions, *, depth: int | None = None
    ) -> Tensor:
        """Return the hidden states after ``depth`` blocks, by default all, [batch, n, width]."""
        *_, hidden = self.levels(x, t, conditions, depth=depth)
        return hidden

    def levels(
        self, x: Tensor, t: Tensor, conditions: Conditions, *, depth: int | None = None
    ) -> Iterator[Tensor]:
        """Yield the hidden states before and after each of ``depth`` blocks, as `features`."""
        c = conditions
        latents = torch.cat((x, c.known, c.known_mask), dim=1).transpose(1, 2)
        beats = self.beats(c.tempo_bpm, c.origin_s, x.shape[2]).to(x.dtype)
        given = torch.cat((latents, beats), dim=-1)
        text, bias = self.context(c)
        shifts = self.shifts(self.globals(self.summary(t, c))).reshape(x.shape[0], 6, -1)
        hidden: Tensor = self.enter(given)
        yield hidden
        for block in self.blocks[:depth]:
            hidden = block(hidden, text, bias, shifts)
            yield hidden

    def context(self, c: Conditions) -> tuple[Tensor, Tensor]:
        """Return the words to attend to, one null word always among them, and their score bias."""
        words = self.read_text(c.text)
        null = self.no_text.expand(words.shape[0], -1, -1)
        mask = torch.cat((torch.ones_like(c.text_mask[:, :1]), c.text_mask), dim=1)
        bias = (mask - 1.0) * 1e4
        return torch.cat((null, words), dim=1), bias[:, None, None, :].to(words.dtype)

    def summary(self, t: Tensor, c: Conditions) -> Tensor:
        """Return time, length, tempo, key, note and the mean of the words, [batch, width]."""
        tempo = torch.where(
            c.tempo_bpm > 0, c.tempo_bpm / TEMPO_CENTRE_BPM, torch.zeros_like(c.tempo_bpm)
        )
        weight = c.text_mask[..., None]
        mean = (c.text * weight).sum(1) / weight.sum(1).clamp_min(1.0)
        features = (
            fourier_features(t, 32),
            fourier_features(c.seconds / SECONDS_SCALE, 32),
            fourier_features(tempo, 32) * (c.tempo_bpm > 0).to(t.dtype)[:, None],
            mean,
            fourier_features(c.note / NOTES_PER_OCTAVE, 32) * (c.note > 0).to(t.dtype)[:, None],
        )
        # The features turn too fast for half precision; what is read from them does not.
        told = torch.cat(features, dim=-1).to(self.scalars.weight.dtype)
        total: Tensor = self.scalars(told) + self.keys(c.key)
        return total
