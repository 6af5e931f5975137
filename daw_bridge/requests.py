"""What can be asked of the daemon: one frozen dataclass for each kind of command.

Commands are imperatives with values that have been checked already. This file knows nothing of
addresses (table_*.py), bytes (osc.py) or what a command does to the music (session.py).
"""

from dataclasses import dataclass

from daw_bridge.arguments import Held


@dataclass(frozen=True, slots=True)
class SetValue:
    """Give a field of the session (slot 0) or of a slot a new value; several are a tuple."""

    slot: int
    field: str
    value: Held


@dataclass(frozen=True, slots=True)
class GetValue:
    """Ask for a field of the session (slot 0) or of a slot."""

    slot: int
    field: str


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Ask how the daemon is doing."""


@dataclass(frozen=True, slots=True)
class GetVersion:
    """Ask who answers here."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Ask for feedback (on = 1) or no more of it (on = 0)."""

    on: int
    port: int | None = None
    rate_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """Ask for every value below a prefix."""

    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Sync:
    """Ask to be told when everything asked before has ended."""

    number: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for the same arguments back, as (tag, value) pairs."""

    arguments: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Quit:
    """End the daemon."""


@dataclass(frozen=True, slots=True)
class ClearSchedule:
    """Forget the bundles that wait for their time."""


@dataclass(frozen=True, slots=True)
class Dump:
    """Write incoming messages to the log: 1 as text, 2 as bytes, 3 as both, 0 no more."""

    level: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Ask for what is pushed on an address (on = 1), or no more of it (on = 0)."""

    address: str
    on: bool


@dataclass(frozen=True, slots=True)
class Tap:
    """Tell the tempo by tapping its beats."""


@dataclass(frozen=True, slots=True)
class HearBeat:
    """Take note of a beat of a clock that another program keeps, in quarter notes from 0."""

    beat: float
    tempo_bpm: float | None = None


@dataclass(frozen=True, slots=True)
class StartTransport:
    """Begin the first bar."""


@dataclass(frozen=True, slots=True)
class StopTransport:
    """Let time stand."""


@dataclass(frozen=True, slots=True)
class ContinueTransport:
    """Let time go on from where it stands."""


@dataclass(frozen=True, slots=True)
class Learn:
    """Bind the next controller that is moved to an address."""

    address: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Take the controllers from an address."""

    address: str


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence everything at once."""


@dataclass(frozen=True, slots=True)
class Generate:
    """Make a take for a slot."""

    slot: int
    prompt: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Go:
    """Make a take and play it as soon as it is ready."""

    slot: int
    prompt: str
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """Play the take of a slot at the next quantise point."""

    slot: int
    velocity: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Fade a slot out and forget what was about to start in it."""

    slot: int
    fade_ms: float


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A key was pressed: play the slot of its channel at the pitch of the note."""

    note: int
    velocity: int
    channel: int


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A key was let go."""

    note: int
    velocity: int
    channel: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Drop the generation that a slot is waiting for."""

    slot: int


@dataclass(frozen=True, slots=True)
class AskPresets:
    """Ask which presets there are."""


@dataclass(frozen=True, slots=True)
class LoadPreset:
    """Recall a preset by its name, or by its number in the list."""

    name: str | int


@dataclass(frozen=True, slots=True)
class SavePreset:
    """Save everything that is set as a preset, with its takes or without."""

    name: str
    takes: bool


@dataclass(frozen=True, slots=True)
class NextPreset:
    """Recall the preset after this one."""


@dataclass(frozen=True, slots=True)
class PreviousPreset:
    """Recall the preset before this one."""


@dataclass(frozen=True, slots=True)
class ErasePreset:
    """Remove a preset of the user's."""

    name: str


@dataclass(frozen=True, slots=True)
class StoreScene:
    """Store everything that is set as a scene."""

    scene: int


@dataclass(frozen=True, slots=True)
class RecallScene:
    """Recall a scene; its numbers glide there for a while."""

    scene: int
    morph_s: float


@dataclass(frozen=True, slots=True)
class SaveState:
    """Save the state under a name, or as what the next start begins with."""

    name: str


@dataclass(frozen=True, slots=True)
class LoadState:
    """Recall a saved state."""

    name: str


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Write what is heard of a stereo pair into a file from now on."""

    name: str
    pair: int = 1


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Keep what was just heard of a stereo pair: so many seconds (float) or bars (int)."""

    length: float | int
    name: str
    pair: int = 1


@dataclass(frozen=True, slots=True)
class AskModels:
    """Ask which models there are."""


@dataclass(frozen=True, slots=True)
class AskDevices:
    """Ask which outputs this machine has."""


@dataclass(frozen=True, slots=True)
class AskInputs:
    """Ask which inputs this machine has."""


@dataclass(frozen=True, slots=True)
class LoadModel:
    """Play with another model, named or by its folder."""

    name: str


@dataclass(frozen=True, slots=True)
class CancelModel:
    """Do not load another model after all."""


PresetCommand = AskPresets | LoadPreset | SavePreset | NextPreset | PreviousPreset | ErasePreset
LibraryCommand = PresetCommand | StoreScene | RecallScene | SaveState | LoadState
TapeCommand = StartRecording | StopRecording | Capture


@dataclass(frozen=True, slots=True)
class StepTake:
    """Go to another take of a slot's history."""

    slot: int


@dataclass(frozen=True, slots=True)
class NextTake(StepTake):
    """Go to the take that came after the current one."""


@dataclass(frozen=True, slots=True)
class PreviousTake(StepTake):
    """Go back to the take that came before the current one."""


@dataclass(frozen=True, slots=True)
class Inpaint:
    """Make a stretch of a slot's take anew and keep the rest."""

    slot: int
    start_s: float
    end_s: float
    prompt: str | None = None


ModelCommand = LoadModel | CancelModel
SlotCommand = Generate | Go | Play | Stop | Cancel | NextTake | PreviousTake | Inpaint
NoteCommand = NoteOn | NoteOff
HitCommand = Play | NoteOn
ClockCommand = Tap | HearBeat | StartTransport | StopTransport | ContinueTransport
SessionCommand = (
    SetValue
    | GetValue
    | Refresh
    | Sync
    | Panic
    | ClockCommand
    | NoteCommand
    | SlotCommand
    | LibraryCommand
    | TapeCommand
    | ModelCommand
    | AskDevices
    | AskInputs
)
MidiCommand = Learn | Forget
ServerCommand = (
    AskModels | GetStatus | GetVersion | Notify | Watch | ClearSchedule | Dump | Ping | Quit
)
Command = SessionCommand | MidiCommand | ServerCommand


@dataclass(frozen=True, slots=True)
class Request:
    """A command with what is needed to answer it.

    `client` names the sender to osc_server.py and means nothing elsewhere; `address` is what the
    answer says it is about; `request_id` is the sender's own, 0 for none.
    """

    command: Command
    client: int = 0
    address: str = ""
    request_id: int = 0

    def __hash__(self) -> int:
        """By the address alone, which is quick: a sound waits while its hit is looked up."""
        return hash(self.address)
