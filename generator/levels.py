"""How loud a take is: the gain that brings it to a level, and what holds its peaks.

Pure numpy. A take's peak decides about its level, as in training; or else its loudness does, which
is what takes that follow each other must have in common. Flow: finishing.py and speaking.py → here.
"""

import numpy as np
import numpy.typing as npt

from generator.api import FloatArray

Gains = npt.NDArray[np.float64]
PEAK_DBFS = -1.0
PEAK = 10.0 ** (PEAK_DBFS / 20.0)
MOST_GAIN_DB = 12.0
# Where loudness decides: what is softer than this at first is meant to be next to silence, and
# peaks are turned down by no more than this.
SOFTEST_RMS_DBFS = -72.0
MOST_HELD_DB = 60.0
LIMITER_HOP_FRAMES = 512
# From half to full in 0.37 s.
RELEASE_PER_HOP = 2.0**-6
_SEARCH_STEPS = 20


def level_gain(peak: float) -> np.float32:
    """Return the gain that brings a peak to PEAK_DBFS, where every training clip peaks.

    A take that came out soft is raised by no more than MOST_GAIN_DB, so that near silence stays so.
    """
    return np.float32(min(10.0 ** (MOST_GAIN_DB / 20.0), PEAK / max(peak, 1e-9)))


def allowed_gains(peaks: FloatArray) -> Gains:
    """Return for each hop the most gain, at most 1, that keeps it below PEAK.

    Shapes:
        peaks: [hops]  ->  [hops]
    """
    gains: Gains = np.minimum(1.0, PEAK / np.maximum(peaks.astype(np.float64), 1e-9))
    return gains


def brought_to_rms(loop: FloatArray, rms_dbfs: float) -> FloatArray:
    """Bring a loop to a root mean square, its peaks held at PEAK.

    One gain does it unless peaks would pass full scale; they are turned down, which takes loudness
    away, so the gain is raised until the loop as it will be heard has what was asked for. What
    holds the peaks moves along straight lines between the edges of hops, and knows that the end
    runs on into the beginning.

    Shapes:
        loop: [frames, channels]  ->  the same

    Args:
        loop: Finite sound whose end runs on into its beginning.
        rms_dbfs: The root of its mean square over all frames and channels, full scale 1.

    Returns:
        A new array below PEAK; silence, and what has no more loudness below PEAK, stay softer.
    """
    frames = np.arange(len(loop))
    starts = frames[::LIMITER_HOP_FRAMES]
    places = np.append(starts, len(loop))
    peaks = np.maximum.reduceat(np.abs(loop).max(axis=1), starts)
    # Of a gain along a line from a to b, the energy of a hop is (b-a)² x + 2a (b-a) y + a² z.
    share = (frames % LIMITER_HOP_FRAMES) / np.repeat(np.diff(places), np.diff(places))
    powers = np.square(loop, dtype=np.float64).sum(axis=1)
    x, y, z = (np.add.reduceat(powers * share**order, starts) for order in (2, 1, 0))
    wanted = 10.0 ** (rms_dbfs / 20.0)
    found = float(np.sqrt(z.sum() / loop.size))
    low = wanted / max(found, 10.0 ** (SOFTEST_RMS_DBFS / 20.0))
    high = low * 10.0 ** (MOST_HELD_DB / 20.0)
    for _ in range(_SEARCH_STEPS if low * peaks.max() > PEAK else 0):
        gain = (low * high) ** 0.5
        a, rise = (edges := _edge_gains(peaks, gain))[:-1], np.diff(edges)
        energy = rise**2 @ x + 2.0 * a * rise @ y + a**2 @ z
        low, high = (gain, high) if energy < wanted**2 * loop.size else (low, gain)
    gains = np.interp(frames, places, _edge_gains(peaks, low)).astype(np.float32)
    levelled: FloatArray = np.clip(loop * gains[:, None], -PEAK, PEAK)
    return levelled


def _edge_gains(peaks: FloatArray, gain: float) -> Gains:
    """Return the gain at each edge of the hops of a loop, its end included.

    Shapes:
        peaks: [hops]  ->  [hops + 1]
    """
    allowed = gain * allowed_gains(peaks * gain)
    edges = np.minimum(allowed, np.roll(allowed, 1))
    # Twice round, so that what is turned down at the end comes back over the beginning.
    rise = gain * RELEASE_PER_HOP * np.arange(2 * len(edges))
    edges = (np.minimum.accumulate(np.tile(edges, 2) - rise) + rise)[len(edges) :]
    return np.append(edges, edges[0])
