"""A model that is loaded beside the one that plays: a child of its own, and how its trial goes.

The child reads the checkpoint, verifies every file, opens the networks and makes a warm-up take;
only then it says that it is ready. What follows is decided in generator_process.py.
"""

import threading
from dataclasses import dataclass, field

from daw_bridge.generator_events import GeneratorReady, ModelRefused
from daw_bridge.generator_link import ChildLink
from daw_bridge.generator_wire import ChildEvent, LoadFailed


@dataclass(slots=True)
class Candidate:
    """A model on trial; `ready` is set once it may play."""

    job_id: int
    asked: str
    link: ChildLink
    ready: GeneratorReady | None = None
    refusal: str = ""

    def hear(self, event: ChildEvent | None) -> ModelRefused | None:
        """Take note of what its child has said, None for its end.

        Args:
            event: What it said.

        Returns:
            The refusal, where it is none after all.
        """
        match event:
            case GeneratorReady():
                self.ready = event
            case LoadFailed(text):
                self.refusal = text
            case None:
                status = self.link.process.poll()
                text = self.refusal or (
                    f"The process that loaded {self.asked!r} ended (status {status}), perhaps for "
                    "want of memory. The model before it plays on."
                )
                return ModelRefused(self.job_id, text)
        return None


@dataclass(slots=True)
class Retired:
    """Children that are not needed any more and end in their own time, so that nobody waits."""

    _enders: list[threading.Thread] = field(default_factory=list)

    def add(self, link: ChildLink, timeout_s: float) -> None:
        """Let a child go."""
        self._enders = [ender for ender in self._enders if ender.is_alive()]
        ender = threading.Thread(target=link.end, args=(timeout_s,), name="generator-retired")
        self._enders.append(ender)
        ender.start()

    def wait(self) -> None:
        """Wait until all of them are gone."""
        for ender in self._enders:
            ender.join()
