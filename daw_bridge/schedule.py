"""Time-tagged bundles: which are due, which are late, which are refused. Pure.

Seconds are those of a monotonic clock; `unix_s` is the wall clock of the same instant, in which
OSC's time tags count. It does not know what the scheduled things are.
Flow: osc_server.py asks when to obey a bundle and takes out what is due.

References:
    RFC 5905, section 6, "Data Types": seconds since 1900 in 32.32 fixed point.
"""

import heapq
from collections.abc import Sequence
from typing import Generic, TypeVar

from daw_bridge.osc import IMMEDIATELY

MAX_AHEAD_S = 10.0
MAX_SCHEDULED = 10_000
LATE_S = 0.001
_WALL_STEP_S = 0.001
_READ_AT_ONCE_S = 0.0001
NTP_TO_UNIX_S = 2_208_988_800
Item = TypeVar("Item")


def seconds_ahead(time_tag: int, unix_s: float) -> float:
    """How far in the future a time tag lies; 0 for "immediately", negative for the past.

    >>> seconds_ahead((NTP_TO_UNIX_S + 100) * 2**32 + 2**31, unix_s=98.0), seconds_ahead(1, 5.0)
    (2.5, 0.0)
    """
    if time_tag <= IMMEDIATELY:
        return 0.0
    whole_s = (time_tag >> 32) - NTP_TO_UNIX_S
    return (time_tag & 0xFFFFFFFF) / 2**32 + (whole_s - unix_s)


class WallClock:
    """The wall clock, told from the monotonic one by an offset that is held.

    Two readings of two clocks are never of one instant. With an offset that stays, equal time tags
    are equal moments, and their distances are those of the tags; it follows where the wall clock
    is set or drifts by a millisecond.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None

    def read(self, before_s: float, wall_s: float, after_s: float) -> float:
        """The wall clock's seconds at the second reading of the monotonic clock.

        Args:
            before_s: The monotonic clock, read before the wall clock.
            wall_s: The wall clock; what a reading that was interrupted says is not learnt from.
            after_s: The monotonic clock again.

        Returns:
            Seconds of the wall clock at `after_s`.
        """
        offset_s = wall_s - after_s
        if self._offset_s is None or (
            after_s - before_s < _READ_AT_ONCE_S and abs(offset_s - self._offset_s) > _WALL_STEP_S
        ):
            self._offset_s = offset_s
        return after_s + self._offset_s


class Schedule(Generic[Item]):
    """Things to do at a time, some of them together, in order of time and then of arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Sequence[Item]]] = []
        self._arrived = 0
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def add(self, due_s: float, items: Sequence[Item]) -> bool:
        """Plan what is to happen together.

        Args:
            due_s: When it is to happen.
            items: What.

        Returns:
            False if there is no more room for all of it.
        """
        if self._waiting + len(items) > MAX_SCHEDULED:
            return False
        self._arrived += 1
        self._waiting += len(items)
        heapq.heappush(self._heap, (due_s, self._arrived, items))
        return True

    @property
    def arrived(self) -> int:
        """The number of the last thing that was planned."""
        return self._arrived

    def has_until(self, arrived: int) -> bool:
        """Whether anything still waits that was planned up to a number."""
        return any(number <= arrived for _, number, _ in self._heap)

    def clear(self) -> list[Item]:
        """Forget everything, and hand it out in order."""
        found, self._heap, self._waiting = sorted(self._heap, key=lambda one: one[:2]), [], 0
        return [item for _, _, items in found for item in items]

    def next_due_s(self) -> float | None:
        """The time of the first thing, None if there is none."""
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_s: float) -> list[tuple[float, Sequence[Item]]]:
        """Take out what is due until now, in order."""
        due = []
        while self._heap and self._heap[0][0] <= now_s:
            due_s, _, items = heapq.heappop(self._heap)
            self._waiting -= len(items)
            due.append((due_s, items))
        return due
