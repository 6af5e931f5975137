"""One effect in the audio callback: its parameters on ramps, its bypass, its memory emptied.

Sound is computed by a `Processor` in blocks of `BLOCK` frames; which one, this file does not know.
An effect that is out is not run at all. It comes in and goes out over 20 ms: one that everything
goes through by a crossfade with what it gets, a bus by fading what it gets and gives. After going
out, and after a panic, its memory is emptied, so that nothing old sounds when it comes in again.

Runs in the audio callback: no array is made here after the start. Flow: effect_chain.py → here.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import numpy as np
import numpy.typing as npt

from daw_bridge.effects import DEFAULTS, Effect, audio_number, key_of
from daw_bridge.ramps import Ramp, Scratch
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

SignalArray = npt.NDArray[np.float64]

# One block is 1.5 ms: new values and bypasses take hold at the next one.
BLOCK = 64
FADE_FRAMES = SAMPLE_RATE_HZ // 50
_SILENT_BLOCKS = 4
_TEMPO_BPM = 120.0
_BYPASS, _PANIC = 0, -1


class Move(Enum):
    """How a signal goes to a new value: straight, by equal ratios, or like a tape."""

    STRAIGHT = auto()
    BY_RATIO = auto()
    GLIDE = auto()


@dataclass(frozen=True, slots=True)
class Signal:
    """What drives a processor beside the sound.

    Attributes:
        at_rest: The value at which the processor's memory empties soonest.
        move: How it goes to a new value.
        frames: How long that takes; longer where a processor reads it only once a block.
    """

    at_rest: float
    move: Move = Move.STRAIGHT
    frames: int = SAMPLE_RATE_HZ // 50


class Processor(Protocol):
    """What computes an effect, one block at a time.

    Shapes:
        inputs: [BLOCK, channels + signals], the sound and the signals, in doubles
        output: [BLOCK, channels]
    """

    inputs: SignalArray
    output: FloatArray

    @property
    def signals(self) -> Sequence[Signal]:
        """What drives it beside the sound."""

    @property
    def resets(self) -> Sequence[Callable[[], None]]:
        """What empties the memory that silence does not empty soon."""

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        """Where the signals are to go for values of the effect's parameters, without the bypass."""

    def process(self) -> None:
        """Compute `output` from `inputs`."""


class _Driver:
    """Writes one signal into a processor's input, and only while it moves."""

    def __init__(self, signal: Signal, column: SignalArray, scratch: Scratch) -> None:
        self._signal, self._column, self._scratch = signal, column, scratch
        self._ramp = Ramp(0.0)
        self._aim = signal.at_rest
        self._moves = False

    def rest(self) -> None:
        self._column.fill(self._signal.at_rest)

    def jump(self, aim: float) -> None:
        self._aim, self._moves = aim, False
        self._ramp = Ramp(self._on_ramp(aim))
        self._column.fill(aim)

    def aim_at(self, aim: float, frame: int) -> None:
        if aim == self._aim:
            return
        self._aim, self._moves = aim, True
        target, frames = self._on_ramp(aim), self._signal.frames
        if self._signal.move is Move.GLIDE:
            # No faster than a tape at half or one and a half of its speed.
            way_frames = abs(target - self._ramp.at(frame)) * SAMPLE_RATE_HZ
            frames = max(frames, round(2.0 * way_frames))
        self._ramp.move(target, frame=frame, frames=frames)

    def write(self, frame: int) -> None:
        """Write the block that begins at a frame."""
        if not self._moves:
            return
        if self._ramp.is_flat_from(frame):
            self._moves = False
            self._column.fill(self._aim)
            return
        values = self._scratch.gains
        values.fill(1.0)
        self._ramp.multiply_into(values, frame, self._scratch)
        if self._signal.move is Move.BY_RATIO:
            np.exp(values, out=values)
        np.copyto(self._column, values)

    def _on_ramp(self, aim: float) -> float:
        return float(np.log(aim)) if self._signal.move is Move.BY_RATIO else aim


