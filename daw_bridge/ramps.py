"""Gains that move: straight ramps, and the halves of an equal-power crossfade.

Every gain is computed from the absolute frame, never from a running sum, and with operations that
IEEE 754 rounds in one way only; so the bits are the same however time is cut into blocks.

Knows nothing of takes, voices or slots. Runs in the audio callback: arrays are views of memory that
was reserved before. Flow: voice.py and mixer.py multiply what sounds by them.
"""

import math

import numpy as np
import numpy.typing as npt

from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

GainArray = npt.NDArray[np.float64]
NEVER = 2**62
_MIN_FADE_FRAMES = SAMPLE_RATE_HZ // 200
_MAX_FADE_FRAMES = SAMPLE_RATE_HZ * 60


class Scratch:
    """Memory for one stretch of one voice, shared by all of them in turn."""

    def __init__(self, max_frames: int) -> None:
        """Reserve it.

        Args:
            max_frames: The longest stretch.
        """
        self.index: GainArray = np.arange(max_frames, dtype=np.float64)
        self.gains: GainArray = np.zeros(max_frames)
        self.side: GainArray = np.zeros(max_frames)
        self.position: GainArray = np.zeros(max_frames)
        self.root: GainArray = np.zeros(max_frames)
        self.stereo_gains: FloatArray = np.zeros((max_frames, CHANNELS), np.float32)
        self.product: FloatArray = np.zeros((max_frames, CHANNELS), np.float32)

    def to_sides(self, gains: GainArray, sides: "tuple[Ramp, Ramp]", frame: int) -> FloatArray:
        """The gains for each channel, multiplied by that side's own and rounded to floats.

        Shapes:
            gains: [frames]  ->  [frames, channels]
        """
        stereo, one = self.stereo_gains[: len(gains)], self.side[: len(gains)]
        for channel, side in enumerate(sides):
            np.copyto(one, gains)
            side.multiply_into(one, frame, self)
            np.copyto(stereo[:, channel], one, casting="same_kind")
        return stereo

    def to_stereo(self, gains: GainArray) -> FloatArray:
        """The same gains for each channel, rounded to floats.

        Shapes:
            gains: [frames]  ->  [frames, channels]
        """
        stereo = self.stereo_gains[: len(gains)]
        for channel in range(CHANNELS):
            np.copyto(stereo[:, channel], gains, casting="same_kind")
        return stereo


def fade_frames(fade_ms: float) -> int:
    """The length of a fade, no shorter than is free of clicks and no longer than is of use."""
    frames = round(min(max(fade_ms, 0.0), 1e6) * SAMPLE_RATE_HZ / 1000.0)
    return min(max(frames, _MIN_FADE_FRAMES), _MAX_FADE_FRAMES)


class Ramp:
    """A gain that moves along a straight line to its target and stays there."""

    __slots__ = ("_frames", "_from", "_start", "target")

    def __init__(self, gain: float) -> None:
        """Stay at a gain.

        Args:
            gain: Linear.
        """
        self.target = gain
        self._from = gain
        self._start = 0
        self._frames = 1

    def jump(self, gain: float) -> None:
        """Stay at another gain from here on."""
        self.target = self._from = gain

    def move(self, target: float, *, frame: int, frames: int) -> None:
        """Start towards a new target from wherever the gain is now.

        Args:
            target: Linear.
            frame: The absolute frame of the start.
            frames: How long it takes, at least 1.
        """
        self._from = self.at(frame)
        self.target = target
        self._start = frame
        self._frames = frames

    def at(self, frame: int) -> float:
        """The gain at an absolute frame."""
        rest = max(0.0, 1.0 - (frame - self._start) / self._frames)
        return self.target + (self._from - self.target) * rest

    def is_flat_from(self, frame: int) -> bool:
        """Whether it has arrived, or had no way to go."""
        return frame >= self._start + self._frames or self._from == self.target

    def multiply_into(self, gains: GainArray, frame: int, scratch: Scratch) -> None:
        """Multiply a stretch of gains by this one.

        Shapes:
            gains: [frames]
        """
        rest = scratch.position[: len(gains)]
        np.add(scratch.index[: len(gains)], float(frame - self._start), out=rest)
        np.divide(rest, float(self._frames), out=rest)
        np.subtract(1.0, rest, out=rest)
        np.maximum(rest, 0.0, out=rest)
        np.multiply(rest, self._from - self.target, out=rest)
        np.add(rest, self.target, out=rest)
        np.multiply(gains, rest, out=gains)


class Fade:
    """Half of an equal-power crossfade, rising or falling.

    With s(t) = t² (3 - 2t), which has s(t) + s(1-t) = 1, the gains are √s(t) and √s(1-t): their
    powers sum to one, and the falling one leaves its level with no slope.
    """

    __slots__ = ("_frames", "_rising", "_start")

    def __init__(self, *, rising: bool) -> None:
        """Make an idle fade.

        Args:
            rising: From silence to full level, or back.
        """
        self._rising = rising
        self._start = NEVER
        self._frames = 1

    @property
    def is_set(self) -> bool:
        """Whether it has a place in time."""
        return self._start != NEVER

    @property
    def end_frame(self) -> int:
        """The first frame after it."""
        return self._start + self._frames

    def clear(self) -> None:
        """Make it idle again."""
        self._start = NEVER

    def begin(self, *, frame: int, frames: int) -> None:
        """Give it a place in time.

        Args:
            frame: Its first frame, absolute.
            frames: Its length, at least 1.
        """
        self._start = frame
        self._frames = frames

    def at(self, frame: int) -> float:
        """The gain at an absolute frame."""
        position = min(max((frame - self._start) / self._frames, 0.0), 1.0)
        if not self._rising:
            position = 1.0 - position
        return position * math.sqrt(3.0 - 2.0 * position)

    def touches(self, frame: int, frames: int) -> bool:
        """Whether any gain of a stretch differs from 1 because of it."""
        if not self.is_set:
            return False
        return frame < self.end_frame if self._rising else frame + frames > self._start

    def multiply_into(self, gains: GainArray, frame: int, scratch: Scratch) -> None:
        """Multiply a stretch of gains by this one.

        Shapes:
            gains: [frames]
        """
        position, root = scratch.position[: len(gains)], scratch.root[: len(gains)]
        np.add(scratch.index[: len(gains)], float(frame - self._start), out=position)
        np.divide(position, float(self._frames), out=position)
        np.maximum(position, 0.0, out=position)
        np.minimum(position, 1.0, out=position)
        if not self._rising:
            np.subtract(1.0, position, out=position)
        np.multiply(position, -2.0, out=root)
        np.add(root, 3.0, out=root)
        np.sqrt(root, out=root)
        np.multiply(root, position, out=root)
        np.multiply(gains, root, out=gains)
