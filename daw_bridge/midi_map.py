"""Which controller moves which address, and how a hand takes over a value without a jump. Pure.

A controller that was bound does nothing until it stands where the value stands, or has passed it
(soft take-over); so it also lets go of a value that something else has moved. Bindings are kept as
TOML that a person can edit. It knows the table's arguments, and neither ports nor files.
Flow: midi.py (messages) → midi_desk.py → here → addresses.py, as if the message had come by OSC.
"""

import math
import tomllib
from dataclasses import dataclass
from typing import Any

from daw_bridge.arguments import Argument, Kind, Value
from daw_bridge.errors import PresetError

MOST = 127
_NEAR = 1.5 / MOST
# The lowest step of a fader whose range begins at silence.
_FLOOR_DB = -60.0
_MAX_BINDINGS = 16 * 120


@dataclass(frozen=True, slots=True)
class Binding:
    """A controller of a channel, and the path below the root that it moves."""

    channel: int
    controller: int
    path: str


# ── a knob's way and a value's range ─────────────────────────────────────────
def can_be_moved(argument: Argument) -> bool:
    """Whether a controller has something to move here: a range, a switch or choices."""
    low, high = _limits(argument)
    is_number = argument.kind in (Kind.INT, Kind.FLOAT, Kind.DOUBLE)
    has_range = is_number and math.isfinite(high - low)
    return argument.kind is Kind.BOOL or bool(argument.choices) or has_range


def value_at(argument: Argument, position: float) -> Value:
    """What a value is where a controller stands.

    Args:
        argument: What may be moved.
        position: From 0 to 1.

    Returns:
        The value in its type. Frequencies go by octaves; a gain's lowest end is silence.
    """
    if argument.kind is Kind.BOOL:
        return position >= 0.5
    if argument.choices:
        last = len(argument.choices) - 1
        return argument.choices[min(int(position * (last + 1)), last)]
    low, high = _limits(argument)
    if argument.low == -math.inf and position <= 0.0:
        return -math.inf
    value = low + position * (high - low)
    if _is_by_octaves(argument):
        value = low * (high / low) ** position
    value = min(max(value, low), high)
    return round(value) if argument.kind is Kind.INT else value


def position_of(argument: Argument, value: Value) -> float:
    """Where a controller would have to stand for a value, from 0 to 1."""
    if argument.kind is Kind.BOOL:
        return float(bool(value))
    if isinstance(value, str):
        return (argument.choices.index(value) + 0.5) / len(argument.choices)
    low, high = _limits(argument)
    if value <= low or high == low:
        return 0.0
    if _is_by_octaves(argument):
        return min(1.0, math.log(value / low) / math.log(high / low))
    return min(1.0, (value - low) / (high - low))


def _limits(argument: Argument) -> tuple[float, float]:
    low, high = argument.bounds
    return (_FLOOR_DB if low == -math.inf and argument.unit == "dB" else low), high


def _is_by_octaves(argument: Argument) -> bool:
    low, _ = _limits(argument)
    return argument.unit == "Hz" and low > 0.0


# ── soft take-over ───────────────────────────────────────────────────────────
class Hand:
    """One controller on one value."""

    def __init__(self) -> None:
        self._position: float | None = None
        self._set: Value | None = None

    def move(self, argument: Argument, position: float, value: Value) -> Value | None:
        """Move the controller.

        Args:
            argument: What it moves.
            position: Where it stands now, from 0 to 1.
            value: What the value is.

        Returns:
            What the value is to be, None where the hand has not taken over.
        """
        before, self._position = self._position, position
        if argument.kind is not Kind.BOOL and not self._holds(argument, value):
            stands = position_of(argument, value)
            reach = (position, position if before is None else before)
            if not min(reach) - _NEAR <= stands <= max(reach) + _NEAR:
                return None
        self._set = value_at(argument, position)
        return self._set

    def _holds(self, argument: Argument, value: Value) -> bool:
        if self._set is None or isinstance(value, str):
            return value == self._set
        step = (position_of(argument, value), position_of(argument, self._set))
        return abs(step[0] - step[1]) < _NEAR / 10


# ── as TOML ──────────────────────────────────────────────────────────────────
def print_bindings(bindings: list[Binding]) -> str:
    """Bindings as text."""
    lines = ["# Which MIDI controller moves which address; channels are counted from 1."]
    for one in bindings:
        lines += ["", "[[control]]", f"channel = {one.channel}", f"controller = {one.controller}"]
        lines.append(f'path = "{one.path}"')
    return "\n".join(lines) + "\n"


def read_bindings(text: str) -> list[Binding]:
    """Bindings out of a text.

    Args:
        text: What `print_bindings` wrote, or a person.

    Returns:
        The bindings, in order.

    Raises:
        PresetError: The text is no TOML, or holds something else.
    """
    try:
        found = tomllib.loads(text)
        if set(found) - {"control"} or len(found.get("control", [])) > _MAX_BINDINGS:
            raise ValueError("it holds [[control]] tables and nothing else")
        return [_read_binding(one) for one in found.get("control", [])]
    except (ValueError, TypeError, AttributeError) as error:
        raise PresetError(f"The MIDI bindings cannot be read: {error}.") from error


def _read_binding(table: dict[str, Any]) -> Binding:
    if set(table) != {"channel", "controller", "path"}:
        raise ValueError("a [[control]] has channel, controller and path")
    binding = Binding(**table)
    numbers = (binding.channel, binding.controller)
    if not all(isinstance(one, int) for one in numbers) or not isinstance(binding.path, str):
        raise ValueError("channel and controller are whole numbers and path is a text")
    if not (1 <= binding.channel <= 16 and 0 <= binding.controller <= MOST):
        raise ValueError(f"there is no controller {binding.controller} on {binding.channel}")
    if '"' in binding.path or "\\" in binding.path or not binding.path.startswith("/"):
        raise ValueError(f"{binding.path!r:.40} is no path")
    return binding
