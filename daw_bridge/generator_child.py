"""The generator's child process: loads a model, makes one take after another, says how it goes.

It is the only process that opens a checkpoint. It talks to control in lines of JSON over its
standard input and output and ends when its input does, so it cannot outlive control. It may hold
the GIL for seconds, run out of memory or be killed: nobody else is harmed. Flow:
generator_process.py (control) → a line with a request → shared memory → a line with an event.
"""

import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from daw_bridge.errors import AudioError, Fault
from daw_bridge.generator_events import (
    GeneratorReady,
    TakeBegun,
    TakeFailed,
    TakeProgress,
    TakeReady,
)
from daw_bridge.generator_inbox import CancelledError, Inbox
from daw_bridge.generator_wire import (
    ChildEvent,
    KeepWarm,
    LoadFailed,
    MakeTake,
    MakeTakes,
    TakeReserved,
    to_line,
)
from daw_bridge.shared_memory import remove_blocks_of
from daw_bridge.takes import TakeBuffer, create_take, open_take, remove_take
from generator.api import (
    MAX_AT_ONCE,
    SAMPLE_RATE_HZ,
    AudioClip,
    Batching,
    FloatArray,
    GenerationRequest,
    Generator,
    hear,
)
from generator.errors import GeneratorError, RequestError
from generator.loading import load_generator

PROGRESS_STEP = 0.1
# A take may begin to play once it is made so much faster than it plays; a machine that is busy with
# something else makes it whole first.
SAFE_PACE = 4.0
# What a library says of a bad file may hold the file.
MAX_TEXT = 600
# The audio callback must always be able to take a core from us.
NICENESS = 5

Say = Callable[[ChildEvent], None]


def serve(generator: Generator, inbox: Inbox, say: Say, owner: int) -> None:
    """Make takes until control wants no more.

    Args:
        generator: What makes them.
        inbox: Where requests come from.
        say: Where events go.
        owner: Process id of control, which will own the takes.
    """
    while (wanted := inbox.next()) is not None:
        match wanted:
            case KeepWarm() if isinstance(generator, Batching):
                generator.keep_warm()
            case MakeTakes(takes):
                jobs = [_Job(take, inbox, _Reporter(take.request_id, say, owner)) for take in takes]
                made = _at_once(generator, jobs) if len(jobs) > 1 else {}
                for job in jobs:
                    _answer(generator, job, made.get(job.wanted.request_id), say)


@dataclass(frozen=True, slots=True)
class _Job:
    """One request, where it is told that it is no longer wanted, and where its progress is said."""

    wanted: MakeTake
    inbox: Inbox
    report: "_Reporter"
    begun_s: float = field(default_factory=time.monotonic)

    def check_wanted(self) -> None:
        self.inbox.check_wanted(self.wanted.request_id)

    def ready(self, take: TakeBuffer) -> TakeReady:
        elapsed_ms = 1e3 * (time.monotonic() - self.begun_s)
        whole = (take.name, take.frames, self.wanted.request.seed, elapsed_ms)
        return TakeReady(self.wanted.request_id, *whole, level_db(take.audio))


def _answer(generator: Generator, job: _Job, clip: AudioClip | None, say: Say) -> None:
    """Make a take, unless it is made already, and say how that went."""
    request_id = job.wanted.request_id
    try:
        say(_make_take(generator, job) if clip is None else _hand_over(clip, job))
    except CancelledError:
        say(TakeFailed(request_id, Fault.CANCELLED, "The take was cancelled."))
    except RequestError as error:
        say(TakeFailed(request_id, Fault.BAD_VALUE, str(error)))
    except GeneratorError as error:
        say(TakeFailed(request_id, Fault.GENERATOR_FAILED, str(error)))
    except AudioError as error:
        say(TakeFailed(request_id, Fault.INTERNAL, str(error)))
    except Exception as error:
        text = f"The generator failed on this request ({error!r}). Please report it."
        say(TakeFailed(request_id, Fault.INTERNAL, text))


def _at_once(generator: Generator, jobs: Sequence[_Job]) -> dict[int, AudioClip]:
    """Make takes at once, by their requests; none where one of them fails, to be made alone."""
    if not isinstance(generator, Batching):
        return {}
    try:
        for job in jobs:
            job.check_wanted()
            job.report.begin()
            _hear(generator, job.wanted)
        clips = generator.generate_many([job.wanted.request for job in jobs])
    except (CancelledError, GeneratorError, AudioError, RuntimeError):
        return {}
    return {job.wanted.request_id: clip for job, clip in zip(jobs, clips, strict=True)}


def _hand_over(clip: AudioClip, job: _Job) -> TakeReady:
    """Put a take that is made into shared memory."""
    job.check_wanted()
    take = job.report.reserve(clip.request.frames)
    take.audio[:] = clip.audio
    return job.ready(take)


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


def _make_take(generator: Generator, job: _Job) -> TakeReady:
    request, report = job.wanted.request, job.report
    job.check_wanted()
    report.begin()
    _hear(generator, job.wanted)
    take = report.reserve(request.frames)
    take.await_frames()
    made, is_told, decoding_since_s = 0, False, job.begun_s
    try:
        for chunk in generator.stream(request):
            job.check_wanted()
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
    return job.ready(take)


def _hear(generator: Generator, wanted: MakeTake) -> None:
    """Have the generator hear what a take begins from."""
    if wanted.sound is not None:
        hear(generator, open_take(wanted.sound.shm_name, wanted.sound.frames).audio)


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


def printable(text: str) -> str:
    """Return a text as it may go to any controller: on one line and not too long."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= MAX_TEXT else line[:MAX_TEXT] + " …"


def main(model: str, threads: int, device: str, owner: int) -> None:
    """Live as the generator's child.

    Args:
        model: Name or path of the model.
        threads: Number of threads that it may use.
        device: Where it computes if it is one in torch.
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
        generator = _load(model, say, threads=threads, device=device)
        if generator is not None:
            serve(generator, inbox, say, owner)
    except BrokenPipeError:
        # Control hears to the end unless it dies.
        remove_blocks_of(owner)
    inbox.leave()


def _load(model: str, say: Say, *, threads: int, device: str) -> Generator | None:
    begun_s = time.monotonic()
    what = ""
    try:
        generator = load_generator(model, threads=threads, device=device)
        what = f"The model {model!r} opens, but its first take failed. "
        warm_up(generator)
    except GeneratorError as error:
        say(LoadFailed(printable(f"{what}{error}")))
        return None
    except MemoryError as error:
        text = f"The model {model!r} needs more memory than there is here. {error}"
        say(LoadFailed(printable(text)))
        return None
    except Exception as error:
        traceback.print_exc()
        say(LoadFailed(printable(f"The model {model!r} cannot be loaded here: {error!r}")))
        return None
    at_once = MAX_AT_ONCE if isinstance(generator, Batching) else 1
    say(GeneratorReady(printable(generator.name), 1e3 * (time.monotonic() - begun_s), at_once))
    return generator
