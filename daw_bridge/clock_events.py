"""What is heard of foreign clocks: facts, as frozen dataclasses; and what is known of one followed.

Times are frames of the audio clock, fractions count; beats are quarter notes from the beginning of
the first bar. Knows nothing of MIDI bytes, ports or libraries.
"""

from dataclasses import dataclass
from fractions import Fraction

from daw_bridge.clock import PulseClock
from daw_bridge.transport import Signature


@dataclass(frozen=True, slots=True)
class Pulse:
    """A tick of MIDI clock came."""

    at_frame: float


@dataclass(frozen=True, slots=True)
class ClockStarted:
    """MIDI start (beat 0) or continue (None): time runs from the next pulse on."""

    beat: Fraction | None = None


@dataclass(frozen=True, slots=True)
class ClockStopped:
    """MIDI stop."""


@dataclass(frozen=True, slots=True)
class ClockPlaced:
    """MIDI song position: where continue will go on."""

    beat: Fraction


@dataclass(frozen=True, slots=True)
class ClockTold:
    """Link or JACK says what is at a frame; None where it does not say.

    Attributes:
        source: "link" or "jack".
        at_frame: When that was so.
        is_playing: Whether time runs.
        beat: In quarter notes.
        seconds: From the beginning, where there are no beats.
        tempo_bpm: Of quarter notes.
        signature: The time signature.
    """

    source: str
    at_frame: float
    is_playing: bool
    beat: float | None = None
    seconds: float | None = None
    tempo_bpm: float | None = None
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class SourceLost:
    """A clock cannot be followed any more: link, midi or jack."""

    source: str


ClockEvent = SourceLost | Pulse | ClockStarted | ClockStopped | ClockPlaced | ClockTold


@dataclass(frozen=True, slots=True)
class Followed:
    """A clock of pulses that is followed.

    Attributes:
        clock: Its tempo and its jitter.
        pulse: Number of the last pulse since the beginning of the first bar.
        is_starting: Time runs from the next pulse on.
    """

    clock: PulseClock
    pulse: int = 0
    is_starting: bool = False
