"""What control and audio say to each other: frozen dataclasses.

Knows nothing of OSC, of queues, of bytes (audio_records.py) or of what the words do.

A frame here is an absolute one on the audio clock. `NOW` means as soon as possible.
"""

from dataclasses import dataclass
from enum import IntEnum

FrameTime = int
NOW: FrameTime = -1
MAX_PAIRS = 16


@dataclass(frozen=True, slots=True)
class InstallTake:
    """Map a take and make it playable; answered by `Installed`, or by a `Warning`."""

    take_id: int
    shm_name: str
    frames: int


@dataclass(frozen=True, slots=True)
class ReleaseTake:
    """Forget a take as soon as no voice sounds it; answered by `Disposed`.

    Plays of it that are still to come are dropped, each with a `Warning`.
    """

    take_id: int


@dataclass(frozen=True, slots=True)
class Play:
    """Start a take in a slot, in place of what sounds there.

    A take that is not installed yet is waited for, up to a second.

    Attributes:
        slot: Which slot, from 1.
        take_id: Which take.
        at_frame: When; a time gone by means at once.
        velocity: Gain of this voice, in [0, 8]: a level that is matched may be above 1.
        loop: Whether it repeats until it is stopped.
        crossfade_ms: How long the old voices fade out. A loop that takes over fades in meanwhile,
            by the equal-power law; a one-shot keeps its attack.
        play_id: What `Started` and `Ended` call the voice.
        note: Takes the place of what sounds in the slot for the same note; -1 is no note.
        speed: Frames of the take in each frame of time: 2 is an octave higher.
        choke: A group of slots in which only the latest sounds, 0 for none.
        offset_frames: From which frame of the take on.
        from_velocity: Where the gain begins that glides to `velocity` until the take's end, for a
            take that joins another; below 0 for a gain that stays.
        repeats: Whether it begins anew, crossfaded, just before its end, unless another play of the
            slot is planned by then: what may not stop goes on with what there is.
    """

    slot: int
    take_id: int
    at_frame: FrameTime = NOW
    velocity: float = 1.0
    loop: bool = False
    crossfade_ms: float = 10.0
    play_id: int = 0
    note: int = -1
    speed: float = 1.0
    choke: int = 0
    offset_frames: int = 0
    repeats: bool = False
    from_velocity: float = -1.0


@dataclass(frozen=True, slots=True)
class MovePlay:
    """Have a play that has not begun begin at another frame; one that has begun stays as it is."""

    play_id: int
    at_frame: FrameTime


@dataclass(frozen=True, slots=True)
class StopSlot:
    """Fade out what sounds in a slot, and drop its plays from that frame on.

    Attributes:
        slot: Which slot.
        at_frame: When.
        fade_ms: How long the fade lasts.
        note: Only what sounds for this note; -1 is everything.
    """

    slot: int
    at_frame: FrameTime = NOW
    fade_ms: float = 10.0
    note: int = -1


@dataclass(frozen=True, slots=True)
class SetSlotGain:
    """Ramp a slot's gains, those of its left and right side; linear, 0 is silence."""

    slot: int
    left: float
    right: float
    at_frame: FrameTime = NOW


@dataclass(frozen=True, slots=True)
class SetSlotOutput:
    """Let a slot glide to a stereo pair of the output, counted from 0."""

    slot: int
    pair: int
    at_frame: FrameTime = NOW


@dataclass(frozen=True, slots=True)
class SetMasterGain:
    """Ramp the gain of the whole mix; minus infinity is silence."""

    gain_db: float
    at_frame: FrameTime = NOW


@dataclass(frozen=True, slots=True)
class SetEffect:
    """Give a parameter of an effect a new value, smoothly.

    Attributes:
        effect: Which effect, in the order of effects.EFFECTS.
        place: Which of its parameters.
        value: As effects.audio_number gives it; a level may be minus infinity.
        at_frame: When.
    """

    effect: int
    place: int
    value: float
    at_frame: FrameTime = NOW


@dataclass(frozen=True, slots=True)
class SetSend:
    """Ramp how much of a slot goes to a bus, in the order of effects.BUSES."""

    slot: int
    bus: int
    level_db: float
    at_frame: FrameTime = NOW


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence within 50 ms; everything that was sent before it and waits is dropped."""

    at_frame: FrameTime = NOW


@dataclass(frozen=True, slots=True)
class SetOnAir:
    """Say whether this audio process is the one that is heard, whose output is to be captured."""

    is_on: bool


@dataclass(frozen=True, slots=True)
class Quit:
    """End the audio process."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A take can be played."""

    take_id: int


@dataclass(frozen=True, slots=True)
class Started:
    """A voice began to sound, at this very frame."""

    slot: int
    take_id: int
    frame: FrameTime
    play_id: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """A voice sounds no more.

    Attributes:
        slot: Its slot.
        take_id: Its take.
        frame: The first frame without it.
        sounding: How many voices still sound in the slot; the slot is silent at 0.
        play_id: The play that began it.
    """

    slot: int
    take_id: int
    frame: FrameTime
    sounding: int
    play_id: int = 0


@dataclass(frozen=True, slots=True)
class Disposed:
    """The audio process holds a take no more; its memory may be removed."""

    take_id: int


class WarningCode(IntEnum):
    """What the audio process had to leave undone or put right."""

    TAKE_UNREADABLE = 1
    TAKE_REPAIRED = 2
    TAKE_MISSING = 3
    NO_VOICE_FREE = 4
    SCHEDULE_FULL = 5
    BAD_COMMAND = 6
    NOT_FINITE = 7
    EVENTS_LOST = 8
    RENDER_FAILED = 9
    TAKE_LATE = 10


@dataclass(frozen=True, slots=True)
class Warning:
    """Something was put right or left undone.

    Attributes:
        code: What, one of `WarningCode`.
        count: How often since the last warning of the kind.
        take_id: The take it is about, -1 for none.
        slot: The slot it is about, -1 for none.
    """

    code: int
    count: int
    take_id: int = -1
    slot: int = -1


@dataclass(frozen=True, slots=True)
class SetLimiter:
    """Keep the mix below a ceiling by lowering its gain, or just cut off what is too high."""

    is_on: bool
    ceiling_dbfs: float


Setting = SetSlotGain | SetSlotOutput | SetMasterGain | SetEffect | SetSend
ForProcess = InstallTake | SetOnAir | Quit
Command = ReleaseTake | Play | MovePlay | StopSlot | Setting | SetLimiter | Panic | ForProcess
Event = Installed | Started | Ended | Disposed | Warning
Message = Command | Event
