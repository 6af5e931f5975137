"""The sizes of a Stable Audio Open model, whatever file they come from.

Pure values. Flow: config.py reads them, and the torch modules and the ONNX networks are built by
them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

# Far above any model of this kind; a file may not make us build a network without end.
MAX_SIZE = 100_000
DILATIONS = (1, 3, 9)
EDGE_KERNEL = 7


@dataclass(frozen=True, slots=True)
class TransformerSizes:
    """The diffusion transformer; every field but `qk_norm` is a count."""

    channels: int
    width: int
    depth: int
    heads: int
    condition_width: int
    global_width: int
    qk_norm: bool


@dataclass(frozen=True, slots=True)
class AutoencoderSizes:
    """The Oobleck autoencoder: channels grow by `multiples`, time shrinks by `strides`."""

    channels: int
    multiples: tuple[int, ...]
    strides: tuple[int, ...]
    latent_channels: int
    final_tanh: bool
    scale: float = 1.0

    @property
    def hop_frames(self) -> int:
        """How many frames of sound one latent frame stands for."""
        hop = 1
        for stride in self.strides:
            hop *= stride
        return hop

    @property
    def reach_latents(self) -> int:
        """How many latents beyond the end of a sound its decoding still depends on.

        With so many more the start of a clip, decoded alone, is what it is in the whole.
        """
        edge = EDGE_KERNEL // 2
        # From the samples back to the latents: each layer reaches further, in its own steps.
        steps_per_latent = float(self.hop_frames)
        reach = edge / steps_per_latent
        for stride in self.strides:
            reach += sum(DILATIONS) * edge / steps_per_latent
            steps_per_latent /= stride
            reach += 1.0 / steps_per_latent
        return math.ceil(reach + edge)


@dataclass(frozen=True, slots=True)
class ClipSizes:
    """What sampling must know of a model, whatever runs its networks.

    `reach_latents` is how many latents beyond the end of a sound its decoding depends on.
    """

    channels: int
    text_tokens: int
    hop_frames: int
    latent_frames: int
    reach_latents: int

    @property
    def frames(self) -> int:
        """The length of the whole clip."""
        return self.hop_frames * self.latent_frames


@dataclass(frozen=True, slots=True)
class TextSizes:
    """The T5 encoder; every field but `epsilon` is a count."""

    vocabulary: int
    width: int
    head_width: int
    heads: int
    hidden_width: int
    layers: int
    buckets: int = 32
    farthest: int = 128
    epsilon: float = 1e-6


@dataclass(frozen=True, slots=True)
class NumberRange:
    """A number that the model is told, in [low, high]."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StableAudioConfig:
    """A whole model.

    `cross_ids` and `global_ids` name the conditions in the order in which the transformer reads
    them; each is `text_id` or a key of `numbers`.
    """

    transformer: TransformerSizes
    autoencoder: AutoencoderSizes
    text_id: str
    text_model: str
    text_tokens: int
    condition_width: int
    numbers: Mapping[str, NumberRange] = field(default_factory=dict)
    cross_ids: tuple[str, ...] = ()
    global_ids: tuple[str, ...] = ()
    clip_frames: int = 0

    @property
    def clip(self) -> ClipSizes:
        """What sampling must know."""
        hop_frames = self.autoencoder.hop_frames
        return ClipSizes(
            self.transformer.channels,
            self.text_tokens,
            hop_frames,
            self.clip_frames // hop_frames,
            self.autoencoder.reach_latents,
        )
