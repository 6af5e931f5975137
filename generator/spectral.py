"""From the decoder's spectral frames to stereo samples, in numpy: phase, inverse STFT, overlap-add.

Knows nothing of networks, prompts or files. It stands after the decoder, which names for each frame
and bin a log magnitude, a phase advance with its spread, and a phase offset, for the mid and the
side signal, and for each frame whether an attack begins there. The stream is the primitive; a whole
sound is its concatenation, bit for bit, for any partition into chunks. It has two halves with a
state each, `PhaseWalk` and `OverlapAdd`, so that two threads may work on neighbouring chunks.

The phase of bin k in frame j is a running sum: ``2 pi hop k j / n_fft`` (the bin's own centre) plus
the sum over frames of the predicted advance, blurred by noise as wide as the predicted spread, plus
the predicted offset. A steady tone is thereby coherent by construction and a hiss stays a hiss. At
an onset the sum starts anew, so that the offsets alone say where in the frame the attack lies and
all bins agree on it.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

FloatArray = npt.NDArray[np.float32]

N_FFT = 2048
HOP_FRAMES = 512
BINS = N_FFT // 2 + 1
FRAMES_PER_LATENT = 8
PARTS = N_FFT // HOP_FRAMES
LATE = N_FFT // 2 // HOP_FRAMES
TWO_PI = float(2.0 * np.pi)
NOISE_REACH = float(np.sqrt(3.0))
# What is worked on at once: more would not stay in a core's own cache.
WORK_FRAMES = 64
HIGHEST_LOG_MAGNITUDE = 7.0
# The width of the head's output: two magnitudes, advance, spread, two offsets, and the onset.
HEAD_WIDTH = 6 * BINS + 1
UNITS_PER_TURN = 2**28
UNITS_PER_RADIAN = UNITS_PER_TURN / TWO_PI
# The noise of phases: one draw a frame tells where in the reel its stretch begins.
DRAW_BYTES = 4
REEL_LENGTH = 2**19
LEAST_WEIGHT = np.float32(1e-3)
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

    @classmethod
    def named(cls, head: FloatArray) -> "SpectralFrames":
        """Name what the decoder's last layer gave: the twin of `autoencoder.Decoder.name_bins`.

        Shapes:
            head: [n, HEAD_WIDTH], used up  ->  frames of n, which share its memory
        """
        count = len(head)
        log_magnitude, advance, spread, offset = np.split(
            head[:, :-1], (2 * BINS, 3 * BINS, 4 * BINS), axis=1
        )
        np.minimum(log_magnitude, np.float32(HIGHEST_LOG_MAGNITUDE), out=log_magnitude)
        np.tanh(advance, out=advance)
        advance *= np.float32(np.pi)
        # 2 / (1 + exp(-x)), without overflow.
        spread *= np.float32(0.5)
        np.tanh(spread, out=spread)
        spread += np.float32(1.0)
        offset *= np.float32(np.pi)
        pair = (count, 2, BINS)
        return cls(
            log_magnitude.reshape(pair, copy=False),
            advance,
            spread,
            offset.reshape(pair, copy=False),
            head[:, -1],
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
    reel = sliding_window_view(_blur_reel(), 2 * BINS)
    return reel[drawn % len(reel)].reshape(frames, 2, BINS)


@cache
def _blur_reel() -> npt.NDArray[np.int16]:
    """Return noise for all takes, of which each frame has a stretch from anywhere.

    Fresh noise for each bin would take as long as a fifth of all that is done with its phases.
    """
    reel = np.frombuffer(np.random.Generator(np.random.Philox(0)).bytes(2 * REEL_LENGTH), np.int16)
    reel.flags.writeable = False
    return reel


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

        Shapes:
            frames of n  ->  [n, 2, bins]
        """
        pieces = [
            self._push_piece(frames.part(start, start + WORK_FRAMES))
            for start in range(0, len(frames), WORK_FRAMES)
        ]
        return np.concatenate(pieces) if pieces else np.zeros((0, 2, BINS), np.float32)

    def _push_piece(self, frames: SpectralFrames) -> FloatArray:
        count = len(frames)
        steps = _draw_blur(self._noise, count).astype(np.float32)
        steps *= (frames.spread * np.float32(NOISE_REACH * UNITS_PER_RADIAN / 2**15))[:, None]
        steps += (frames.advance * np.float32(UNITS_PER_RADIAN))[:, None]
        walked = steps.astype(np.int32)
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
            # Row by row: numpy's own sum along this axis would go through memory bin by bin.
            for row in range(start + 1, stop):
                steps[row] += steps[row - 1]
        self._walked = steps[-1].copy()


