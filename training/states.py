"""Generators from training states: a student in some steps, the teacher along its whole flow.

They make takes by the runtime's own order of stages, so that what is measured in training is what
would be played. Knows no measure; stands between the states that training writes and
`training/evaluate.py`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ, AudioClip, FloatArray, GenerationRequest, collect_clip
from generator.autoencoder import AutoencoderConfig, Decoder
from generator.backbone import Backbone, Conditions
from generator.checkpoint import Manifest
from generator.noise import seeded_noise
from generator.pipeline import Array, LatentGenerator
from generator.text import TextEncoder
from training.checkpoints import load_state
from training.errors import TrainingError
from training.place import autocast
from training.sampling import OdeLaw, join, keep_known, ode_states

# Longer batches are no quicker, and fill the memory.
TOGETHER = 16


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
    def bins(self, hidden: FloatArray) -> FloatArray:
        """Return what is said of the bins of spectral frames.

        Shapes:
            hidden: [m, width], a part of what `hidden` gave  ->  [m, HEAD_WIDTH or more]
        """
        bins: FloatArray = self.decoder.head(torch.from_numpy(hidden)).numpy()
        return bins


def to_torch(conditions: Mapping[str, Array]) -> Conditions:
    """Return the pipeline's conditions as the backbone takes them."""
    return Conditions(**{name: torch.from_numpy(value) for name, value in conditions.items()})


def stacked(conditions: Sequence[Mapping[str, Array]]) -> Conditions:
    """Return conditions of takes of one length as one batch; missing words are masked."""
    most = max(c["text"].shape[1] for c in conditions)

    def filled(c: Mapping[str, Array]) -> Conditions:
        rest = (0, most - c["text"].shape[1])
        text = np.pad(c["text"], ((0, 0), rest, (0, 0)))
        return to_torch({**c, "text": text, "text_mask": np.pad(c["text_mask"], ((0, 0), rest))})

    return join(*map(filled, conditions))


class OdeGenerator:
    """Makes takes by following a backbone's guided flow, however many steps a request asks for.

    Args:
        networks: The teacher and the decoder.
        text: The text encoder that it was trained with.
        law: How the flow is followed.
        bfloat16: Whether its matrix products may be in bfloat16, where that saves time.
    """

    def __init__(
        self,
        networks: StateNetworks,
        text: TextEncoder,
        law: OdeLaw,
        *,
        bfloat16: bool = False,
    ) -> None:
        self.name = f"teacher, {law.steps} steps"
        self._networks = networks
        channels = networks.backbone.config.latent_channels
        manifest = Manifest(self.name, "flow", "as given", "fp32", channels)
        self._pipeline = LatentGenerator(manifest, text, networks)
        self._law = law
        self._bfloat16 = bfloat16

    def latents(self, requests: Sequence[GenerationRequest]) -> FloatArray:
        """Return the clean latents of requests of one length, from the runtime's own noise.

        Shapes:
            returns: [requests, channels, n]
        """
        backbone = self._networks.backbone
        conditions = stacked([self._pipeline.conditions(request) for request in requests])
        _, channels, count = conditions.known.shape
        drawn = np.stack([seeded_noise(request.seed, count, channels) for request in requests])
        noise = torch.from_numpy(drawn)
        with autocast(noise, bfloat16=self._bfloat16):
            states = ode_states(backbone, conditions, noise, self._law)
        return np.asarray(keep_known(states[-1], conditions).numpy(), np.float32)

    def takes(self, requests: Sequence[GenerationRequest]) -> Iterator[tuple[int, FloatArray]]:
        """Yield the number and the sound of each request; those of one length go together."""
        numbers: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for number, request in enumerate(requests):
            numbers[self._pipeline.latent_frames(request), request.loop].append(number)
        for alike in numbers.values():
            for first in range(0, len(alike), TOGETHER):
                batch = alike[first : first + TOGETHER]
                every = self.latents([requests[number] for number in batch])
                for number, own in zip(batch, every, strict=True):
                    yield number, self.sound(own[None], requests[number])

    def sound(self, latents: FloatArray, request: GenerationRequest) -> FloatArray:
        """Return the sound of clean latents, [frames, 2].

        Shapes:
            latents: [1, channels, n]
        """
        return collect_clip(request, self._pipeline.sound(latents, request)).audio

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take chunk by chunk.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long
        """
        yield from self._pipeline.sound(self.latents([request]), request)

    def generate(self, request: GenerationRequest) -> AudioClip:
        """Make a whole take."""
        return collect_clip(request, self.stream(request))
