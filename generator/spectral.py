"""What the decoder says of a stretch of sound, frame by frame and bin by bin.

Knows nothing of networks, prompts or files. The decoder names for each frame and bin a log
magnitude, a phase advance with its spread, and a phase offset, for the mid and the side signal, and
for each frame whether an attack begins there.
Flow: the decoder's head → here → generator/phase_walk.py → overlap_add.py; synthesis.py is both.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

N_FFT = 2048
HOP_FRAMES = 512
BINS = N_FFT // 2 + 1
FRAMES_PER_LATENT = 8
PARTS = N_FFT // HOP_FRAMES
LATE = N_FFT // 2 // HOP_FRAMES
TWO_PI = float(2.0 * np.pi)
HIGHEST_LOG_MAGNITUDE = 7.0
# 100 dB below a sine at full scale.
AUDIBLE_LOG_MAGNITUDE = float(np.log(N_FFT / 4 * 1e-5))
# As many bins as are looked for at once.
AUDIBLE_STEP = 8
# The width of the head's output: two magnitudes, advance, spread, two offsets, and the onset.
HEAD_WIDTH = 6 * BINS + 1
# What is worked on at once: more would not stay in a core's own cache.
WORK_FRAMES = 64


@dataclass(frozen=True, slots=True)
class SpectralFrames:
    """What the decoder says of a stretch of sound.

    Of mid and side or of mid alone, of all bins or of the lowest.

    Shapes:
        log_magnitude: [n, channels, bins] natural log of the magnitude.
        advance: [n, bins] radians a frame beyond the bin's centre frequency.
        spread: [n, bins] standard deviation of the advance in radians.
        offset: [n, channels, bins] radians.
        onset: [n] logit of "an attack begins in this frame".
        silent: [n, channels, bins] whether a bin has no magnitude; None where all have one.
    """

    log_magnitude: FloatArray
    advance: FloatArray
    spread: FloatArray
    offset: FloatArray
    onset: FloatArray
    silent: BoolArray | None = None

    def __len__(self) -> int:
        """Return the number of frames."""
        return int(self.advance.shape[0])

    @classmethod
    def named(cls, head: FloatArray, channels: int = 2, width: int = BINS) -> "SpectralFrames":
        """Name what the decoder's last layer gave: the twin of `autoencoder.Decoder.name_bins`.

        Shapes:
            head: [n, HEAD_WIDTH or more]  ->  frames of n, of so many channels and lowest bins
        """
        kinds = _kinds(head)[:, :, :width]
        # The first step of each leaves the head's rows, which begin anywhere in memory; what
        # follows works on whole lines of it.
        log_magnitude = np.minimum(kinds[:, :channels], np.float32(HIGHEST_LOG_MAGNITUDE))
        advance = np.tanh(kinds[:, 2])
        advance *= np.float32(np.pi)
        # 2 / (1 + exp(-x)), without overflow.
        spread = kinds[:, 3] * np.float32(0.5)
        np.tanh(spread, out=spread)
        spread += np.float32(1.0)
        offset = kinds[:, 4 : 4 + channels] * np.float32(np.pi)
        return cls(log_magnitude, advance, spread, offset, head[:, HEAD_WIDTH - 1])

    @classmethod
    def audible(cls, head: FloatArray) -> "SpectralFrames":
        """Name what can be heard: of each frame and channel nothing above its highest audible bin.

        What is above has no magnitude, and what no frame has need not be worked on: the highest
        bins of a bass, the side of a sound in mono. A frame decides for itself, whatever the
        partition into chunks.

        Shapes:
            head: [n, HEAD_WIDTH or more]  ->  frames of n, of the channels and bins that are heard
        """
        loud = _kinds(head)[:, :2] >= np.float32(AUDIBLE_LOG_MAGNITUDE)
        groups = np.packbits(loud, axis=2) != 0
        highest = groups.shape[2] - groups[..., ::-1].argmax(axis=2)
        heard = np.minimum(highest * AUDIBLE_STEP, BINS) * groups.any(axis=2)
        channels = 2 if heard[:, 1].any() else 1
        frames = cls.named(head, channels, max(1, int(heard.max(initial=0))))
        # Short numbers are compared several at once.
        places = np.arange(frames.advance.shape[1], dtype=np.int16)
        silent = places >= heard[:, :channels, None].astype(np.int16)
        np.copyto(frames.log_magnitude, -np.inf, where=silent)
        return replace(frames, silent=silent)

    def part(self, start: int, stop: int) -> "SpectralFrames":
        """Return the frames of ``[start, stop)`` as views."""
        piece = slice(start, stop)
        return SpectralFrames(
            self.log_magnitude[piece],
            self.advance[piece],
            self.spread[piece],
            self.offset[piece],
            self.onset[piece],
            None if self.silent is None else self.silent[piece],
        )


def _kinds(head: FloatArray) -> FloatArray:
    """Return what is said of each bin as a view, [n, 6, bins]."""
    return head[:, : HEAD_WIDTH - 1].reshape(len(head), 6, BINS, copy=False)


def hann(n_fft: int = N_FFT) -> FloatArray:
    """Return the periodic Hann window of analysis and synthesis, [n_fft]."""
    n = np.arange(n_fft, dtype=np.float64)
    return (0.5 - 0.5 * np.cos(TWO_PI * n / n_fft)).astype(np.float32)
