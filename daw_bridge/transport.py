"""Tempo, bars, and where they fall on the audio clock. Pure and exact: time is passed in.

Beats are quarter notes, as MIDI, Link and DAWs count the tempo; they are fractions, so that nothing
drifts however long the daemon runs; frames are whole. It does not know what is played at a beat,
nor where the tempo comes from.
Flow: session_time.py moves it; session_playback.py asks it at which frame a play takes effect.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from generator.api import SAMPLE_RATE_HZ

# Where the tempo changes, the beat is kept to this part: a millionth of a frame.
_BEAT_GRAIN = 2**40
BARS = {"bar": 1, "2bars": 2, "4bars": 4}


@dataclass(frozen=True, slots=True)
class Signature:
    """A time signature, such as 7 eighths."""

    numerator: int = 4
    denominator: int = 4

    @property
    def beat_quarters(self) -> Fraction:
        """How long what it counts is, in quarter notes."""
        return Fraction(4, self.denominator)

    @property
    def bar_quarters(self) -> Fraction:
        """How long a bar is, in quarter notes."""
        return self.numerator * self.beat_quarters


@dataclass(frozen=True, slots=True)
class Transport:
    """A tempo that has held since an anchor, whose frame and beat are known.

    `bar_beat` is the beat of a bar line, and `bar` the number of the bar that begins there.

    >>> clock = Transport(tempo_bpm=120.0)
    >>> clock.frame_at(Fraction(4)), clock.next_point(1, "beat"), clock.next_point(1, "bar")
    (88200, 22050, 88200)
    """

    tempo_bpm: float
    signature: Signature = Signature()
    anchor_frame: int = 0
    anchor_beat: Fraction = Fraction(0)
    nudge_pct: float = 0.0
    is_playing: bool = True
    bar_beat: Fraction = Fraction(0)
    bar: int = 0

    @property
    def _beats_per_frame(self) -> Fraction:
        nudged = Fraction(self.tempo_bpm) * (1 + Fraction(self.nudge_pct) / 100)
        return nudged / (60 * SAMPLE_RATE_HZ)

    @property
    def beats_of_a_bar(self) -> tuple[float, int]:
        """A bar as whole beats at a tempo: of quarter notes where they fill it."""
        quarters = self.signature.bar_quarters
        if quarters.denominator == 1:
            return self.tempo_bpm, int(quarters)
        return self.tempo_bpm * self.signature.denominator / 4, self.signature.numerator

    # ── reading ──────────────────────────────────────────────────────────────
    def beat_at(self, frame: int) -> Fraction:
        """The beat, counted from 0, that a frame falls on; where it stopped while it stands."""
        if not self.is_playing:
            return self.anchor_beat
        return self.anchor_beat + (frame - self.anchor_frame) * self._beats_per_frame

    def frame_at(self, beat: Fraction) -> int:
        """The frame nearest to a beat, as if it played."""
        exact = self.anchor_frame + (beat - self.anchor_beat) / self._beats_per_frame
        return math.floor(exact + Fraction(1, 2))

    def next_point(self, frame: int, quantize: str) -> int:
        """The first frame, from this one on, where something may take effect.

        Args:
            frame: The earliest frame that will do.
            quantize: "none", "beat", "bar", "2bars" or "4bars".

        Returns:
            The frame itself for "none" and while the transport stands; otherwise that of a beat of
            the signature, or of the first beat of a bar, or of a bar whose number is a multiple.
        """
        if quantize == "none" or not self.is_playing:
            return frame
        step, origin = self.signature.beat_quarters, self.bar_beat
        if quantize in BARS:
            step = BARS[quantize] * self.signature.bar_quarters
            origin -= self.bar % BARS[quantize] * self.signature.bar_quarters
        before = math.floor((self.beat_at(frame) - origin) / step)
        candidates = (self.frame_at(origin + (before + more) * step) for more in (0, 1, 2))
        return next(point for point in candidates if point >= frame)

    def bar_line_before(self, frame: int) -> Fraction:
        """The beat on which the bar begins that a frame lies in."""
        bar = self.signature.bar_quarters
        return self.bar_beat + (self.beat_at(frame) - self.bar_beat) // bar * bar

    def bar_and_beat(self, beat: Fraction) -> tuple[int, int]:
        """The bar that a beat lies in, and which beat of the signature it is there; from 0."""
        bars, rest = divmod(beat - self.bar_beat, self.signature.bar_quarters)
        return self.bar + bars, math.floor(rest / self.signature.beat_quarters)

    # ── moving ───────────────────────────────────────────────────────────────
    def with_tempo(self, tempo_bpm: float, frame: int) -> "Transport":
        """The same beats up to a frame, and another tempo from there on."""
        return replace(self._anchored(frame), tempo_bpm=tempo_bpm)

    def with_nudge(self, nudge_pct: float, frame: int) -> "Transport":
        """Faster or slower by a part of the tempo from a frame on; the tempo stays what it is."""
        return replace(self._anchored(frame), nudge_pct=nudge_pct)

    def with_signature(self, signature: Signature, frame: int) -> "Transport":
        """Another signature, counted from the beginning of the bar that a frame lies in."""
        begin = self.bar_line_before(frame)
        bars = int((begin - self.bar_beat) / self.signature.bar_quarters)
        return replace(self, signature=signature, bar_beat=begin, bar=self.bar + bars)

    def stopped(self, frame: int) -> "Transport":
        """Standing from a frame on."""
        return replace(self._anchored(frame), is_playing=False)

    def continued(self, frame: int) -> "Transport":
        """Playing from a frame on, from where it stands."""
        return replace(self._anchored(frame), is_playing=True)

    def played(self, frame: int) -> "Transport":
        """Playing from the beginning of the first bar, which is at a frame."""
        begun = replace(self, is_playing=True, bar_beat=Fraction(0), bar=0)
        return begun.placed(Fraction(0), frame)

    def placed(self, beat: Fraction, frame: int) -> "Transport":
        """With a beat on a frame, whatever was there before."""
        return replace(self, anchor_frame=frame, anchor_beat=_grained(beat))

    def _anchored(self, frame: int) -> "Transport":
        return self.placed(self.beat_at(frame), frame)


def _grained(beat: Fraction) -> Fraction:
    return Fraction(round(beat * _BEAT_GRAIN), _BEAT_GRAIN)
