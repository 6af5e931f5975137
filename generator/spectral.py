"""What the decoder says of a stretch of sound, frame by frame and bin by bin.

Knows nothing of networks, prompts or files. The decoder names for each frame and bin a log
magnitude, a phase advance with its spread, and a phase offset, for the mid and the side signal, and
for each frame whether an attack begins there.
Flow: the decoder's head → here → generator/phase_walk.py → overlap_add.py; synthesis.py is both.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

N_FFT = 2048
HOP_FRAMES = 512
BINS = N_FFT // 2 + 1
FRAMES_PER_LATENT = 8
PARTS = N_FFT // HOP_FRAMES
LATE = N_FFT // 2 // HOP_FRAMES
TWO_PI = float(2.0 * np.pi)
HIGHEST_LOG_MAGNITUDE = 7.0
# The width of the head's output: two magnitudes, advance, spread, two offsets, and the onset.
HEAD_WIDTH = 6 * BINS + 1
# What is worked on at once: more would not stay in a core's own cache.
WORK_FRAMES = 64


@dataclass(frozen=True, slots=True)
class SpectralFrames:
    """What the decoder says of a stretch of sound.

    Shapes:
        log_magnitude: [n, 2, bins] natural log of mid and side magnitude.
        advance: [n, bins] radians a frame beyond the bin's centre frequency.
        spread: [n, bins] standard deviation of the advance in radians.
        offset: [n, 2, bins] radians.
        onset: [n] logit of "an attack begins in this frame".
    """

    log_magnitude: FloatArray
    advance: FloatArray
    spread: FloatArray
    offset: FloatArray
    onset: FloatArray

    def __len__(self) -> int:
        """Return the number of frames."""
        return int(self.advance.shape[0])

    @classmethod
    def named(cls, head: FloatArray) -> "SpectralFrames":
        """Name what the decoder's last layer gave: the twin of `autoencoder.Decoder.name_bins`.

        Shapes:
            head: [n, HEAD_WIDTH or more]  ->  frames of n
        """
        parts = np.split(head[:, :HEAD_WIDTH], (2 * BINS, 3 * BINS, 4 * BINS, 6 * BINS), axis=1)
        pair = (len(head), 2, BINS)
        # The first step of each leaves the head's rows, which begin anywhere in memory; what
        # follows works on whole lines of it.
        log_magnitude = np.minimum(parts[0], np.float32(HIGHEST_LOG_MAGNITUDE))
        advance = np.tanh(parts[1])
        advance *= np.float32(np.pi)
        # 2 / (1 + exp(-x)), without overflow.
        spread = parts[2] * np.float32(0.5)
        np.tanh(spread, out=spread)
        spread += np.float32(1.0)
        offset = parts[3] * np.float32(np.pi)
        return cls(
            log_magnitude.reshape(pair), advance, spread, offset.reshape(pair), parts[4][:, 0]
        )

    def part(self, start: int, stop: int) -> "SpectralFrames":
        """Return the frames of ``[start, stop)`` as views."""
        piece = slice(start, stop)
        return SpectralFrames(
            self.log_magnitude[piece],
            self.advance[piece],
            self.spread[piece],
            self.offset[piece],
            self.onset[piece],
        )


def hann(n_fft: int = N_FFT) -> FloatArray:
    """Return the periodic Hann window of analysis and synthesis, [n_fft]."""
    n = np.arange(n_fft, dtype=np.float64)
    return (0.5 - 0.5 * np.cos(TWO_PI * n / n_fft)).astype(np.float32)
