"""From what the decoder heard in the latents to finished sound, chunk by chunk.

The first chunk is small, so that a take may begin to play at once; each next one is twice as
large, up to what a core's cache likes. The chunks of a take are always the same, played at once or
kept, so both are the same samples, also where an int8 graph scales by all that it sees at once.
While one thread makes the spectra of a chunk, another one makes sound of those of the chunk before.
Flow: generator/pipeline.py → here (synthesis.py, finishing.py) → chunks.
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
from generator.overlap_add import ComplexArray
from generator.spectral import BINS, HIGHEST_LOG_MAGNITUDE, LATE, N_FFT, WORK_FRAMES, SpectralFrames
from generator.synthesis import SpectralStream

FIRST_CHUNK_FRAMES = 16
LARGEST_CHUNK_FRAMES = 128
# Spectral frames that an open take has used of what comes after its end: half a window, and the
# hop that the limiter looks ahead.
AHEAD_FRAMES = LATE + 1
# A constant is no sound, and a loudspeaker's harm.
SILENT = np.float32(-np.inf)
# The peak of a take is judged from every so many of its frames; it is so much above their loudness.
PROBED_EVERY_FRAMES = 8
CREST = 2.5


class Head(Protocol):
    """The decoder's last layer."""

    def bins(self, hidden: FloatArray) -> FloatArray:
        """Return what is said of the bins of frames, to be used up.

        Shapes:
            hidden: [m, width]  ->  [m, HEAD_WIDTH or more], see `SpectralFrames.named`
        """


@dataclass(frozen=True, slots=True)
class Ending:
    """What carries an open take on after its last frame."""

    stream: SpectralStream
    finisher: Finisher


class Speaker:
    """Makes the sound of one take; `ending` is what an open one leaves once it has been spoken.

    Args:
        head: Says what the bins are.
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

        def make(spectra: list[ComplexArray]) -> FloatArray:
            chunk = np.concatenate([stream.overlap.push(piece) for piece in spectra])
            return chunk if then is None else then(chunk)

        made: Callable[[], FloatArray] | None = None
        for start, stop in pairwise(self._edges):
            spectra = self._spectra(stream, start, stop)
            if made is not None:
                yield made()
            made = self._begin(partial(make, spectra))
            if start == 0:
                # Nobody waits for a second chunk with the first.
                yield made()
                made = None
        if made is not None:
            yield made()

    def _begin(self, make: Callable[[], FloatArray]) -> Callable[[], FloatArray]:
        return make if self._helper is None else self._helper.submit(make).result

    def _spectra(self, stream: SpectralStream, start: int, stop: int) -> list[ComplexArray]:
        """Return the spectra of a chunk, piece by piece."""
        bins = self._head.bins(self._hidden[start:stop])
        pieces = (bins[row : row + WORK_FRAMES] for row in range(0, len(bins), WORK_FRAMES))
        return [stream.spectrum(_without_constant(SpectralFrames.audible(one))) for one in pieces]

    def _expected_peak(self, first: FloatArray) -> float:
        """Return how loud the take will be: its first chunk is known, the rest is judged."""
        known = float(np.abs(first).max(initial=0.0))
        rest = self._hidden[FIRST_CHUNK_FRAMES::PROBED_EVERY_FRAMES]
        if not len(rest):
            return known
        probed = np.minimum(self._head.bins(rest)[:, : 2 * BINS], HIGHEST_LOG_MAGNITUDE)
        return max(known, CREST * float(loudness(probed.reshape(-1, 2, BINS)).max()))


def _some(chunk: FloatArray) -> tuple[FloatArray, ...]:
    """Return a chunk unless it is empty: that would be the mark of a stage."""
    return (chunk,) if len(chunk) else ()


def _without_constant(frames: SpectralFrames) -> SpectralFrames:
    frames.log_magnitude[..., 0] = SILENT
    return frames


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
