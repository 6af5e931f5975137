"""From what the decoder heard in the latents to finished sound, chunk by chunk.

The first chunk is small, so that a take may begin to play at once; each next one is twice as
large, up to what a core's cache likes. The chunks of a take are always the same, played at once or
kept, so both are the same samples, also where an int8 graph scales by all that it sees at once.
While one thread names the bins of a chunk and walks their phases, another one makes sound of the
chunk before.
Flow: generator/pipeline.py → here (spectral.py, finishing.py) → chunks.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol

import numpy as np

from generator.api import FloatArray, GenerationRequest
from generator.finishing import Finisher, finish
from generator.levels import level_gain
from generator.spectral import LATE, N_FFT, SpectralFrames, SpectralStream

FIRST_CHUNK_FRAMES = 16
LARGEST_CHUNK_FRAMES = 128
# Spectral frames that an open take has used of what comes after its end: half a window, and the
# hop that the limiter looks ahead.
AHEAD_FRAMES = LATE + 1
# A constant is no sound, and a loudspeaker's harm.
SILENT = np.float32(-100.0)
# The peak of a take is judged from every so many of its frames; it is so much above their loudness.
PROBED_EVERY_FRAMES = 8
CREST = 2.5


class Head(Protocol):
    """What names the bins of frames."""

    def frames(self, hidden: FloatArray) -> SpectralFrames:
        """Return spectral frames.

        Shapes:
            hidden: [m, width]  ->  frames of m
        """


@dataclass(frozen=True, slots=True)
class Ending:
    """What carries an open take on after its last frame."""

    stream: SpectralStream
    finisher: Finisher


class Speaker:
    """Makes the sound of one take; `ending` is what an open one leaves once it has been spoken.

    Args:
        head: Names the bins.
        hidden: [n, width] what they are read from.
        helper: Another thread, where there is one.
        edges: Where chunks begin and end, by default as `chunk_edges` says.
    """

    def __init__(
        self,
        head: Head,
        hidden: FloatArray,
        helper: Executor | None,
        edges: Sequence[int] | None = None,
    ) -> None:
        self.ending: Ending | None = None
        self._head = head
        self._hidden = hidden
        self._helper = helper
        self._edges = edges or chunk_edges(len(hidden))

    def speak(self, request: GenerationRequest, before: Ending | None) -> Iterator[FloatArray]:
        """Give the take's chunks; a loop as a whole, because its head carries its tail.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long

        Args:
            request: What the take was made for.
            before: What the open take before this one left, to be used up.

        Yields:
            Finished sound.
        """
        stream = SpectralStream(request.seed) if before is None else before.stream
        if request.loop:
            yield finish(np.concatenate([*self.raw(stream), stream.flush()]), request)
            return
        end = None if request.is_open else request.frames
        finisher = before.finisher.followed(end) if before is not None else None

        def finished(chunk: FloatArray) -> FloatArray:
            nonlocal finisher
            if finisher is None:
                finisher = Finisher(level_gain(self._expected_peak(chunk)), end)
            return finisher.push(chunk)

        for chunk in self.raw(stream, finished):
            yield from _some(chunk)
        if request.is_open and finisher is not None:
            self.ending = Ending(stream, finisher)
        else:
            yield from _some(finished(stream.flush()))

    def raw(
        self, stream: SpectralStream, then: Callable[[FloatArray], FloatArray] | None = None
    ) -> Iterator[FloatArray]:
        """Give the sound as decoded, of each chunk what is complete.

        Shapes:
            yields: [chunk_frames, 2]

        Args:
            stream: What carries phases and overlap from chunk to chunk.
            then: What is done with each chunk besides, in the same thread.

        Yields:
            Each chunk.
        """

        def make(log_magnitude: FloatArray, phase: FloatArray) -> FloatArray:
            chunk = stream.overlap.push(log_magnitude, phase)
            return chunk if then is None else then(chunk)

        made: Callable[[], FloatArray] | None = None
        for start, stop in pairwise(self._edges):
            frames = self._frames(start, stop)
            phase = stream.walk.push(frames)
            if made is not None:
                yield made()
            made = self._begin(partial(make, frames.log_magnitude, phase))
            if start == 0:
                # Nobody waits for a second chunk with the first.
                yield made()
                made = None
        if made is not None:
            yield made()

    def _begin(self, make: Callable[[], FloatArray]) -> Callable[[], FloatArray]:
        return make if self._helper is None else self._helper.submit(make).result

    def _frames(self, start: int, stop: int) -> SpectralFrames:
        frames = self._head.frames(self._hidden[start:stop])
        frames.log_magnitude[..., 0] = SILENT
        return frames

    def _expected_peak(self, first: FloatArray) -> float:
        """Return how loud the take will be: its first chunk is known, the rest is judged."""
        known = float(np.abs(first).max(initial=0.0))
        rest = self._hidden[FIRST_CHUNK_FRAMES::PROBED_EVERY_FRAMES]
        if not len(rest):
            return known
        log_magnitude = self._head.frames(rest).log_magnitude
        return max(known, CREST * float(loudness(log_magnitude).max()))


def _some(chunk: FloatArray) -> tuple[FloatArray, ...]:
    """Return a chunk unless it is empty: that would be the mark of a stage."""
    return (chunk,) if len(chunk) else ()


def loudness(log_magnitude: FloatArray) -> FloatArray:
    """Return the root mean square of each frame's sound.

    Shapes:
        log_magnitude: [n, 2, bins] of mid and side  ->  [n]
    """
    power = np.exp(2.0 * log_magnitude[..., 1:]).sum(axis=(1, 2))
    # Parseval for a half spectrum; 3/8 is what the Hann window leaves of a power.
    rms: FloatArray = np.sqrt(power * np.float32(2.0 / (0.375 * N_FFT * N_FFT)))
    return rms


def chunk_edges(count: int) -> list[int]:
    """Return where the chunks of so many frames begin and end."""
    edges, size = [0], FIRST_CHUNK_FRAMES
    while edges[-1] < count:
        edges.append(min(edges[-1] + size, count))
        size = min(2 * size, LARGEST_CHUNK_FRAMES)
    return edges
