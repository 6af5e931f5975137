"""The state of a session as values, what it shows to the world, and what a decision asks for.

Everything here is frozen: a state can be held, compared and passed. It does not decide anything
(session.py does) and knows neither addresses nor sockets nor processes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from daw_bridge import audio_commands as audio
from daw_bridge.arguments import Held, Value
from daw_bridge.clock import PulseClock
from daw_bridge.clock_events import Followed
from daw_bridge.effects import BUSES, DEFAULTS
from daw_bridge.file_jobs import FileJob, StoredTake
from daw_bridge.guard import CEILING_DBFS
from daw_bridge.osc import TaggedValue
from daw_bridge.output_events import Device
from daw_bridge.presets import Document
from daw_bridge.requests import Request
from daw_bridge.session_library import Library, Sounds, Tape
from daw_bridge.sounds import Sound
from daw_bridge.transport import Transport
from generator.api import GenerationRequest


# ── what there is ────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Take:
    """A take in shared memory, which may still be made to its end, and the words that made it."""

    take_id: int
    shm_name: str
    frames: int
    seed: int
    recipe: GenerationRequest

    def __hash__(self) -> int:
        """Its number: no two takes have one, and recipes are long."""
        return self.take_id


class Purpose(StrEnum):
    """What a take is made for: because it was asked for, ahead for a fresh pad, or to follow."""

    ASKED = "asked"
    SPARE = "spare"
    NEXT = "next"


@dataclass(frozen=True, slots=True)
class Cue:
    """The wish to play: at the quantise point after `due_frame` (NOW for none).

    `request` is answered when the sound starts, where it asked for an answer. `note` is the MIDI
    note that is played, -1 for none; a note does not wait for the quantise point if `is_at_once`.
    What nobody asked for because it follows of itself is marked by `is_own`.
    """

    operation_id: int
    velocity: float
    due_frame: int
    request: Request | None = None
    note: int = -1
    is_at_once: bool = False
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A generation on its way.

    `take` is set as soon as a part of it can be played, `generate_ms` when it is made to its end;
    it has ended well when it `is_installed` besides.
    """

    job_id: int
    request: Request | None
    recipe: GenerationRequest
    purpose: Purpose = Purpose.ASKED
    is_begun: bool = False
    cue: Cue | None = None
    take: Take | None = None
    generate_ms: float | None = None
    is_installed: bool = False

    @property
    def is_ahead(self) -> bool:
        """Whether nobody waits for it before it is whole."""
        return self.request is None and (self.cue is None or self.cue.is_own)


@dataclass(frozen=True, slots=True)
class Armed:
    """A play that the audio process was sent and has not started yet."""

    cue: Cue
    take: Take
    play: audio.Play

    @property
    def loop(self) -> bool:
        """Whether it goes round until it is stopped."""
        return self.play.loop


