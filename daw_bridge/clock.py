"""Foreign clocks: from pulses that come early and late to a tempo and a beat. Pure.

A pulse is a tick of MIDI clock, a beat that another program tells, or the tap of a finger. The
clock keeps no list of them: it expects the next one, and learns from how far off that comes. Its
gains begin as those of a straight line through all pulses and stop shrinking at its memory, where
it is a delay-locked loop. It does not know where pulses come from, nor what is played.
Flow: session_time.py hands it each pulse and steers the transport by what it says.

References:
    F. Adriaensen, "Using a DLL to filter time", Linux Audio Conference, 2005.
    E. Brookner, "Tracking and Kalman Filtering Made Easy", 1998: the expanding-memory g-h filter.
"""

import math
from dataclasses import dataclass, replace

from generator.api import MAX_TEMPO_BPM, MIN_TEMPO_BPM, SAMPLE_RATE_HZ

MIDI_PULSES_PER_BEAT = 24
_FRAMES_A_MINUTE = 60 * SAMPLE_RATE_HZ
# A new tempo shows as pulses that are off on one side: so many at least, and in sum as if each of
# so many were off by so much more than the jitter, because a small change shows slowly.
_LEAN_PULSES = 12
_LEAN_DEVIATIONS = 1.5
_LEAN_FRAMES = SAMPLE_RATE_HZ / 2000
# How fast the jitter is learnt, and how many times it a single pulse may be off and be believed.
_DEVIATION_SHARE = 1 / 64
_BELIEVED_DEVIATIONS = 4.0
_BELIEVED_FRAMES = SAMPLE_RATE_HZ / 1000
# Tempos are told as people write them, where that is as near as is known.
_TEMPO_STEPS_BPM = (1.0, 0.1, 0.01)
_TEMPO_GRAIN_BPM = 0.02
_SHOWN_DOUBTS = 2.0
_LONGEST_GAP_S = 3.0


