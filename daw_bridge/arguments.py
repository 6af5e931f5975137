"""What an argument of a message may be, and the check of a received one.

This is one of the four borders where input is validated; behind it types are trusted. It does not
know addresses, bytes or commands.
Flow: osc.py hands each received value to `check_argument` with what the table declares for it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from daw_bridge.osc import TaggedValue
from generator.errors import RequestError
from generator.keys import parse_key

Value = int | float | str
# What an address holds: one value, or several in the order of its arguments.
Held = Value | tuple[Value, ...]
MAX_STRING_BYTES = 256
_TYPES = {
    **dict.fromkeys("ihfd", "a number"),
    **dict.fromkeys("TF", "a switch"),
    **dict.fromkeys("sS", "text"),
    "b": "bytes",
    "N": "nothing",
    "I": "a trigger",
}
MAX_INT = 2**31 - 1


class Kind(StrEnum):
    """The type of an argument: its OSC tag, and `*` for any number of any type.

    A BOOL travels as T or F, and may come as 1 or 0.
    """

    BOOL = "T"
    INT = "i"
    FLOAT = "f"
    DOUBLE = "d"
    STRING = "s"
    ANY = "*"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its name, type, unit and what it may be.

    `default` is the value at the start, or that of an argument left out. `is_key` marks a
    musical key, which is brought into one spelling. `also_int`: a whole number may stand there as
    well and stays one, because it means something else, such as a place in a list.
    """

    name: str
    kind: Kind
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    default: Value | None = None
    is_optional: bool = False
    also_int: bool = False
    is_key: bool = False
    max_bytes: int = MAX_STRING_BYTES

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of a number, both ends meant; an int has at most 31 bits and a sign."""
        widest = float(MAX_INT) if self.kind is Kind.INT else math.inf
        low = -widest if self.low is None else self.low
        return low, widest if self.high is None else self.high


def check_argument(argument: Argument, tag: str, value: object) -> Value:
    """Bring one received value into the declared type, or refuse it.

    Args:
        argument: What is declared.
        tag: The OSC type tag that came with the value.
        value: What came.

    Returns:
        The value in the declared type, in range.

    Raises:
        ValueError: The text says what was found and what is allowed.
    """
    if argument.also_int and tag in "ih":
        return _check_number(Argument(argument.name, Kind.INT), tag, value)
    if argument.kind is Kind.STRING:
        return _check_string(argument, tag, value)
    if argument.kind is Kind.BOOL:
        return _check_bool(argument, tag, value)
    return _check_number(argument, tag, value)


def tagged(arguments: Sequence[Argument], held: Held) -> tuple[TaggedValue, ...]:
    """Values with their OSC tags, as declared."""
    values = held if isinstance(held, tuple) else (held,)
    return tuple((_tag(one, value), value) for one, value in zip(arguments, values, strict=True))


def _tag(argument: Argument, value: Value) -> str:
    if argument.also_int and isinstance(value, int):
        return Kind.INT.value
    return "F" if argument.kind is Kind.BOOL and not value else argument.kind.value


def _check_bool(argument: Argument, tag: str, value: object) -> bool:
    if tag not in "ihfdTF" or value not in (0, 1):
        found = _spell(value) if isinstance(value, int | float) else _type_of(tag)
        raise ValueError(f"{argument.name} came as {found}; send T or F, 1 or 0.")
    return bool(value)


def _check_string(argument: Argument, tag: str, value: object) -> str:
    if not isinstance(value, str) or tag not in "sS":
        wanted = (
            f"one of {', '.join(argument.choices)}, as a string" if argument.choices else "text"
        )
        raise ValueError(f"{argument.name} came as {_type_of(tag)}; send {wanted} (s).")
    length_bytes = len(value.encode("utf-8", "surrogatepass"))
    if length_bytes > argument.max_bytes:
        raise ValueError(
            f"{argument.name} is {length_bytes} bytes long; at most {argument.max_bytes} are taken."
        )
    if argument.choices and value not in argument.choices:
        raise ValueError(
            f"{argument.name} is {value[:40]!r}; it may be {', '.join(argument.choices)}."
        )
    if argument.is_key and value:
        return _spell_key(value)
    return value


def _spell_key(text: str) -> str:
    try:
        return parse_key(text)
    except RequestError as error:
        raise ValueError(str(error)) from error


def _check_number(argument: Argument, tag: str, value: object) -> int | float:
    if not isinstance(value, int | float) or tag not in "ihfdTF":
        raise ValueError(
            f"{argument.name} came as {_type_of(tag)}; send a number ({argument.kind.value})."
        )
    if math.isnan(value):
        raise ValueError(f"{argument.name} is not a number (NaN).")
    if argument.kind is Kind.INT and isinstance(value, float) and not value.is_integer():
        raise ValueError(f"{argument.name} is {_spell(value)}; send a whole number.")
    low, high = argument.bounds
    if not low <= value <= high:
        unit = f" {argument.unit}" if argument.unit else ""
        allowed = _spell(low) if low == high else f"from {_spell(low)} to {_spell(high)}{unit}"
        raise ValueError(f"{argument.name} is {_spell(value)}; it must be {allowed}.")
    return int(value) if argument.kind is Kind.INT else float(value)


def _type_of(tag: str) -> str:
    """What a type tag means, in words.

    >>> _type_of("s"), _type_of("m")
    ('text (s)', 'type m')
    """
    return f"{_TYPES[tag]} ({tag})" if tag in _TYPES else f"type {tag}"


def _spell(number: float) -> str:
    """A number as a person writes it: whole ones with every digit, as far as those mean anything.

    >>> _spell(2147483648.0), _spell(-1), _spell(0.1), _spell(1e30)
    ('2147483648', '-1', '0.1', '1e+30')
    """
    return f"{number:.0f}" if number == number // 1 and abs(number) < 1e15 else f"{number:g}"
