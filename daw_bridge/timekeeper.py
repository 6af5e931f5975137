"""What others are told of our time: each beat as it falls, and the lead for MIDI clock and Link.

Pure; the present is passed in. It does not know who is told.
Flow: engine.py asks it with the session's transport, and tells.
"""

from daw_bridge.pulses import Lead
from daw_bridge.transport import Transport
from generator.api import SAMPLE_RATE_HZ

_LONGEST_WAIT_S = 0.05


class Beats:
    """Each beat of the signature, once."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None

    def fallen(self, transport: Transport, frame: int) -> tuple[int, int] | None:
        """The beat that has just fallen.

        Args:
            transport: How time goes.
            frame: The present one.

        Returns:
            Its bar and its place in the bar, from 1; None where it was told already.
        """
        if not transport.is_playing:
            self._last = None
            return None
        bar, beat = transport.bar_and_beat(transport.beat_at(frame))
        found = (bar + 1, beat + 1)
        if found == self._last:
            return None
        self._last = found
        return found

    def wait_s(self, transport: Transport, frame: int) -> float:
        """How long to wait before asking again: until the next beat, and never for long."""
        if not transport.is_playing:
            return _LONGEST_WAIT_S
        next_frame = transport.next_point(frame + 1, "beat")
        return min((next_frame - frame) / SAMPLE_RATE_HZ, _LONGEST_WAIT_S)


def lead_of(transport: Transport, frame: int, at_s: float) -> Lead:
    """What the transport does, in the words of those who do not know our frames.

    Args:
        transport: How time goes.
        frame: A frame of the audio clock.
        at_s: When that frame is due, in monotonic seconds.

    Returns:
        The beat at that time, and the tempo that is heard: with its nudge.
    """
    tempo_bpm = transport.tempo_bpm * (1.0 + transport.nudge_pct / 100.0)
    return Lead(tempo_bpm, float(transport.beat_at(frame)), at_s, transport.is_playing)
