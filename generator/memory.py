"""What a generator remembers of the takes that it made, so that others can be made from them.

A take is remembered under the identity of its request: its latents, and where it is open what
stands after its last frame. Knows nothing of how either came to be. Used by generator/pipeline.py.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from generator.api import FloatArray, SourceError

REMEMBERED_TAKES = 128
State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Remembered(Generic[State]):
    """A take as its latents.

    Shapes:
        latents: [1, channels, n]

    Attributes:
        latents: All that was made, what is not heard yet included.
        heard: How many of them have been heard.
        ending: What carries the sound on from there; None where the take has ended for good.
    """

    latents: FloatArray
    heard: int
    ending: State | None


class TakeMemory(Generic[State]):
    """The newest takes by the identity of their requests."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._takes: OrderedDict[str, Remembered[State]] = OrderedDict()

    def keep(self, identity: str, take: Remembered[State]) -> None:
        """Remember a take, and forget the one that was not asked for for the longest time."""
        self._takes[identity] = take
        self._takes.move_to_end(identity)
        if len(self._takes) > REMEMBERED_TAKES:
            self._takes.popitem(last=False)

    def recall(self, identity: str) -> Remembered[State]:
        """Return a take.

        Args:
            identity: That of its request.

        Returns:
            What is remembered of it.

        Raises:
            SourceError: It is not remembered.
        """
        take = self._takes.get(identity)
        if take is None:
            raise SourceError(
                f"The take {identity[:8]} that this one is made from is not remembered: the last "
                f"{REMEMBERED_TAKES} are, until the generator ends. Make it again first."
            )
        self._takes.move_to_end(identity)
        return take
