"""Everything after the voices, in this order: effects, master gain, guard.

The voices of a chunk are mixed stretch by stretch, so that commands fall between frames; effects
want whole blocks. So the gain of each stretch is noted while it is mixed, and all of this is done
for the chunk as one. Runs in the audio callback. Flow: mixer.py → here → the device.
"""

import numpy as np

from daw_bridge.effect_chain import EffectChain
from daw_bridge.guard import Guard
from daw_bridge.ramps import Ramp, Scratch
from generator.api import FloatArray


class Master:
    """The way of the whole mix.

    Attributes:
        gain: That of everything.
        guard: What nothing gets past.
        effects: Those before the gain; None where there are none.
    """

    def __init__(self, max_frames: int, effects: EffectChain | None = None) -> None:
        """Reserve all memory.

        Args:
            max_frames: The longest chunk.
            effects: What works on the mix, if anything does.
        """
        self.gain = Ramp(1.0)
        self.guard = Guard(max_frames)
        self.effects = effects
        self._scratch = Scratch(max_frames)
        self._gains = np.ones(max_frames)
        self._is_unity = True
        self._not_finite = 0

    def note_gain(self, place: int, frames: int, frame: int) -> None:
        """Note the gain of a stretch of the chunk.

        Args:
            place: Where in the chunk it begins.
            frames: Its length.
            frame: Its first absolute frame.
        """
        gains = self._gains[place : place + frames]
        if self.gain.is_flat_from(frame):
            gains.fill(self.gain.target)
            self._is_unity &= self.gain.target == 1.0
            return
        gains.fill(1.0)
        self.gain.multiply_into(gains, frame, self._scratch)
        self._is_unity = False

    def finish(self, chunk: FloatArray, frame: int) -> None:
        """Do all that is left to do with a chunk, in place.

        Shapes:
            chunk: [frames, channels]

        Args:
            chunk: The voices' mix; every frame's gain has been noted.
            frame: Its first absolute frame.
        """
        effects = self.effects
        if effects is not None and not effects.is_idle:
            effects.process(chunk, frame)
        if not self._is_unity:
            np.multiply(chunk, self._scratch.to_stereo(self._gains[: len(chunk)]), out=chunk)
            self._is_unity = True
        self.guard.apply(chunk)
        if effects is not None and self.guard.not_finite > self._not_finite:
            # What is no number would go round in an effect for ever.
            effects.panic(frame + len(chunk))
            self._not_finite = self.guard.not_finite
