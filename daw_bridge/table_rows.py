"""What a row of the protocol's table is: one address, its arguments, and what it is for.

Pure form; the rows stand in table_*.py and commands.py joins them. Knows nothing of bytes, sockets,
time or what a command does to the music.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import Command

SLOT_PART = "{slot}"
SCENE_PART = "{scene}"
SCENES = 16


class Access(StrEnum):
    """What an address is for."""

    VALUE = "set and get"
    READ = "get"
    ACTION = "action"
    PUSH = "pushed"
    STREAM = "pushed to those who ask with 1"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Row:
    """One address below the root (or above it, where `is_rooted` is false).

    `make` is the command of an ACTION. A VALUE or READ row shows the field `shows` of the slot's or
    the session's state; where it is empty, the one named like the last word of the path. An ACTION
    with `shows` has a lamp: it shows a field that is 1 or 0.
    `ignores_zero` is for triggers: a button that is released sends 0, which does nothing.
    A VALUE belongs to what presets, scenes and the state keep, unless `is_kept` is false.
    """

    path: str
    access: Access
    description: str
    arguments: tuple[Argument, ...] = ()
    make: type[Command] | None = None
    reply: str = ""
    shows: str = ""
    ignores_zero: bool = False
    is_kept: bool = True
    is_rooted: bool = True

    @property
    def has_slot(self) -> bool:
        """Whether the address stands once for each slot."""
        return SLOT_PART in self.path

    @property
    def index(self) -> str:
        """What the address stands once for each of: a slot, a scene, or nothing (empty)."""
        return "slot" if self.has_slot else "scene" if SCENE_PART in self.path else ""

    @property
    def is_shown(self) -> bool:
        """Whether feedback comes on the address."""
        return self.access in (Access.VALUE, Access.READ) or bool(self.shows)

    @property
    def shown(self) -> tuple[Argument, ...]:
        """What feedback carries."""
        return self.arguments or (LAMP,)

    @property
    def field(self) -> str:
        """The name of the field that a VALUE or READ row shows."""
        return self.shows or self.path.rsplit("/", 1)[-1]

    def address(self, root: str, number: int | str = 0) -> str:
        """The full address, for one slot or scene, or "*" for all, where the row has one."""
        path = self.path.replace(SLOT_PART, str(number)).replace(SCENE_PART, str(number))
        return (root if self.is_rooted else "") + path


LAMP = Argument("on", Kind.INT, low=0, high=1)
ADDRESS = Argument("address", Kind.STRING)
ID = Argument("id", Kind.INT)
TEXT = Argument("text", Kind.STRING)
REST = Argument("arguments", Kind.ANY)
SWITCH = Argument("on", Kind.BOOL, default=False)
GAIN = Argument("gain", Kind.FLOAT, "dB", low=-math.inf, high=12.0, default=0.0)
