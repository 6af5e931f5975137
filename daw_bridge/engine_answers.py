"""What is asked of the daemon and not of the session: its status, version, values, models, end.

Flow: engine.py hands each request in; what is not answered here goes to the session.
"""

import time
from collections.abc import Callable, Sequence

from daw_bridge import __version__
from daw_bridge.addresses import AddressBook
from daw_bridge.audio_status import AudioStatus
from daw_bridge.engine_parts import Parts
from daw_bridge.errors import Fault
from daw_bridge.generator_events import TakeReady
from daw_bridge.osc import TaggedValue
from daw_bridge.requests import (
    AskModels,
    GetStatus,
    GetVersion,
    LoadModel,
    Quit,
    Refresh,
    Request,
)
from daw_bridge.session_shown import value_of
from daw_bridge.session_state import SessionState
from generator.api import SAMPLE_RATE_HZ

API = "1"


class Answers:
    """Answers by itself what can be told from a state."""

    def __init__(self, book: AddressBook, parts: Parts, state: Callable[[], SessionState]) -> None:
        """Begin to count the time that the daemon runs.

        Args:
            book: The addresses.
            parts: Who is asked and told.
            state: How things stand.
        """
        self.last_take: TakeReady | None = None
        self._book, self._parts, self._state = book, parts, state
        self._begun_s = time.monotonic()

    def answer(self, request: Request, clock: Callable[[], AudioStatus]) -> bool:
        """Answer a request, if it is none for the session.

        Args:
            request: What is asked, by whom.
            clock: The audio process's own account.

        Returns:
            Whether it has been answered.
        """
        match request.command:
            case GetStatus():
                self._tell(request, "/status.reply", self._status(clock()))
            case GetVersion():
                told = (("s", "daw-bridge"), ("s", __version__), ("s", API))
                self._tell(request, "/version.reply", told)
            case Refresh(prefix):
                self._refresh(request, prefix or "")
            case Quit() if self._parts.osc.is_local(request.client):
                self.done(request)
                self._parts.end()
            case Quit():
                self.fail(request, Fault.FORBIDDEN, "Only this machine may end the daemon.")
            case AskModels():
                names = self._parts.generator.known_models()
                self._parts.osc.send(request.client, request.address, [("s", n) for n in names])
                self.done(request, ("i", len(names)))
            case LoadModel(name) if not self._may_load(name, request.client):
                text = "Only this machine may load a model from a folder; name one of /model/list."
                self.fail(request, Fault.FORBIDDEN, text)
            case _:
                return False
        return True

    def fail(self, request: Request, fault: Fault, text: str) -> None:
        """Answer a request with /fail."""
        head = (("s", request.address), ("i", request.request_id))
        self._parts.osc.send(request.client, "/fail", (*head, ("i", int(fault)), ("s", text)))

    def done(self, request: Request, *results: TaggedValue) -> None:
        """Answer a request with /done."""
        head = (("s", request.address), ("i", request.request_id))
        self._parts.osc.send(request.client, "/done", (*head, *results))

    def _may_load(self, name: str, client: int) -> bool:
        return name in self._parts.generator.known_models() or self._parts.osc.is_local(client)

    def _tell(self, request: Request, path: str, arguments: Sequence[TaggedValue]) -> None:
        self._parts.osc.send(request.client, self._book.root + path, arguments)
        if request.request_id:
            self.done(request)

    def _refresh(self, request: Request, prefix: str) -> None:
        values = self._values(prefix)
        if not values:
            near = self._book.nearest(prefix)
            self.fail(
                request,
                Fault.BAD_VALUE,
                f"There is no value below {prefix[:64]}; the nearest address is {near}.",
            )
            return
        self._parts.osc.send_many(request.client, values)
        self.done(request)

    def _values(self, prefix: str) -> list[tuple[str, Sequence[TaggedValue]]]:
        state, book = self._state(), self._book
        return [
            (
                address,
                book.tagged(one.slot, one.row.field, value_of(state, one.slot, one.row.field)),
            )
            for address, one in book.places.items()
            if one.row.is_shown and f"{address}/".startswith(prefix.rstrip("/") + "/")
        ]

    def _status(self, status: AudioStatus) -> tuple[TaggedValue, ...]:
        state, take = self._state(), self.last_take
        generate_ms = take.generate_ms if take else 0.0
        rtf = generate_ms * SAMPLE_RATE_HZ / (1000.0 * take.frames) if take else 0.0
        return (
            ("i", status.playing_slots),
            ("f", 100.0 * status.cpu_load),
            ("i", value_of(state, 0, "xruns")),
            ("f", 1000.0 * status.buffer_frames / SAMPLE_RATE_HZ),
            ("f", status.output_latency_ms),
            ("f", generate_ms),
            ("f", rtf),
            ("s", state.model),
            ("s", state.device.name),
            ("i", SAMPLE_RATE_HZ),
            ("d", time.monotonic() - self._begun_s),
        )
