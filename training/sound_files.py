"""Sound files: read in any format; written as Vorbis in memory, as a yardstick and for players.

Knows nothing of corpora or models.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.errors import TrainingError

WRITTEN_FRAMES = 8192
LEVELS = tuple(round(0.1 * i, 1) for i in range(11))


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vorbis at some level: its bytes and what it really costs."""

    content: bytes
    level: float
    kilobits_per_s: float


@dataclass(frozen=True, slots=True)
class Sound:
    """What a file holds: audio [frames, channels] at its own rate."""

    audio: FloatArray
    rate_hz: int


def read_sound(source: Path | io.BytesIO) -> Sound:
    """Decode a sound of any format that libsndfile knows.

    Args:
        source: A file, or its bytes.

    Returns:
        The sound.

    Raises:
        TrainingError: It cannot be decoded.
    """
    try:
        audio, rate_hz = soundfile.read(source, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise TrainingError(f"cannot be decoded: {error}") from error
    return Sound(np.asarray(audio, np.float32), rate_hz)


def encode_vorbis(audio: FloatArray, *, level: float) -> Encoded:
    """Encode a sound.

    Shapes:
        audio: [frames, channels]

    Args:
        audio: Full scale 1.0.
        level: 0 is the best and largest, 1 the smallest.

    Returns:
        The bytes and what they cost.
    """
    target = io.BytesIO()
    form = {"format": "OGG", "subtype": "VORBIS", "compression_level": level}
    with soundfile.SoundFile(target, "w", SAMPLE_RATE_HZ, audio.shape[1], **form) as file:
        # A whole minute at once overruns libsndfile's stack.
        for start in range(0, len(audio), WRITTEN_FRAMES):
            file.write(audio[start : start + WRITTEN_FRAMES])
    content = target.getvalue()
    return Encoded(content, level, 8e-3 * len(content) / (len(audio) / SAMPLE_RATE_HZ))


def encode_near(audio: FloatArray, kilobits_per_s: float) -> Encoded:
    """Encode a sound at the level whose real bit rate is nearest.

    Shapes:
        audio: [frames, channels]
    """
    tried = (encode_vorbis(audio, level=level) for level in LEVELS)
    return min(tried, key=lambda made: abs(made.kilobits_per_s - kilobits_per_s))


def decode_vorbis(content: bytes) -> FloatArray:
    """Return the sound of encoded bytes.

    Shapes:
        returns: [frames, channels]
    """
    audio, _ = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    return np.asarray(audio, np.float32)
