"""Laws of the heartbeat: a second of silence is death, a machine that stood still is not."""

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.heartbeat import Heartbeat

LOOK_S = 0.1


def looks(heart: Heartbeat, begin_s: float, seconds: float, beats: int) -> list[bool]:
    """What is seen at each look while nothing beats."""
    count = round(seconds / LOOK_S)
    return [heart.look(beats, begin_s + LOOK_S * number) for number in range(count)]


@given(beats=st.integers(0, 10**9), begin_s=st.floats(0.0, 1e6))
def test_what_is_silent_for_a_second_is_dead_and_lives_again_when_it_beats(
    beats: int, begin_s: float
) -> None:
    heart = Heartbeat()
    seen = looks(heart, begin_s, 1.5, beats)
    assert seen[:10] == [True] * 10
    assert seen[12:] == [False] * 3
    assert heart.look(beats + 1, begin_s + 1.6)


@given(st.lists(st.tuples(st.floats(0.0, 1e4), st.integers(0, 5)), min_size=1))
def test_however_late_the_looks_what_beats_between_them_lives(
    steps: list[tuple[float, int]],
) -> None:
    heart, now_s, beats, quiet_looks = Heartbeat(), 50.0, 0, 0
    heart.look(beats, now_s)
    for late_s, more in steps:
        now_s, beats = now_s + late_s, beats + more
        quiet_looks = 0 if more else quiet_looks + 1
        assert heart.look(beats, now_s) or quiet_looks >= 5
