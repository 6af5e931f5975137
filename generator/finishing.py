"""The last hand on a take: exact length, clean edges, seamless loops, no offset, a safe level.

Pure numpy. Knows nothing of models; stands between synthesis and whoever plays the take. A backend
asks `frames_to_decode` how much sound it must make and gives it to `finish`.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from generator.api import CHANNELS, LATENT_HOP_FRAMES, SAMPLE_RATE_HZ, FloatArray, GenerationRequest
from generator.errors import GeneratorError
from generator.levels import (
    LIMITER_HOP_FRAMES,
    PEAK,
    RELEASE_PER_HOP,
    allowed_gains,
    brought_to_rms,
    level_gain,
)

FADE_IN_S = 0.002
# A take that still sounds at its end falls over so large a part of it, within these bounds.
FADE_OUT_SHARE = 16
LEAST_FADE_OUT_S = 0.008
MOST_FADE_OUT_S = 0.3
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
        A new array: finite, at the level of PEAK_DBFS or at the loudness that was asked for; loops
        without a seam and without an offset.

    Raises:
        GeneratorError: The sound is too short, or not finite.
    """
    if len(decoded) < frames_to_decode(request):
        raise GeneratorError(
            f"The decoder made {len(decoded)} frames where {frames_to_decode(request)} are "
            "needed. This is a fault of the checkpoint."
        )
    check_finite(decoded)
    if request.loop:
        clip = remove_offset(close_loop(decoded, loop_split(request.frames)), circular=True)
        if request.rms_dbfs is not None:
            return brought_to_rms(clip, request.rms_dbfs)
    else:
        clip = fade_edges(remove_offset(decoded[: request.frames], circular=False))
    return clip * level_gain(float(np.abs(clip).max(initial=0.0)))


def check_finite(decoded: FloatArray) -> None:
    """Refuse a sound with numbers that are none.

    Shapes:
        decoded: [frames, 2]

    Args:
        decoded: Raw sound.

    Raises:
        GeneratorError: It has some.
    """
    if not np.isfinite(decoded).all():
        raise GeneratorError(
            "The model made numbers that are no sound (NaN or infinity). Try another seed, or "
            "another model."
        )


class Finisher:
    """Finishes a one-shot or an open take while it is decoded; the whole is its concatenation.

    The level is set before the first frame is given, so it may be a little high for what comes:
    a limiter follows, which looks ahead by one hop. Its gain moves along straight lines between
    the edges of hops, and at an edge is no more than either hop allows.
    """

    def __init__(self, gain: np.float32, frames: int | None) -> None:
        """Stand before the first frame.

        Args:
            gain: The level of this take and of all that follow it.
            frames: Where it ends; None for an open take.
        """
        self._gain = gain
        self._frames = frames
        self._given = 0
        self._held = np.zeros((0, CHANNELS), np.float32)
        self._edge: float | None = None
        self._rise: int | None = None

    def followed(self, frames: int | None) -> "Finisher":
        """Return what finishes the take that follows this open one."""
        other = copy(self)
        other._frames, other._given, other._rise = frames, 0, 0
        return other

    def push(self, decoded: FloatArray) -> FloatArray:
        """Return what is finished once these frames are in; what is beyond the end is passed over.

        Shapes:
            decoded: [n, 2]  ->  [m, 2], a hop less than came in, until the end
        """
        check_finite(decoded)
        sound = np.empty((len(self._held) + len(decoded), CHANNELS), np.float32)
        sound[: len(self._held)] = self._held
        np.multiply(decoded, self._gain, out=sound[len(self._held) :])
        if self._rise is None and len(sound):
            self._rise = _rise_frames(sound, self._frames)
        ready = max(0, len(sound) // LIMITER_HOP_FRAMES - 1) * LIMITER_HOP_FRAMES
        looked_at = sound[: ready + LIMITER_HOP_FRAMES]
        if self._frames is not None and self._given + len(sound) >= self._frames:
            ready = self._frames - self._given
            hops = -(-ready // LIMITER_HOP_FRAMES) + 1
            looked_at = np.zeros((hops * LIMITER_HOP_FRAMES, CHANNELS), np.float32)
            looked_at[:ready] = sound[:ready]
        self._held = sound[ready:].copy()
        if not ready:
            return np.zeros((0, CHANNELS), np.float32)
        finished = self._limit(looked_at.reshape(-1, LIMITER_HOP_FRAMES, CHANNELS))[:ready]
        self._fade(finished)
        self._given += ready
        return finished

    def _limit(self, hops: FloatArray) -> FloatArray:
        """Limit all hops but the last, which is only looked at, in place; return [frames, 2]."""
        flat = hops.reshape(len(hops), -1)
        allowed = allowed_gains(np.maximum(flat.max(axis=1), -flat.min(axis=1)))
        edges = np.minimum(allowed[:-1], allowed[1:])
        edges = np.concatenate(([allowed[0] if self._edge is None else self._edge], edges))
        for place in range(1, len(edges)):
            edges[place] = min(edges[place], edges[place - 1] + RELEASE_PER_HOP)
        self._edge = float(edges[-1])
        limited = hops[:-1]
        if edges.min() < 1.0:
            share = np.arange(LIMITER_HOP_FRAMES) / LIMITER_HOP_FRAMES
            gains = edges[:-1, None] * (1.0 - share) + edges[1:, None] * share
            limited *= gains.astype(np.float32)[..., None]
        sound: FloatArray = limited.reshape(-1, CHANNELS)
        return np.clip(sound, -PEAK, PEAK, out=sound)

    def _fade(self, finished: FloatArray) -> None:
        """Fade both ends of the take, in place, where they lie in this piece of it."""
        rise = half_cosine(self._rise or 0)[self._given :][: len(finished)]
        finished[: len(rise)] *= rise
        if self._frames is not None:
            fall = half_cosine(_fall_frames(self._frames))[::-1]
            skip = self._frames - len(fall) - self._given
            piece = finished[max(0, skip) :]
            piece *= fall[max(0, -skip) :][: len(piece)]


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
    rise, fall = _rise_frames(clip, len(clip)), _fall_frames(len(clip))
    faded[:rise] *= half_cosine(rise)
    faded[len(clip) - fall :] *= half_cosine(fall)[::-1]
    return faded


def _rise_frames(sound: FloatArray, frames: int | None) -> int:
    """Return how long the beginning of a take must be faded in: not, where it is silent."""
    if np.abs(sound[:1]).max(initial=0.0) <= QUIET_EDGE:
        return 0
    rise = round(FADE_IN_S * SAMPLE_RATE_HZ)
    return rise if frames is None else min(rise, frames // 4)


def _fall_frames(frames: int) -> int:
    least, most = (round(s * SAMPLE_RATE_HZ) for s in (LEAST_FADE_OUT_S, MOST_FADE_OUT_S))
    return min(max(least, min(frames // FADE_OUT_SHARE, most)), frames // 4)


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
