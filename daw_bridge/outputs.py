"""The stereo pairs of the output: a master for each, and which slot goes to which.

Pair 1 is the main mix: what slots send to effects comes back there, and the effects that work on
everything work on it alone. Every pair has the master gain, and a guard of its own. A slot glides
to another pair, so that nothing clicks. What is for a pair that the device lacks is heard on pair
1: no sound is ever lost.
Runs in the audio callback. Flow: mixer.py, which mixes the voices → here → the device.
"""

from collections.abc import Sequence

import numpy as np

from daw_bridge.effect_chain import EffectChain
from daw_bridge.master import Master
from daw_bridge.ramps import Ramp, Scratch
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

_RAMP_FRAMES = SAMPLE_RATE_HZ // 100


class Outputs:
    """All pairs, counted from 0 here.

    Attributes:
        effects: Those of the main mix; None where there are none.
    """

    def __init__(self, pairs: int, slots: int, max_frames: int, effects: EffectChain | None):
        """Reserve all memory; every slot goes to the main mix at first.

        Args:
            pairs: How many there are at most.
            slots: How many slots.
            max_frames: The longest chunk.
            effects: What works on the main mix, if anything does.
        """
        self.effects = effects
        others = (Master(max_frames) for _ in range(pairs - 1))
        self._masters = (Master(max_frames, effects), *others)
        self._shares = [[Ramp(float(not pair)) for pair in range(pairs)] for _ in range(slots + 1)]
        self._chosen, self._arrives = [0] * (slots + 1), [0] * (slots + 1)
        self._scratch = Scratch(max_frames)

    @property
    def not_finite(self) -> int:
        """How many numbers were none, so far."""
        return sum(master.guard.not_finite for master in self._masters)

    @property
    def limiter_gain(self) -> float:
        """The gain of that limiter which works hardest; 1 when all are at rest."""
        return min(master.guard.gain for master in self._masters)

    def set_limiter(self, ceiling_dbfs: float, *, is_on: bool) -> None:
        """Keep every pair below another ceiling; see `Guard.set_limiter`."""
        for master in self._masters:
            master.guard.set_limiter(ceiling_dbfs, is_on=is_on)

    def set_gain(self, gain: float, frame: int) -> None:
        """Ramp the gain of everything.

        Args:
            gain: Linear.
            frame: From which absolute frame on.
        """
        for master in self._masters:
            master.gain.move(gain, frame=frame, frames=_RAMP_FRAMES)

    def send(self, slot: int, pair: int, frame: int) -> None:
        """Have a slot glide to a pair.

        Args:
            slot: Which slot, from 1.
            pair: Which pair, from 0; the main mix where there is none of that number.
            frame: From which absolute frame on.
        """
        pair = pair if 0 <= pair < len(self._masters) else 0
        if pair == self._chosen[slot]:
            return
        self._chosen[slot], self._arrives[slot] = pair, frame + _RAMP_FRAMES
        for number, share in enumerate(self._shares[slot]):
            share.move(float(number == pair), frame=frame, frames=_RAMP_FRAMES)

    def split(self, chunk: FloatArray) -> list[FloatArray]:
        """The pairs of a chunk, as views of it, silent.

        Shapes:
            chunk: [frames, channels of all pairs]

        Args:
            chunk: The device's own memory.

        Returns:
            A mix [frames, 2] for each pair that there is both here and in the device.
        """
        chunk.fill(0.0)
        pairs = min(len(self._masters), chunk.shape[1] // CHANNELS)
        return [chunk[:, CHANNELS * pair : CHANNELS * (pair + 1)] for pair in range(pairs)]

    def only_mix(self, slot: int, mixes: Sequence[FloatArray], frame: int) -> FloatArray | None:
        """The one mix that a slot goes to, or None while it glides from one to another."""
        if frame >= self._arrives[slot]:
            return mixes[self._place(self._chosen[slot], mixes)]
        return None

    def add(
        self, slot: int, sound: FloatArray, place: int, mixes: Sequence[FloatArray], frame: int
    ) -> None:
        """Add what a slot sounds to the mixes that it goes to.

        Shapes:
            sound: [frames, 2]
            mixes: [frames of the chunk, 2] each

        Args:
            slot: Which slot.
            sound: Some frames of it.
            place: Where in the chunk they begin.
            mixes: What `split` gave.
            frame: Their first absolute frame.
        """
        only = self.only_mix(slot, mixes, frame)
        if only is not None:
            stretch = only[place : place + len(sound)]
            np.add(stretch, sound, out=stretch)
            return
        gains, product = self._scratch.gains[: len(sound)], self._scratch.product[: len(sound)]
        for pair, share in enumerate(self._shares[slot]):
            stretch = mixes[self._place(pair, mixes)][place : place + len(sound)]
            gains.fill(1.0)
            share.multiply_into(gains, frame, self._scratch)
            np.multiply(sound, self._scratch.to_stereo(gains), out=product)
            np.add(stretch, product, out=stretch)

    def note_gain(self, place: int, frames: int, frame: int) -> None:
        """Note the gain of a stretch of the chunk; see `Master.note_gain`."""
        for master in self._masters:
            master.note_gain(place, frames, frame)

    def finish(self, mixes: Sequence[FloatArray], frame: int) -> None:
        """Do all that is left to do with a chunk, in place.

        Args:
            mixes: What `split` gave, with the voices.
            frame: Its first absolute frame.
        """
        for master, mix in zip(self._masters, mixes, strict=False):
            master.finish(mix, frame)

    @staticmethod
    def _place(pair: int, mixes: Sequence[FloatArray]) -> int:
        return pair if pair < len(mixes) else 0