class EffectUnit:
    """One effect of the rack.

    Attributes:
        is_bus: Whether it has a source of its own and adds to the mix.
        places: How many parameters it has.
        runs: How many blocks were computed with it in.
    """

    def __init__(self, effect: Effect, processor: Processor) -> None:
        """Put an effect out of the way, with the values of the table.

        Args:
            effect: Which.
            processor: What computes it.
        """
        self.is_bus = effect.is_bus
        self.places = len(effect.parameters)
        self.runs = 0
        self._processor = processor
        self._values = [
            audio_number(key, DEFAULTS[key], _TEMPO_BPM)
            for key in (key_of(effect, parameter) for parameter in effect.parameters)
        ]
        self._sound = processor.inputs[:, :CHANNELS]
        self._scratch = Scratch(BLOCK)
        self._drivers = [
            _Driver(signal, processor.inputs[:, CHANNELS + number], self._scratch)
            for number, signal in enumerate(processor.signals)
        ]
        # Far below anything that is heard or kept in a float, but it keeps what dies away inside a
        # filter from becoming numbers so small that processors take ten times as long with them.
        self._whisper = np.random.default_rng(0).uniform(0.5e-60, 2e-60, (BLOCK, CHANNELS))
        self._wet = Ramp(0.0)
        self._pending: deque[tuple[int, int, float]] = deque()
        self._is_muted = False
        self._to_empty = 0
        self._is_out = True

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to run: it is out, empty, and nothing waits."""
        return self._is_out and not self._pending and not self.is_wanted

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be heard."""
        return not self._values[_BYPASS] and not self._is_muted

    @property
    def is_out(self) -> bool:
        """Whether it is not run."""
        return self._is_out

    def set(self, place: int, value: float, frame: int) -> None:
        """Give a parameter a new value, from the first block on that begins at a frame or later.

        Args:
            place: Which, in the order of the table.
            value: As `audio_number` gives it.
            frame: The absolute frame.
        """
        self._pending.append((frame, place, value))

    def panic(self, frame: int) -> None:
        """Fade out from a frame on, empty the memory, and come in again."""
        self._pending.append((frame, _PANIC, 0.0))

    def process(self, source: FloatArray, mix: FloatArray, frame: int) -> None:
        """Work on one block.

        Shapes:
            source: [BLOCK, channels]
            mix: [BLOCK, channels]

        Args:
            source: What it gets: the mix itself, or what is sent to its bus.
            mix: What it changes, or adds to.
            frame: The absolute frame at which the block begins.
        """
        self._obey(frame)
        if self._is_out:
            return
        if self._to_empty:
            self._empty()
            return
        wanted, wet = self.is_wanted, self._wet
        if wanted != (wet.target == 1.0):
            wet.move(float(wanted), frame=frame, frames=FADE_FRAMES)
        if not wanted and wet.is_flat_from(frame):
            self._to_empty = len(self._processor.resets) + _SILENT_BLOCKS
            return
        for driver in self._drivers:
            driver.write(frame)
        np.add(source, self._whisper, out=self._sound)
        if wet.is_flat_from(frame):
            self._run()
            if self.is_bus:
                np.add(mix, self._processor.output, out=mix)
            else:
                np.copyto(mix, self._processor.output)
        else:
            self._run_fading(mix, frame)

    def _run(self) -> None:
        self.runs += 1
        self._processor.process()

    def _run_fading(self, mix: FloatArray, frame: int) -> None:
        scratch = self._scratch
        gains = scratch.gains
        gains.fill(1.0)
        self._wet.multiply_into(gains, frame, scratch)
        stereo, product = scratch.to_stereo(gains), scratch.product
        if self.is_bus:
            np.multiply(self._sound, stereo, out=self._sound)
        self._run()
        if self.is_bus:
            np.multiply(self._processor.output, stereo, out=product)
        else:
            np.subtract(self._processor.output, mix, out=product)
            np.multiply(product, stereo, out=product)
        np.add(mix, product, out=mix)

    def _obey(self, frame: int) -> None:
        changed = False
        while self._pending and self._pending[0][0] <= frame:
            _, place, value = self._pending.popleft()
            if place == _PANIC:
                self._is_muted = not self._is_out
            else:
                self._values[place] = value
                changed = True
        if self._is_out and self.is_wanted:
            self._come_in()
        elif changed and not self._is_out:
            aims = self._processor.aims(self._values[1:])
            for driver, aim in zip(self._drivers, aims, strict=True):
                driver.aim_at(aim, frame)

    def _come_in(self) -> None:
        self._is_out = False
        for driver, aim in zip(self._drivers, self._processor.aims(self._values[1:]), strict=True):
            driver.jump(aim)

    def _empty(self) -> None:
        """One step of emptying: one reset, or one silent block with all signals at rest."""
        self._to_empty -= 1
        resets = self._processor.resets
        if self._to_empty >= _SILENT_BLOCKS:
            resets[self._to_empty - _SILENT_BLOCKS]()
            return
        for driver in self._drivers:
            driver.rest()
        self._sound.fill(0.0)
        self._processor.process()
        if self._to_empty == 0:
            self._is_muted = False
            self._is_out = True