class OverlapAdd:
    """The inverse of a centred STFT, frame after frame."""

    def __init__(self) -> None:
        """Stand before the first frame."""
        self._frame = 0
        self._window = hann()
        squared = (self._window * self._window).reshape(PARTS, HOP_FRAMES)
        # What the windows over a hop sum to: at the start of a sound, at its end, and between.
        grown = np.cumsum(squared, axis=0)
        self._rising = np.reciprocal(np.maximum(grown, LEAST_WEIGHT))
        shrunk = np.cumsum(squared[::-1], axis=0)[::-1]
        self._falling = np.reciprocal(np.maximum(shrunk, LEAST_WEIGHT))
        self._tail = np.zeros((PARTS, 2, HOP_FRAMES), dtype=np.float32)

    def push(self, log_magnitude: FloatArray, phase: FloatArray) -> FloatArray:
        """Return the samples that are complete once these frames are in.

        Shapes:
            log_magnitude, phase: [n, 2, bins] of mid and side  ->  [m, 2] left and right, full
            scale 1.0; the first frames of a sound give fewer than n * HOP_FRAMES, by half a window
            in all, which `flush` gives back.
        """
        pieces = [
            self._push_piece(log_magnitude[start:stop], phase[start:stop])
            for start, stop in pairwise([*range(0, len(phase), WORK_FRAMES), len(phase)])
        ]
        return np.concatenate(pieces) if pieces else np.zeros((0, 2), dtype=np.float32)

    def flush(self) -> FloatArray:
        """Return the last half window, so that n frames have given n * HOP_FRAMES samples."""
        late = min(LATE, self._frame)
        return _to_stereo(self._tail[:late] * self._falling[1 : late + 1, None])

    def _push_piece(self, log_magnitude: FloatArray, phase: FloatArray) -> FloatArray:
        magnitude = np.exp(log_magnitude)
        spectrum = np.empty(phase.shape, dtype=np.complex64)
        np.multiply(magnitude, np.cos(phase), out=spectrum.real)
        np.multiply(magnitude, np.sin(phase), out=spectrum.imag)
        blocks = np.fft.irfft(spectrum, n=N_FFT, axis=-1).astype(np.float32, copy=False)
        blocks *= self._window
        return self._overlap(blocks.reshape(-1, 2, PARTS, HOP_FRAMES))

    def _overlap(self, blocks: FloatArray) -> FloatArray:
        """Add windows, [n, 2, PARTS, HOP_FRAMES], to the tail; return what is complete."""
        count = len(blocks)
        total = np.zeros((count + PARTS, 2, HOP_FRAMES), dtype=np.float32)
        total[:PARTS] = self._tail
        # In the order of time, so that each sample is one sum whatever the partition into chunks.
        for part in reversed(range(PARTS)):
            total[part : part + count] += blocks[:, :, part]
        self._tail = total[count:].copy()
        complete = total[:count]
        hops = np.minimum(np.arange(self._frame, self._frame + count), PARTS - 1)
        complete *= self._rising[hops][:, None]
        # The parts before frame 0 of the sound are the half window that lies before its start.
        skip = max(0, LATE - self._frame)
        self._frame += count
        return _to_stereo(complete[skip:])


def _to_stereo(hops: FloatArray) -> FloatArray:
    """Return left and right of mid and side: [n, 2, HOP_FRAMES] -> [n * HOP_FRAMES, 2]."""
    stereo = np.empty((len(hops), HOP_FRAMES, 2), np.float32)
    np.add(hops[:, 0], hops[:, 1], out=stereo[..., 0])
    np.subtract(hops[:, 0], hops[:, 1], out=stereo[..., 1])
    return stereo.reshape(-1, 2)


class SpectralStream:
    """Turns spectral frames into samples, carrying phase and overlap from chunk to chunk."""

    def __init__(self, seed: int) -> None:
        """Start a sound.

        Args:
            seed: Seeds the noise that blurs the phase.
        """
        self.walk = PhaseWalk(seed)
        self.overlap = OverlapAdd()

    def push(self, frames: SpectralFrames) -> FloatArray:
        """Return the samples that are complete once these frames are in.

        Shapes:
            frames of n  ->  [m, 2], see `OverlapAdd.push`
        """
        return self.overlap.push(frames.log_magnitude, self.walk.push(frames))

    def flush(self) -> FloatArray:
        """Return the last half window, so that n frames have given n * HOP_FRAMES samples."""
        return self.overlap.flush()


def synthesise(frames: SpectralFrames, seed: int) -> FloatArray:
    """Return the whole sound of ``n * HOP_FRAMES`` frames.

    Shapes:
        frames of n  ->  [n * HOP_FRAMES, 2], left and right, full scale 1.0.
    """
    stream = SpectralStream(seed)
    pieces = [
        stream.push(frames.part(start, start + WORK_FRAMES))
        for start in range(0, len(frames), WORK_FRAMES)
    ]
    return np.concatenate((*pieces, stream.flush()))
