"""What slots send to the buses of the effects: a level for each slot and bus, on ramps.

A slot that sends nothing to a bus that is in costs one look. Runs in the audio callback. Flow:
mixer.py hands over what a slot sounds, effect_chain.py takes the sums.
"""

from collections.abc import Callable

import numpy as np

from daw_bridge.ramps import Ramp, Scratch
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

_RAMP_FRAMES = SAMPLE_RATE_HZ // 100


class Sends:
    """The sums of one chunk, a bus each.

    Shapes:
        sums: [buses, max_frames, channels]
    """

    def __init__(
        self, buses: int, slots: int, max_frames: int, takes: Callable[[int], bool]
    ) -> None:
        """Reserve all memory; nothing is sent at first.

        Args:
            buses: How many buses there are.
            slots: How many slots.
            max_frames: The longest chunk.
            takes: Whether a bus wants what is sent to it.
        """
        self.sums = np.zeros((buses, max_frames, CHANNELS), np.float32)
        self._levels = [[Ramp(0.0) for _ in range(buses)] for _ in range(slots + 1)]
        self._scratch = Scratch(max_frames)
        self._takes = takes

    def set(self, slot: int, bus: int, level: float, frame: int) -> bool:
        """Ramp a level.

        Args:
            slot: Which slot, from 1.
            bus: Which bus, from 0.
            level: Linear.
            frame: From which absolute frame on.

        Returns:
            Whether there are such a slot and bus.
        """
        if not (0 <= bus < len(self.sums) and 1 <= slot < len(self._levels)):
            return False
        self._levels[slot][bus].move(level, frame=frame, frames=_RAMP_FRAMES)
        return True

    def wants(self, slot: int, frame: int) -> bool:
        """Whether anything of a slot is to be added from a frame on."""
        return any(self._is_open(slot, bus, frame) for bus in range(len(self.sums)))

    def add(self, slot: int, sound: FloatArray, place: int, frame: int) -> None:
        """Send what a slot sounds.

        Shapes:
            sound: [frames, channels]

        Args:
            slot: Which slot.
            sound: Some frames of it, with its own gain.
            place: Where in the chunk they begin.
            frame: Their first absolute frame.
        """
        product = self._scratch.product[: len(sound)]
        for bus, sums in enumerate(self.sums):
            if not self._is_open(slot, bus, frame):
                continue
            level, stretch = self._levels[slot][bus], sums[place : place + len(sound)]
            if level.is_flat_from(frame):
                np.multiply(sound, level.target, out=product)
            else:
                gains = self._scratch.gains[: len(sound)]
                gains.fill(1.0)
                level.multiply_into(gains, frame, self._scratch)
                np.multiply(sound, self._scratch.to_stereo(gains), out=product)
            np.add(stretch, product, out=stretch)

    def _is_open(self, slot: int, bus: int, frame: int) -> bool:
        level = self._levels[slot][bus]
        return self._takes(bus) and not (level.target == 0.0 and level.is_flat_from(frame))
