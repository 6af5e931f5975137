"""The words between control and the generator's child: one message is one line of JSON.

Knows nothing of processes. JSON and not pickle: a line can be read by eye, and reading one runs no
code. Used by generator_child.py on one side and by generator_link.py on the other.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from daw_bridge.generator_events import (
    GeneratorReady,
    TakeBegun,
    TakeFailed,
    TakeProgress,
    TakeReady,
)
from daw_bridge.sounds import Sound
from generator.api import Base, GenerationRequest


@dataclass(frozen=True, slots=True)
class MakeTake:
    """Make a take for a request; `sound` is what it begins from, where that is one."""

    request_id: int
    request: GenerationRequest
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class MakeTakes:
    """Make takes: one, or several at once where the model said that it can."""

    takes: tuple[MakeTake, ...]


@dataclass(frozen=True, slots=True)
class KeepWarm:
    """Somebody plays: let the device not fall asleep between takes."""


@dataclass(frozen=True, slots=True)
class DropTake:
    """Stop making a take at the end of the stage or chunk that runs."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Leave:
    """End; a child whose input ends without this word knows that control has died."""


@dataclass(frozen=True, slots=True)
class TakeReserved:
    """Memory for a take is about to exist; if the child dies now, control must remove it."""

    request_id: int
    shm_name: str


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """The model cannot be loaded, and never will be."""

    text: str


ChildCommand = MakeTakes | KeepWarm | DropTake | Leave
ChildEvent = (
    GeneratorReady | TakeProgress | TakeBegun | TakeReady | TakeFailed | TakeReserved | LoadFailed
)

_EVENTS: dict[str, type[ChildEvent]] = {
    kind.__name__: kind
    for kind in (
        GeneratorReady,
        TakeProgress,
        TakeBegun,
        TakeReady,
        TakeFailed,
        TakeReserved,
        LoadFailed,
    )
}


def to_line(message: ChildCommand | ChildEvent) -> str:
    """Write a message as one line."""
    return json.dumps([type(message).__name__, asdict(message)]) + "\n"


def event_from_line(line: str) -> ChildEvent:
    """Read an event that `to_line` wrote."""
    kind, values = json.loads(line)
    return _EVENTS[kind](**values)


def command_from_line(line: str) -> ChildCommand:
    """Read a command that `to_line` wrote."""
    kind, values = json.loads(line)
    if kind == DropTake.__name__:
        return DropTake(**values)
    if kind == Leave.__name__:
        return Leave()
    if kind == KeepWarm.__name__:
        return KeepWarm()
    return MakeTakes(tuple(map(_take_of, values["takes"])))


def _take_of(values: dict[str, Any]) -> MakeTake:
    request = values["request"]
    if request["base"] is not None:
        request["base"] = Base(**request["base"])
    sound = None if values["sound"] is None else Sound(**values["sound"])
    return MakeTake(values["request_id"], GenerationRequest(**request), sound)
