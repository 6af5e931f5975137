"""Where voices meet: a strip for each slot, what slots send to effects, and the outputs.

It knows how loud a slot is and where it goes, and not who sounds when; that is the mixer's. Runs in
the audio callback. Flow: mixer.py opens a chunk, mixes voices into it stretch by stretch, finishes
it → outputs.py.
"""

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from daw_bridge.audio_commands import (
    SetEffect,
    SetMasterGain,
    SetSend,
    SetSlotGain,
    SetSlotOutput,
    Setting,
)
from daw_bridge.effect_chain import EffectChain
from daw_bridge.interpolation import Interpolator
from daw_bridge.outputs import Outputs
from daw_bridge.ramps import Scratch
from daw_bridge.timeline import MAX_SLOTS
from daw_bridge.voice import SlotStrip, Voice
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

MAX_CHUNK_FRAMES = 1024
_GAIN_RAMP_FRAMES = SAMPLE_RATE_HZ // 100
_MAX_GAIN_DB = 40.0
_MAX_GAIN = 100.0


class MixingDesk:
    """Strips, sends and outputs, and the chunk that is being mixed.

    Attributes:
        outputs: The stereo pairs.
    """

    def __init__(self, pairs: int, effects: EffectChain | None) -> None:
        """Reserve all memory.

        Args:
            pairs: How many stereo pairs slots may go to.
            effects: What works on the mix, made for MAX_SLOTS and MAX_CHUNK_FRAMES; if anything.
        """
        self.outputs = Outputs(pairs, MAX_SLOTS, MAX_CHUNK_FRAMES, effects)
        self._effects = effects
        self._strips = [SlotStrip() for _ in range(MAX_SLOTS + 1)]
        self._scratch = Scratch(MAX_CHUNK_FRAMES)
        self._interpolator = Interpolator(MAX_CHUNK_FRAMES)
        self._alone = np.zeros((MAX_CHUNK_FRAMES, CHANNELS), np.float32)
        self._mixes: Sequence[FloatArray] = ()

    def open(self, chunk: FloatArray) -> None:
        """Begin a chunk, silent.

        Shapes:
            chunk: [frames, channels of all pairs]; at most MAX_CHUNK_FRAMES frames

        Args:
            chunk: The device's own memory.
        """
        self._mixes = self.outputs.split(chunk)

    def mix(self, voices: Sequence[Voice], place: int, frames: int, frame: int) -> None:
        """Mix all that sounds in a stretch of the chunk.

        Args:
            voices: Whose time all of it is.
            place: Where in the chunk it begins.
            frames: Its length.
            frame: Its first absolute frame.
        """
        for voice in voices:
            self.add(voice, place, frames, frame)
        self.outputs.note_gain(place, frames, frame)

    def add(self, voice: Voice, place: int, frames: int, frame: int) -> None:
        """Add one more voice to a stretch that was mixed; see `mix`."""
        sends = self._effects is not None and self._effects.sends.wants(voice.slot, frame)
        only = None if sends else self.outputs.only_mix(voice.slot, self._mixes, frame)
        if only is not None:
            self._sound(voice, only[place : place + frames], frame)
            return
        alone = self._alone[:frames]
        alone.fill(0.0)
        self._sound(voice, alone, frame)
        self.outputs.add(voice.slot, alone, place, self._mixes, frame)
        if self._effects is not None and sends:
            self._effects.sends.add(voice.slot, alone, place, frame)

    def finish(self, frame: int) -> None:
        """Do all that comes after the voices.

        Args:
            frame: The chunk's first absolute frame.
        """
        self.outputs.finish(self._mixes, frame)

    def set(self, setting: Setting, frame: int) -> bool:
        """Move a gain, an output, or a part of an effect.

        Args:
            setting: What and whereto.
            frame: From which absolute frame on.

        Returns:
            Whether there is such a thing.
        """
        match setting:
            case SetSlotGain(slot, left, right):
                gains = (min(left, _MAX_GAIN), min(right, _MAX_GAIN))
                self._strips[slot].move(*gains, frame=frame, frames=_GAIN_RAMP_FRAMES)
            case SetMasterGain(gain_db):
                self.outputs.set_gain(_gain(gain_db), frame)
            case SetSlotOutput(slot, pair):
                self.outputs.send(slot, pair, frame)
            case SetEffect(effect, place, value):
                return self._effects is not None and self._effects.set(effect, place, value, frame)
            case SetSend(slot, bus, level_db):
                level = _gain(level_db)
                return self._effects is not None and self._effects.sends.set(
                    slot, bus, level, frame
                )
            case _:
                assert_never(setting)
        return True

    def panic(self, frame: int) -> None:
        """Silence everything that sounds on inside of effects."""
        if self._effects is not None:
            self._effects.panic(frame)

    def _sound(self, voice: Voice, mix: FloatArray, frame: int) -> None:
        strip = self._strips[voice.slot]
        voice.add_to(mix, frame, strip, self._scratch, self._interpolator)


def _gain(gain_db: float) -> float:
    return 0.0 if gain_db == -math.inf else 10.0 ** (min(gain_db, _MAX_GAIN_DB) / 20.0)
