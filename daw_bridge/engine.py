"""Holds the session's state and does what decisions ask for, on whatever parts it is given.

It never waits; it does not know sockets, processes or when the daemon ends.
Flow: osc_server.py and the children's events (through daemon.py) → session.py → here → the parts.
"""

import logging
import time
from collections.abc import Callable, Sequence

from daw_bridge import audio_commands as audio
from daw_bridge.addresses import AddressBook
from daw_bridge.arguments import Held
from daw_bridge.audio_output import OutputInfo
from daw_bridge.audio_status import AudioStatus
from daw_bridge.engine_answers import Answers
from daw_bridge.engine_audio import AudioSide, frame_at
from daw_bridge.engine_meters import Watched
from daw_bridge.engine_parts import Parts
from daw_bridge.errors import Fault
from daw_bridge.file_jobs import (
    FileFailed,
    RigRead,
    Shelf,
    StoredTake,
    WriteRig,
)
from daw_bridge.foresight import Foresight
from daw_bridge.generator_events import (
    GeneratorDied,
    GeneratorReady,
    ModelLoaded,
    ModelRefused,
    TakeReady,
)
from daw_bridge.osc import TaggedValue
from daw_bridge.output_events import Device, OutputOpened
from daw_bridge.presets import Document
from daw_bridge.replacing import replace
from daw_bridge.requests import Request
from daw_bridge.session import Event, begin
from daw_bridge.session_decision import (
    Action,
    AudioRestarted,
    CancelJob,
    DoFiles,
    EffectsFound,
    FreeTake,
    LeaveModel,
    ListDevices,
    Moment,
    OpenInput,
    OpenOutput,
    Reply,
    Restored,
    Show,
    Submit,
    Tell,
    TimeGoesOn,
    TryModel,
    XrunsCounted,
)
from daw_bridge.session_shelf import state_document
from daw_bridge.session_shown import value_of
from daw_bridge.session_state import SessionState
from daw_bridge.session_turn import Turn
from generator.api import SAMPLE_RATE_HZ

# The number of a job that nobody asked for.
AUTOSAVE = -1
# What a double leaves of a time of day, and far less than a frame.
_SAME_MOMENT_S = 2e-6
_LOG = logging.getLogger(__name__)


