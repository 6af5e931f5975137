"""One sounding take: where it stands, how loud, and how it fades; and the ramps that gains follow.

Every gain is computed from the absolute frame, never from a running sum, and with operations that
IEEE 754 rounds in one way only; so a voice gives the same bits however time is cut into blocks.

Knows nothing of slots, commands or schedules; `mixer.py` decides who sounds when. Everything here
runs in the audio callback: arrays are views of memory that was reserved before.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.api import CHANNELS, FloatArray

_GainArray = npt.NDArray[np.float64]
NEVER = 2**62


class Scratch:
    """Memory for one stretch of one voice, shared by all of them in turn."""

    def __init__(self, max_frames: int) -> None:
        """Reserve it.

        Args:
            max_frames: The longest stretch.
        """
        self.index: _GainArray = np.arange(max_frames, dtype=np.float64)
        self.gains: _GainArray = np.zeros(max_frames)
        self.position: _GainArray = np.zeros(max_frames)
        self.root: _GainArray = np.zeros(max_frames)
        self.stereo_gains: FloatArray = np.zeros((max_frames, CHANNELS), np.float32)
        self.product: FloatArray = np.zeros((max_frames, CHANNELS), np.float32)

    def to_stereo(self, gains: _GainArray) -> FloatArray:
        """The same gains for each channel, rounded to floats.

        Shapes:
            gains: [frames]  ->  [frames, channels]
        """
        stereo = self.stereo_gains[: len(gains)]
        for channel in range(CHANNELS):
            np.copyto(stereo[:, channel], gains, casting="same_kind")
        return stereo


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

    def multiply_into(self, gains: _GainArray, frame: int, scratch: Scratch) -> None:
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

    def multiply_into(self, gains: _GainArray, frame: int, scratch: Scratch) -> None:
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


@dataclass(slots=True)
class Take:
    """A playable take and how many voices sound it.

    Shapes:
        audio: [frames, channels]
    """

    take_id: int
    audio: FloatArray
    voices: int = 0
    released: bool = False


class Voice:
    """One take that sounds, from its first frame to its last. Voices are reused, never made late.

    Attributes:
        take: What sounds; an empty one while idle.
        slot: Where.
        start_frame: The absolute frame of the take's first.
        end_frame: The first absolute frame at which it is silent for good, or NEVER.
    """

    __slots__ = (
        "_fade_in",
        "_fade_outs",
        "_faded",
        "_loop",
        "_nothing",
        "_velocity",
        "end_frame",
        "slot",
        "start_frame",
        "take",
    )

    def __init__(self) -> None:
        self._nothing = Take(-1, np.zeros((1, CHANNELS), np.float32))
        self.take = self._nothing
        self.end_frame = 0
        self.slot = 0
        self.start_frame = 0
        self._velocity = 1.0
        self._faded = 1.0
        self._loop = False
        self._fade_in = Fade(rising=True)
        # A stop, a quicker stop that comes meanwhile, and panic.
        self._fade_outs = (Fade(rising=False), Fade(rising=False), Fade(rising=False))

    @property
    def is_fading_out(self) -> bool:
        """Whether it has been told to end."""
        return any(fade.is_set for fade in self._fade_outs)

    def start(self, take: Take, *, slot: int, frame: int, velocity: float, loop: bool) -> None:
        """Begin to sound.

        Args:
            take: What.
            slot: In which slot.
            frame: From which absolute frame on.
            velocity: Its gain.
            loop: Whether it repeats until it is faded out.
        """
        self.take = take
        self.slot = slot
        self.start_frame = frame
        self.end_frame = NEVER if loop else frame + len(take.audio)
        self._velocity = velocity
        self._faded = 1.0
        self._loop = loop
        self._fade_in.clear()
        for fade in self._fade_outs:
            fade.clear()

    def fade_in(self, frames: int) -> None:
        """Rise from silence over the first frames."""
        self._fade_in.begin(frame=self.start_frame, frames=frames)

    def fade_out(self, *, frame: int, frames: int) -> None:
        """Fall to silence; of two that were asked for, the one that ends sooner counts.

        Args:
            frame: The first frame of the fall.
            frames: Its length, at least 1.
        """
        if frame + frames >= self.end_frame and self.is_fading_out:
            return
        fade = max(self._fade_outs[:2], key=lambda one: (not one.is_set, one.end_frame))
        if fade.is_set:
            # Both are at work: the slower one stays as far as it has come, and begins anew.
            self._faded *= fade.at(frame)
        self._begin(fade, frame=frame, frames=frames)

    def panic(self, *, frame: int, frames: int) -> None:
        """Fall to silence, whatever else was asked for.

        Args:
            frame: The first frame of the fall.
            frames: Its length, at least 1.
        """
        if not self._fade_outs[2].is_set:
            self._begin(self._fade_outs[2], frame=frame, frames=frames)

    def finish(self) -> Take:
        """Become idle.

        Returns:
            The take, which this voice holds no more.
        """
        take, self.take = self.take, self._nothing
        return take

    def add_to(self, mix: FloatArray, frame: int, slot_gain: Ramp, scratch: Scratch) -> None:
        """Add this voice to a stretch of the mix that lies inside its time.

        Shapes:
            mix: [frames, channels]
        """
        fades_in = self._fade_in.touches(frame, len(mix))
        if not fades_in and not self.is_fading_out and slot_gain.is_flat_from(frame):
            self._add(mix, frame, slot_gain.target * self._velocity, scratch)
            return
        gains = scratch.gains[: len(mix)]
        gains.fill(1.0)
        if fades_in:
            self._fade_in.multiply_into(gains, frame, scratch)
        for fade in self._fade_outs:
            if fade.touches(frame, len(mix)):
                fade.multiply_into(gains, frame, scratch)
        slot_gain.multiply_into(gains, frame, scratch)
        np.multiply(gains, self._velocity * self._faded, out=gains)
        self._add(mix, frame, scratch.to_stereo(gains), scratch)

    def _begin(self, fade: Fade, *, frame: int, frames: int) -> None:
        fade.begin(frame=frame, frames=frames)
        self.end_frame = min(self.end_frame, fade.end_frame)

    def _add(
        self, mix: FloatArray, frame: int, gains: FloatArray | float, scratch: Scratch
    ) -> None:
        audio = self.take.audio
        done = 0
        while done < len(mix):
            position = (frame + done - self.start_frame) % len(audio)
            frames = min(len(mix) - done, len(audio) - position)
            product, stretch = scratch.product[:frames], mix[done : done + frames]
            factor = gains if isinstance(gains, float) else gains[done : done + frames]
            np.multiply(audio[position : position + frames], factor, out=product)
            np.add(stretch, product, out=stretch)
            done += frames
