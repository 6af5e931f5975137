"""What control and audio say to each other, as records of one size for a ring in shared memory.

One table maps every class to its record; the record's layout follows from the fields' types. Knows
nothing of rings or of what the words do. Flow: control encodes commands, the audio child decodes
them; events go the other way.
"""

import struct
from collections.abc import Callable, Iterable
from functools import cache
from operator import attrgetter
from typing import Any, get_type_hints

from daw_bridge.audio_commands import (
    Disposed,
    Ended,
    Installed,
    InstallTake,
    Message,
    MovePlay,
    Panic,
    Play,
    Quit,
    ReleaseTake,
    SetEffect,
    SetLimiter,
    SetMasterGain,
    SetOnAir,
    SetSend,
    SetSlotGain,
    SetSlotOutput,
    Started,
    StopSlot,
    Warning,
)
from daw_bridge.errors import AudioError

RECORD_BYTES = 112
NAME_BYTES = 64

# The position of a class is its tag on the wire; both ends run the same code.
_CLASSES: tuple[Callable[..., Message], ...] = (
    InstallTake,
    ReleaseTake,
    Play,
    MovePlay,
    StopSlot,
    SetSlotGain,
    SetSlotOutput,
    SetMasterGain,
    SetEffect,
    SetSend,
    Panic,
    SetLimiter,
    SetOnAir,
    Quit,
    Installed,
    Started,
    Ended,
    Disposed,
    Warning,
)
_TAGS: dict[object, int] = {kind: tag for tag, kind in enumerate(_CLASSES)}
_CODES = {int: "q", float: "d", bool: "?", str: f"{NAME_BYTES}s"}


def encode(message: Message) -> bytes:
    """Pack a message.

    Args:
        message: A command or an event.

    Returns:
        RECORD_BYTES bytes.

    Raises:
        AudioError: A name is too long or a number does not fit.
    """
    if isinstance(message, InstallTake) and len(message.shm_name) > NAME_BYTES:
        raise AudioError(f"{message.shm_name!r} is longer than {NAME_BYTES} bytes.")
    tag = _TAGS[type(message)]
    pack, values_of = _writer(tag)
    try:
        return pack(tag, *values_of(message))
    except (struct.error, UnicodeEncodeError) as error:
        raise AudioError(f"{message} does not fit into a record: {error}") from error


def decode(record: bytes | memoryview) -> Message:
    """Unpack a message.

    Args:
        record: What `encode` made.

    Returns:
        The same message.

    Raises:
        AudioError: The bytes are no record of ours.
    """
    if len(record) != RECORD_BYTES or record[0] >= len(_CLASSES):
        raise AudioError(f"{bytes(record[:8])!r}… is no record: expected {RECORD_BYTES} bytes.")
    _, *values = _layout(record[0]).unpack_from(record)
    texts = (_text(value) if isinstance(value, bytes) else value for value in values)
    return _CLASSES[record[0]](*texts)


def _text(field: bytes) -> str:
    try:
        return field.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise AudioError(f"{field!r} is no ASCII name.") from error


@cache
def _layout(tag: int) -> struct.Struct:
    types = get_type_hints(_CLASSES[tag]).values()
    fields = struct.Struct("<B7x" + "".join(_CODES[kind] for kind in types))
    return struct.Struct(f"{fields.format}{RECORD_BYTES - fields.size}x")


@cache
def _writer(tag: int) -> tuple[Callable[..., bytes], Callable[[Any], Iterable[object]]]:
    """How the values of a class are packed, and how they are found: a sound waits for this."""
    kind: Any = _CLASSES[tag]
    pack, names = _layout(tag).pack, kind.__slots__
    if kind is InstallTake:
        return pack, _install_values
    if len(names) < 2:  # of one name, attrgetter gives no tuple
        return pack, lambda one: [getattr(one, name) for name in names]
    return pack, attrgetter(*names)


def _install_values(command: InstallTake) -> tuple[object, ...]:
    return command.take_id, command.shm_name.encode("ascii"), command.frames
