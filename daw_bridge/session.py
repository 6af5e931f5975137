"""All musical rules: `decide` turns a state and a command or event into a state and actions.

Pure: no clock, no socket, no process; time comes in as a `Moment`. The rules in short: the newest
request of a slot wins; `go` is generate and then play; plays take effect at quantise points; stop
and panic also forget what was about to start; a command that is refused changes nothing.
Flow: addresses.py (commands) and the children (events) → here → daemon.py (does the actions).
"""

from collections.abc import Sequence

from daw_bridge import audio_commands as audio
from daw_bridge.clock_events import ClockEvent
from daw_bridge.errors import Fault
from daw_bridge.file_jobs import FileEvent
from daw_bridge.generator_events import (
    GeneratorEvent,
    TakeBegun,
    TakeFailed,
    TakeProgress,
    TakeReady,
)
from daw_bridge.output_events import OutputEvent
from daw_bridge.replacing import replace
from daw_bridge.requests import (
    Cancel,
    ClockCommand,
    Generate,
    GetValue,
    Go,
    Inpaint,
    LibraryCommand,
    ModelCommand,
    NextTake,
    NoteOff,
    NoteOn,
    Panic,
    Play,
    PreviousTake,
    Request,
    SetValue,
    Stop,
    Sync,
    TapeCommand,
)
from daw_bridge.session_decision import (
    AudioRestarted,
    Decision,
    EffectsFound,
    Moment,
    NoteText,
    Restored,
    Show,
    TimeGoesOn,
    XrunsCounted,
)
from daw_bridge.session_device import Devices, is_of_devices
from daw_bridge.session_effects import all_effects, is_of_effects
from daw_bridge.session_model import ModelEvent, Modelling
from daw_bridge.session_notes import Notes
from daw_bridge.session_recipe import corner_weights, init_refusal
from daw_bridge.session_shown import EFFECT_FIELDS, value_of
from daw_bridge.session_sounds import Beginnings
from daw_bridge.session_state import SessionState, Waiting
from daw_bridge.session_stream import Stream
from daw_bridge.session_tape import Taping
from daw_bridge.session_turn import Turn

Event = (
    GeneratorEvent
    | audio.Event
    | ClockEvent
    | FileEvent
    | AudioRestarted
    | EffectsFound
    | NoteText
    | OutputEvent
    | Restored
    | TimeGoesOn
    | XrunsCounted
)


def begin(state: SessionState, asked: Sequence[Request | Event], moment: Moment) -> Turn:
    """Obey commands or take note of events, and leave open what follows from them.

    Args:
        state: How things stand.
        asked: Requests with commands for the session, or events of a child, in order; more than
            one are the requests of one message, all of a kind.
        moment: Now, and when the effect is wanted.

    Returns:
        A decision in the making: what is asked for so far, in order, and how to come to its end.
    """
    turn = _Rules(state, moment)
    for one in asked:
        if isinstance(one, Request):
            turn.obey(one)
        else:
            turn.note(one)
    return turn


def decide(state: SessionState, asked: Request | Event, moment: Moment) -> Decision:
    """Obey a command or take note of an event, and see to all that follows.

    Args:
        state: How things stand.
        asked: A request with a command for the session, or an event of a child.
        moment: Now, and when the effect is wanted.

    Returns:
        How things stand afterwards, and what is to be done, in order.
    """
    return begin(state, (asked,), moment).decision()


# What is set where its field shows something else.
_FIELDS_SET = {"text_1": "prompt"}


