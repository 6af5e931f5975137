"""What moves by itself and is watched: how loud it is, and how far each slot is in its take.

Flow: daemon.py's timer → engine.py → here → osc_sender.py, to those who watch.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from daw_bridge.audio_status import AudioStatus
from daw_bridge.osc import TaggedValue
from daw_bridge.session_state import SessionState

_LEVELS_A_PAIR = 4
Stream = Callable[[str, Sequence[TaggedValue]], None]


class Watched:
    """The last places that were told, and what is told next."""

    def __init__(self, stream: Stream) -> None:
        """Tell nothing yet.

        Args:
            stream: Pushes something, below the root, to those who watch its address.
        """
        self._stream = stream
        self._positions: dict[int, float] = {}

    def show(
        self, state: SessionState, frame: int, going_out: AudioStatus, coming_in: AudioStatus | None
    ) -> None:
        """Tell those who watch.

        Args:
            state: What plays.
            frame: Where the audio clock stands.
            going_out: The output's levels.
            coming_in: Those of the input, if there is one.
        """
        levels = _levels(going_out)
        self._stream("/master/meter", levels[:_LEVELS_A_PAIR])
        self._stream("/device/pairs/meter", levels)
        if coming_in is not None:
            self._stream("/input/meter", _levels(coming_in))
        before, self._positions = self._positions, dict(_positions(state, frame))
        # What has fallen silent is told once more: nobody is left with its last place.
        for number, position in (dict.fromkeys(before, 0.0) | self._positions).items():
            self._stream(f"/slot/{number}/pos", (("f", position),))


def _positions(state: SessionState, frame: int) -> Iterator[tuple[int, float]]:
    for number, slot in enumerate(state.slots, 1):
        if slot.voices:
            yield number, slot.voices[-1].position(frame)


def _levels(status: AudioStatus) -> tuple[TaggedValue, ...]:
    """What a meter shows; silence before the first block."""
    return tuple(("f", _dbfs(one)) for one in status.levels or (0.0,) * _LEVELS_A_PAIR)


def _dbfs(level: float) -> float:
    """A linear level in dB; silence is minus infinity."""
    return 20.0 * math.log10(level) if level > 0.0 else -math.inf
