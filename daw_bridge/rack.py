"""The effects rack: how each effect of the table is computed, by pyo. The only owner of pyo.

Each effect is a pyo server of its own in manual mode, so that one which is out is really not run:
nothing in pyo runs but by `process`. Sound and signals are written into the server's input memory
and the result is read from its output memory, which adds no delay. pyo's double-precision build is
taken: with floats a long delay line has no whole frames, and filters growl at low frequencies.

Flow: audio_child.py → `open_rack` → effect_unit.py, block by block.
"""

import contextlib
import ctypes
import io
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from daw_bridge.effect_chain import EffectChain
from daw_bridge.effect_unit import BLOCK, EffectUnit, Move, Processor, Signal
from daw_bridge.effects import EFFECTS, MAX_DELAY_S
from daw_bridge.errors import EffectsMissing
from generator.api import CHANNELS, SAMPLE_RATE_HZ

_Pyo = Any
_Stream = Any
_MAX_FREQUENCY_HZ = 20_000.0
_MAX_CHORUS_MS = 10.0
_SLOW_FRAMES = SAMPLE_RATE_HZ // 4
# The shortest delay of a chorus voice: below it, it sounds like a flanger.
_CHORUS_FLOOR_MS = 2.0
# pyo counts the time to -40 dB, musicians that to -60 dB.
_DECAY_40_OF_60 = 2.0 / 3.0
# Its room takes 7 dB away; with this, 0 dB is about as loud as what was sent.
_REVERB_GAIN = 2.2


def open_rack(*, slots: int, max_frames: int) -> EffectChain:
    """Build every effect of the table, all of them out.

    Args:
        slots: How many slots may send.
        max_frames: The longest chunk that the chain will be given.

    Returns:
        The chain.

    Raises:
        EffectsMissing: There is no pyo here, or it does not work.
    """
    pyo = _import_pyo()
    try:
        processors = [_PROCESSORS[effect.name](pyo) for effect in EFFECTS]
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise EffectsMissing(f"The effects cannot be built by pyo: {error!r}.") from error
    units = [EffectUnit(effect, made) for effect, made in zip(EFFECTS, processors, strict=True)]
    return EffectChain(units, slots=slots, max_frames=max_frames)


def _import_pyo() -> _Pyo:
    try:
        with _no_windows(), contextlib.redirect_stdout(io.StringIO()):
            import pyo64
    except (ImportError, OSError) as error:
        raise EffectsMissing(
            f"There are no effects: the package pyo is missing here ({error}). Install it with "
            "pip install pyo; there are wheels for Linux x86-64, Windows and Apple silicon."
        ) from error
    return pyo64


