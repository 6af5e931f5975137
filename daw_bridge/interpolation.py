"""Takes at another speed: windowed-sinc interpolation between frames, band-limited for high notes.

Pure numpy, in memory that was reserved before. A position is computed from the absolute frame, so
the bits are the same however time is cut into blocks. Knows nothing of notes or slots.

References:
    Smith, "Digital Audio Resampling" (ccrma.stanford.edu/~jos/resample): the windowed-sinc table.
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from generator.api import CHANNELS, FloatArray

TAPS = 16
_PHASES = 2048
_KAISER_BETA = 7.0
# The pass band ends here, as a share of half the sample rate, so that the filter has room to fall.
_PASS_BAND = 0.92
# Playing faster folds what lies above half the rate: a filter for each quarter of an octave.
_STEPS = 4
_PIECE_FRAMES = 4096
_CUTOFFS = tuple(2.0 ** (-step / _STEPS) for step in range(2 * _STEPS + 1))

_Indices = npt.NDArray[np.intp]


class Interpolator:
    """Reads a take between its frames."""

    def __init__(self, max_frames: int) -> None:
        """Compute the filters and reserve everything that reading needs.

        Args:
            max_frames: The longest stretch.
        """
        self._filters = tuple(map(_filter_table, _CUTOFFS))
        self._count = np.arange(max_frames, dtype=np.float64)
        self._position = np.zeros(max_frames)
        self._floor = np.zeros(max_frames)
        self._first: _Indices = np.zeros(max_frames, np.intp)
        self._phase: _Indices = np.zeros(max_frames, np.intp)
        self._taps: _Indices = np.arange(1 - TAPS // 2, TAPS // 2 + 1, dtype=np.intp)
        self._index: _Indices = np.zeros((max_frames, TAPS), np.intp)
        self._weights: FloatArray = np.zeros((max_frames, TAPS), np.float32)
        self._window = np.zeros((max_frames, TAPS), np.complex64)

    def read_into(  # noqa: PLR0913 - each of them is a fact about the reading
        self,
        out: FloatArray,
        pairs: npt.NDArray[np.complex64],
        *,
        frame: int,
        offset_frames: int,
        speed: float,
        loop: bool,
    ) -> None:
        """Write a stretch of a take as it sounds at a speed.

        Shapes:
            out: [frames, channels]
            pairs: [take_frames], left and right as one complex number

        Args:
            out: Where to.
            pairs: The take.
            frame: How many frames of time have passed since it began to sound,
            offset_frames: from this frame of the take on.
            speed: Frames of the take in each frame of time.
            loop: Whether the take goes round; otherwise its last frame stands.
        """
        frames = len(out)
        position, floor = self._position[:frames], self._floor[:frames]
        first, phase = self._first[:frames], self._phase[:frames]
        np.add(self._count[:frames], float(frame), out=position)
        np.multiply(position, speed, out=position)
        np.add(position, float(offset_frames), out=position)
        if loop:
            np.fmod(position, float(len(pairs)), out=position)
        np.floor(position, out=floor)
        np.copyto(first, floor, casting="unsafe")
        np.subtract(position, floor, out=position)
        np.multiply(position, float(_PHASES), out=position)
        np.rint(position, out=position)
        np.copyto(phase, position, casting="unsafe")
        index, weights, window = self._index[:frames], self._weights[:frames], self._window[:frames]
        np.add(first[:, None], self._taps, out=index)
        np.take(pairs, index, out=window, mode="wrap" if loop else "clip")
        np.take(self._filter(speed), phase, axis=0, out=weights, mode="clip")
        stereo = window.view(np.float32).reshape(frames, TAPS, CHANNELS)
        np.matmul(weights[:, None, :], stereo, out=out[:, None, :])

    def _filter(self, speed: float) -> FloatArray:
        octaves = max(0.0, math.log2(speed))
        return self._filters[min(math.ceil(_STEPS * octaves - 1e-9), len(self._filters) - 1)]


def at_speed(audio: FloatArray, speed: float) -> FloatArray:
    """Return a sound as it is at another speed, such as 48,000 Hz played at 44,100.

    Shapes:
        audio: [frames, 2]  ->  [frames / speed, 2]

    Args:
        audio: The sound.
        speed: Frames of it in each frame of time.

    Returns:
        A new array.
    """
    made = np.empty((math.floor(len(audio) / speed), CHANNELS), np.float32)
    pairs = np.ascontiguousarray(audio, np.float32).view(np.complex64)[:, 0]
    interpolator = Interpolator(_PIECE_FRAMES)
    for start in range(0, len(made), _PIECE_FRAMES):
        piece = made[start : start + _PIECE_FRAMES]
        interpolator.read_into(piece, pairs, frame=start, offset_frames=0, speed=speed, loop=False)
    return made


@cache
def _filter_table(cutoff: float) -> FloatArray:
    """The weights of the taps for each phase, those of a phase with the sum of 1.

    Shapes:
        returns: [_PHASES + 1, TAPS]
    """
    phase = np.arange(_PHASES + 1)[:, None] / _PHASES
    distance = np.arange(1 - TAPS // 2, TAPS // 2 + 1) - phase
    inside = np.sqrt(np.maximum(0.0, 1.0 - (distance / (TAPS // 2)) ** 2))
    weights = np.sinc(distance * cutoff * _PASS_BAND) * np.i0(_KAISER_BETA * inside)
    table: FloatArray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return table
