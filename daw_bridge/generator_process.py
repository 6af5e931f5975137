"""The generator as control sees it: a handle that outlives any number of child processes.

Requests wait here and go to the child one at a time, or as many as its model makes at once, so a
request that waits can be cancelled at once and survives the death of the child; only what is being
made is lost with it. It never loads a
model and never touches audio. Flow: daemon.py → `submit` → generator_child.py → `poll` → daemon.py.

What it promises: every request that was submitted ends in exactly one TakeReady or TakeFailed,
before which there may be one TakeBegun; after `cancel` it is a TakeFailed; memory of takes that did
not become whole is removed here. Another model is tried in a second child (generator_candidate.py)
and takes over between two takes.
"""

from collections import OrderedDict
from dataclasses import dataclass

from daw_bridge.errors import Fault
from daw_bridge.generator_candidate import Candidate, Retired
from daw_bridge.generator_events import (
    GeneratorDied,
    GeneratorEvent,
    GeneratorReady,
    ModelLoaded,
    TakeBegun,
    TakeFailed,
    TakeProgress,
    TakeReady,
)
from daw_bridge.generator_link import ChildLink, Mailbox, Means
from daw_bridge.generator_wire import (
    ChildEvent,
    DropTake,
    KeepWarm,
    LoadFailed,
    MakeTake,
    MakeTakes,
    TakeReserved,
)
from daw_bridge.sounds import Sound
from daw_bridge.takes import remove_take
from generator.api import GenerationRequest
from generator.loading import known_names

MAX_WAITING = 64
MAX_FAILED_STARTS = 3
STOP_TIMEOUT_S = 0.45


@dataclass(slots=True)
class _InHand:
    """A request that the child has: how far it is, and the memory that its take is to have."""

    wanted: MakeTake
    has_begun: bool = False
    is_dropped: bool = False
    reserved: str | None = None