@dataclass(frozen=True, slots=True)
class Voice:
    """A sound that is heard: the play that began it, and the frame at which that was.

    `velocity` is what was asked for; the play's own brings a stream's take to the level of others.
    """

    take: Take
    play: audio.Play
    start_frame: int
    is_fading: bool = False
    velocity: float = 1.0

    @property
    def voice_id(self) -> int:
        """Its number."""
        return self.play.play_id

    @property
    def loop(self) -> bool:
        """Whether it goes round until it is stopped."""
        return self.play.loop

    @property
    def is_endless(self) -> bool:
        """Whether it goes on until it is stopped, round and round or by beginning anew."""
        return self.play.loop or self.play.repeats

    @property
    def zero_frame(self) -> int:
        """Where the first frame of the take is, or would have been, for one at its own speed."""
        return self.start_frame - self.play.offset_frames

    def next_end(self, frame: int) -> int:
        """The first end of a round of the take, from a frame on; for a take at its own speed."""
        rounds = max(1, -(-(frame - self.zero_frame) // self.take.frames))
        return self.zero_frame + rounds * self.take.frames

    def position(self, frame: int) -> float:
        """How far in the take a frame is, from 0 to 1."""
        passed = (frame - self.start_frame) * self.play.speed + self.play.offset_frames
        share = max(0.0, passed / self.take.frames)
        return share % 1.0 if self.loop else min(share, 1.0)


@dataclass(frozen=True, slots=True)
class SlotState:
    """One slot: what was set, what it has, what it is doing."""

    prompt: str = ""
    text_2: str = ""
    text_3: str = ""
    text_4: str = ""
    weight_1: float = 1.0
    weight_2: float = 0.0
    weight_3: float = 0.0
    weight_4: float = 0.0
    seed: int = -1
    seed_lock: bool = False
    variation: float = 0.0
    duration_s: float = 2.0
    bars: int = 0
    key: str = ""
    steps: int = 1
    mode: str = "oneshot"
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    choke: int = 0
    out: int = 1
    crossfade_ms: float = 10.0
    root: int = 60
    send_delay_db: float = -math.inf
    send_reverb_db: float = -math.inf
    send_chorus_db: float = -math.inf
    fresh: bool = False
    init: str = ""
    init_strength: float = 0.5
    shown_seed: int = -1
    take: Take | None = None
    history: tuple[Take, ...] = ()
    marked: frozenset[int] = frozenset()
    heard: int = 0
    spares: tuple[Take, ...] = ()
    hungry: Cue | None = None
    bend_frame: int | None = None
    job: Job | None = None
    armed: tuple[Armed, ...] = ()
    voices: tuple[Voice, ...] = ()
    has_failed: bool = False

    @property
    def state(self) -> str:
        """What the slot is doing, in one word; what sounds is named first."""
        words = (
            ("armed", any(not armed.cue.is_own for armed in self.armed)),
            ("fading", self.is_fading),
            ("playing", self.voices),
            ("generating", self.job and self.job.is_begun and self.job.request),
            ("queued", self.job and self.job.request),
            ("error", self.has_failed),
            ("ready", self.take),
        )
        return next((word for word, holds in words if holds), "empty")

    @property
    def is_looping(self) -> bool:
        """Whether a loop sounds, or is about to, and was not told to end."""
        about_to = any(armed.loop for armed in self.armed)
        return about_to or any(one.is_endless and not one.is_fading for one in self.voices)

    @property
    def is_fading(self) -> bool:
        """Whether all that sounds was told to end."""
        return bool(self.voices) and all(voice.is_fading for voice in self.voices)

    @property
    def operations(self) -> set[int]:
        """What was asked of the slot and has not ended."""
        found = {armed.cue.operation_id for armed in self.armed if not armed.cue.is_own}
        if self.job is not None and self.job.request is not None:
            found.add(self.job.job_id)
        for cue in (self.job.cue if self.job else None, self.hungry):
            if cue is not None and not cue.is_own:
                found.add(cue.operation_id)
        return found

    @property
    def takes(self) -> set[Take]:
        """The takes that the slot cannot do without."""
        held = {voice.take for voice in self.voices} | {armed.take for armed in self.armed}
        last = (self.take, self.job.take if self.job else None, *self.history, *self.spares)
        return held | {take for take in last if take is not None}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A /sync or /panic that is answered when operations, or voices, have ended."""

    operation_id: int
    request: Request
    ends: frozenset[int]


@dataclass(frozen=True, slots=True)
class ModelJob:
    """Another model on its way, and who waits for it."""

    job_id: int
    request: Request


@dataclass(frozen=True, slots=True)
class DeviceJob:
    """An output that is being opened, or a list of outputs, and who waits for it."""

    job_id: int
    request: Request


@dataclass(frozen=True, slots=True)
class SessionState:
    """Everything that the musical rules know.

    `effects` are their values by key, and `missing_effects` tells why there are none here.
    `entropy` makes random seeds repeatable; `missing_sources` are clocks that cannot be followed
    here, each with the reason; `resting` are the slots whose loops the transport's stop silenced.
    """

    slots: tuple[SlotState, ...]
    transport: Transport
    entropy: int
    tempo_source: str = "internal"
    missing_sources: tuple[tuple[str, str], ...] = ()
    followed: Followed | None = None
    taps: PulseClock | None = None
    resting: frozenset[int] = frozenset()
    quantize: str = "none"
    midi_in: str = ""
    midi_clock: bool = False
    midi_ports: str = ""
    midi_map: str = ""
    master_gain_db: float = 0.0
    master_mute: bool = False
    limiter: bool = True
    ceiling_dbfs: float = CEILING_DBFS
    effects: Mapping[str, Value] = field(default_factory=lambda: dict(DEFAULTS))
    missing_effects: str = ""
    morph_xy: tuple[float, float] = (0.0, 0.0)
    levels_db: Mapping[int, float] = field(default_factory=dict)
    output_pairs: int = 1
    device: Device = field(default_factory=Device)
    device_jobs: tuple[DeviceJob, ...] = ()
    xruns_total: int = 0
    xruns_before: int = 0
    takes_made: int = 0
    last_id: int = 0
    kept: frozenset[Take] = frozenset()
    released: frozenset[Take] = frozenset()
    syncs: tuple[Waiting, ...] = ()
    panics: tuple[Waiting, ...] = ()
    library: Library[Take] = field(default_factory=Library)
    tape: Tape = field(default_factory=Tape)
    sounds: Sounds = field(default_factory=Sounds)
    model: str = ""
    model_job: ModelJob | None = None

    @property
    def operations(self) -> set[int]:
        """What was asked and has not ended."""
        others = {panic.operation_id for panic in self.panics} | self.library.operations
        others |= self.sounds.operations
        if self.model_job is not None:
            others.add(self.model_job.job_id)
        others |= {job.job_id for job in self.device_jobs}
        return others.union(*(slot.operations for slot in self.slots))

    @property
    def takes(self) -> frozenset[Take]:
        """The takes that some slot or scene cannot do without."""
        return frozenset(self.library.takes).union(*(slot.takes for slot in self.slots))

    @property
    def voice_ids(self) -> set[int]:
        """What is heard."""
        return {voice.voice_id for slot in self.slots for voice in slot.voices}


def new_session(slots: int, entropy: int, tempo_bpm: float = 120.0) -> SessionState:
    """An empty session.

    Args:
        slots: How many slots.
        entropy: What random seeds are drawn from.
        tempo_bpm: The tempo at the start.

    Returns:
        A session in which nothing has been asked for yet.
    """
    return SessionState((SlotState(),) * slots, Transport(tempo_bpm), entropy)


# ── what it shows ────────────────────────────────────────────────────────────
def _effect_value(key: str, state: SessionState) -> Held:
    return state.effects[key]


_SESSION_VALUES: dict[str, Callable[[SessionState], Held]] = {
    "tempo_bpm": lambda state: state.transport.tempo_bpm,
    "nudge_pct": lambda state: state.transport.nudge_pct,
    "is_playing": lambda state: int(state.transport.is_playing),
    "is_stopped": lambda state: int(not state.transport.is_playing),
    "signature": lambda state: (
        state.transport.signature.numerator,
        state.transport.signature.denominator,
    ),
    "device": lambda state: (state.device.name, state.device.hostapi),
    "device_buffer_ms": lambda state: state.device.buffer_ms,
    "device_latency_ms": lambda state: state.device.latency_ms,
    "xruns": lambda state: max(0, state.xruns_total - state.xruns_before),
    "preset_name": lambda state: state.library.preset,
    "preset_dirty": lambda state: state.library.is_dirty,
    "scene": lambda state: state.library.scene,
    "is_recording": lambda state: state.tape.is_recording,
    "fx": lambda state: state.missing_effects or "ready",
    **{f"fx/{key}": partial(_effect_value, key) for key in DEFAULTS},
}
EFFECT_FIELDS = tuple(f"fx/{key}" for key in DEFAULTS)
SEND_FIELDS = tuple(f"send_{bus}_db" for bus in BUSES)
_SLOT_VALUES: dict[str, Callable[[SlotState], Held]] = {
    "seed": lambda slot: slot.shown_seed,
    "take": lambda slot: slot.take.take_id if slot.take else 0,
    "is_kept": lambda slot: slot.take is not None and slot.take.take_id in slot.marked,
    "text_1": lambda slot: slot.prompt,
}
SESSION_FIELDS = (
    "tempo_bpm",
    "tempo_source",
    "nudge_pct",
    "is_playing",
    "is_stopped",
    "signature",
    "midi_in",
    "midi_clock",
    "midi_ports",
    "midi_map",
    "quantize",
    "master_gain_db",
    "master_mute",
    "limiter",
    "ceiling_dbfs",
    "morph_xy",
    "xruns",
    "preset_name",
    "preset_dirty",
    "scene",
    "is_recording",
    "fx",
    "model",
    "output_pairs",
    "device",
    "device_buffer_ms",
    "device_latency_ms",
)
SLOT_FIELDS = (
    "prompt",
    "text_1",
    "text_2",
    "text_3",
    "text_4",
    "weight_1",
    "weight_2",
    "weight_3",
    "weight_4",
    "seed",
    "seed_lock",
    "variation",
    "duration_s",
    "bars",
    "key",
    "steps",
    "mode",
    "gain_db",
    "pan",
    "mute",
    "solo",
    "choke",
    "out",
    "crossfade_ms",
    "root",
    *SEND_FIELDS,
    "fresh",
    "init",
    "init_strength",
    "state",
    "take",
    "is_kept",
)


def value_of(state: SessionState, slot: int, field: str) -> Held:
    """What a field of the session (slot 0) or of a slot shows."""
    value: Held
    if slot:
        one = state.slots[slot - 1]
        value = _SLOT_VALUES[field](one) if field in _SLOT_VALUES else getattr(one, field)
    else:
        value = _SESSION_VALUES[field](state) if field in _SESSION_VALUES else getattr(state, field)
    return value


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
    """Look up the outputs of this machine."""

    job_id: int


@dataclass(frozen=True, slots=True)
class OpenOutput:
    """Open another output, or the present one ("") with blocks of so many frames."""

    job_id: int
    output: str
    hostapi: str
    buffer_frames: int


TakeAction = Submit | CancelJob | FreeTake
ModelAction = TryModel | LeaveModel
OutputAction = ListDevices | OpenOutput
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


@dataclass(frozen=True, slots=True)
class Decision:
    """The state after a command or event, and what is to be done because of it."""

    state: SessionState
    actions: tuple[Action, ...]
