"""How loud a stereo pair is, block by block: what the audio callbacks publish. Pure numbers."""

import numpy as np

from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

_PEAK_HALF_LIFE_S = 0.05
_RMS_TIME_S = 0.1


class Meter:
    """Peaks that fall off, and mean squares over a short while, per channel; full scale is 1."""

    def __init__(self) -> None:
        self.peaks = [0.0] * CHANNELS
        self.mean_squares = [0.0] * CHANNELS

    def measure(self, block: FloatArray) -> None:
        """Take a block into account.

        Shapes:
            block: [frames, 2 or more], of which the first two count
        """
        seconds = len(block) / SAMPLE_RATE_HZ
        fall = 0.5 ** (seconds / _PEAK_HALF_LIFE_S)
        share = min(1.0, seconds / _RMS_TIME_S)
        for channel in range(CHANNELS):
            wave = block[:, channel]
            peak = max(float(wave.max()), -float(wave.min()))
            self.peaks[channel] = max(peak, self.peaks[channel] * fall)
            mean_square = float(np.vdot(wave, wave)) / len(block)
            self.mean_squares[channel] += share * (mean_square - self.mean_squares[channel])
