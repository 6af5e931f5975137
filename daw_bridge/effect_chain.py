"""All effects in the order of the mix, on blocks of any length.

Effects compute blocks of `BLOCK` frames. Blocks from the device that are whole multiples of that
pass without any delay. Where they are not, the mix goes through a queue and is `BLOCK` frames
(1.5 ms) late while any effect is in; it goes over to the queue and back by a crossfade.

Knows nothing of what computes an effect. Runs in the audio callback; mixer.py fills `sends` and
calls `process`, unless `is_idle`.
"""

from collections.abc import Sequence

import numpy as np

from daw_bridge.effect_sends import Sends
from daw_bridge.effect_unit import BLOCK, FADE_FRAMES, EffectUnit
from daw_bridge.ramps import Ramp, Scratch
from generator.api import CHANNELS, FloatArray


class EffectChain:
    """The effects, and what slots send to those that are buses."""

    def __init__(self, units: Sequence[EffectUnit], *, slots: int, max_frames: int) -> None:
        """Reserve all memory.

        Args:
            units: The effects in the order of the table: buses first.
            slots: How many slots may send.
            max_frames: The longest chunk that `process` will be given.
        """
        self.units = tuple(units)
        buses = sum(unit.is_bus for unit in units)
        self.sends = Sends(buses, slots, max_frames, self._takes_sends)
        self._queue = _Queue(self, buses, max_frames)

    @property
    def is_idle(self) -> bool:
        """Whether `process` would change nothing, so that it need not be called."""
        return not self._queue.is_used and all(unit.is_idle for unit in self.units)

    @property
    def is_anything_in(self) -> bool:
        """Whether any effect is run or is about to be."""
        return not all(unit.is_idle for unit in self.units)

    def set(self, effect: int, place: int, value: float, frame: int) -> bool:
        """Give a parameter a new value.

        Args:
            effect: Which effect, in the order of the table.
            place: Which of its parameters.
            value: As `effects.audio_number` gives it.
            frame: From when on, absolute.

        Returns:
            Whether there is such a parameter.
        """
        if not 0 <= effect < len(self.units) or not 0 <= place < self.units[effect].places:
            return False
        self.units[effect].set(place, value, frame)
        return True

    def panic(self, frame: int) -> None:
        """Silence everything that sounds on inside of effects."""
        for unit in self.units:
            unit.panic(frame)

    def process(self, mix: FloatArray, frame: int) -> None:
        """Let every effect that is in work on a chunk, and forget what was sent.

        Shapes:
            mix: [frames, channels]

        Args:
            mix: Everything, changed in place; at most `max_frames` frames.
            frame: Its first absolute frame.
        """
        sends = self.sends.sums[:, : len(mix)]
        if len(mix) % BLOCK or self._queue.is_used:
            self._queue.process(sends, mix, frame)
        else:
            self.run(sends, mix, frame)
        sends.fill(0.0)

    def run(self, sends: FloatArray, mix: FloatArray, frame: int) -> None:
        """Work on whole blocks.

        Shapes:
            sends: [buses, frames, channels]
            mix: [frames, channels]
        """
        for begin in range(0, len(mix), BLOCK):
            block = slice(begin, begin + BLOCK)
            stretch = mix[block]
            for number, unit in enumerate(self.units):
                if not unit.is_idle:
                    source = sends[number, block] if unit.is_bus else stretch
                    unit.process(source, stretch, frame + begin)

    def _takes_sends(self, bus: int) -> bool:
        return not self.units[bus].is_idle


class _Queue:
    """Whole blocks out of chunks of any length, one block late."""

    def __init__(self, chain: EffectChain, buses: int, max_frames: int) -> None:
        capacity = BLOCK + max_frames
        self.is_used = False
        self._chain = chain
        self._sends = np.zeros((buses, capacity, CHANNELS), np.float32)
        self._mix = np.zeros((capacity, CHANNELS), np.float32)
        self._ready = np.zeros((capacity, CHANNELS), np.float32)
        self._rest = np.zeros((BLOCK, CHANNELS), np.float32)
        self._filled = 0
        self._late = Ramp(0.0)
        self._scratch = Scratch(max_frames)

    def process(self, sends: FloatArray, mix: FloatArray, frame: int) -> None:
        frames = len(mix)
        if not self.is_used:
            self.is_used, self._filled = True, 0
            self._ready[:BLOCK] = 0.0
        begin, end = self._filled, self._filled + frames
        self._sends[:, begin:end] = sends
        self._mix[begin:end] = mix
        whole = end - end % BLOCK
        self._chain.run(self._sends[:, :whole], self._mix[:whole], frame - begin)
        # The frames that are ready and those that wait for their block are one block in all.
        waiting = BLOCK - begin
        self._ready[waiting : waiting + whole] = self._mix[:whole]
        self._hand_out(mix, frame)
        self._filled = end - whole
        if whole:
            self._mix[: self._filled] = self._mix[whole:end]
            self._sends[:, : self._filled] = self._sends[:, whole:end]
        left = BLOCK - self._filled
        self._rest[:left] = self._ready[frames : frames + left]
        self._ready[:left] = self._rest[:left]

    def _hand_out(self, mix: FloatArray, frame: int) -> None:
        late, scratch = self._ready[: len(mix)], self._scratch
        wanted = float(self._chain.is_anything_in)
        if wanted != self._late.target:
            self._late.move(wanted, frame=frame, frames=FADE_FRAMES)
        if self._late.is_flat_from(frame):
            self.is_used = bool(wanted)
            if wanted:
                np.copyto(mix, late)
            return
        gains, product = scratch.gains[: len(mix)], scratch.product[: len(mix)]
        gains.fill(1.0)
        self._late.multiply_into(gains, frame, scratch)
        np.subtract(late, mix, out=product)
        np.multiply(product, scratch.to_stereo(gains), out=product)
        np.add(mix, product, out=mix)
