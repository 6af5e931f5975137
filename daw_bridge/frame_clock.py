"""Which frame is due at which time: what a process callback knows, with its jitter smoothed away.

Pure. The audio process and the process of the neighbours smooth in the same way, so that their
times agree. It does not know whose callback it is.
"""

import time

from generator.api import SAMPLE_RATE_HZ

# How far the smoothed clock follows each callback's own time, how much of a callback's being off
# it believes, and when it gives up and jumps: at once, or after so many callbacks of one mind.
_CLOCK_SHARE = 0.005
_CLOCK_DOUBT_S = 0.0004
_CLOCK_JUMP_S = 0.05
_CLOCK_JUMP_CALLBACKS = 20


class FrameClock:
    """Which frame is due when: a callback's time, with its jitter smoothed away.

    What two time tags are apart must be what their frames are apart, also when a callback between
    them came late. So the clock follows a quartz, which is off by 100 millionths at most, and
    hardly a stall; it jumps where callbacks stay off on one side, as after frames that were lost.
    """

    def __init__(self) -> None:
        self.frame = 0
        self.monotonic_s = time.monotonic()
        self._off = 0

    def frame_at(self, now_s: float) -> int:
        """The frame that is due at a time."""
        return self.frame + round((now_s - self.monotonic_s) * SAMPLE_RATE_HZ)

    def tick(self, frame: int, now_s: float) -> None:
        """Take note of a callback.

        Args:
            frame: The first frame of its block.
            now_s: When it was called.
        """
        expected_s = self.monotonic_s + (frame - self.frame) / SAMPLE_RATE_HZ
        error_s = now_s - expected_s
        side = 0 if abs(error_s) <= _CLOCK_DOUBT_S else 1 if error_s > 0.0 else -1
        self._off = self._off + side if side and side * self._off >= 0 else 0
        self.frame = frame
        if abs(error_s) > _CLOCK_JUMP_S or abs(self._off) >= _CLOCK_JUMP_CALLBACKS:
            self.monotonic_s, self._off = now_s, 0
        else:
            believed_s = min(max(error_s, -_CLOCK_DOUBT_S), _CLOCK_DOUBT_S)
            self.monotonic_s = expected_s + _CLOCK_SHARE * believed_s
