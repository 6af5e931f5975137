"""The state of a session as values: its slots (session_slot.py), and all that is about the whole.

Everything here is frozen: a state can be held, compared and passed. It does not decide anything
(session.py does) and knows neither addresses nor sockets nor processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daw_bridge.arguments import Value
from daw_bridge.clock import PulseClock
from daw_bridge.clock_events import Followed
from daw_bridge.effects import DEFAULTS
from daw_bridge.guard import CEILING_DBFS
from daw_bridge.output_events import Device
from daw_bridge.requests import Request
from daw_bridge.session_library import Library, Sounds, Tape
from daw_bridge.session_slot import SlotState, Take
from daw_bridge.transport import Transport


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
