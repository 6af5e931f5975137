"""One sounding take: where it stands, how loud, how fast, and how it fades.

A voice gives the same bits however time is cut into blocks, as everything in it is computed from
the absolute frame.

Knows nothing of commands or schedules; `mixer.py` decides who sounds when. Everything here runs in
the audio callback: arrays are views of memory that was reserved before.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from daw_bridge.audio_commands import Play
from daw_bridge.interpolation import TAPS, Interpolator
from daw_bridge.ramps import NEVER, Fade, Ramp, Scratch, fade_frames
from generator.api import CHANNELS, FloatArray


@dataclass(slots=True)
class Take:
    """A playable take and how many voices sound it.

    Shapes:
        audio: [frames, channels]
        pairs: [frames], the same memory with left and right as one complex number
        missing: [1], how many frames at its end are not made yet; None where it came whole
    """

    take_id: int
    audio: FloatArray
    missing: npt.NDArray[np.int64] | None = None
    voices: int = 0
    released: bool = False
    pairs: npt.NDArray[np.complex64] = field(init=False)

    def __post_init__(self) -> None:
        """See the audio as pairs."""
        self.pairs = np.ascontiguousarray(self.audio).view(np.complex64)[:, 0]

    @property
    def made_frames(self) -> int:
        """How many of its frames may be read."""
        missing = 0 if self.missing is None else int(self.missing[0])
        return len(self.audio) - missing


class SlotStrip:
    """What a slot does to all that sounds in it: a gain for each side."""

    __slots__ = ("left", "right")

    def __init__(self) -> None:
        self.left, self.right = Ramp(1.0), Ramp(1.0)

    def is_flat_from(self, frame: int) -> bool:
        """Whether both gains have arrived."""
        return self.left.is_flat_from(frame) and self.right.is_flat_from(frame)

    def move(self, left: float, right: float, *, frame: int, frames: int) -> None:
        """Start towards new gains.

        Args:
            left: Linear.
            right: Linear.
            frame: The absolute frame of the start.
            frames: How long it takes, at least 1.
        """
        self.left.move(left, frame=frame, frames=frames)
        self.right.move(right, frame=frame, frames=frames)


class Voice:
    """One take that sounds, from its first frame to its last. Voices are reused, never made late.

    Attributes:
        take: What sounds; an empty one while idle.
        play: The command that began it.
        start_frame: The absolute frame at which it began.
        end_frame: The first absolute frame at which it is silent for good, or NEVER.
        repeat_frame: Where it begins anew, or NEVER.
    """

    __slots__ = (
        "_fade_in",
        "_fade_outs",
        "_faded",
        "_level",
        "_nothing",
        "end_frame",
        "play",
        "repeat_frame",
        "start_frame",
        "take",
    )

    def __init__(self) -> None:
        self._nothing = Take(-1, np.zeros((1, CHANNELS), np.float32))
        self.take = self._nothing
        self.play = Play(0, -1)
        self.end_frame = 0
        self.repeat_frame = NEVER
        self.start_frame = 0
        self._faded = 1.0
        self._level = Ramp(1.0)
        self._fade_in = Fade(rising=True)
        # A stop, a quicker stop that comes meanwhile, and panic.
        self._fade_outs = (Fade(rising=False), Fade(rising=False), Fade(rising=False))

    @property
    def slot(self) -> int:
        """Where it sounds."""
        return self.play.slot

    @property
    def is_fading_out(self) -> bool:
        """Whether it has been told to end."""
        return any(fade.is_set for fade in self._fade_outs)

    def start(self, take: Take, play: Play, frame: int) -> None:
        """Begin to sound.

        Args:
            take: What.
            play: Where and how.
            frame: From which absolute frame on.
        """
        self.take = take
        self.play = play
        self.start_frame = frame
        length = math.ceil((len(take.audio) - play.offset_frames) / play.speed)
        self.end_frame = NEVER if play.loop else frame + max(length, 1)
        overlap = min(fade_frames(play.crossfade_ms), max(length, 1))
        self.repeat_frame = self.end_frame - overlap if play.repeats else NEVER
        self._faded = 1.0
        self._level.jump(play.velocity if play.from_velocity < 0.0 else play.from_velocity)
        self._level.move(play.velocity, frame=frame, frames=max(length, 1))
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

    def frames_left(self, frame: int) -> int:
        """For how many frames of time its take is made, from an absolute frame on."""
        made = self.take.made_frames
        if made == len(self.take.audio):
            return NEVER
        position = self.play.offset_frames + (frame - self.start_frame) * self.play.speed
        # At another speed, what lies around a frame is read with it.
        around = 0 if self.play.speed == 1.0 else TAPS
        return max(0, math.floor((made - around - position) / self.play.speed))

    def finish(self) -> Take:
        """Become idle.

        Returns:
            The take, which this voice holds no more.
        """
        take, self.take = self.take, self._nothing
        return take

    def add_to(
        self,
        mix: FloatArray,
        frame: int,
        strip: SlotStrip,
        scratch: Scratch,
        interpolator: Interpolator,
    ) -> None:
        """Add this voice to a stretch of the mix that lies inside its time.

        Shapes:
            mix: [frames, channels]
        """
        gains = self._gains(len(mix), frame, strip, scratch)
        if self.play.speed == 1.0:
            self._add(mix, frame, gains, scratch)
        else:
            self._add_at_speed(mix, frame, gains, scratch, interpolator)

    def _gains(
        self, frames: int, frame: int, strip: SlotStrip, scratch: Scratch
    ) -> FloatArray | float:
        """One gain for all frames where nothing moves, else those of each frame and side."""
        fades_in = self._fade_in.touches(frame, frames)
        glides = not self._level.is_flat_from(frame)
        moves = fades_in or self.is_fading_out or glides or not strip.is_flat_from(frame)
        if not moves and strip.left.target == strip.right.target:
            return strip.left.target * self._level.target
        gains = scratch.gains[:frames]
        gains.fill(1.0)
        if fades_in:
            self._fade_in.multiply_into(gains, frame, scratch)
        for fade in self._fade_outs:
            if fade.touches(frame, frames):
                fade.multiply_into(gains, frame, scratch)
        if glides:
            self._level.multiply_into(gains, frame, scratch)
        else:
            np.multiply(gains, self._level.target, out=gains)
        np.multiply(gains, self._faded, out=gains)
        return scratch.to_sides(gains, (strip.left, strip.right), frame)

    def _begin(self, fade: Fade, *, frame: int, frames: int) -> None:
        fade.begin(frame=frame, frames=frames)
        self.end_frame = min(self.end_frame, fade.end_frame)

    def _add(
        self, mix: FloatArray, frame: int, gains: FloatArray | float, scratch: Scratch
    ) -> None:
        audio = self.take.audio
        begin = frame - self.start_frame + self.play.offset_frames
        done = 0
        while done < len(mix):
            position = (begin + done) % len(audio)
            frames = min(len(mix) - done, len(audio) - position)
            product, stretch = scratch.product[:frames], mix[done : done + frames]
            factor = gains if isinstance(gains, float) else gains[done : done + frames]
            np.multiply(audio[position : position + frames], factor, out=product)
            np.add(stretch, product, out=stretch)
            done += frames

    def _add_at_speed(
        self,
        mix: FloatArray,
        frame: int,
        gains: FloatArray | float,
        scratch: Scratch,
        interpolator: Interpolator,
    ) -> None:
        product = scratch.product[: len(mix)]
        interpolator.read_into(
            product,
            self.take.pairs,
            frame=frame - self.start_frame,
            offset_frames=self.play.offset_frames,
            speed=self.play.speed,
            loop=self.play.loop,
        )
        np.multiply(product, gains, out=product)
        np.add(mix, product, out=mix)
