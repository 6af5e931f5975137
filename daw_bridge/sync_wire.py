"""The words between control and the process of the neighbours: one message is one line of JSON.

Knows nothing of processes, ports or libraries. Used by sync_process.py on the one side and by
sync_child.py on the other. Times are monotonic seconds, which both processes share.
"""

import json
from dataclasses import asdict, dataclass

from daw_bridge.pulses import Lead


# ── what control asks for ────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Listen:
    """Be connected to the MIDI inputs whose names contain the text; none where it is empty."""

    port: str


@dataclass(frozen=True, slots=True)
class Follow:
    """Tell what a source of time says: link or jack; for any other, be silent."""

    source: str


@dataclass(frozen=True, slots=True)
class SendClock:
    """Send MIDI clock, or no more of it."""

    on: bool


# ── what it tells ────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class MidiCame:
    """One MIDI message, as a hexadecimal text, and when it came."""

    at_s: float
    message: str


@dataclass(frozen=True, slots=True)
class TimeCame:
    """Link or JACK says where time is; None where it does not say.

    Attributes:
        source: "link" or "jack".
        at_s: When that was so.
        is_playing: Whether time runs.
        beat: In quarter notes from the beginning of the first bar.
        seconds: From the beginning, where there are no beats.
        tempo_bpm: Of quarter notes.
        signature: Numerator and denominator.
    """

    source: str
    at_s: float
    is_playing: bool
    beat: float | None = None
    seconds: float | None = None
    tempo_bpm: float | None = None
    signature: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PortsChanged:
    """The MIDI inputs that there are, those that are connected, and the port of our own."""

    inputs: tuple[str, ...]
    connected: tuple[str, ...]
    own: str


@dataclass(frozen=True, slots=True)
class SourceMissing:
    """Midi, jack or link cannot be had, and why; found again where the reason is empty."""

    source: str
    reason: str


SyncCommand = Listen | Follow | SendClock | Lead
SyncEvent = MidiCame | TimeCame | PortsChanged | SourceMissing
_COMMANDS: dict[str, type[SyncCommand]] = {
    kind.__name__: kind for kind in (Listen, Follow, SendClock, Lead)
}
_EVENTS: dict[str, type[SyncEvent]] = {
    kind.__name__: kind for kind in (MidiCame, TimeCame, PortsChanged, SourceMissing)
}


def to_line(message: SyncCommand | SyncEvent) -> bytes:
    """Write a message as one line."""
    return json.dumps([type(message).__name__, asdict(message)]).encode() + b"\n"


def command_from_line(line: bytes) -> SyncCommand:
    """Read a command that `to_line` wrote."""
    kind, values = json.loads(line)
    return _COMMANDS[kind](**values)


def event_from_line(line: bytes) -> SyncEvent:
    """Read an event that `to_line` wrote."""
    kind, values = json.loads(line)
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return _EVENTS[kind](**(values | lists))