@dataclass(frozen=True, slots=True)
class PulseClock:
    """What is known of a clock from its pulses so far.

    Attributes:
        pulses_per_beat: Pulses in a quarter note.
        memory: How many pulses the estimate rests on at most.
        break_periods: Off by more than this, a pulse begins a new row.
        period_frames: Between two pulses, as estimated; at first a guess.
        frame: When the last pulse was, with its jitter taken away.
        seen: Pulses that the estimate rests on.
        deviation_frames: Mean distance of pulses from where they were expected.
        lean: Pulses in a row that came late (above zero) or early (below).
        lean_frames: By how much, summed.
        recent: When the last pulses came, as they came.
    """

    pulses_per_beat: int
    memory: int
    break_periods: float
    period_frames: float = SAMPLE_RATE_HZ / 2
    frame: float = 0.0
    seen: int = 0
    deviation_frames: float = 0.0
    lean: int = 0
    lean_frames: float = 0.0
    recent: tuple[float, ...] = ()

    @property
    def tempo_bpm(self) -> float:
        """The tempo as estimated; of quarter notes."""
        return _FRAMES_A_MINUTE / (self.pulses_per_beat * self.period_frames)

    @property
    def is_settled(self) -> bool:
        """Whether the tempo is worth showing: after a beat of MIDI clock, or the second tap."""
        return self.seen >= max(2, self.pulses_per_beat)

    @property
    def doubt_bpm(self) -> float:
        """The standard error of the tempo: that of a line's slope through pulses with jitter."""
        if self.seen < 3:
            return math.inf
        spread = 1.25 * self.deviation_frames * math.sqrt(12.0 / self.seen**3)
        return self.tempo_bpm * spread / self.period_frames

    def at_tempo(self, tempo_bpm: float) -> "PulseClock":
        """The same clock, told its tempo."""
        return replace(self, period_frames=_FRAMES_A_MINUTE / (self.pulses_per_beat * tempo_bpm))

    def heard(self, frame: float) -> "PulseClock":
        """Take note of a pulse.

        Args:
            frame: When it came, on the audio clock; fractions count.

        Returns:
            What is known now.
        """
        error = frame - self.frame - self.period_frames
        if self.seen == 0 or self._is_break(frame, error):
            return self._begun(frame)
        moved = self._learnt(frame, error)
        most_frames = _LEAN_FRAMES + _LEAN_DEVIATIONS * moved.deviation_frames
        if abs(moved.lean) >= _LEAN_PULSES and moved.lean_frames > _LEAN_PULSES * most_frames:
            return self._relearnt(moved.recent)
        return moved

    def shown_bpm(self, shown_bpm: float) -> float:
        """The tempo to show: the one shown already, until another is known to be nearer.

        Args:
            shown_bpm: What is shown.

        Returns:
            That, or the nearest whole tempo, tenth or hundredth that the pulses allow.
        """
        doubt_bpm = max(_SHOWN_DOUBTS * self.doubt_bpm, _TEMPO_GRAIN_BPM)
        if abs(self.tempo_bpm - shown_bpm) <= doubt_bpm or not math.isfinite(doubt_bpm):
            return shown_bpm
        for step_bpm in _TEMPO_STEPS_BPM:
            rounded_bpm = round(round(self.tempo_bpm / step_bpm) * step_bpm, 2)
            if abs(rounded_bpm - self.tempo_bpm) <= doubt_bpm:
                break
        return min(max(rounded_bpm, MIN_TEMPO_BPM), MAX_TEMPO_BPM)

    def _is_break(self, frame: float, error: float) -> bool:
        gap = frame - self.frame
        is_far = abs(error) > self.break_periods * self.period_frames
        return gap > _LONGEST_GAP_S * SAMPLE_RATE_HZ or (self.seen > 1 and is_far)

    @property
    def _shortest_frames(self) -> float:
        return _FRAMES_A_MINUTE / (self.pulses_per_beat * MAX_TEMPO_BPM)

    def _begun(self, frame: float) -> "PulseClock":
        return replace(
            self, frame=frame, seen=1, deviation_frames=0.0, lean=0, lean_frames=0.0, recent=()
        )

    def _relearnt(self, frames: tuple[float, ...]) -> "PulseClock":
        clock = self._begun(frames[0])
        for frame in frames[1:]:
            clock = clock._learnt(frame, frame - clock.frame - clock.period_frames)
        return replace(clock, lean=0, lean_frames=0.0)

    def _learnt(self, frame: float, error: float) -> "PulseClock":
        n = min(self.seen, self.memory - 1)
        believed = error
        if self.seen > _LEAN_PULSES:
            most = _BELIEVED_DEVIATIONS * self.deviation_frames + _BELIEVED_FRAMES
            believed = min(max(error, -most), most)
        side = 1 if error > 0 else -1
        goes_on = self.lean * side > 0
        # The second pulse tells the period, and nothing of the jitter.
        share = max(_DEVIATION_SHARE, 1.0 / (n + 1)) if n > 1 else 0.0
        period_frames = self.period_frames + believed * 6 / ((n + 1) * (n + 2))
        return replace(
            self,
            frame=self.frame
            + self.period_frames
            + believed * 2 * (2 * n + 1) / ((n + 1) * (n + 2)),
            period_frames=max(period_frames, self._shortest_frames),
            seen=min(self.seen + 1, self.memory),
            deviation_frames=self.deviation_frames
            + share * (abs(believed) - self.deviation_frames),
            lean=self.lean + side if goes_on else side,
            lean_frames=self.lean_frames * goes_on + abs(error),
            recent=(*self.recent, frame)[-_LEAN_PULSES:],
        )


def midi_clock(tempo_bpm: float) -> PulseClock:
    """A clock of 24 pulses a beat that remembers four bars, and rides out a stall of half a beat.

    Two bars with 2 ms of jitter tell a tempo to 0.1 bpm; the two after them hold still what is
    shown, also where pulses are close together.

    Args:
        tempo_bpm: A guess, to begin with.

    Returns:
        A clock that has heard nothing.
    """
    per_beat = MIDI_PULSES_PER_BEAT
    return PulseClock(per_beat, 16 * per_beat, per_beat / 2).at_tempo(tempo_bpm)


def beat_clock(tempo_bpm: float) -> PulseClock:
    """A clock of beats from another program, which remembers two bars.

    Args:
        tempo_bpm: A guess, to begin with.

    Returns:
        A clock that has heard nothing.
    """
    return PulseClock(1, 8, 0.5).at_tempo(tempo_bpm)


def tap_clock(tempo_bpm: float) -> PulseClock:
    """A clock of beats that remembers eight; one off by a quarter of a beat begins anew.

    Args:
        tempo_bpm: A guess, to begin with.

    Returns:
        A clock that has heard nothing.
    """
    return PulseClock(1, 8, 0.25).at_tempo(tempo_bpm)
