"""The inverse of a centred STFT, frame after frame: spectra of mid and side to stereo samples.

Any partition of the frames into chunks gives the same samples, bit for bit.
"""

import numpy as np
import numpy.typing as npt

from generator.spectral import HOP_FRAMES, LATE, N_FFT, PARTS, FloatArray, hann

ComplexArray = npt.NDArray[np.complex64]
LEAST_WEIGHT = np.float32(1e-3)


class OverlapAdd:
    """The inverse of a centred STFT, frame after frame."""

    def __init__(self) -> None:
        """Stand before the first frame."""
        self._frame = 0
        squared = np.square(hann(), dtype=np.float64).reshape(PARTS, HOP_FRAMES)
        # What the windows over a hop sum to between the ends of a sound is the same everywhere, so
        # it goes into the window; at both ends there are fewer of them.
        whole = squared.sum(axis=0)
        self._window = (hann() / np.tile(whole, PARTS)).astype(np.float32)
        grown, shrunk = np.cumsum(squared, axis=0), np.cumsum(squared[::-1], axis=0)[::-1]
        self._rising = (whole / np.maximum(grown, LEAST_WEIGHT)).astype(np.float32)
        self._falling = (whole / np.maximum(shrunk, LEAST_WEIGHT)).astype(np.float32)
        self._tail = np.zeros((PARTS, 2, HOP_FRAMES), dtype=np.float32)

    def push(self, spectrum: ComplexArray) -> FloatArray:
        """Return the samples that are complete once these frames are in.

        Shapes:
            spectrum: [n, channels, bins] of mid and side or mid alone, of the lowest bins, n at
            best not more than WORK_FRAMES  ->  [m, 2] left and right, full scale 1.0; the first
            frames of a sound give fewer than n * HOP_FRAMES, by half a window in all, which
            `flush` gives back.
        """
        blocks = np.fft.irfft(spectrum, n=N_FFT, axis=-1).astype(np.float32, copy=False)
        blocks *= self._window
        return self._overlap(blocks.reshape(*blocks.shape[:2], PARTS, HOP_FRAMES))

    def flush(self) -> FloatArray:
        """Return the last half window, so that n frames have given n * HOP_FRAMES samples."""
        late = min(LATE, self._frame)
        return _to_stereo(self._tail[:late] * self._falling[1 : late + 1, None])

    def _overlap(self, blocks: FloatArray) -> FloatArray:
        """Add windows, [n, channels, PARTS, HOP_FRAMES], to the tail; return what is complete."""
        count = len(blocks)
        total = np.zeros((count + PARTS, 2, HOP_FRAMES), dtype=np.float32)
        total[:PARTS] = self._tail
        # In the order of time, so that each sample is one sum whatever the partition into chunks.
        for part in reversed(range(PARTS)):
            total[part : part + count, : blocks.shape[1]] += blocks[:, :, part]
        self._tail = total[count:].copy()
        complete = total[:count]
        # The parts before frame 0 of the sound are the half window that lies before its start.
        skip = max(0, LATE - self._frame)
        for row in range(min(count, max(0, PARTS - 1 - self._frame))):
            complete[row] *= self._rising[self._frame + row]
        self._frame += count
        return _to_stereo(complete[skip:])


def _to_stereo(hops: FloatArray) -> FloatArray:
    """Return left and right of mid and side: [n, 2, HOP_FRAMES] -> [n * HOP_FRAMES, 2]."""
    stereo = np.empty((len(hops), HOP_FRAMES, 2), np.float32)
    np.add(hops[:, 0], hops[:, 1], out=stereo[..., 0])
    np.subtract(hops[:, 0], hops[:, 1], out=stereo[..., 1])
    return stereo.reshape(-1, 2)
