"""The state of a session as values, what it shows to the world, and what a decision asks for.

Everything here is frozen: a state can be held, compared and passed. It does not decide anything
(session.py does) and knows neither addresses nor sockets nor processes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from daw_bridge import audio_commands as audio
from daw_bridge.arguments import Value
from daw_bridge.clock import PulseClock
from daw_bridge.clock_events import Followed
from daw_bridge.effects import DEFAULTS
from daw_bridge.guard import CEILING_DBFS
from daw_bridge.output_events import Device
from daw_bridge.requests import Request
from daw_bridge.session_library import Library, Sounds, Tape
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


@dataclass(frozen=True)  # copied with every note: replacing.py
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


@dataclass(frozen=True)  # copied with every note: replacing.py
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
    input: Device = field(default_factory=Device)
    input_trouble: str = ""
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
