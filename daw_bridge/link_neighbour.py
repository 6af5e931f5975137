"""Ableton Link: a tempo and a beat shared with other programs in the network.

The one place that touches aalink, which holds Ableton's Link under the GPL: an extra that is not
installed unless asked for, and not imported unless /tempo/source is link. Link speaks to the whole
network while it is followed. Flow: network → here → sync_child.py; a tempo of ours the other way.
"""

import time

from aalink import Link

from daw_bridge.sync_wire import TimeCame

_QUANTUM_BEATS = 4


class LinkNeighbour:
    """A peer of the Link session, for as long as it is open."""

    def __init__(self, tempo_bpm: float) -> None:
        """Join the session; needs a running event loop.

        Args:
            tempo_bpm: The tempo where nobody else is there.
        """
        self._heeds_stops = False
        self._link = Link(tempo_bpm)
        self._link.quantum = _QUANTUM_BEATS
        self._link.start_stop_sync_enabled = True
        self._link.set_start_stop_callback(self._hear_stop)
        self._link.enabled = True

    def set_tempo(self, tempo_bpm: float) -> None:
        """Change the tempo of the session."""
        if abs(self._link.tempo - tempo_bpm) > 0.005:
            self._link.tempo = tempo_bpm

    def tell_time(self) -> TimeCame:
        """Which beat is now. Starts and stops are heeded once somebody in the session uses them."""
        before_s = time.monotonic()
        beat, tempo_bpm = float(self._link.beat), float(self._link.tempo)
        at_s = (before_s + time.monotonic()) / 2
        is_playing = bool(self._link.playing) or not self._heeds_stops
        return TimeCame("link", at_s, is_playing, beat=beat, tempo_bpm=tempo_bpm)

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False

    def _hear_stop(self, _is_playing: bool) -> None:
        self._heeds_stops = True
