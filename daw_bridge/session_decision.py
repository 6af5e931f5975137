"""What a decision of the session asks for, and what happens to a session besides commands.

All frozen values. The session decides (session.py), the engine has it done (engine.py).
"""

from dataclasses import dataclass

from daw_bridge import audio_commands as audio
from daw_bridge.arguments import Held
from daw_bridge.file_jobs import FileJob, StoredTake
from daw_bridge.osc import TaggedValue
from daw_bridge.portaudio import Direction
from daw_bridge.presets import Document
from daw_bridge.session_state import SessionState
from daw_bridge.sounds import Sound
from generator.api import GenerationRequest


# ── what a decision asks for ─────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Reply:
    """Send a message that stands above the root, such as /done, to one client."""

    client: int
    address: str
    arguments: tuple[TaggedValue, ...]


@dataclass(frozen=True, slots=True)
class Show:
    """Send a value on its address: to one client that asked, or to all who want feedback."""

    slot: int
    field: str
    value: Held
    client: int | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a command to the audio process."""

    command: audio.Command


@dataclass(frozen=True, slots=True)
class Submit:
    """Ask the generator for a take; `sound` is what it begins from, where that is one."""

    job_id: int
    request: GenerationRequest
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Take a request back from the generator."""

    job_id: int


@dataclass(frozen=True, slots=True)
class FreeTake:
    """Give the memory of a take back: nobody reads it any more."""

    shm_name: str


@dataclass(frozen=True, slots=True)
class DoFiles:
    """Hand a job to the file thread."""

    job_id: int
    job: FileJob


@dataclass(frozen=True, slots=True)
class TryModel:
    """Load another model beside the one that plays."""

    job_id: int
    name: str


@dataclass(frozen=True, slots=True)
class LeaveModel:
    """Do not load it after all."""

    job_id: int


@dataclass(frozen=True, slots=True)
class ListDevices:
    """Look up the outputs or the inputs of this machine."""

    job_id: int
    direction: Direction = Direction.OUTPUT


@dataclass(frozen=True, slots=True)
class OpenOutput:
    """Open another output, or the present one ("") with blocks of so many frames."""

    job_id: int
    output: str
    hostapi: str
    buffer_frames: int


@dataclass(frozen=True, slots=True)
class OpenInput:
    """Open another input; none where the name is empty."""

    job_id: int
    name: str
    hostapi: str


TakeAction = Submit | CancelJob | FreeTake
ModelAction = TryModel | LeaveModel
OutputAction = ListDevices | OpenOutput | OpenInput
Action = Reply | Show | Tell | TakeAction | DoFiles | ModelAction | OutputAction


# ── what happens besides commands and the events of the children ─────────────
@dataclass(frozen=True, slots=True)
class AudioRestarted:
    """The audio process is a new one, which holds no takes and sounds no voices.

    Where it takes over in order, the old one sounds until `at_frame`; NOW where it has died.
    """

    at_frame: int = audio.NOW


@dataclass(frozen=True, slots=True)
class EffectsFound:
    """The audio process has looked for effects; `missing` tells why there are none."""

    missing: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the last run left, read at the start."""

    document: Document[StoredTake]


@dataclass(frozen=True, slots=True)
class TimeGoesOn:
    """Told many times a second while something is on its way."""


@dataclass(frozen=True, slots=True)
class XrunsCounted:
    """How many breaks the device has told of since the start."""

    total: int


@dataclass(frozen=True, slots=True)
class NoteText:
    """What a text of the session, that is only shown, is now."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is decided.

    `frame` is on the audio clock; `due_frame` is where a bundle wants its effect, NOW for none.
    """

    frame: int
    due_frame: int = audio.NOW


class TooEarlyError(Exception):
    """What is asked of an unknown moment."""


class _Unknown(Moment):
    """A moment that is still to come: nothing that depends on it can be decided."""

    __slots__ = ()
    due_frame = audio.NOW

    def __init__(self) -> None:
        """Know nothing."""

    @property
    def frame(self) -> int:
        """There is none yet."""
        raise TooEarlyError


UNKNOWN: Moment = _Unknown()


@dataclass(frozen=True, slots=True)
class Decision:
    """The state after a command or event, and what is to be done because of it."""

    state: SessionState
    actions: tuple[Action, ...]
