"""Decisions that are begun before they are asked for: a sound then only waits to be sent.

A decision depends on nothing but a state, a request and a moment, so where the moment does not
matter it can be begun ahead. A pad that was hit is likely hit again, and between two hits there is
time; what is set or played meanwhile makes what was thought ahead worthless, and it is forgotten.
Flow: engine.py tells what was asked and when there is time, and takes what was foreseen.
"""

from dataclasses import dataclass

from daw_bridge import audio_commands as audio
from daw_bridge.audio_records import encode
from daw_bridge.requests import HitCommand, Request
from daw_bridge.session import begin
from daw_bridge.session_decision import UNKNOWN, Tell, TooEarlyError
from daw_bridge.session_state import SessionState
from daw_bridge.session_turn import Turn

# As many pads as a hand reaches; each costs a quarter of a millisecond after every change.
_MOST = 4


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A hit that was thought about.

    Attributes:
        turn: The decision as `begin` makes it; its moment is to be set.
        commands: All that it has asked for so far, which is of the audio process,
        records: and the same as the ring to there takes it.
    """

    turn: Turn
    commands: tuple[audio.Command, ...]
    records: tuple[bytes, ...]


class Foresight:
    """What was hit last, and what comes of hitting it again."""

    def __init__(self) -> None:
        self._hit: list[Request] = []
        self._foreseen: dict[Request, Foreseen] = {}
        self._state: SessionState | None = None
        self._seen: SessionState | None = None

    def take(self, state: SessionState, request: Request) -> Foreseen | None:
        """What was foreseen of a request, once.

        Args:
            state: How things stand.
            request: What is asked.

        Returns:
            What comes of it, None where it was not foreseen.
        """
        return self._foreseen.pop(request, None) if state is self._state else None

    def expect(self, request: Request) -> None:
        """Expect a request again, if it is a hit that wants no answer.

        Args:
            request: What was asked.
        """
        if not isinstance(request.command, HitCommand) or request.request_id:
            return
        if request not in self._hit:
            self._hit = [*self._hit[1 - _MOST :], request]

    def think(self, state: SessionState) -> None:
        """Think ahead, if nothing has changed since the last call; to be called now and then."""
        if state is self._seen and state is not self._state:
            hits = {request: _think_of(state, request) for request in self._hit}
            self._foreseen = {request: hit for request, hit in hits.items() if hit is not None}
            self._state = state
        self._seen = state


def _think_of(state: SessionState, request: Request) -> Foreseen | None:
    """A hit begun, if it can be and does nothing but sound."""
    try:
        turn = begin(state, (request,), UNKNOWN)
    except TooEarlyError:
        return None
    commands = tuple(action.command for action in turn.actions if isinstance(action, Tell))
    if len(commands) < len(turn.actions):
        return None
    return Foreseen(turn, commands, tuple(map(encode, commands)))
