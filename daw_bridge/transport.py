"""Tempo, and where its beats fall on the audio clock. Pure and exact: time is passed in.

Beats are fractions, so that nothing drifts however long the daemon runs; frames are whole. It does
not know what is played at a beat, nor where the clock comes from.
Flow: session.py asks it at which frame a play takes effect.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from generator.api import SAMPLE_RATE_HZ

# Where the tempo changes, the beat is kept to this part: a millionth of a frame.
_BEAT_GRAIN = 2**40


@dataclass(frozen=True, slots=True)
class Transport:
    """A tempo that has held since an anchor, whose frame and beat are known.

    >>> clock = Transport(tempo_bpm=120.0)
    >>> clock.frame_at(Fraction(4)), clock.next_point(1, "beat"), clock.next_point(1, "bar")
    (88200, 22050, 88200)
    """

    tempo_bpm: float
    beats_per_bar: int = 4
    anchor_frame: int = 0
    anchor_beat: Fraction = Fraction(0)

    @property
    def _beats_per_frame(self) -> Fraction:
        return Fraction(self.tempo_bpm) / (60 * SAMPLE_RATE_HZ)

    def beat_at(self, frame: int) -> Fraction:
        """The beat, counted from 0, that a frame falls on."""
        return self.anchor_beat + (frame - self.anchor_frame) * self._beats_per_frame

    def frame_at(self, beat: Fraction) -> int:
        """The frame nearest to a beat."""
        exact = self.anchor_frame + (beat - self.anchor_beat) / self._beats_per_frame
        return math.floor(exact + Fraction(1, 2))

    def with_tempo(self, tempo_bpm: float, frame: int) -> "Transport":
        """The same beats up to a frame, and another tempo from there on."""
        beat = Fraction(round(self.beat_at(frame) * _BEAT_GRAIN), _BEAT_GRAIN)
        return replace(self, tempo_bpm=tempo_bpm, anchor_frame=frame, anchor_beat=beat)

    def next_point(self, frame: int, quantize: str) -> int:
        """The first frame, from this one on, where something may take effect.

        Args:
            frame: The earliest frame that will do.
            quantize: "none", "beat" or "bar".

        Returns:
            The frame itself for "none", otherwise that of a beat or of the first beat of a bar.
        """
        if quantize == "none":
            return frame
        step = self.beats_per_bar if quantize == "bar" else 1
        before = math.floor(self.beat_at(frame) / step)
        candidates = (self.frame_at(Fraction((before + more) * step)) for more in (0, 1, 2))
        return next(point for point in candidates if point >= frame)
