"""Laws of musical time: exact, ordered, and never before the asked frame."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.transport import BARS, Signature, Transport
from generator.api import SAMPLE_RATE_HZ

TEMPOS = st.floats(20.0, 999.0)
FRAMES = st.integers(0, SAMPLE_RATE_HZ * 86_400 * 30)
CHANGES = st.lists(st.tuples(st.integers(0, 10**7), TEMPOS), max_size=8)

SIGNATURES = st.builds(Signature, st.integers(1, 16), st.sampled_from([1, 2, 4, 8, 16]))
QUANTIZES = st.sampled_from(["beat", *BARS])


def played(tempo_bpm: float, changes: list[tuple[int, float]]) -> Transport:
    clock, frame = Transport(tempo_bpm), 0
    for later, next_tempo_bpm in changes:
        frame += later
        clock = clock.with_tempo(next_tempo_bpm, frame)
    return clock


@given(TEMPOS, CHANGES, FRAMES)
def test_beats_and_back_are_the_same_frame(
    tempo_bpm: float, changes: list[tuple[int, float]], frame: int
) -> None:
    clock = played(tempo_bpm, changes)
    assert clock.frame_at(clock.beat_at(frame)) == frame


@given(TEMPOS, st.fractions(0, 10**6))
def test_frames_and_back_are_within_half_a_frame(tempo_bpm: float, beat: Fraction) -> None:
    clock = Transport(tempo_bpm)
    half_frame_beats = Fraction(tempo_bpm) / (60 * SAMPLE_RATE_HZ) / 2
    assert abs(clock.beat_at(clock.frame_at(beat)) - beat) <= half_frame_beats


@given(TEMPOS, CHANGES)
def test_order_is_kept_through_tempo_changes(
    tempo_bpm: float, changes: list[tuple[int, float]]
) -> None:
    clock, frame = Transport(tempo_bpm), 0
    for later, next_tempo_bpm in changes:
        assert clock.beat_at(frame + later) >= clock.beat_at(frame)
        frame += later
        changed = clock.with_tempo(next_tempo_bpm, frame)
        assert abs(changed.beat_at(frame) - clock.beat_at(frame)) < Fraction(1, 10**11)
        clock = changed


@given(TEMPOS, CHANGES, FRAMES, SIGNATURES, QUANTIZES)
def test_the_next_point_is_on_the_grid_and_at_most_one_step_away(
    tempo_bpm: float,
    changes: list[tuple[int, float]],
    frame: int,
    signature: Signature,
    quantize: str,
) -> None:
    clock = replace(played(tempo_bpm, changes), signature=signature)
    point = clock.next_point(frame, quantize)
    assert point >= frame
    assert clock.next_point(point, quantize) == point
    step_beats = signature.beat_quarters
    if quantize in BARS:
        step_beats = BARS[quantize] * signature.bar_quarters
    beat = round(clock.beat_at(point) / step_beats) * step_beats
    assert clock.frame_at(beat) == point
    assert point - frame <= step_beats * 60 * SAMPLE_RATE_HZ / Fraction(clock.tempo_bpm) + 1


@given(TEMPOS, FRAMES)
def test_with_no_quantising_or_no_time_everything_happens_at_once(
    tempo_bpm: float, frame: int
) -> None:
    assert Transport(tempo_bpm).next_point(frame, "none") == frame
    assert Transport(tempo_bpm).stopped(0).next_point(frame, "4bars") == frame


@given(SIGNATURES, st.lists(st.tuples(st.integers(0, 10**6), SIGNATURES), max_size=5))
def test_a_new_signature_keeps_the_bar_line_before_it(
    first: Signature, changes: list[tuple[int, Signature]]
) -> None:
    clock, frame = Transport(120.0, first), 0
    for later, signature in changes:
        frame += later
        before = clock.bar_and_beat(clock.beat_at(frame))[0]
        changed = clock.with_signature(signature, frame)
        assert changed.bar_beat <= clock.beat_at(frame)
        assert clock.bar_and_beat(changed.bar_beat) == (before, 0)
        assert changed.bar_and_beat(changed.bar_beat) == (before, 0)
        point = changed.next_point(frame, "bar")
        assert changed.bar_and_beat(changed.beat_at(point) + Fraction(1, 10**4))[1] == 0
        clock = changed


@given(TEMPOS, FRAMES, st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_pause_costs_no_time(tempo_bpm: float, frame: int, plays: int, rests: int) -> None:
    clock = Transport(tempo_bpm).played(frame)
    stopped = clock.stopped(frame + plays)
    assert stopped.beat_at(frame + plays + rests) == stopped.beat_at(frame + plays)
    again = stopped.continued(frame + plays + rests)
    for later in (0, 1, 44_100, 10**7):
        assert abs(
            again.beat_at(frame + plays + rests + later) - clock.beat_at(frame + plays + later)
        ) < Fraction(1, 10**11)


@given(TEMPOS, FRAMES, SIGNATURES)
def test_play_begins_the_first_bar(tempo_bpm: float, frame: int, signature: Signature) -> None:
    clock = replace(Transport(tempo_bpm), signature=signature).stopped(0).played(frame)
    assert clock.beat_at(frame) == 0
    assert clock.bar_and_beat(Fraction(0)) == (0, 0)
    assert clock.next_point(frame, "4bars") == frame


@given(TEMPOS, st.floats(-50.0, 50.0), FRAMES)
def test_a_nudge_bends_the_beat_and_leaves_the_tempo(
    tempo_bpm: float, nudge_pct: float, frame: int
) -> None:
    clock = Transport(tempo_bpm).with_nudge(nudge_pct, frame)
    beats = clock.beat_at(frame + 60 * SAMPLE_RATE_HZ) - clock.beat_at(frame)
    assert float(beats) == pytest.approx(tempo_bpm * (1.0 + nudge_pct / 100.0))
    assert clock.tempo_bpm == tempo_bpm


@given(TEMPOS, SIGNATURES)
def test_a_bar_as_beats_lasts_as_long_as_the_bar(tempo_bpm: float, signature: Signature) -> None:
    clock = Transport(tempo_bpm, signature)
    beats_bpm, beats = clock.beats_of_a_bar
    frames = round(beats * 60.0 / beats_bpm * SAMPLE_RATE_HZ)
    assert abs(clock.frame_at(signature.bar_quarters) - frames) <= 1


def test_a_day_of_bars_does_not_drift() -> None:
    clock = Transport(tempo_bpm=120.0)
    bars = 86_400 // 2
    assert clock.frame_at(Fraction(4 * bars)) == 86_400 * SAMPLE_RATE_HZ
