"""What other programs and the session tell each other: clocks, controllers, notes, ports.

It puts what the process of the neighbours says into the session's words, and tells it what the
session decides about time. It decides nothing about music and never waits.
Flow: sync_process.py → here → engine.py → session.py, and back when time changes.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from daw_bridge.addresses import AddressBook
from daw_bridge.arguments import Held
from daw_bridge.clock_events import (
    ClockEvent,
    ClockPlaced,
    ClockStarted,
    ClockStopped,
    ClockTold,
    Pulse,
    SourceLost,
)
from daw_bridge.errors import Fault, PresetError
from daw_bridge.midi import Tick, read_midi
from daw_bridge.midi_desk import Learnt, MidiDesk
from daw_bridge.osc import Message, TaggedValue
from daw_bridge.requests import Forget, MidiCommand, Request
from daw_bridge.session_decision import NoteText
from daw_bridge.session_state import SessionState
from daw_bridge.sync_wire import (
    Follow,
    Listen,
    MidiCame,
    PortsChanged,
    SendClock,
    SourceMissing,
    SyncCommand,
    SyncEvent,
    TimeCame,
)
from daw_bridge.timekeeper import Beats, lead_of
from daw_bridge.transport import Signature

MIDI_CLIENT = 0
"""Who asks by MIDI is no client of the OSC server, so that answers to it go nowhere."""
_LEAD_S = 1.0
_NEWER = "Another address is being learnt."


class SyncPart(Protocol):
    """What is needed of the process of the neighbours."""

    def tell(self, command: SyncCommand) -> None:
        """Ask for something."""

    def poll(self) -> list[SyncEvent]:
        """Take what has come."""


class SessionPart(Protocol):
    """What is needed of the engine."""

    @property
    def state(self) -> SessionState:
        """How things stand."""

    def read_value(self, slot: int, field: str) -> Held:
        """What a value is now."""

    def frame_at(self, at_s: float) -> float:
        """The frame of the audio clock at a monotonic time, with its fraction."""

    def obey(self, requests: Sequence[Request], due_s: float | None) -> None:
        """Obey what one message asks for."""

    def note(self, event: ClockEvent | NoteText) -> None:
        """Take note of an event."""

    def log(self, priority: int, text: str) -> None:
        """Tell people."""

    def fail(self, request: Request, fault: Fault, text: str) -> None:
        """Answer with /fail."""

    def done(self, request: Request, *results: TaggedValue) -> None:
        """Answer with /done."""

    def stream(self, path: str, arguments: Sequence[TaggedValue]) -> None:
        """Tell those who watch an address."""


class Neighbours:
    """The neighbours of one session."""

    def __init__(
        self,
        book: AddressBook,
        session: SessionPart,
        sync: SyncPart,
        save: Callable[[str], None],
    ) -> None:
        """Begin; nothing is asked of the process yet.

        Args:
            book: The addresses.
            session: The engine.
            sync: The process of the neighbours.
            save: Keeps the bindings, without waiting.
        """
        self._book, self._session, self._sync, self._save = book, session, sync, save
        self._desk = MidiDesk(book, session.read_value)
        self._beats = Beats()
        self._next_lead_s = 0.0
        self._own_port = ""

    def load(self, text: str) -> None:
        """Take the bindings that were kept; what cannot be read is told and left as it is."""
        try:
            self._desk.load(text)
        except PresetError as error:
            self._session.log(1, str(error))
        self._show_map()

    def obey(self, request: Request, command: MidiCommand) -> None:
        """Obey a request about bindings."""
        if isinstance(command, Forget):
            if not self._desk.forget(command.address):
                text = f"No controller moves {command.address[:64]}."
                self._session.fail(request, Fault.NOT_READY, text)
                return
            self._keep_map()
            self._session.done(request)
            return
        before, refusal = self._desk.learn(request, command.address)
        if before is not None:
            self._session.fail(before, Fault.SUPERSEDED, _NEWER)
        if refusal:
            self._session.fail(request, Fault.BAD_VALUE, refusal)

    def hear(self) -> None:
        """Take note of what has come."""
        for event in self._sync.poll():
            match event:
                case MidiCame(at_s, message):
                    self._hear_midi(at_s, bytes.fromhex(message))
                case TimeCame():
                    self._session.note(self._told(event))
                case PortsChanged(inputs, connected, own):
                    lines = [f"{'*' if one in connected else ' '} {one}" for one in inputs]
                    self._session.note(NoteText("midi_ports", "\n".join(lines)))
                    if own not in ("", self._own_port):
                        self._session.log(2, f"MIDI: our own port is {own}.")
                    self._own_port = own
                case SourceMissing(source, reason) if reason:
                    self._session.log(1, f"{source}: {reason}")
                    self._session.note(SourceLost(source))

    def changed(self, before: SessionState | None, after: SessionState) -> None:
        """Tell the process what has changed in the session.

        Args:
            before: How things stood, None at the beginning.
            after: How things stand.
        """
        if before is None or before.midi_in != after.midi_in:
            self._sync.tell(Listen(after.midi_in))
        if before is None or before.midi_clock != after.midi_clock:
            self._sync.tell(SendClock(after.midi_clock))
        if before is None or before.tempo_source != after.tempo_source:
            self._sync.tell(Follow(after.tempo_source))
        if before is None or before.transport != after.transport:
            self._lead()

    def keep_time(self) -> float:
        """Tell the beat that has fallen, and now and then where time is.

        Returns:
            After how many seconds to call again.
        """
        now_s, state = time.monotonic(), self._session.state
        frame = round(self._session.frame_at(now_s))
        fallen = self._beats.fallen(state.transport, frame)
        if fallen is not None:
            bar, beat = fallen
            tempo = ("f", state.transport.tempo_bpm)
            self._session.stream("/beat", (("i", bar), ("i", beat), tempo))
        if now_s >= self._next_lead_s:
            self._lead()  # two quartzes drift apart
        return self._beats.wait_s(state.transport, frame)

    def _lead(self) -> None:
        now_s = time.monotonic()
        self._next_lead_s = now_s + _LEAD_S
        frame = self._session.frame_at(now_s)
        self._sync.tell(lead_of(self._session.state.transport, round(frame), now_s))

    def _hear_midi(self, at_s: float, message: bytes) -> None:
        meant = read_midi(message)
        match meant:
            case None:
                return
            case Tick():
                self._session.note(Pulse(self._session.frame_at(at_s)))
            case ClockStarted() | ClockStopped() | ClockPlaced():
                self._session.note(meant)
            case _:
                asked = self._desk.hear(meant)
                if isinstance(asked, Learnt):
                    numbers = (asked.binding.channel, asked.binding.controller)
                    self._session.done(asked.request, *(("i", number) for number in numbers))
                    self._keep_map()
                else:
                    self._ask(asked)

    def _ask(self, messages: list[Message]) -> None:
        for message in messages:
            found = self._book.resolve(message, MIDI_CLIENT)
            self._session.obey([one for one in found if isinstance(one, Request)], None)

    def _told(self, told: TimeCame) -> ClockTold:
        return ClockTold(
            told.source,
            self._session.frame_at(told.at_s),
            told.is_playing,
            beat=told.beat,
            seconds=told.seconds,
            tempo_bpm=told.tempo_bpm,
            signature=None if told.signature is None else Signature(*told.signature),
        )

    def _keep_map(self) -> None:
        self._save(self._desk.text())
        self._show_map()

    def _show_map(self) -> None:
        lines = [f"{one.channel} {one.controller} {one.path}" for one in self._desk.bindings]
        self._session.note(NoteText("midi_map", "\n".join(lines)))
