"""Decisions that are begun before they are asked for: a sound then only waits to be sent.

A decision depends on nothing but a state, a request and a moment, so where the moment does not
matter it can be begun ahead. A pad that was hit is likely hit again, and between two hits there is
time; what is set or played meanwhile makes what was thought ahead worthless, and it is forgotten.
Flow: engine.py tells what was asked and when there is time, and takes what was foreseen.
"""

from daw_bridge.requests import NoteOn, Play, Request
from daw_bridge.session import begin
from daw_bridge.session_decision import UNKNOWN, TooEarlyError
from daw_bridge.session_state import SessionState
from daw_bridge.session_turn import Turn

# As many pads as a hand reaches; each costs a quarter of a millisecond after every change.
_MOST = 4


class Foresight:
    """What was hit last, and what comes of hitting it again."""

    def __init__(self) -> None:
        self._hit: list[Request] = []
        self._turns: dict[Request, Turn] = {}
        self._state: SessionState | None = None
        self._seen: SessionState | None = None

    def take(self, state: SessionState, request: Request) -> Turn | None:
        """What was foreseen of a request, once; its moment is to be set.

        Args:
            state: How things stand.
            request: What is asked; it is expected again if it is a hit that wants no answer.

        Returns:
            The decision as `begin` makes it, None where it was not foreseen.
        """
        if not isinstance(request.command, Play | NoteOn) or request.request_id:
            return None
        if request not in self._hit:
            self._hit = [*self._hit[1 - _MOST :], request]
        return self._turns.pop(request, None) if state is self._state else None

    def think(self, state: SessionState) -> None:
        """Think ahead, if nothing has changed since the last call; to be called now and then."""
        if state is self._seen and state is not self._state:
            self._state, self._turns = state, {}
            for request in self._hit:
                try:
                    self._turns[request] = begin(state, (request,), UNKNOWN)
                except TooEarlyError:
                    continue
        self._seen = state
