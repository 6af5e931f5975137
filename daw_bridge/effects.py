"""The one table of the effects: names, parameters, units, ranges, defaults. Pure.

From `EFFECTS` are made the rows of the protocol (table_effects.py), the numbers that the audio
process is told (`audio_number`) and the rack itself (rack.py), so that they cannot disagree. Three
effects are buses that slots send to, three stand one after another in the mix of everything:

    slots ─┬──────────────────────────────► + ─► filter ─► drive ─► compressor ─► master
           └─ sends ─► delay, reverb, chorus ┘

This file knows nothing of OSC, of sound or of what computes an effect.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from daw_bridge.arguments import Argument, Kind, Value

# Note values as parts of a whole note. A t is a triplet, two thirds; a d is dotted, three halves.
NOTE_VALUES = {
    "1/64": 1 / 64,
    "1/32": 1 / 32,
    "1/16t": 1 / 24,
    "1/16": 1 / 16,
    "1/16d": 3 / 32,
    "1/8t": 1 / 12,
    "1/8": 1 / 8,
    "1/8d": 3 / 16,
    "1/4t": 1 / 6,
    "1/4": 1 / 4,
    "1/4d": 3 / 8,
    "1/2": 1 / 2,
}
_BEATS_PER_WHOLE_NOTE = 4


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an effect: what its value may be, and what a musician hears."""

    argument: Argument
    description: str

    @property
    def name(self) -> str:
        """Its last word in an address."""
        return self.argument.name

    @property
    def default(self) -> Value:
        """Its value at the start."""
        return 0.0 if self.argument.default is None else self.argument.default


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect. `is_bus` tells whether slots send to it; else everything goes through it.

    The first parameter of each is its bypass.
    """

    name: str
    is_bus: bool
    parameters: tuple[Parameter, ...]


def _number(name: str, unit: str, low: float, high: float, default: float) -> Argument:
    return Argument(name, Kind.FLOAT, unit, low=low, high=high, default=default)


def _choice(name: str, choices: tuple[str, ...], default: str) -> Argument:
    return Argument(name, Kind.STRING, choices=choices, default=default)


def _effect(name: str, *parameters: Parameter, is_bus: bool = False) -> Effect:
    bypass = Parameter(
        Argument("bypass", Kind.BOOL, default=True),
        f"Take the {name} out, without a click; while out it costs nothing.",
    )
    return Effect(name, is_bus, (bypass, *parameters))


def _level(of_what: str) -> Parameter:
    argument = _number("level", "dB", -math.inf, 12.0, 0.0)
    return Parameter(argument, f"How loud the {of_what} are, ramped; minus infinity is silence.")


# The order is that of the mix: buses first, then what everything goes through, in turn.
EFFECTS: tuple[Effect, ...] = (
    _effect(
        "delay",
        Parameter(
            _choice("time", tuple(NOTE_VALUES), "1/8d"),
            "Time between repeats as a note value, which follows the tempo; a change of it glides "
            "like a tape.",
        ),
        Parameter(
            _number("feedback", "", 0.0, 0.95, 0.4),
            "How much of each repeat is repeated again.",
        ),
        Parameter(
            _number("tone", "Hz", 200.0, 20_000.0, 8_000.0),
            "Above this frequency the repeats are darker, by 6 dB an octave.",
        ),
        _level("repeats"),
        is_bus=True,
    ),
    _effect(
        "reverb",
        Parameter(
            _number("time", "s", 0.3, 20.0, 2.0), "How long it takes to die away by 60 dB, about."
        ),
        Parameter(
            _number("tone", "Hz", 200.0, 20_000.0, 6_000.0),
            "Above this frequency it dies away sooner.",
        ),
        _level("reverberations"),
        is_bus=True,
    ),
    _effect(
        "chorus",
        Parameter(_number("rate", "Hz", 0.05, 10.0, 0.6), "How often the voices go up and down."),
        Parameter(_number("depth", "ms", 0.0, 10.0, 3.0), "How far they go."),
        _level("voices"),
        is_bus=True,
    ),
    _effect(
        "filter",
        Parameter(
            _choice("type", ("low", "band", "high"), "low"),
            "What passes: low frequencies, a band, or high frequencies; 12 dB an octave.",
        ),
        Parameter(
            _number("frequency", "Hz", 20.0, 20_000.0, 1_000.0),
            "Where the filter begins to work, or the middle of the band.",
        ),
        Parameter(
            _number("resonance", "Q", 0.5, 20.0, 0.71),
            "How much the frequency itself stands out: the quality factor; 0.71 is flat.",
        ),
    ),
    _effect(
        "drive",
        Parameter(
            _number("amount", "dB", 0.0, 40.0, 12.0),
            "Gain before the saturation, a hyperbolic tangent: the more, the rougher.",
        ),
        Parameter(
            _number("tone", "Hz", 200.0, 20_000.0, 12_000.0),
            "Above this frequency the result is darker, by 6 dB an octave.",
        ),
        Parameter(
            _number("level", "dB", -40.0, 12.0, -6.0), "Gain after it, to make up for the amount."
        ),
    ),
    _effect(
        "compressor",
        Parameter(
            _number("threshold", "dB", -60.0, 0.0, -18.0),
            "Peaks above this level are turned down, left and right alike.",
        ),
        Parameter(
            _number("ratio", "", 1.0, 20.0, 4.0),
            "How many dB above the threshold become one.",
        ),
        Parameter(
            _number("attack", "ms", 0.1, 200.0, 10.0), "How quickly it turns down: 99.8 % settled."
        ),
        Parameter(
            _number("release", "ms", 10.0, 2_000.0, 200.0), "How quickly it lets go: 99.8 %."
        ),
        Parameter(_number("makeup", "dB", 0.0, 24.0, 0.0), "Gain after it."),
    ),
)
BUSES: tuple[str, ...] = tuple(effect.name for effect in EFFECTS if effect.is_bus)
SEND = _number("send", "dB", -math.inf, 12.0, -math.inf)


def parameters() -> Iterator[tuple[Effect, Parameter]]:
    """Every parameter with its effect, in the order of the table."""
    for effect in EFFECTS:
        for parameter in effect.parameters:
            yield effect, parameter


def key_of(effect: Effect, parameter: Parameter) -> str:
    """What a value is called wherever values are kept, such as "filter/frequency"."""
    return f"{effect.name}/{parameter.name}"


DEFAULTS: dict[str, Value] = {key_of(*both): both[1].default for both in parameters()}
PLACES: dict[str, tuple[int, int]] = {
    key_of(effect, parameter): (number, place)
    for number, effect in enumerate(EFFECTS)
    for place, parameter in enumerate(effect.parameters)
}


def audio_number(key: str, value: Value, tempo_bpm: float) -> float:
    """A value as the audio process wants it.

    Args:
        key: Which parameter.
        value: Its value, checked.
        tempo_bpm: What note values last by.

    Returns:
        Seconds for a note value, the place of any other choice, 0 or 1 for a switch, and a number
        as it is.
    """
    if isinstance(value, str):
        number, place = PLACES[key]
        choices = EFFECTS[number].parameters[place].argument.choices
        return seconds_of(value, tempo_bpm) if key == DELAY_TIME else float(choices.index(value))
    return float(value)


DELAY_TIME = "delay/time"
MAX_DELAY_S = 60.0 * _BEATS_PER_WHOLE_NOTE * max(NOTE_VALUES.values()) / 20.0


def seconds_of(note_value: str, tempo_bpm: float) -> float:
    """How long a note value lasts.

    >>> seconds_of("1/8d", 120.0)
    0.375
    """
    return 60.0 * _BEATS_PER_WHOLE_NOTE * NOTE_VALUES[note_value] / tempo_bpm
