"""Laws of time tags: in order, in time, and never without bound."""

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.schedule import MAX_SCHEDULED, NTP_TO_UNIX_S, Schedule, WallClock, seconds_ahead


@given(st.lists(st.floats(0.0, 9.0), max_size=40), st.floats(0.0, 9.0))
def test_what_is_due_comes_in_order_of_time_and_then_of_arrival(
    times: list[float], now_s: float
) -> None:
    schedule: Schedule[int] = Schedule()
    for number, due_s in enumerate(times):
        assert schedule.add(due_s, [number])
    due = schedule.take_due(now_s)
    assert due == sorted(due)
    assert {number for _, (number,) in due} == {n for n, at_s in enumerate(times) if at_s <= now_s}
    next_due_s = schedule.next_due_s()
    assert next_due_s is None or next_due_s > now_s


@given(st.integers(0, 2**32 - 1), st.floats(-100.0, 100.0))
def test_time_tags_are_exact_to_a_microsecond(seconds: int, ahead_s: float) -> None:
    unix_s = float(seconds)
    time_tag = round((unix_s + NTP_TO_UNIX_S + ahead_s) * 2**32)
    assert abs(seconds_ahead(time_tag, unix_s) - ahead_s) < 2e-6


def test_a_full_schedule_takes_no_more() -> None:
    schedule: Schedule[int] = Schedule()
    assert all(schedule.add(1.0, [number]) for number in range(MAX_SCHEDULED - 2))
    assert not schedule.add(1.0, [0, 1, 2])  # together or not at all
    assert schedule.add(1.0, [0, 1])
    assert not schedule.add(1.0, [0])
    assert len(schedule.take_due(1.0)) == MAX_SCHEDULED - 1
    assert schedule.add(1.0, [0])


def test_the_wall_clock_is_steady_and_follows_only_where_it_was_set() -> None:
    clock = WallClock()
    assert clock.read(5.0, 1_000.0, 5.0) == 1_000.0
    assert clock.read(6.0, 1_001.0004, 6.00001) == 1_001.00001  # two readings, not one instant
    assert clock.read(7.0, 1_002.0, 7.5) == 1_002.5  # interrupted between the readings
    assert clock.read(8.0, 1_103.0, 8.0) == 1_103.0  # set by hand
