"""How loud each stereo pair is, block by block: what the audio callbacks publish. Pure numbers."""

from itertools import chain

import numpy as np

from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

_PEAK_HALF_LIFE_S = 0.05
_RMS_TIME_S = 0.1


class Meters:
    """Peaks that fall off, and mean squares over a short while, of each channel of every pair."""

    def __init__(self) -> None:
        self._peaks: list[float] = []
        self._mean_squares: list[float] = []

    @property
    def levels(self) -> tuple[float, ...]:
        """Of each pair: left and right peak, left and right root of the mean square."""
        peaks, roots = self._peaks, [one**0.5 for one in self._mean_squares]
        firsts = range(0, len(peaks), CHANNELS)
        return tuple(
            chain.from_iterable(
                (*peaks[at : at + CHANNELS], *roots[at : at + CHANNELS]) for at in firsts
            )
        )

    def measure(self, block: FloatArray) -> None:
        """Take a block into account.

        Shapes:
            block: [frames, channels of all pairs]
        """
        if block.shape[1] != len(self._peaks):
            self._peaks = [0.0] * block.shape[1]
            self._mean_squares = [0.0] * block.shape[1]
        seconds = len(block) / SAMPLE_RATE_HZ
        fall = 0.5 ** (seconds / _PEAK_HALF_LIFE_S)
        share = min(1.0, seconds / _RMS_TIME_S)
        for channel in range(block.shape[1]):
            wave = block[:, channel]
            peak = max(float(wave.max()), -float(wave.min()))
            self._peaks[channel] = max(peak, self._peaks[channel] * fall)
            mean_square = float(np.vdot(wave, wave)) / len(block)
            self._mean_squares[channel] += share * (mean_square - self._mean_squares[channel])
