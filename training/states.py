"""Generators from training states: a student in some steps, the teacher along its whole flow.

They make takes by the runtime's own order of stages, so that what is measured in training is what
would be played. Knows no measure; stands between the states that training writes and
`training/evaluate.py`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from generator.api import (
    SAMPLE_RATE_HZ,
    AudioClip,
    FloatArray,
    GenerationRequest,
    collect_clip,
    seeded_noise,
)
from generator.autoencoder import AutoencoderConfig, Decoder
from generator.backbone import Backbone, Conditions
from generator.checkpoint import Manifest
from generator.pipeline import Array, LatentGenerator
from generator.spectral import SpectralFrames
from generator.text import TextEncoder
from training.checkpoints import load_state
from training.errors import TrainingError
from training.sampling import sample_ode


def load_decoder(path: Path) -> Decoder:
    """Return the averaged decoder of an autoencoder's state, in evaluation mode.

    Args:
        path: The state.

    Returns:
        The decoder.

    Raises:
        TrainingError: There is no such state, or it holds no autoencoder.
    """
    state = load_state(path)
    sizes, weights = state.get("sizes"), state.get("average")
    if not isinstance(sizes, dict) or not isinstance(weights, dict):
        raise TrainingError(f"{path} holds no autoencoder: give the state of that stage")
    decoder = Decoder(AutoencoderConfig(**sizes), SAMPLE_RATE_HZ)
    decoder.load_state_dict(weights)
    return decoder.eval()


class StateNetworks:
    """A backbone and a decoder as `generator.pipeline.LatentGenerator` wants them."""

    def __init__(self, backbone: Backbone, decoder: Decoder) -> None:
        self.backbone = backbone
        self.decoder = decoder

    @torch.inference_mode()
    def velocity(self, x: FloatArray, t: float, conditions: Mapping[str, Array]) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]  ->  the same
        """
        v: FloatArray = self.backbone(
            torch.from_numpy(x), torch.tensor([t], dtype=torch.float32), to_torch(conditions)
        ).numpy()
        return v

    @torch.inference_mode()
    def hidden(self, latents: FloatArray) -> FloatArray:
        """Return what the spectral frames of clean latents are read from.

        Shapes:
            latents: [1, channels, n]  ->  [8 n, width]
        """
        hidden: FloatArray = self.decoder.hidden(torch.from_numpy(latents))[0].numpy()
        return hidden

    @torch.inference_mode()
    def frames(self, hidden: FloatArray) -> SpectralFrames:
        """Return spectral frames.

        Shapes:
            hidden: [m, width], a part of what `hidden` gave  ->  frames of m
        """
        outputs = self.decoder.name_bins(torch.from_numpy(hidden[None]))
        return SpectralFrames(*(part[0].numpy() for part in outputs))


def to_torch(conditions: Mapping[str, Array]) -> Conditions:
    """Return the pipeline's conditions as the backbone takes them."""
    return Conditions(**{name: torch.from_numpy(value) for name, value in conditions.items()})


class OdeGenerator:
    """Makes takes by following a backbone's guided flow, however many steps a request asks for.

    Args:
        networks: The teacher and the decoder.
        text: The text encoder that it was trained with.
        steps: Euler steps of the flow.
        guidance: 1 is none.
    """

    def __init__(
        self, networks: StateNetworks, text: TextEncoder, *, steps: int, guidance: float
    ) -> None:
        self.name = f"teacher, {steps} steps"
        self._networks = networks
        channels = networks.backbone.config.latent_channels
        manifest = Manifest(self.name, "flow", "as given", "fp32", channels)
        self._pipeline = LatentGenerator(manifest, text, networks)
        self._steps = steps
        self._guidance = guidance

    def latents(self, request: GenerationRequest) -> FloatArray:
        """Return the clean latents of a request, from the runtime's own noise.

        Shapes:
            returns: [1, channels, n]
        """
        count = self._pipeline.latent_frames(request)
        backbone = self._networks.backbone
        noise = seeded_noise(request.seed, count, backbone.config.latent_channels)[None]
        conditions = to_torch(self._pipeline.conditions(request))
        made = sample_ode(
            backbone, conditions, torch.from_numpy(noise), self._steps, self._guidance
        )
        return np.asarray(made.numpy(), np.float32)

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take chunk by chunk.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long
        """
        yield from self._pipeline.sound(self.latents(request), request)

    def generate(self, request: GenerationRequest) -> AudioClip:
        """Make a whole take."""
        return collect_clip(request, self.stream(request))
