"""The generator's child process: loads a model, makes one take after another, says how it goes.

It is the only process that opens a checkpoint. It talks to control in lines of JSON over its
standard input and output and ends when its input does, so it cannot outlive control. It may hold
the GIL for seconds, run out of memory or be killed: nobody else is harmed. Flow:
generator_process.py (control) → a line with a request → shared memory → a line with an event.
"""

import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import NoReturn, TextIO

import numpy as np

from daw_bridge.errors import AudioError, Fault
from daw_bridge.generator_events import (
    GeneratorReady,
    TakeBegun,
    TakeFailed,
    TakeProgress,
    TakeReady,
)
from daw_bridge.generator_wire import (
    ChildEvent,
    DropTake,
    Leave,
    LoadFailed,
    MakeTake,
    TakeReserved,
    command_from_line,
    to_line,
)
from daw_bridge.shared_memory import remove_blocks_of
from daw_bridge.takes import TakeBuffer, create_take, open_take, remove_take
from generator.api import (
    SAMPLE_RATE_HZ,
    FloatArray,
    GenerationRequest,
    Generator,
    GeneratorError,
    hear,
)
from generator.loading import load_generator

END_AT_ONCE_AFTER_S = 0.3
PROGRESS_STEP = 0.1
# A take may begin to play once it is made so much faster than it plays; a machine that is busy with
# something else makes it whole first.
SAFE_PACE = 4.0
# The audio callback must always be able to take a core from us.
NICENESS = 5

Say = Callable[[ChildEvent], None]


class _CancelledError(Exception):
    """The take that is being made is no longer wanted."""


class Inbox:
    """What control has asked for, filled by a thread that also notices when control is gone."""

    def __init__(self, lines: TextIO, *, owner: int) -> None:
        self._lines = lines
        self._owner = owner
        self._wanted: queue.SimpleQueue[MakeTake | None] = queue.SimpleQueue()
        self._dropped: set[int] = set()
        self._closed = threading.Event()
        self._said_goodbye = False
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> MakeTake | None:
        """Wait for a request; None when control wants no more."""
        return self._wanted.get()

    def check_wanted(self, request_id: int) -> None:
        """Raise where a request was dropped or control is gone."""
        if self._closed.is_set() or request_id in self._dropped:
            raise _CancelledError

    def leave(self) -> NoReturn:
        """End this process; where control went without a goodbye, remove its takes."""
        if self._closed.is_set() and not self._said_goodbye:
            remove_blocks_of(self._owner)
        # Not by returning: at the interpreter's end a thread that waits for input is a fatal error.
        os._exit(0)

    def _read(self) -> None:
        for line in self._lines:
            message = command_from_line(line)
            match message:
                case MakeTake():
                    self._wanted.put(message)
                case DropTake():
                    self._dropped.add(message.request_id)
                case Leave():
                    self._said_goodbye = True
        self._closed.set()
        self._wanted.put(None)
        # A model that is loading or a stage that is long must not keep the daemon from ending.
        time.sleep(END_AT_ONCE_AFTER_S)
        self.leave()


def serve(generator: Generator, inbox: Inbox, say: Say, owner: int) -> None:
    """Make takes until control wants no more.

    Args:
        generator: What makes them.
        inbox: Where requests come from.
        say: Where events go.
        owner: Process id of control, which will own the takes.
    """
    while (wanted := inbox.next()) is not None:
        try:
            say(_make_take(generator, wanted, inbox, _Reporter(wanted.request_id, say, owner)))
        except _CancelledError:
            say(TakeFailed(wanted.request_id, Fault.CANCELLED, "The take was cancelled."))
        except GeneratorError as error:
            say(TakeFailed(wanted.request_id, Fault.GENERATOR_FAILED, str(error)))
        except AudioError as error:
            say(TakeFailed(wanted.request_id, Fault.INTERNAL, str(error)))
        except Exception as error:
            text = f"The generator failed on this request ({error!r}). Please report it."
            say(TakeFailed(wanted.request_id, Fault.INTERNAL, text))


