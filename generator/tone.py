"""A generator without a model: a decaying tone whose pitch and place follow from the prompt.

It keeps every promise of `generator.api` in microseconds, so that whatever stands around a
generator can be run, tested and heard without a checkpoint.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from generator.api import (
    SAMPLE_RATE_HZ,
    AudioClip,
    FloatArray,
    GenerationRequest,
    collect_clip,
)
from generator.finishing import finish, frames_to_decode

CHUNK_FRAMES = 4096
LOWEST_HZ = 110.0
SEMITONES = 25
LEVEL = 0.5


class ToneGenerator:
    """Makes a decaying sine."""

    @property
    def name(self) -> str:
        """The identity of the model, as shown to people."""
        return "tone"

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take chunk by chunk.

        Shapes:
            yields: [up to CHUNK_FRAMES, 2]; together exactly `request.frames` long
        """
        take = finish(_decaying_sine(request), request)
        for start in range(0, len(take), CHUNK_FRAMES):
            yield take[start : start + CHUNK_FRAMES]

    def generate(self, request: GenerationRequest) -> AudioClip:
        """Make a whole take."""
        return collect_clip(request, self.stream(request))


def pitch_hz(prompt: str) -> float:
    """Return the pitch that stands for a prompt, on the semitone grid."""
    digest = hashlib.sha256(prompt.encode("utf-8")).digest()
    return float(LOWEST_HZ * 2.0 ** (digest[0] % SEMITONES / 12.0))


def _decaying_sine(request: GenerationRequest) -> FloatArray:
    seconds = np.arange(frames_to_decode(request)) / SAMPLE_RATE_HZ
    wave = np.sin(2.0 * np.pi * pitch_hz(request.prompt) * seconds)
    decay = np.exp(-4.0 * seconds / request.duration_s)
    angle = np.random.default_rng(request.seed).uniform(0.0, np.pi / 2.0)
    places = np.array([np.cos(angle), np.sin(angle)])
    sound: FloatArray = (LEVEL * (wave * decay)[:, None] * places).astype(np.float32)
    return sound
