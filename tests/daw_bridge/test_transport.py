"""Laws of musical time: exact, ordered, and never before the asked frame."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.transport import Transport
from generator.api import SAMPLE_RATE_HZ

TEMPOS = st.floats(20.0, 999.0)
FRAMES = st.integers(0, SAMPLE_RATE_HZ * 86_400 * 30)
CHANGES = st.lists(st.tuples(st.integers(0, 10**7), TEMPOS), max_size=8)


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


@given(TEMPOS, CHANGES, FRAMES, st.sampled_from(["none", "beat", "bar"]))
def test_the_next_point_is_on_the_grid_and_at_most_one_step_away(
    tempo_bpm: float, changes: list[tuple[int, float]], frame: int, quantize: str
) -> None:
    clock = played(tempo_bpm, changes)
    point = clock.next_point(frame, quantize)
    assert point >= frame
    assert clock.next_point(point, quantize) == point
    step_beats = {"none": 0, "beat": 1, "bar": 4}[quantize]
    if step_beats:
        beat = round(clock.beat_at(point) / step_beats) * step_beats
        assert clock.frame_at(Fraction(beat)) == point
        assert point - frame <= step_beats * 60 * SAMPLE_RATE_HZ / clock.tempo_bpm + 1


def test_a_day_of_bars_does_not_drift() -> None:
    clock = Transport(tempo_bpm=120.0)
    bars = 86_400 // 2
    assert clock.frame_at(Fraction(4 * bars)) == 86_400 * SAMPLE_RATE_HZ