class GeneratorProcess:
    """The generator's life, its queue and its restarts.

    Args:
        threads: Number of threads that the model may use.
        device: Where one in torch computes, see `generator.loading`.
    """

    def __init__(self, *, threads: int = 2, device: str = "auto") -> None:
        self._means = Means(threads, device)
        self._model = ""
        self._mailbox = Mailbox()
        self._child: ChildLink | None = None
        self._waiting: OrderedDict[int, MakeTake] = OrderedDict()
        self._in_hand: dict[int, _InHand] = {}
        self._at_once = 1
        self._is_ready = False
        self._failed_starts = 0
        self._broken_text = ""
        self._events: list[GeneratorEvent] = []
        self._candidate: Candidate | None = None
        self._retired = Retired()
        self._model_before = ""

    @property
    def is_ready(self) -> bool:
        """Whether a model is loaded."""
        return self._is_ready

    @property
    def broken_text(self) -> str:
        """Why no model can be loaded, empty while there is hope."""
        return self._broken_text

    @property
    def open_requests(self) -> int:
        """How many requests have not ended."""
        return len(self._waiting) + len(self._in_hand)

    @property
    def pid(self) -> int | None:
        """Process id of the child that lives now."""
        return None if self._child is None else self._child.process.pid

    def start(self, model: str) -> None:
        """Start a child that loads a model; `poll` tells when it is ready.

        Args:
            model: Name or path, as `generator.loading` reads it.
        """
        self._model = model
        self._broken_text = ""
        self._failed_starts = 0
        self._child = ChildLink(model, self._means, self._mailbox)

    def known_models(self) -> tuple[str, ...]:
        """Return the names of the models that came with the daemon."""
        return known_names()

    def try_model(self, job_id: int, model: str) -> None:
        """Load another model beside this one; `poll` tells ModelLoaded or ModelRefused.

        Args:
            job_id: What the answer will name.
            model: Name or path, as `generator.loading` reads it.
        """
        self._drop_candidate()
        self._candidate = Candidate(job_id, model, ChildLink(model, self._means, self._mailbox))

    def leave_model(self, job_id: int) -> None:
        """Do not load it after all; one that plays already is left alone, and nothing is told."""
        if self._candidate is not None and self._candidate.job_id == job_id:
            self._drop_candidate()

    def submit(
        self, request_id: int, request: GenerationRequest, sound: Sound | None = None
    ) -> None:
        """Ask for a take; refusals come as TakeFailed from `poll` too.

        Args:
            request_id: A number that is not open already.
            request: What to make.
            sound: What it begins from, where that is a sound; it must stay until the request ends.
        """
        if self._broken_text:
            self._fail(request_id, Fault.GENERATOR_FAILED, self._broken_text)
        elif len(self._waiting) >= MAX_WAITING:
            text = f"{MAX_WAITING} requests wait already; ask again when some are done."
            self._fail(request_id, Fault.QUEUE_FULL, text)
        else:
            self._waiting[request_id] = MakeTake(request_id, request, sound)
            self._feed()

    def cancel(self, request_id: int) -> None:
        """Take a request back; one that has ended already is left alone."""
        if self._waiting.pop(request_id, None) is not None:
            self._fail(request_id, Fault.CANCELLED, "The take was cancelled.")
        elif request_id in self._in_hand and not self._in_hand[request_id].is_dropped:
            self._in_hand[request_id].is_dropped = True
            if self._child is not None:
                self._child.tell(DropTake(request_id))

    def keep_warm(self) -> None:
        """Say that somebody plays; it matters to models on an accelerator, while they are idle."""
        if self._child is not None and self._at_once > 1 and not self._in_hand:
            self._child.tell(KeepWarm())

    def fileno(self) -> int:
        """Return what to watch for reading: `poll` has something when it is readable."""
        return self._mailbox.fileno()

    def poll(self) -> list[GeneratorEvent]:
        """Return what has happened since the last time, and go on with what waits."""
        for child, event in self._mailbox.take_all():
            if self._candidate is not None and child is self._candidate.link:
                self._hear_candidate(self._candidate, event)
            if child is not self._child:
                continue
            if event is None:
                self._bury()
            else:
                self._hear(event)
        self._promote()
        self._feed()
        events, self._events = self._events, []
        return events

    def stop(self, *, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the child and remove what it made and nobody was told of.

        Args:
            timeout_s: How long it may take to end by itself.
        """
        self._drop_candidate()
        self._retired.wait()
        if self._child is not None:
            self._child.end(timeout_s)
            for child, event in self._mailbox.take_all():
                if child is self._child and isinstance(event, TakeReady | TakeReserved):
                    remove_take(event.shm_name)
        self._forget(*self._in_hand)
        for untold in self._events:
            if isinstance(untold, TakeReady):
                remove_take(untold.shm_name)
        self._child = None
        self._events.clear()
        self._waiting.clear()
        self._is_ready = False

    def close(self) -> None:
        """Stop, and close what `fileno` names; the handle is of no use afterwards."""
        self.stop()
        self._mailbox.close()

    def _hear_candidate(self, candidate: Candidate, event: ChildEvent | None) -> None:
        refused = candidate.hear(event)
        if refused is not None:
            self._drop_candidate()
            self._events.append(refused)

    def _promote(self) -> None:
        """Let a candidate that is ready take over, unless a take is being made."""
        candidate = self._candidate
        if candidate is None or candidate.ready is None or self._in_hand:
            return
        if self._child is not None:
            self._retired.add(self._child, STOP_TIMEOUT_S)
        self._candidate, self._child = None, candidate.link
        self._model_before = "" if self._broken_text else self._model
        self._model, self._is_ready = candidate.asked, True
        self._at_once = candidate.ready.at_once
        self._broken_text, self._failed_starts = "", 0
        ready = candidate.ready
        self._events.append(
            ModelLoaded(candidate.job_id, candidate.asked, ready.model, ready.load_ms)
        )

    def _drop_candidate(self) -> None:
        if self._candidate is not None:
            self._retired.add(self._candidate.link, STOP_TIMEOUT_S)
            self._candidate = None

    def _feed(self) -> None:
        """Give the child the next requests where it has none."""
        if self._child is None or self._in_hand or not self._waiting:
            return
        count = min(len(self._waiting), self._at_once)
        takes = tuple(self._waiting.popitem(last=False)[1] for _ in range(count))
        self._in_hand = {take.request_id: _InHand(take) for take in takes}
        self._child.tell(MakeTakes(takes))

    def _hear(self, event: ChildEvent) -> None:
        match event:
            case TakeReserved():
                self._in_hand[event.request_id].reserved = event.shm_name
            case TakeBegun() if self._in_hand[event.request_id].is_dropped:
                pass  # Nobody waits for it any more.
            case TakeProgress() | TakeBegun():
                self._in_hand[event.request_id].has_begun = True
                self._events.append(event)
            case LoadFailed():
                self._broken_text = event.text
            case TakeReady() | TakeFailed():
                self._hear_the_end(event)
            case GeneratorReady():
                self._is_ready = True
                self._failed_starts = 0
                self._at_once = event.at_once
                self._events.append(event)

    def _hear_the_end(self, event: TakeReady | TakeFailed) -> None:
        one = self._in_hand[event.request_id]
        is_cancelled = one.is_dropped and isinstance(event, TakeReady)
        if isinstance(event, TakeReady) and not is_cancelled:
            one.reserved = None  # It is control's now.
        self._forget(event.request_id)
        if is_cancelled:
            self._fail(event.request_id, Fault.CANCELLED, "The take was cancelled.")
        else:
            self._events.append(event)

    def _forget(self, *request_ids: int) -> None:
        """Let go of requests in hand, and of the memory that is not control's yet."""
        for request_id in request_ids:
            reserved = self._in_hand.pop(request_id).reserved
            if reserved is not None:
                remove_take(reserved)

    def _bury(self) -> None:
        """Clear up after a child that ended by itself, and start the next one."""
        if self._child is None:
            return
        self._child.end(STOP_TIMEOUT_S)
        status = self._child.process.returncode
        self._failed_starts += not self._is_ready
        self._is_ready = False
        self._child = None
        is_hopeless = self._broken_text or self._failed_starts >= MAX_FAILED_STARTS
        if is_hopeless and self._model_before:
            self._roll_back()
        if self._failed_starts >= MAX_FAILED_STARTS and not self._broken_text:
            self._broken_text = (
                f"The generator ended {MAX_FAILED_STARTS} times while loading {self._model!r} "
                f"(status {status}). Look at its messages above, then start the daemon again."
            )
        text = self._broken_text or f"The generator ended (status {status})."
        self._events.append(GeneratorDied(text))
        self._settle_lost()
        if self._broken_text:
            for request_id in tuple(self._waiting):
                self._fail(request_id, Fault.GENERATOR_FAILED, self._broken_text)
            self._waiting.clear()
        else:
            self._child = ChildLink(self._model, self._means, self._mailbox)

    def _roll_back(self) -> None:
        """Go back to the model that played before the one that does not start any more."""
        text = f"{self._model!r} does not start any more; {self._model_before!r} plays again."
        self._events.append(GeneratorDied(text))
        self._model, self._model_before = self._model_before, ""
        self._failed_starts, self._broken_text = 0, ""

    def _settle_lost(self) -> None:
        """End the requests that a dead child had, or put back those that it never began."""
        for request_id, lost in reversed(self._in_hand.copy().items()):
            self._forget(request_id)
            if lost.is_dropped:
                self._fail(request_id, Fault.CANCELLED, "The take was cancelled.")
            elif lost.has_begun:
                text = "The generator ended while it made this. It is being restarted; ask again."
                self._fail(request_id, Fault.GENERATOR_FAILED, text)
            else:
                self._waiting[request_id] = lost.wanted
                self._waiting.move_to_end(request_id, last=False)

    def _fail(self, request_id: int, fault: Fault, text: str) -> None:
        self._events.append(TakeFailed(request_id, fault, text))
        self._mailbox.wake()
