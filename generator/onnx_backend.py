"""The edge backend: an ONNX checkpoint on the CPU, from words to a finished take.

Knows the order of the stages and the names of the graphs' inputs, not what the graphs compute.
Every take is made alone: int8 graphs scale their activations by all that they see at once, so a
batch would make a take depend on its neighbours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields

import numpy as np

from generator import interpolant
from generator.api import (
    CHANNELS,
    AudioClip,
    CheckpointError,
    FloatArray,
    GenerationRequest,
    collect_clip,
    key_index,
    seeded_noise,
)
from generator.checkpoint import DECODER_FILE, TRANSFORMER_FILE, Checkpoint
from generator.finishing import finish, frames_to_decode
from generator.onnx_session import Array, OnnxGraph
from generator.spectral import SpectralFrames, synthesise
from generator.text import TextEncoder

TRANSFORMER_INPUTS = (
    "x",
    "t",
    "text",
    "text_mask",
    "seconds",
    "tempo_bpm",
    "key",
    "known",
    "known_mask",
)
DECODER_OUTPUTS = tuple(part.name for part in fields(SpectralFrames))


class OnnxGenerator:
    """Makes takes with the graphs of a checkpoint.

    Args:
        checkpoint: A verified checkpoint.
        threads: Number of threads that one stage may use.

    Raises:
        CheckpointError: A graph is missing, cannot be opened or has another face than expected.
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int) -> None:
        self._manifest = checkpoint.manifest
        self._text = TextEncoder(checkpoint.folder, threads=threads)
        self._transformer = OnnxGraph(
            checkpoint.read(TRANSFORMER_FILE), "transformer", threads=threads
        )
        self._decoder = OnnxGraph(checkpoint.read(DECODER_FILE), "decoder", threads=threads)
        _check_names("transformer", self._transformer.input_names, TRANSFORMER_INPUTS)
        _check_names("decoder", self._decoder.output_names, DECODER_OUTPUTS)

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
        frames = self.decode(latents)
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
            "tempo_bpm": np.array([request.tempo_bpm or 0.0], np.float32),
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
        time = np.array([t], np.float32)
        v = self._transformer.run({"x": noised, "t": time, **conditions})["v"]
        return interpolant.data_from_velocity(noised, v, t)

    def decode(self, latents: FloatArray) -> SpectralFrames:
        """Turn clean latents into spectral frames.

        Shapes:
            latents: [1, channels, n]  ->  frames of 8 n
        """
        outputs = self._decoder.run({"latents": latents})
        return SpectralFrames(**{name: outputs[name][0] for name in DECODER_OUTPUTS})

    def _noise(self, request: GenerationRequest, draw: int) -> FloatArray:
        count, channels = self.latent_frames(request), self._manifest.latent_channels
        return seeded_noise(request.seed, count, channels, draw=draw)[None]


def _check_names(label: str, found: tuple[str, ...], expected: tuple[str, ...]) -> None:
    if set(found) != set(expected):
        raise CheckpointError(
            f"The {label} speaks of {', '.join(found)}; this program expects "
            f"{', '.join(expected)}. Export the checkpoint again with this version."
        )
