"""From words to a finished take: the order of the stages, for whatever runs the networks.

Knows what goes in and out of the networks, not what they compute nor on which machine. Every take
is made alone: an int8 graph scales its activations by all that it sees at once, so a batch would
make a take depend on its neighbours. Flow: text → steps of the transformer → decoder → synthesis
→ finishing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from generator import interpolant
from generator.api import (
    CHANNELS,
    AudioClip,
    FloatArray,
    GenerationRequest,
    collect_clip,
    key_index,
    seeded_noise,
)
from generator.checkpoint import Manifest
from generator.finishing import finish, frames_to_decode
from generator.spectral import SpectralFrames, synthesise
from generator.text import TextEncoder

Array = npt.NDArray[Any]
# No clip of a corpus is marked faster.
FASTEST_LEARNT_BPM = 400.0


def learnt_tempo_bpm(tempo_bpm: float | None) -> float:
    """Return a tempo as the model knows it: 0 for none, and half of what is too fast for it.

    Every beat of half a tempo is a beat of the whole one, so the sound keeps its grid.

    >>> learnt_tempo_bpm(124.0), learnt_tempo_bpm(999.0), learnt_tempo_bpm(None)
    (124.0, 249.75, 0.0)
    """
    learnt_bpm = tempo_bpm or 0.0
    while learnt_bpm > FASTEST_LEARNT_BPM:
        learnt_bpm /= 2.0
    return learnt_bpm


class Networks(Protocol):
    """The two networks of a checkpoint, ready to run."""

    def velocity(self, x: FloatArray, t: float, conditions: Mapping[str, Array]) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]  ->  the same
        """

    def decode(self, latents: FloatArray) -> SpectralFrames:
        """Return the spectral frames of clean latents.

        Shapes:
            latents: [1, channels, n]  ->  frames of 8 n
        """


class LatentGenerator:
    """Makes takes with the networks of a checkpoint.

    Args:
        manifest: What the checkpoint says of itself.
        text: Its text encoder.
        networks: Its networks.
    """

    def __init__(self, manifest: Manifest, text: TextEncoder, networks: Networks) -> None:
        self._manifest = manifest
        self._text = text
        self._networks = networks

    @property
    def name(self) -> str:
        """The identity of the model, as shown to people."""
        return self._manifest.name

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take; an empty chunk marks the end of a stage, where a caller may stop.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long
        """
        nothing = np.zeros((0, CHANNELS), np.float32)
        conditions = self.conditions(request)
        yield nothing
        latents = self._noise(request, 0)
        for step in range(request.steps):
            latents = self.refine(latents, request, conditions, step=step)
            yield nothing
        frames = self._networks.decode(latents)
        yield nothing
        yield finish(synthesise(frames, request.seed), request)

    def generate(self, request: GenerationRequest) -> AudioClip:
        """Make a whole take."""
        return collect_clip(request, self.stream(request))

    def latent_frames(self, request: GenerationRequest) -> int:
        """Return how many latent frames a request takes."""
        return -(-frames_to_decode(request) // self._manifest.latent_hop_frames)

    def conditions(self, request: GenerationRequest) -> dict[str, Array]:
        """Return everything but the latents and the time that the transformer reads.

        A prompt without words is no text at all, as in training without captions.

        Shapes:
            returns: text [1, tokens, 384], text_mask [1, tokens], seconds, tempo_bpm and key [1],
                known [1, channels, n], known_mask [1, 1, n]
        """
        count, channels = self.latent_frames(request), self._manifest.latent_channels
        states, mask = self._text.encode([request.prompt])
        has_words = bool(request.prompt.strip())
        return {
            "text": states,
            "text_mask": mask * np.float32(has_words),
            "seconds": np.array([request.duration_s], np.float32),
            "tempo_bpm": np.array([learnt_tempo_bpm(request.tempo_bpm)], np.float32),
            "key": np.array([key_index(request.key)], np.int64),
            "known": np.zeros((1, channels, count), np.float32),
            "known_mask": np.zeros((1, 1, count), np.float32),
        }

    def refine(
        self,
        latents: FloatArray,
        request: GenerationRequest,
        conditions: Mapping[str, Array],
        *,
        step: int,
    ) -> FloatArray:
        """Take one step of ping-pong sampling.

        Shapes:
            latents: [1, channels, n]  ->  [1, channels, n]

        Args:
            latents: Noise at step 0, later the clean latents of the step before.
            request: What decides the schedule and the fresh noise.
            conditions: What `conditions` returned.
            step: Number of the step, from 0.

        Returns:
            Clean latents as this step sees them.

        References:
            Novack et al. 2025, arXiv 2505.08175, section 3.3.
        """
        t = interpolant.ping_pong_times(request.steps)[step]
        noised = latents
        if step > 0:
            noised = interpolant.mix(latents, self._noise(request, step), t)
        v = self._networks.velocity(noised, t, conditions)
        return interpolant.data_from_velocity(noised, v, t)

    def _noise(self, request: GenerationRequest, draw: int) -> FloatArray:
        count, channels = self.latent_frames(request), self._manifest.latent_channels
        return seeded_noise(request.seed, count, channels, draw=draw)[None]