@contextlib.contextmanager
def _no_windows() -> Iterator[None]:
    """Hide the window toolkits, which pyo would load, or print a page about where they miss."""
    hidden = {name: sys.modules.get(name) for name in ("wx", "tkinter")}
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: cannot be imported
    try:
        yield
    finally:
        for name, module in hidden.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class _PyoProcessor:
    """One effect as a pyo server: `build` makes its objects, subclasses say the rest."""

    signals: Sequence[Signal] = ()

    def __init__(self, pyo: _Pyo) -> None:
        self._server = _manual_server(pyo, CHANNELS + len(self.signals))
        self.inputs: npt.NDArray[np.float64] = _memory(
            self._server.getInputAddr(), ctypes.c_double, CHANNELS + len(self.signals)
        )
        self.output: npt.NDArray[np.float32] = _memory(
            self._server.getOutputAddr(), ctypes.c_float, CHANNELS
        )
        self.resets: list[Callable[[], None]] = []
        # pyo's objects live as long as somebody holds them.
        self._streams = [pyo.Input(number) for number in range(CHANNELS + len(self.signals))]
        self._held: list[_Stream] = []
        outputs = self.build(pyo, self._streams[:CHANNELS], *self._streams[CHANNELS:])
        self._outputs = [self.hold(one).out(channel) for channel, one in enumerate(outputs)]
        self.inputs[:, CHANNELS:] = [signal.at_rest for signal in self.signals]
        self.process: Callable[[], None] = self._server._server.process
        self._settle()

    def build(self, pyo: _Pyo, sound: Sequence[_Stream], *signals: _Stream) -> list[_Stream]:
        """The outputs, left and right, made from the inputs."""
        raise NotImplementedError

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        """Where the signals go for the values of the table, without the bypass."""
        raise NotImplementedError

    def hold(self, stream: _Stream, *, resets: bool = False) -> _Stream:
        """Keep a pyo object alive; `resets` tells that it has a memory to be emptied."""
        self._held.append(stream)
        if resets:
            self.resets += [one.reset for one in stream.getBaseObjects()]
        return stream

    def _settle(self) -> None:
        """A new server fades in; have that over before there is any sound."""
        for _ in range(SAMPLE_RATE_HZ // 10 // BLOCK):
            self.process()


class _Delay(_PyoProcessor):
    signals = (
        Signal(0.001, Move.GLIDE, _SLOW_FRAMES),
        Signal(0.0),
        Signal(_MAX_FREQUENCY_HZ, Move.BY_RATIO),
        Signal(0.0),
    )

    def build(self, pyo: _Pyo, sound: Sequence[_Stream], *signals: _Stream) -> list[_Stream]:
        time_s, feedback, tone_hz, level = signals
        lines = [
            self.hold(pyo.Delay(one, time_s, feedback, MAX_DELAY_S + 0.01), resets=True)
            for one in sound
        ]
        return [pyo.Tone(line, tone_hz, mul=level) for line in lines]

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        time_s, feedback, tone_hz, level_db = values
        # Whole frames: repeats fall on the grid exactly, and are not read between two frames.
        frames = max(1, round(min(time_s, MAX_DELAY_S) * SAMPLE_RATE_HZ))
        return frames / SAMPLE_RATE_HZ, feedback, tone_hz, _gain(level_db)


class _Reverb(_PyoProcessor):
    signals = (
        Signal(0.3, Move.BY_RATIO, _SLOW_FRAMES),
        Signal(_MAX_FREQUENCY_HZ, Move.BY_RATIO),
        Signal(0.0),
    )

    def build(self, pyo: _Pyo, sound: Sequence[_Stream], *signals: _Stream) -> list[_Stream]:
        time_s, tone_hz, level = signals
        both = self.hold((sound[0] + sound[1]) * 0.5)
        room = pyo.STRev(both, 0.5, time_s, tone_hz, bal=1, roomSize=1, mul=level)
        self.hold(room)
        self.resets += [one.reset for one in room._base_players]
        return [room[0], room[1]]

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        time_s, tone_hz, level_db = values
        return time_s * _DECAY_40_OF_60, tone_hz, _REVERB_GAIN * _gain(level_db)


class _Chorus(_PyoProcessor):
    signals = (Signal(1.0, Move.BY_RATIO), Signal(0.0), Signal(0.0))

    def build(self, pyo: _Pyo, sound: Sequence[_Stream], *signals: _Stream) -> list[_Stream]:
        rate_hz, depth_s, level = signals
        longest_s = (2.0 * _MAX_CHORUS_MS + _CHORUS_FLOOR_MS) / 1000.0
        middle_s = self.hold(depth_s + _CHORUS_FLOOR_MS / 1000.0)
        voices = []
        for one, phase in zip(sound, (0.0, 0.25), strict=True):
            swing = self.hold(pyo.Sine(rate_hz, phase, mul=depth_s, add=middle_s))
            voice = pyo.Delay(one, swing, 0, longest_s + 0.01, mul=level)
            voices.append(self.hold(voice, resets=True))
        return voices

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        rate_hz, depth_ms, level_db = values
        return rate_hz, depth_ms / 1000.0, _gain(level_db)


class _Filter(_PyoProcessor):
    """Three filters at once, of which one is heard: so a change of the type is a crossfade."""

    signals = (
        Signal(1.0),
        Signal(0.0),
        Signal(0.0),
        Signal(_MAX_FREQUENCY_HZ, Move.BY_RATIO),
        Signal(0.5, Move.BY_RATIO),
    )

    def build(self, pyo: _Pyo, sound: Sequence[_Stream], *signals: _Stream) -> list[_Stream]:
        low, band, high, frequency_hz, q = signals
        # pyo's numbers: 0 low-pass, 1 high-pass, 2 band-pass.
        kinds = ((0, low), (2, band), (1, high))
        return [
            sum(self.hold(pyo.Biquad(one, frequency_hz, q, kind, mul=gain)) for kind, gain in kinds)
            for one in sound
        ]

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        kind, frequency_hz, q = values
        return *(float(kind == number) for number in range(3)), frequency_hz, q


class _Drive(_PyoProcessor):
    signals = (Signal(1.0, Move.BY_RATIO), Signal(_MAX_FREQUENCY_HZ, Move.BY_RATIO), Signal(0.0))

    def build(self, pyo: _Pyo, sound: Sequence[_Stream], *signals: _Stream) -> list[_Stream]:
        gain, tone_hz, level = signals
        bent = [self.hold(pyo.Tanh(self.hold(one * gain))) for one in sound]
        return [pyo.Tone(one, tone_hz, mul=level) for one in bent]

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        amount_db, tone_hz, level_db = values
        return _gain(amount_db), tone_hz, _gain(level_db)


class _Compressor(_PyoProcessor):
    """One gain for both channels, from the louder of them, so that the stereo picture stands.

    Made of pyo's parts and not of its `Compress`, which reads threshold and ratio once a block:
    a moving one would step.
    """

    signals = (
        Signal(0.0),
        Signal(0.0),
        Signal(0.001, Move.BY_RATIO),
        Signal(0.001, Move.BY_RATIO),
        Signal(0.0),
    )

    def build(self, pyo: _Pyo, sound: Sequence[_Stream], *signals: _Stream) -> list[_Stream]:
        threshold_db, slope, attack_s, release_s, makeup_db = signals
        left, right = (self.hold(pyo.Abs(one)) for one in sound)
        louder = self.hold(pyo.Max(left, right))
        level = self.hold(pyo.Follower2(louder, attack_s, release_s))
        over_db = self.hold(pyo.Max(self.hold(pyo.AToDB(level) - threshold_db), 0.0))
        gain = self.hold(pyo.DBToA(self.hold(over_db * slope + makeup_db)))
        return [one * gain for one in sound]

    def aims(self, values: Sequence[float]) -> Sequence[float]:
        threshold_db, ratio, attack_ms, release_ms, makeup_db = values
        return threshold_db, 1.0 / ratio - 1.0, attack_ms / 1000.0, release_ms / 1000.0, makeup_db


_PROCESSORS: dict[str, Callable[[_Pyo], Processor]] = {
    "delay": _Delay,
    "reverb": _Reverb,
    "chorus": _Chorus,
    "filter": _Filter,
    "drive": _Drive,
    "compressor": _Compressor,
}


def _manual_server(pyo: _Pyo, inputs: int) -> _Pyo:
    server = pyo.Server(
        sr=SAMPLE_RATE_HZ,
        nchnls=CHANNELS,
        buffersize=BLOCK,
        duplex=1,
        ichnls=inputs,
        audio="manual",
    )
    server.setVerbosity(1)
    server.deactivateMidi()
    server.boot()
    server.start()
    return server


def _memory(address: str | int, kind: type[Any], channels: int) -> npt.NDArray[Any]:
    """A server's own memory as an array [BLOCK, channels]."""
    number = int(address, 16) if isinstance(address, str) else address
    return np.ctypeslib.as_array((kind * (BLOCK * channels)).from_address(number)).reshape(
        BLOCK, channels
    )


def _gain(level_db: float) -> float:
    return 0.0 if level_db == -math.inf else 10.0 ** (level_db / 20.0)