class Engine:
    """The state of the session, and the hands that do what is decided."""

    def __init__(self, state: SessionState, book: AddressBook, parts: Parts) -> None:
        self.tell_change: Callable[[SessionState, SessionState], None] = _tell_nobody
        self._state, self._book, self._parts = state, book, parts
        self._audio = AudioSide(parts.audio)
        self._answers = Answers(book, parts, lambda: self._state)
        self._watched = Watched(self.stream)
        self._foresight = Foresight()
        self._begun: Turn | None = None
        self._last_due_s, self._last_due_frame = -1.0, audio.NOW

    # ── in ───────────────────────────────────────────────────────────────────
    def begin(self, request: Request) -> None:
        """Have a hit sound that was foreseen, and do nothing else; it is to be obeyed next.

        Args:
            request: What is asked, for now.
        """
        foreseen = self._foresight.take(self._state, request)
        if foreseen is not None:
            self._audio.tell_ready(foreseen.records, foreseen.commands)
            self._begun = foreseen.turn

    def obey(self, requests: Sequence[Request], due_s: float | None) -> None:
        """Obey what one message asks for: all of it, or nothing where that fails.

        Args:
            requests: What is asked, by whom; more than one where the address was a pattern.
            due_s: The monotonic time at which it is to take effect, None for at once.
        """
        clock = self._audio.clock
        asked = [one for one in requests if not self._answers.answer(one, clock)]
        if asked:
            self._decide(*asked, due_s=due_s)

    def hear_generator(self) -> None:
        """Take note of what the generator has said."""
        for event in self._parts.generator.poll():
            if isinstance(event, GeneratorReady):
                self.log(2, f"The model {event.model} is ready after {event.load_ms:.0f} ms.")
            elif isinstance(event, GeneratorDied):
                self.log(0, event.text)
            elif isinstance(event, TakeReady):
                self._answers.last_take = event
            elif isinstance(event, ModelLoaded):
                self._parts.files.model = event.asked
                self.log(2, f"The model {event.model} plays from now on.")
            elif isinstance(event, ModelRefused):
                self.log(1, event.text)
            self._decide(event)

    def hear_audio(self) -> None:
        """Take note of what the audio process has said, and send it what was too much before."""
        for event in self._audio.poll():
            if isinstance(event, audio.Warning):
                name = audio.WarningCode(event.code).name.lower().replace("_", " ")
                self.log(1, f"Audio: {name} ({event.count} times, take {event.take_id}).")
            self._decide(event)
        self._audio.send_backlog()

    def hear_files(self) -> None:
        """Take note of what the file thread has done."""
        for event in self._parts.files.poll():
            if isinstance(event, RigRead) and event.note:
                self.log(1, event.note)
            elif isinstance(event, FileFailed) and event.job_id <= 0:
                self.log(0, event.text)
            self._decide(event)

    def restore(self, document: Document[StoredTake]) -> None:
        """Begin where the last run ended."""
        self._decide(Restored(document))

    def time_goes_on(self) -> None:
        """Carry on what is on its way, and think ahead; to be called often."""
        if self._state.library.is_moving:
            self._decide(TimeGoesOn())
        self._foresight.think(self._state)

    def show_meters(self) -> None:
        """Tell those who watch how loud it is, and how far each slot is in its take."""
        clock = self._audio.clock()
        frame = frame_at(clock, time.monotonic())
        self._watched.show(self._state, frame, clock, self._parts.inputs.status())

    def note(self, event: Event) -> None:
        """Take note of what a neighbour has said."""
        self._decide(event)

    def keep_warm(self) -> None:
        """Have the generator stay awake while something sounds; to be called now and then."""
        if any(slot.voices for slot in self._state.slots):
            self._parts.generator.keep_warm()

    def look_at_audio(self) -> None:
        """Take note of how many breaks the device has told of, and of how long its blocks are."""
        if not self._audio.is_replaced:
            status = self._audio.clock()
            total = self._audio.xruns(status)
            if total != self._state.xruns_total:
                self._decide(XrunsCounted(total))
            device = _measured(self._state.device, status)
            if device != self._state.device:
                self._decide(OutputOpened(device))

    def audio_is_restarting(self) -> None:
        """Leave the audio process alone from here on; the clock goes on by itself."""
        self._audio.let_go()

    def audio_has_restarted(self, at_frame: int = audio.NOW) -> None:
        """Bring the new audio process to where the old one was.

        Args:
            at_frame: Where it takes over from the old one; NOW if that has died.
        """
        self._audio.take_up()
        self._decide(AudioRestarted(at_frame))

    def output_opened(self, info: OutputInfo, job_id: int = 0) -> None:
        """Take note of where the sound goes.

        Args:
            info: What was opened.
            job_id: Who asked for it, 0 for nobody.
        """
        device = Device(info.name, info.hostapi, pairs=info.pairs)
        device = _measured(device, self._audio.clock())
        self._decide(OutputOpened(device, job_id))

    def effects_found(self, missing: str) -> None:
        """Take note of whether an audio process that was just started has effects.

        Args:
            missing: Why it has none; empty if it has.
        """
        if missing:
            self.log(1, missing)
        self._decide(EffectsFound(missing))

    # ── out ──────────────────────────────────────────────────────────────────
    def fail(self, request: Request, fault: Fault, text: str) -> None:
        """Answer a request with /fail."""
        self._answers.fail(request, fault, text)

    def done(self, request: Request, *results: TaggedValue) -> None:
        """Answer a request with /done."""
        self._answers.done(request, *results)

    def stream(self, path: str, arguments: Sequence[TaggedValue]) -> None:
        """Push something, below the root, to those who watch its address."""
        self._parts.osc.stream(self._book.root + path, arguments)

    def log(self, priority: int, text: str) -> None:
        """Tell people: in the log, and on /log to those who want feedback."""
        level = (logging.ERROR, logging.WARNING, logging.INFO)[priority]
        _LOG.log(level, text)
        self._parts.osc.push(self._book.root + "/log", (("i", priority), ("s", text)))

    @property
    def state(self) -> SessionState:
        """How things stand."""
        return self._state

    def frame_at(self, at_s: float) -> float:
        """The frame of the audio clock at a monotonic time, with its fraction."""
        clock = self._audio.clock()
        return clock.clock_frame + (at_s - clock.clock_monotonic_s) * SAMPLE_RATE_HZ

    def read_value(self, slot: int, field: str) -> Held:
        """What a value is now."""
        return value_of(self._state, slot, field)

    @property
    def revision(self) -> int:
        """Grows with every change of what is kept between runs."""
        return self._state.library.revision

    def save_state(self) -> None:
        """Have everything that is kept between runs written down."""
        document = state_document(self._state)
        self._parts.files.submit(AUTOSAVE, WriteRig(Shelf.STATES, "", document))

    def take_names(self) -> list[str]:
        """The memory of every take and sound that has not been given back."""
        takes = [take.shm_name for take in self._state.kept | self._state.released]
        return [*takes, *(sound.shm_name for sound in self._state.sounds.memory)]

    def _decide(self, *asked: Request | Event, due_s: float | None = None) -> None:
        turn = self._foreseen(asked, due_s)
        if turn is None:
            turn = begin(self._state, asked, self._moment(due_s))
            # A sound begins before it is worked out what follows from it.
            self._carry_out(turn.actions)
        else:
            turn.moment = self._moment(None)
        done = len(turn.actions)
        decision = turn.decision()
        before, self._state = self._state, decision.state
        self._carry_out(decision.actions[done:])
        self.tell_change(before, decision.state)

    def _foreseen(self, asked: Sequence[Request | Event], due_s: float | None) -> Turn | None:
        """A hit that was foreseen, and has begun."""
        if due_s is not None or len(asked) > 1 or not isinstance(asked[0], Request):
            return None
        if self._begun is None:
            self.begin(asked[0])
        begun, self._begun = self._begun, None
        self._foresight.expect(asked[0])
        return begun

    def _moment(self, due_s: float | None) -> Moment:
        clock = self._audio.clock()
        due_frame = audio.NOW if due_s is None else self._due_frame(clock, due_s)
        return Moment(frame_at(clock, time.monotonic()), due_frame)

    def _carry_out(self, actions: Sequence[Action]) -> None:
        shown: list[tuple[str, Sequence[TaggedValue]]] = []
        for action in actions:
            if isinstance(action, Tell):
                self._audio.tell(action.command)
            elif isinstance(action, Show) and action.client is None:
                shown.append(self._message(action))
            else:
                self._show_all(shown)
                self._do(action)
        self._show_all(shown)

    def _show_all(self, values: list[tuple[str, Sequence[TaggedValue]]]) -> None:
        """Show what has gathered, in its place among the answers."""
        if values:
            self._parts.osc.show_many(values)
            values.clear()

    def _do(self, action: Action) -> None:  # noqa: C901 - one case for each action
        match action:
            case Reply(0, "/fail", arguments):
                # A key or a program has no address that could be answered.
                self.log(1, f"{arguments[0][1]}: {arguments[-1][1]}")
            case Reply(client, address, arguments):
                self._parts.osc.send(client, address, arguments)
            case Show(client=int(client)):
                self._parts.osc.send(client, *self._message(action))
            case Submit(job_id, wanted, sound):
                self._parts.generator.submit(job_id, wanted, sound)
            case CancelJob(job_id):
                self._parts.generator.cancel(job_id)
            case FreeTake(name):
                self._parts.free_take(name)
            case DoFiles(job_id, job):
                self._parts.files.submit(job_id, job)
            case TryModel(job_id, name):
                self._parts.generator.try_model(job_id, name)
            case LeaveModel(job_id):
                self._parts.generator.leave_model(job_id)
            case ListDevices(job_id, direction):
                self._parts.outputs.list_devices(job_id, direction)
            case OpenOutput(job_id, output, hostapi, buffer_frames):
                self._parts.outputs.open(job_id, output, hostapi, buffer_frames)
            case OpenInput(job_id, name, hostapi):
                self._parts.inputs.open(job_id, name, hostapi)

    def _due_frame(self, clock: AudioStatus, due_s: float) -> int:
        """The frame of a moment: one frame for all that is due at once, though the clock moves."""
        if abs(due_s - self._last_due_s) > _SAME_MOMENT_S:
            self._last_due_s, self._last_due_frame = due_s, frame_at(clock, due_s)
        return self._last_due_frame

    def _message(self, shown: Show) -> tuple[str, tuple[TaggedValue, ...]]:
        slot, field = shown.slot, shown.field
        return self._book.address_of(slot, field), self._book.tagged(slot, field, shown.value)


def _tell_nobody(before: SessionState, after: SessionState) -> None:
    del before, after


def _measured(device: Device, status: AudioStatus) -> Device:
    """A device with what its last block has shown."""
    buffer_ms = 1000.0 * status.buffer_frames / SAMPLE_RATE_HZ
    return replace(device, buffer_ms=buffer_ms, latency_ms=status.output_latency_ms)
