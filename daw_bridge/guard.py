"""The last thing before the device: nothing that is no number, nothing over the ceiling.

`repair_take` looks at a whole take, outside of the callback, before it may be played: numbers that
are none become zero, and an offset is taken out. It was chosen over a filter in the callback for
three reasons: a filter would change every frame of every sound, so that nothing could be checked
bit by bit; an offset would still click at each start and stop; and a loop keeps its seam exactly.
`Guard` works in the callback, in place, and leaves what needs no help as it is, bit by bit.

Knows nothing of voices, slots or devices. Flow: installer → `repair_take`; mix → `Guard.apply`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

# A tenth of a decibel below full scale: what a meter still shows as clean. Exact in float32.
CEILING = 2025 / 2048
CEILING_DBFS = -0.1

# A mean up to -60 dBFS is left in peace. Noise and bass of a second's length may have more without
# any fault; taking that out is inaudible, and only from -40 dBFS on is it worth a word.
_TOLERATED_MEAN = 0.001
_REMARKABLE_MEAN = 0.01
_EDGE_FRAMES = SAMPLE_RATE_HZ // 200

# The gain comes back by this much a frame: from half to full in 0.37 s. A power of two, like the
# grid on which gains lie, so that sums and differences of them are exact.
_RELEASE_PER_FRAME = 2.0**-15
_GAIN_GRID = 2.0**24


@dataclass(frozen=True, slots=True)
class RepairedTake:
    """A take that may be played.

    Attributes:
        audio: The array that was given if it needed no help, else a repaired copy.
        bad_values: How many numbers were none.
        offset: The largest mean that was taken out of a channel, 0 if none was.
    """

    audio: FloatArray
    bad_values: int
    offset: float

    @property
    def is_remarkable(self) -> bool:
        """Whether the take's maker made a mistake that should be told."""
        return self.bad_values > 0 or self.offset > _REMARKABLE_MEAN


def repair_take(audio: FloatArray) -> RepairedTake:
    """Make a take safe to play: every number finite, no channel with an offset.

    The mean is subtracted as it is where the take stands on its offset from the first frame to the
    last. Where its ends are at rest, the correction is faded in and out over 5 ms, so that they
    stay at rest. Both ends are treated alike, so that a loop's seam stays as it is.

    Shapes:
        audio: [frames, channels]

    Args:
        audio: The take.

    Returns:
        The take itself, or a repaired copy.
    """
    finite = np.isfinite(audio)
    bad_values = audio.size - int(np.count_nonzero(finite))
    if bad_values:
        audio = np.where(finite, audio, np.float32(0.0))
    # Doubles: a mean of millions of floats must not drift by itself.
    means = audio.mean(axis=0, dtype=np.float64)
    offset = float(np.abs(means).max())
    if offset <= _TOLERATED_MEAN:
        return RepairedTake(audio, bad_values, 0.0)
    repaired = np.empty_like(audio)
    for channel in range(audio.shape[1]):
        repaired[:, channel] = _without_offset(audio[:, channel], float(means[channel]))
    return RepairedTake(repaired, bad_values, offset)


