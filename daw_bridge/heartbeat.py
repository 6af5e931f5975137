"""Whether what should go on calling back still does, as somebody sees who looks now and then.

Pure: counts and times are passed in. Who looks late was held up himself, as was likely everything
else on the machine: that is no sign of death, and counts no longer than a look in time.
Flow: audio_process.py and input_process.py tell what they see.
"""

_DEAD_AFTER_S = 1.0
_LONGEST_LOOK_S = 0.2


class Heartbeat:
    """What was seen so far; the first look is the beginning."""

    def __init__(self) -> None:
        self._beats = -1
        self._quiet_s = self._looked_s = 0.0

    def look(self, beats: int, now_s: float) -> bool:
        """Take note of how many callbacks there were.

        Args:
            beats: How many, since any beginning.
            now_s: The present time.

        Returns:
            Whether it lives: any came within the last second of looking.
        """
        if beats != self._beats:
            self._beats, self._quiet_s = beats, 0.0
        else:
            self._quiet_s += min(now_s - self._looked_s, _LONGEST_LOOK_S)
        self._looked_s = now_s
        return self._quiet_s < _DEAD_AFTER_S