class _Reporter:
    """Says how one take comes along, and reserves its memory."""

    def __init__(self, request_id: int, say: Say, owner: int) -> None:
        self._request_id = request_id
        self._say = say
        self._owner = owner
        self._said = 0.0

    def begin(self) -> None:
        self._say(TakeProgress(self._request_id, 0.0))

    def reserve(self, frames: int) -> TakeBuffer:
        def announce(name: str) -> None:
            self._say(TakeReserved(self._request_id, name))

        return create_take(frames, owner_pid=self._owner, announce=announce)

    def begun(self, take: TakeBuffer, seed: int) -> None:
        self._say(TakeBegun(self._request_id, take.name, take.frames, seed))

    def progress(self, fraction: float) -> None:
        if self._said + PROGRESS_STEP <= fraction < 1.0:
            self._said = fraction
            self._say(TakeProgress(self._request_id, fraction))


def _make_take(
    generator: Generator, wanted: MakeTake, inbox: Inbox, report: _Reporter
) -> TakeReady:
    begun_s = time.monotonic()
    request = wanted.request
    inbox.check_wanted(wanted.request_id)
    report.begin()
    take = report.reserve(request.frames)
    take.await_frames()
    made, is_told, decoding_since_s = 0, False, begun_s
    try:
        for chunk in _chunks(generator, wanted):
            inbox.check_wanted(wanted.request_id)
            if made + len(chunk) > request.frames:
                raise GeneratorError(f"The model made more than {request.frames} frames.")
            made = take.append(chunk)
            if not len(chunk):
                decoding_since_s = time.monotonic()
            elif not is_told and made < request.frames:
                lead_s = made / SAMPLE_RATE_HZ
                is_told = lead_s >= SAFE_PACE * (time.monotonic() - decoding_since_s)
                if is_told:
                    report.begun(take, request.seed)
            report.progress(made / request.frames)
        if made < request.frames:
            raise GeneratorError(f"The model made {made} of {request.frames} frames.")
    except BaseException:
        remove_take(take.name)
        raise
    elapsed_ms = 1e3 * (time.monotonic() - begun_s)
    whole = (take.name, request.frames, request.seed, elapsed_ms)
    return TakeReady(wanted.request_id, *whole, level_db(take.audio))


def _chunks(generator: Generator, wanted: MakeTake) -> Iterator[FloatArray]:
    """Have the generator hear what the take begins from, then make it."""
    if wanted.sound is not None:
        hear(generator, open_take(wanted.sound.shm_name, wanted.sound.frames).audio)
    return generator.stream(wanted.request)


def level_db(audio: FloatArray) -> float | None:
    """The loudness of a take as a root of its mean square, full scale 0; None for silence.

    Shapes:
        audio: [frames, channels]
    """
    mean_square = float(np.vdot(audio, audio)) / audio.size
    return 10.0 * math.log10(mean_square) if mean_square > 0.0 else None


def warm_up(generator: Generator) -> None:
    """Make a short take for nobody, so that the first real one is as quick as the next."""
    for _ in generator.stream(GenerationRequest("warm up", 0, 0.5)):
        pass


def main(model: str, threads: int, owner: int) -> None:
    """Live as the generator's child.

    Args:
        model: Name or path of the model.
        threads: Number of threads that it may use.
        owner: Process id of control.
    """
    # Ctrl-C reaches every process of a terminal; control decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Whatever a library prints must not be taken for an event.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    inbox = Inbox(sys.stdin, owner=owner)

    def say(event: ChildEvent) -> None:
        events.write(to_line(event))
        events.flush()

    try:
        generator = _load(model, threads, say)
        if generator is not None:
            serve(generator, inbox, say, owner)
    except BrokenPipeError:
        # Control hears to the end unless it dies.
        remove_blocks_of(owner)
    inbox.leave()


def _load(model: str, threads: int, say: Say) -> Generator | None:
    begun_s = time.monotonic()
    try:
        generator = load_generator(model, threads=threads)
        warm_up(generator)
    except GeneratorError as error:
        say(LoadFailed(str(error)))
        return None
    except Exception as error:
        traceback.print_exc()
        say(LoadFailed(f"The model {model!r} cannot be loaded here: {error!r}"))
        return None
    say(GeneratorReady(generator.name, 1e3 * (time.monotonic() - begun_s)))
    return generator
