"""From the decoder's spectral frames to stereo samples, in numpy: phase, inverse STFT, overlap-add.

Knows nothing of networks, prompts or files. It stands after the decoder, which names for each frame
and bin a log magnitude, a phase advance with its spread, and a phase offset, for the mid and the
side signal, and for each frame whether an attack begins there. The stream is the primitive; a whole
sound is its concatenation, bit for bit, for any partition into chunks.

The phase of bin k in frame j is a running sum: ``2 pi hop k j / n_fft`` (the bin's own centre) plus
the sum over frames of the predicted advance, blurred by noise as wide as the predicted spread, plus
the predicted offset. A steady tone is thereby coherent by construction and a hiss stays a hiss. At
an onset the sum starts anew, so that the offsets alone say where in the frame the attack lies and
all bins agree on it.
"""

from dataclasses import dataclass
from itertools import pairwise

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
NOISE_REACH = float(np.sqrt(3.0))
WORK_FRAMES = 64
UNITS_PER_TURN = 2**28
UNITS_PER_RADIAN = UNITS_PER_TURN / TWO_PI
QUARTER_TURNS = (
    np.outer(np.arange(PARTS), np.arange(BINS)) % PARTS * (UNITS_PER_TURN // PARTS)
).astype(np.int32)
QUARTER_TURNS.flags.writeable = False


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


def hann() -> FloatArray:
    """Return the periodic Hann window of analysis and synthesis, [N_FFT]."""
    n = np.arange(N_FFT, dtype=np.float64)
    return (0.5 - 0.5 * np.cos(TWO_PI * n / N_FFT)).astype(np.float32)


class SpectralStream:
    """Turns spectral frames into samples, carrying phase and overlap from chunk to chunk."""

    def __init__(self, seed: int) -> None:
        """Start a sound.

        Args:
            seed: Seeds the noise that blurs the phase; frame j has the same noise whatever the
                length.
        """
        self._noise = np.random.Generator(np.random.Philox(seed))
        self._walked = np.zeros((2, BINS), dtype=np.int32)
        self._frame = 0
        self._window = hann()
        self._squared = (self._window * self._window).reshape(PARTS, HOP_FRAMES)
        self._tail = np.zeros((PARTS, HOP_FRAMES, 2), dtype=np.float32)
        self._weight = np.zeros((PARTS, HOP_FRAMES), dtype=np.float32)

    def push(self, frames: SpectralFrames) -> FloatArray:
        """Return the samples that are complete once these frames are in.

        Shapes:
            frames of n  ->  [m, 2] left and right, full scale 1.0; the first frames of a sound give
            fewer than n * HOP_FRAMES, by half a window in all, which `flush` gives back.
        """
        pieces = [
            self._push_piece(frames.part(start, start + WORK_FRAMES))
            for start in range(0, len(frames), WORK_FRAMES)
        ]
        return np.concatenate(pieces) if pieces else np.zeros((0, 2), dtype=np.float32)

    def flush(self) -> FloatArray:
        """Return the last half window, so that n frames have given n * HOP_FRAMES samples."""
        late = min(LATE, self._frame)
        return self._normalised(self._tail[:late], self._weight[:late])

    def _push_piece(self, frames: SpectralFrames) -> FloatArray:
        count = len(frames)
        phase = self._phase(frames)
        magnitude = np.exp(frames.log_magnitude)
        spectrum = np.empty(phase.shape, dtype=np.complex64)
        np.multiply(magnitude, np.cos(phase), out=spectrum.real)
        np.multiply(magnitude, np.sin(phase), out=spectrum.imag)
        blocks = np.fft.irfft(spectrum, n=N_FFT, axis=-1).astype(np.float32, copy=False)
        blocks *= self._window
        mid, side = blocks[:, 0], blocks[:, 1]
        stereo = np.stack((mid + side, mid - side), axis=-1).reshape(count, PARTS, HOP_FRAMES, 2)
        return self._overlap(stereo)

    def _phase(self, frames: SpectralFrames) -> FloatArray:
        """Return the phase of every bin in radians, [n, 2, bins], and carry its sum on.

        The sum is kept in parts of a turn, modulo whole turns by the wrap of 32 bits: exact for
        ever, and the same whatever the partition into chunks.
        """
        count = len(frames)
        noise = self._noise.random((count, 2, BINS), dtype=np.float32)
        noise *= np.float32(2.0 * NOISE_REACH * UNITS_PER_RADIAN)
        noise -= np.float32(NOISE_REACH * UNITS_PER_RADIAN)
        noise *= frames.spread[:, None]
        noise += frames.advance[:, None] * np.float32(UNITS_PER_RADIAN)
        walked = noise.astype(np.int32)
        begins = frames.onset > 0.0
        begins[0] |= self._frame == 0
        walked[begins] = 0
        self._walk(walked, np.flatnonzero(begins))
        # A centre frequency turns by whole quarters a frame. The two quarters more put a frame of
        # equal phases at the middle of its window, not at the edge.
        place = np.arange(self._frame, self._frame + count) + LATE
        walked += QUARTER_TURNS[place % PARTS][:, None]
        self._frame += count
        phase = walked.astype(np.float32)
        phase *= np.float32(1.0 / UNITS_PER_RADIAN)
        phase += frames.offset
        return phase

    def _walk(self, steps: npt.NDArray[np.int32], starts: npt.NDArray[np.intp]) -> None:
        """Sum the steps in place over frames, anew from each start, and carry the last sum on."""
        edges = [0, *(int(start) for start in starts if start > 0), steps.shape[0]]
        if not (starts.size and starts[0] == 0):
            steps[0] += self._walked
        for start, stop in pairwise(edges):
            np.cumsum(steps[start:stop], axis=0, dtype=np.int32, out=steps[start:stop])
        self._walked = steps[-1].copy()

    def _overlap(self, stereo: FloatArray) -> FloatArray:
        """Add windows, [n, PARTS, HOP_FRAMES, 2], to the tail; return what is complete."""
        count = stereo.shape[0]
        total = np.zeros((count + PARTS, HOP_FRAMES, 2), dtype=np.float32)
        weight = np.zeros((count + PARTS, HOP_FRAMES), dtype=np.float32)
        total[:PARTS], weight[:PARTS] = self._tail, self._weight
        # In the order of time, so that each sample is one sum whatever the partition into chunks.
        for part in reversed(range(PARTS)):
            total[part : part + count] += stereo[:, part]
            weight[part : part + count] += self._squared[part]
        self._tail, self._weight = total[count:].copy(), weight[count:].copy()
        before = self._frame - count
        # The parts before frame 0 of the sound are the half window that lies before its start.
        skip = max(0, LATE - before)
        return self._normalised(total[skip:count], weight[skip:count])

    def _normalised(self, total: FloatArray, weight: FloatArray) -> FloatArray:
        audio = total / np.maximum(weight, 1e-3)[..., None]
        return np.ascontiguousarray(audio.reshape(-1, 2))


def synthesise(frames: SpectralFrames, seed: int) -> FloatArray:
    """Return the whole sound of ``n * HOP_FRAMES`` frames.

    Shapes:
        frames of n  ->  [n * HOP_FRAMES, 2], left and right, full scale 1.0.
    """
    stream = SpectralStream(seed)
    return np.concatenate((stream.push(frames), stream.flush()))
