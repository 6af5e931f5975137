"""What the control process tells its audio process at the start, and the one line that it answers.

Both travel as JSON: the first as a command-line argument, the second over standard output. The
process of the input says its line in the same way. Knows nothing of how a process works.
"""

import json
import os
from dataclasses import asdict, dataclass

from daw_bridge.audio_output import OutputInfo, OutputSettings

RING_RECORDS = 1024


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What the control process tells its audio process at its start.

    Attributes:
        commands: The name of the ring of commands.
        events: The name of the ring of events.
        status: The name of the status.
        clock_frame: An absolute frame,
        clock_monotonic_s: and when it is due: the clock that goes on.
        owner_pid: The control process.
        wake_descriptor: An inherited pipe to write into when there are events; -1 for none.
        output: Which output to open.
        capture: The name of the ring of what was heard; empty for none.
        capture_frames: How many frames it holds.
        is_on_air: Whether it is heard from the start; else `SetOnAir` says when.
    """

    commands: str
    events: str
    status: str
    clock_frame: int
    clock_monotonic_s: float
    owner_pid: int
    wake_descriptor: int
    output: OutputSettings
    capture: str = ""
    capture_frames: int = 0
    is_on_air: bool = True

    def to_json(self) -> str:
        """As one argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ChildSettings":
        """What `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "output": OutputSettings(**fields["output"])})


@dataclass(frozen=True, slots=True)
class Hello:
    """The audio process's one line: what it opened, or why it could not.

    Attributes:
        error: Why there is no output; empty if there is one.
        info: What was opened.
        missing_effects: Why there are no effects; empty if there are.
        real_time_refusal: Why the system grants no real-time priority; empty if it does.
    """

    error: str = ""
    info: OutputInfo | None = None
    real_time_refusal: str = ""
    missing_effects: str = ""

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Hello":
        """What `to_json` wrote."""
        fields = json.loads(text)
        info = OutputInfo(**fields["info"]) if fields["info"] else None
        return cls(**{**fields, "info": info})


def keep_standard_output_clean() -> int:
    """Give the one line a descriptor of its own; what libraries print goes to standard error.

    Returns:
        The descriptor.
    """
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return descriptor


def say(descriptor: int, line: str) -> None:
    """Say the one line, and close the descriptor."""
    os.write(descriptor, line.encode())
    os.close(descriptor)
