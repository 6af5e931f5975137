"""What is given of the latents of a take before it is made: nothing, a source, or a take before.

Pure. Flow: pipeline.py finds the source, this lays it out, the transformer fills what is free.
"""

import math
from dataclasses import dataclass

import numpy as np

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ, Base, FloatArray, GenerationRequest
from generator.errors import SourceError
from generator.memory import Remembered
from generator.speaking import Ending

# What a take that follows another is given of it.
CONTEXT_LATENTS = 32
# What is made beyond the end of an open take and forgotten: clips fade towards their ends, and what
# follows an open take would go on from next to nothing.
MARGIN_LATENTS = 32
# The same beyond a loop, which would else end in silence where its words name what dies away.
LOOP_MARGIN_LATENTS = 16
# The same beyond a take that ends: so large a part of it, and at most so many. Clips that the model
# has learnt from end in rests, and a pad would be over at three quarters of the length asked for.
ENDING_SHARE = 4
ENDING_MARGIN_LATENTS = 16


@dataclass(frozen=True, slots=True)
class Canvas:
    """The latents of a take in the making, and what is given of them.

    Shapes:
        known: [1, channels, n], zero where nothing is given; known_mask: [1, 1, n], 1 where given.
        source: [1, channels, n] what a variation starts from, or None.

    Attributes:
        first: The latent frame at which the take begins; before it lies what it follows.
        change: The time at which a variation starts.
        before: The take that this one follows.
    """

    known: FloatArray
    known_mask: FloatArray
    source: FloatArray | None = None
    first: int = 0
    change: float = 1.0
    before: Remembered[Ending] | None = None

    def told_s(self, request: GenerationRequest) -> float:
        """Return how long the model is told that this take of a request is."""
        if self.before is None:
            return told_seconds(request, self.known.shape[2])
        return seconds_of(self.known.shape[2])


def margin_of(request: GenerationRequest) -> int:
    """Return how many latent frames are made beyond the end of a take and forgotten."""
    if request.is_open:
        return MARGIN_LATENTS
    if request.loop:
        return LOOP_MARGIN_LATENTS
    if request.follows:
        return 0
    return min(request.frames // LATENT_HOP_FRAMES // ENDING_SHARE, ENDING_MARGIN_LATENTS)


def seconds_of(latents: int) -> float:
    """Return how long the sound of so many latent frames is."""
    return latents * LATENT_HOP_FRAMES / SAMPLE_RATE_HZ


def told_seconds(request: GenerationRequest, latents: int) -> float:
    """Return how long the model is told that a take is, of which so many latents are made.

    What is cut out of a longer sound is told as all that is made of it.
    """
    return seconds_of(latents) if margin_of(request) else request.duration_s


def empty_canvas(count: int, channels: int) -> Canvas:
    """Return the canvas of a take that is new from end to end.

    Args:
        count: Number of latent frames.
        channels: Number of latent channels.

    Returns:
        Nothing is given.
    """
    return Canvas(np.zeros((1, channels, count), np.float32), np.zeros((1, 1, count), np.float32))


def canvas_from(source: FloatArray, base: Base, count: int, duration_s: float) -> Canvas:
    """Return the canvas of a take that has a base.

    Shapes:
        source: [1, channels, any]

    Args:
        source: The latents of the base.
        base: Tells what is kept of it, and how much of the rest is new.
        count: Number of latent frames of the take.
        duration_s: How long the take is.

    Returns:
        What is kept is given.

    Raises:
        SourceError: The source is too short for a variation of it.
    """
    source = source[..., :count]
    if base.change < 1.0 and source.shape[2] < count:
        raise SourceError(
            f"What the take begins from is {seconds_of(source.shape[2]):.2f} s long, too short for "
            f"the {duration_s:.2f} s that are asked for: ask for less, or begin from a longer one."
        )
    mask = np.zeros((1, 1, count), np.float32)
    for start_s, stop_s in base.keep_s:
        start = math.floor(start_s * SAMPLE_RATE_HZ / LATENT_HOP_FRAMES)
        stop = math.ceil(stop_s * SAMPLE_RATE_HZ / LATENT_HOP_FRAMES)
        mask[..., start : min(stop, source.shape[2])] = 1.0
    known = np.zeros((1, source.shape[1], count), np.float32)
    known[..., : source.shape[2]] = source
    known *= mask
    return Canvas(known, mask, source, change=base.change)


def canvas_after(before: Remembered[Ending], count: int, margin: int) -> Canvas:
    """Return the canvas of a take that follows another.

    Args:
        before: That take.
        count: Number of latent frames of the new one's sound.
        margin: How many more are made and forgotten.

    Returns:
        The end of the take before is given.

    Raises:
        SourceError: It has faded at its end.
    """
    if before.ending is None:
        raise SourceError(
            "The take to follow has ended for good; only an open take can be followed."
        )
    context = before.latents[..., -CONTEXT_LATENTS:]
    given = context.shape[2]
    ahead = before.latents.shape[2] - before.heard
    fresh = max(0, count - ahead) + margin
    known = np.pad(context, ((0, 0), (0, 0), (0, fresh)))
    mask = np.zeros((1, 1, given + fresh), np.float32)
    mask[..., :given] = 1.0
    return Canvas(known, mask, first=given - ahead, before=before)