class Guard:
    """Keeps a mix finite and under the ceiling, and measures it.

    The limiter does not look ahead, so it adds no latency: the gain falls within the frame that
    needs it, and comes back along a straight line. In symbols, with c[n] = ceiling / peak[n]:
    g[n] = min(c[n], g[n-1] + r), which is min over k <= n of c[k] + r (n - k): a running minimum,
    computed for a block at once. All terms lie on a grid of 2^-24, where doubles are exact, so that
    any partition into blocks gives the same bits.
    """

    def __init__(self, max_frames: int) -> None:
        """Reserve all memory.

        Args:
            max_frames: The longest stretch that `apply` will be given.
        """
        self.not_finite = 0
        self._limits, self._ceiling = True, CEILING
        self._gain = 1.0
        self._magnitude = np.zeros((max_frames, CHANNELS), np.float32)
        self._frame_peak = np.zeros(max_frames, np.float32)
        self._gains = np.zeros(max_frames, np.float64)
        self._stereo_gains = np.zeros((max_frames, CHANNELS), np.float32)
        self._finite = np.zeros((max_frames, CHANNELS), np.bool_)
        self._ramp = np.arange(1, max_frames + 1, dtype=np.float64) * _RELEASE_PER_FRAME

    @property
    def gain(self) -> float:
        """The limiter's gain after the last frame; 1 when it is at rest."""
        return self._gain

    def set_limiter(self, ceiling_dbfs: float, *, is_on: bool) -> None:
        """Keep below another ceiling, by a gain that comes back, or by cutting off what is above.

        Args:
            ceiling_dbfs: No higher than the guard's own counts.
            is_on: Whether the gain is lowered; otherwise peaks are cut off at the guard's ceiling.
        """
        self._limits = is_on
        self._ceiling = (
            10.0 ** (ceiling_dbfs / 20.0) if is_on and ceiling_dbfs < CEILING_DBFS else CEILING
        )
        self._gain = self._gain if is_on else 1.0

    def apply(self, mix: FloatArray) -> None:
        """Guard a stretch of the mix, in place.

        Shapes:
            mix: [frames, channels]

        Args:
            mix: What goes to the device; at most `max_frames` frames.
        """
        frames = len(mix)
        magnitude = self._magnitude[:frames]
        np.abs(mix, out=magnitude)
        peak = float(magnitude.max())
        if not peak < np.inf:  # catches what is no number as well
            self._silence_bad_values(mix)
            np.abs(mix, out=magnitude)
            peak = float(magnitude.max())
        if peak > self._ceiling or self._gain < 1.0:
            if self._limits:
                self._limit(mix, magnitude)
            self._cut_off(mix)

    def _silence_bad_values(self, mix: FloatArray) -> None:
        finite = self._finite[: len(mix)]
        np.isfinite(mix, out=finite)
        np.logical_not(finite, out=finite)
        self.not_finite += int(np.count_nonzero(finite))
        np.copyto(mix, 0.0, where=finite)

    def _limit(self, mix: FloatArray, magnitude: FloatArray) -> None:
        frames = len(mix)
        gains, ramp = self._gains[:frames], self._ramp[:frames]
        frame_peak = self._frame_peak[:frames]
        np.maximum(magnitude[:, 0], magnitude[:, 1], out=frame_peak)
        np.maximum(frame_peak, self._ceiling, out=frame_peak)
        np.copyto(gains, frame_peak)
        np.divide(self._ceiling, gains, out=gains)
        self._to_grid(gains)
        np.subtract(gains, ramp, out=gains)
        np.minimum.accumulate(gains, out=gains)
        np.minimum(gains, self._gain, out=gains)
        np.add(gains, ramp, out=gains)
        self._gain = float(gains[-1])
        stereo = self._stereo_gains[:frames]
        np.copyto(stereo[:, 0], gains, casting="same_kind")
        np.copyto(stereo[:, 1], gains, casting="same_kind")
        np.multiply(mix, stereo, out=mix)

    def _cut_off(self, mix: FloatArray) -> None:
        """See that nothing is above the ceiling; a limiter's product may round up."""
        np.minimum(mix, self._ceiling, out=mix)
        np.maximum(mix, -self._ceiling, out=mix)

    @staticmethod
    def _to_grid(gains: npt.NDArray[np.float64]) -> None:
        np.multiply(gains, _GAIN_GRID, out=gains)
        np.floor(gains, out=gains)
        np.multiply(gains, 1.0 / _GAIN_GRID, out=gains)


def _without_offset(channel: FloatArray, mean: float) -> FloatArray:
    """One channel less its mean, its ends kept at rest where they are at rest.

    Shapes:
        channel: [frames]  ->  [frames]
    """
    ends = channel[[0, -1]]
    window = np.ones(len(channel))
    if np.abs(ends).max() <= np.abs(ends - mean).max():
        edge_frames = min(_EDGE_FRAMES, len(channel) // 2)
        rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge_frames) / max(edge_frames, 1))
        window[:edge_frames] = rise
        window[len(window) - edge_frames :] = rise[::-1]
    repaired: FloatArray = (channel - mean * window / window.mean()).astype(np.float32)
    return repaired