class _Rules(Stream, Beginnings, Taping, Notes, Modelling, Devices):
    """All the rules: which command or event calls for which."""

    def settle(self) -> None:
        """Have read and made ahead what will be needed: what follows in streams before spares."""
        super().settle()
        self.keep_streaming()
        self.stock_up()

    def obey_now(self, request: Request) -> None:
        """Hand a command to the rules that it belongs to."""
        command = request.command
        if isinstance(command, ClockCommand):
            self.obey_clock(request, command)
        elif isinstance(command, LibraryCommand):
            self.obey_library(request, command)
        elif isinstance(command, TapeCommand):
            self.obey_tape(request, command)
        elif isinstance(command, ModelCommand):
            self.obey_model(request, command)
        elif is_of_devices(command):
            self.obey_device(request, command)
        else:
            self.obey_other(request)

    def obey_other(self, request: Request) -> None:  # noqa: C901 - one case for each command
        """Obey what is about slots, values and the whole."""
        match request.command:
            case SetValue() | GetValue() as asked if self.lacks_effects(asked):
                self.fail(request, Fault.NOT_AVAILABLE, self.state.missing_effects)
            case SetValue() as command:
                self.set_if_allowed(request, command)
            case GetValue(slot, field):
                value = value_of(self.state, slot, field)
                self.actions.append(Show(slot, field, value, request.client))
            case Sync(number):
                self.sync(request, number)
            case Panic():
                self.panic(request)
            case Generate() | Go() as command:
                self.generate(request, command)
            case Play(slot, velocity):
                self.play(request, slot, velocity)
            case Stop(slot, fade_ms):
                self.stop(slot, fade_ms)
                self.done_if_numbered(request)
            case NoteOn() | NoteOff() as command:
                self.note_changed(request, command)
            case NextTake(slot):
                self.step(request, slot, 1)
            case PreviousTake(slot):
                self.step(request, slot, -1)
            case Inpaint() as command:
                self.inpaint(request, command)
            case Cancel(slot):
                self.cancel(slot, Fault.CANCELLED, "This generation was cancelled.")
                self.done_if_numbered(request)

    def note(self, event: Event) -> None:
        """Hand an event to the rules that it belongs to."""
        if isinstance(event, ClockEvent):
            self.hear_clock(event)
        elif isinstance(event, FileEvent):
            self.hear_files(event)
        elif isinstance(event, ModelEvent):
            self.hear_model(event)
        elif isinstance(event, OutputEvent):
            self.hear_outputs(event)
        else:
            self.note_other(event)

    def note_other(self, event: Event) -> None:  # noqa: C901 - one case for each event
        """Take note of what takes, voices and the daemon's parts tell."""
        match event:
            case TakeProgress(job_id, fraction):
                self.progress(job_id, fraction)
            case TakeBegun():
                self.take_begun(event)
            case TakeReady():
                self.take_ready(event)
            case TakeFailed(job_id, code, text):
                self.job_failed(job_id, code, text)
            case audio.Installed(take_id):
                self.installed(take_id)
            case audio.Started():
                self.started(event)
                self.listen(event)
            case audio.Ended():
                self.ended(event)
                self.listen(event)
            case audio.Disposed(take_id):
                self.disposed(take_id)
            case audio.Warning(code, _, take_id, slot):
                self.warned(code, take_id, slot)
            case AudioRestarted(at_frame):
                self.audio_restarted(at_frame)
            case Restored(document):
                self.restore(document)
            case TimeGoesOn():
                self.time_goes_on()
            case EffectsFound(missing):
                self.effects_found(missing)
            case NoteText(field, text):
                self.state = replace(self.state, **{field: text})  # type: ignore[arg-type]
            case XrunsCounted(total):
                self.state = replace(self.state, xruns_total=total)

    def set_if_allowed(self, request: Request, command: SetValue) -> None:
        """Set a value, or say why it cannot be set now."""
        refusal = self.refusal(command) or self.slot_refusal(command)
        if refusal:
            self.fail(request, Fault.BAD_VALUE, refusal)
            return
        self.take_over(command.slot, command.field)
        self.set_value(command)
        self.confirm(request, command)

    def confirm(self, request: Request, command: SetValue) -> None:
        """Answer whoever gave an id, also where the value was so before and nothing is shown."""
        if request.request_id:
            slot, field = command.slot, command.field
            self.actions.append(
                Show(slot, field, value_of(self.state, slot, field), request.client)
            )
            self.done(request)

    def set_value(self, command: SetValue) -> None:
        if self.set_clock(command) or self.set_take(command):
            return
        match command:
            case SetValue(0, "xruns"):
                self.state = replace(self.state, xruns_before=self.state.xruns_total)
            case SetValue(0, field, value) if field in EFFECT_FIELDS:
                effects = {**self.state.effects, field.removeprefix("fx/"): value}
                self.state = replace(self.state, effects=effects)  # type: ignore[arg-type]
            case SetValue(0, "morph_xy", (float(x), float(y))):
                self.move_pad(x, y)
            case SetValue(0, field, value):
                self.state = replace(self.state, **{field: value})  # type: ignore[arg-type]
            case SetValue(slot, field, value):
                values = {_FIELDS_SET.get(field, field): value}
                if field == "seed":
                    values["shown_seed"] = value
                self.put(slot, replace(self.slot(slot), **values))  # type: ignore[arg-type]

    def set_take(self, command: SetValue) -> bool:
        """Set a value of the history; tells whether it was one."""
        match command:
            case SetValue(slot, "take", int(take_id)):
                self.choose(slot, take_id)
            case SetValue(slot, "is_kept", bool(is_kept)):
                self.mark(slot, is_kept=is_kept)
            case _:
                return False
        return True

    def slot_refusal(self, command: SetValue) -> str:
        """Why a value of a slot cannot be set now; empty if it can."""
        match command:
            case SetValue(slot, "take", int(take_id)):
                return self.take_refusal(slot, take_id)
            case SetValue(slot, "is_kept", bool(is_kept)):
                return self.mark_refusal(slot, is_kept=is_kept)
            case SetValue(_, "init", "input"):
                return self.input_refusal()
            case SetValue(_, "init", str(init)):
                return init_refusal(init, len(self.state.slots))
            case SetValue(_, "out", int(pair)):
                return self.pair_refusal(pair)
        return ""

    def move_pad(self, x: float, y: float) -> None:
        """Weigh the prompts of every slot that has more than one by where a pad is touched."""
        names = ("weight_1", "weight_2", "weight_3", "weight_4")
        weights = dict(zip(names, corner_weights(x, y), strict=True))
        self.state = replace(self.state, morph_xy=(x, y))
        for number, slot in enumerate(self.state.slots, 1):
            if slot.text_2 or slot.text_3 or slot.text_4:
                self.put(number, replace(slot, **weights))  # type: ignore[arg-type]

    def lacks_effects(self, asked: SetValue | GetValue) -> bool:
        """Whether a value cannot be had because there are no effects here."""
        return bool(self.state.missing_effects) and is_of_effects(asked)

    def effects_found(self, missing: str) -> None:
        """Take note of whether there are effects, and bring those to where they were."""
        self.state = replace(self.state, missing_effects=missing)
        for command in all_effects(self.state):
            self.tell(command)

    def sync(self, request: Request, number: int) -> None:
        synced = replace(request, request_id=number)
        waiting = Waiting(self.new_id(), synced, frozenset(self.state.operations))
        self.state = replace(self.state, syncs=(*self.state.syncs, waiting))

    def panic(self, request: Request) -> None:
        self.tell(audio.Panic(self.moment.due_frame))
        self.state = replace(self.state, resting=frozenset())
        for number in range(1, len(self.state.slots) + 1):
            self.forget_cues(number, "Panic silenced it before it began.")
        waiting = Waiting(self.new_id(), request, frozenset(self.state.voice_ids))
        self.state = replace(self.state, panics=(*self.state.panics, waiting))
