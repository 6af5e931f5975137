"""The phase of every bin, frame after frame: a running sum, blurred by seeded noise.

The phase of bin k in frame j is a running sum: ``2 pi hop k j / n_fft`` (the bin's own centre) plus
the sum over frames of the predicted advance, blurred by noise as wide as the predicted spread, plus
the predicted offset. A steady tone is thereby coherent by construction and a hiss stays a hiss. At
an onset the sum starts anew, so that the offsets alone say where in the frame the attack lies and
all bins agree on it (`docs/decisions/005-phase-as-a-sum.md`).
"""

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from generator.spectral import BINS, LATE, PARTS, TWO_PI, FloatArray, SpectralFrames

NOISE_REACH = float(np.sqrt(3.0))
UNITS_PER_TURN = 2**28
UNITS_PER_RADIAN = UNITS_PER_TURN / TWO_PI
# The noise of phases: one draw a frame tells where in the reel its stretch begins.
DRAW_BYTES = 4
REEL_LENGTH = 2**19
QUARTER_TURNS = (
    np.outer(np.arange(PARTS), np.arange(BINS)) % PARTS * (UNITS_PER_TURN // PARTS)
).astype(np.int32)
QUARTER_TURNS.flags.writeable = False


def blur_noise(seed: int, frames: int) -> npt.NDArray[np.int16]:
    """Return the noise that blurs the phases of a take's first frames, full scale ±2**15.

    Shapes:
        returns: [frames, 2, bins]
    """
    return _draw_blur(_blur_source(seed), frames)


def _blur_source(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def _draw_blur(source: np.random.Generator, frames: int) -> npt.NDArray[np.int16]:
    # A whole number of draws for each frame, so that any partition into chunks draws alike.
    drawn = np.frombuffer(source.bytes(frames * DRAW_BYTES), np.uint32)
    reel = _blur_reel()
    return reel[drawn % len(reel)].reshape(frames, 2, BINS)


@cache
def _blur_reel() -> npt.NDArray[np.int16]:
    """Return all stretches of the noise of all takes; each frame has one from anywhere.

    Shapes:
        returns: [stretches, 2 bins], a view of REEL_LENGTH numbers

    Fresh noise for each bin would take as long as a fifth of all that is done with its phases.
    """
    reel = np.frombuffer(np.random.Generator(np.random.Philox(0)).bytes(2 * REEL_LENGTH), np.int16)
    return sliding_window_view(reel, 2 * BINS)


class PhaseWalk:
    """The phase of every bin, frame after frame."""

    def __init__(self, seed: int) -> None:
        """Stand before the first frame.

        Args:
            seed: Seeds the noise that blurs the phase; frame j has the same noise whatever the
                length.
        """
        self._noise = _blur_source(seed)
        self._walked = np.zeros((2, BINS), dtype=np.int32)
        self._frame = 0

    def push(self, frames: SpectralFrames) -> FloatArray:
        """Return the phase of every bin in radians, and carry its sum on.

        The sum is kept in parts of a turn, modulo whole turns by the wrap of 32 bits: exact for
        ever, and the same whatever the partition into chunks.

        Bins without magnitude stand still, as do those that the frames do not have.

        Shapes:
            frames of n, at best not more than WORK_FRAMES  ->  [n, channels, bins] of the frames
        """
        count, channels, width = frames.log_magnitude.shape
        if not count:
            return np.zeros((0, channels, width), np.float32)
        steps = _draw_blur(self._noise, count)[:, :channels, :width].astype(np.float32)
        steps *= (frames.spread * np.float32(NOISE_REACH * UNITS_PER_RADIAN / 2**15))[:, None]
        steps += (frames.advance * np.float32(UNITS_PER_RADIAN))[:, None]
        if frames.silent is not None:
            np.copyto(steps, 0.0, where=frames.silent)
        walked = steps.astype(np.int32)
        begins = frames.onset > 0.0
        begins[0] |= self._frame == 0
        walked[begins] = 0
        self._walk(walked, np.flatnonzero(begins))
        # A centre frequency turns by whole quarters a frame. The two quarters more put a frame of
        # equal phases at the middle of its window, not at the edge.
        for first in range(min(PARTS, count)):
            place = (self._frame + first + LATE) % PARTS
            walked[first::PARTS] += QUARTER_TURNS[place, :width]
        self._frame += count
        phase = walked.astype(np.float32)
        phase *= np.float32(1.0 / UNITS_PER_RADIAN)
        phase += frames.offset
        return phase

    def _walk(self, steps: npt.NDArray[np.int32], starts: npt.NDArray[np.intp]) -> None:
        """Sum the steps in place over frames, anew from each start, and carry the last sum on."""
        count, channels, width = steps.shape
        edges = [0, *(int(start) for start in starts if start > 0), count]
        if not (starts.size and starts[0] == 0):
            steps[0] += self._walked[:channels, :width]
        for start, stop in pairwise(edges):
            # Row by row: numpy's own sum along this axis would go through memory bin by bin.
            for row in range(start + 1, stop):
                steps[row] += steps[row - 1]
        if starts.size:
            self._walked[...] = 0
        self._walked[:channels, :width] = steps[-1]
