"""The last hand on a take: exact length, clean edges, seamless loops, no offset, a safe level.

Pure numpy. Knows nothing of models; stands between synthesis and whoever plays the take. A backend
asks `frames_to_decode` how much sound it must make and gives it to `finish`.
"""

from dataclasses import dataclass

import numpy as np

from generator.api import (
    LATENT_HOP_FRAMES,
    SAMPLE_RATE_HZ,
    FloatArray,
    GenerationRequest,
    GeneratorError,
)

PEAK_DBFS = -1.0
MOST_GAIN_DB = 12.0
FADE_IN_S = 0.002
FADE_OUT_S = 0.008
LOOP_TAIL_S = 0.06
LOOP_TAIL_LEAST_FRAMES = 256
QUIET_EDGE = 1e-3
ENVELOPE_BLOCK_FRAMES = 2048
# 80 dB below full scale: no loudspeaker moves, and most takes need no further work.
HARMLESS_OFFSET = 1e-4


@dataclass(frozen=True, slots=True)
class LoopSplit:
    """Where a loop ends and how long its continuation must be, in frames."""

    frames: int
    tail_frames: int


def loop_split(frames: int) -> LoopSplit:
    """Return how a loop of so many frames is cut from a longer stretch of sound.

    The continuation is what is left of the last latent frame, so that a loop takes no more latents
    than in training; only where that is next to nothing it reaches into one more.
    """
    left_frames = -frames % LATENT_HOP_FRAMES
    wanted_frames = min(round(LOOP_TAIL_S * SAMPLE_RATE_HZ), frames // 4)
    if left_frames < LOOP_TAIL_LEAST_FRAMES:
        return LoopSplit(frames, wanted_frames)
    return LoopSplit(frames, min(wanted_frames, left_frames))


def frames_to_decode(request: GenerationRequest) -> int:
    """Return how many frames of sound `finish` needs for a request."""
    if not request.loop:
        return request.frames
    return request.frames + loop_split(request.frames).tail_frames


def finish(decoded: FloatArray, request: GenerationRequest) -> FloatArray:
    """Make a take of what a backend decoded.

    Shapes:
        decoded: [frames_to_decode(request) or more, 2]  ->  [request.frames, 2]

    Args:
        decoded: Raw sound.
        request: What was asked for.

    Returns:
        A new array: finite, without offset, at the level of PEAK_DBFS.

    Raises:
        GeneratorError: The sound is too short, or not finite.
    """
    if len(decoded) < frames_to_decode(request):
        raise GeneratorError(
            f"The decoder made {len(decoded)} frames where {frames_to_decode(request)} are "
            "needed. This is a fault of the checkpoint."
        )
    if not np.isfinite(decoded).all():
        raise GeneratorError(
            "The model made numbers that are no sound (NaN or infinity). Try another seed."
        )
    if request.loop:
        clip = remove_offset(close_loop(decoded, loop_split(request.frames)), circular=True)
    else:
        clip = fade_edges(remove_offset(decoded[: request.frames], circular=False))
    return bring_to_level(clip)


def half_cosine(frames: int) -> FloatArray:
    """Return a ramp that leaves 0.0 and nears 1.0 without a corner.

    Shapes:
        returns: [frames, 1]
    """
    angle = np.arange(frames, dtype=np.float32) * np.float32(np.pi / max(frames, 1))
    ramp: FloatArray = (0.5 - 0.5 * np.cos(angle))[:, None]
    return ramp


def fade_edges(clip: FloatArray) -> FloatArray:
    """Bring both ends of a one-shot to silence, the beginning only where it is not there already.

    An attack that starts from silence keeps every frame of its punch.

    Shapes:
        clip: [frames, channels]  ->  the same
    """
    faded = clip.copy()
    rise = min(round(FADE_IN_S * SAMPLE_RATE_HZ), len(clip) // 4)
    fall = min(round(FADE_OUT_S * SAMPLE_RATE_HZ), len(clip) // 4)
    if np.abs(clip[:1]).max(initial=0.0) > QUIET_EDGE:
        faded[:rise] *= half_cosine(rise)
    if fall:
        faded[-fall:] *= half_cosine(fall)[::-1]
    return faded


def close_loop(decoded: FloatArray, split: LoopSplit) -> FloatArray:
    """Lay the continuation of a loop over its head, so that the end runs on into the beginning.

    The first frame of the result is the one that would have followed the last. The head rises
    from zero within FADE_IN_S and keeps its attack; the continuation fades over the whole tail.

    Shapes:
        decoded: [split.frames + split.tail_frames or more, channels]  ->  [split.frames, channels]
    """
    loop = decoded[: split.frames].copy()
    tail = decoded[split.frames : split.frames + split.tail_frames]
    rise = min(round(FADE_IN_S * SAMPLE_RATE_HZ), split.tail_frames)
    loop[:rise] *= half_cosine(rise)
    # Mirrored so that its first frame is whole and its last nearly silent.
    loop[: len(tail)] += tail * (1.0 - half_cosine(len(tail)))
    return loop


def remove_offset(clip: FloatArray, *, circular: bool) -> FloatArray:
    """Take the mean out of each channel, where the sound is, and leave silence silent.

    A constant taken from a decaying hit would leave its silent tail off zero; hence what is taken
    follows the loudness of the clip.

    Shapes:
        clip: [frames, channels]  ->  the same

    Args:
        clip: Any sound.
        circular: Whether the end runs on into the beginning.

    Returns:
        A copy whose channels have a mean below HARMLESS_OFFSET.
    """
    mean = clip.sum(axis=0, dtype=np.float64) / len(clip)
    if np.abs(mean).max() < HARMLESS_OFFSET:
        return clip.copy()
    block = min(ENVELOPE_BLOCK_FRAMES, len(clip))
    starts = np.arange(0, len(clip) - block + 1, block)
    loudness = np.add.reduceat(np.abs(clip).sum(axis=1), starts)
    period = len(clip) if circular else None
    weight = np.interp(np.arange(len(clip)), starts + block / 2, loudness, period=period)
    share = (weight / weight.mean()).astype(np.float32)[:, None]
    clean: FloatArray = clip - share * mean.astype(np.float32)
    return clean


def bring_to_level(clip: FloatArray) -> FloatArray:
    """Scale a clip as a whole so that it peaks at PEAK_DBFS, where every training clip peaks.

    A take that came out soft is raised by no more than MOST_GAIN_DB, so that near silence stays so.

    Shapes:
        clip: [frames, channels]  ->  the same
    """
    peak = float(np.abs(clip).max(initial=0.0))
    wanted, most = 10.0 ** (PEAK_DBFS / 20.0), 10.0 ** (MOST_GAIN_DB / 20.0)
    return clip * np.float32(min(most, wanted / max(peak, 1e-9)))
