"""The audio process: started with its settings as one argument, ended by a pipe that closes.

It opens the output, hands the callback to an `AudioEngine`, maps takes in a thread of its own and
forgets them in another, so that the callback does neither. It never loads a model and never logs
from the callback. Python's garbage collector is frozen and off. It ends with `os._exit`, because
PortAudio may never return once its server has died.

Flow: standard input carries `InstallTake` records, and its end means that the control process is
gone; the rings and the status are in shared memory; standard output carries one line of JSON, the
`Hello`, when sound runs or could not be had.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from daw_bridge.audio_commands import InstallTake, Warning, WarningCode
from daw_bridge.audio_engine import AudioEngine
from daw_bridge.audio_handshake import (
    RING_RECORDS,
    ChildSettings,
    Hello,
    keep_standard_output_clean,
    say,
)
from daw_bridge.audio_output import (
    Output,
    OutputSettings,
    Renderer,
    is_device_available,
    open_output,
)
from daw_bridge.audio_records import RECORD_BYTES, decode
from daw_bridge.audio_status import StatusWriter, map_status_block
from daw_bridge.capture_ring import CaptureWriter, map_capture_block
from daw_bridge.effect_chain import EffectChain
from daw_bridge.errors import AudioError, EffectsMissing
from daw_bridge.guard import repair_take
from daw_bridge.mixer import Mixer
from daw_bridge.mixing_desk import MAX_CHUNK_FRAMES
from daw_bridge.rack import open_rack
from daw_bridge.realtime import (
    CALLBACK_PRIORITY,
    ask_for_real_time,
    leave_the_callback_alone,
    prefer_this_process,
)
from daw_bridge.ring import open_ring
from daw_bridge.shared_memory import remove_blocks_of
from daw_bridge.takes import open_take
from daw_bridge.timeline import MAX_SLOTS
from daw_bridge.voice import Take
from generator.api import FloatArray

DEVICE_CAME_BACK = 3
_JANITOR_S = 0.02
_LOOK_FOR_DEVICE_S = 3.0
_STOP_PATIENCE_S = 0.5


class RealTimeRenderer:
    """Asks for real-time priority in the callback's own thread, before its first block."""

    def __init__(self, renderer: Renderer) -> None:
        """Stand before another renderer.

        Args:
            renderer: What fills the blocks.
        """
        self.refusal: str | None = None
        self.has_rendered = False
        self._renderer = renderer

    def render(self, out: FloatArray, *, underflow: bool) -> None:
        """Fill a block [frames, channels]."""
        if self.refusal is None:
            self.refusal = ask_for_real_time(CALLBACK_PRIORITY)
        self._renderer.render(out, underflow=underflow)
        self.has_rendered = True

    def fail(self, failure: BaseException) -> None:
        """Note that a block could not be filled."""
        self._renderer.fail(failure)


def main() -> None:
    """Run until the control process says so or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the control process answers; its end is ours
    prefer_this_process()  # before there are threads, which inherit it
    hello_descriptor = keep_standard_output_clean()
    settings = ChildSettings.from_json(sys.argv[1])
    effects, missing_effects = find_effects()
    engine = make_engine(settings, effects)
    renderer = RealTimeRenderer(engine)
    ended = threading.Event()
    threading.Thread(
        target=install_takes, args=(engine, ended, settings.owner_pid), daemon=True
    ).start()
    try:
        output = open_output(settings.output, renderer)
        engine.output_latency_ms = output.latency_ms
        leave_the_callback_alone()
        output.start()
    except AudioError as error:
        say(hello_descriptor, Hello(error=str(error)).to_json())
        os._exit(1)
    wait_for_the_first_block(renderer, ended)
    hello = Hello("", output.info, renderer.refusal or "", missing_effects)
    say(hello_descriptor, hello.to_json())
    exit_status = keep_house(engine, ended, settings.output, output)
    _stop_with_patience(output)
    if ended.is_set():
        remove_blocks_of(settings.owner_pid)
    os._exit(exit_status)


def find_effects() -> tuple[EffectChain | None, str]:
    """The effects, or why there are none."""
    try:
        return open_rack(slots=MAX_SLOTS, max_frames=MAX_CHUNK_FRAMES), ""
    except EffectsMissing as missing:
        return None, str(missing)


def make_engine(settings: ChildSettings, effects: EffectChain | None) -> AudioEngine:
    """Map what the control process reserved, and put the callback's parts together.

    Args:
        settings: The names of the shared memory, and the clock.
        effects: The effects, if there are any.

    Returns:
        The engine.
    """
    engine = AudioEngine(
        Mixer(effects=effects, pairs=settings.output.pairs),
        commands=open_ring(settings.commands, capacity=RING_RECORDS, record_bytes=RECORD_BYTES),
        events=open_ring(settings.events, capacity=RING_RECORDS, record_bytes=RECORD_BYTES),
        status=StatusWriter(map_status_block(settings.status)),
    )
    engine.set_clock(frame=settings.clock_frame, monotonic_s=settings.clock_monotonic_s)
    engine.is_on_air = settings.is_on_air
    if settings.capture:
        size = (settings.capture_frames, settings.output.pairs)
        engine.capture = CaptureWriter(map_capture_block(settings.capture, *size), *size)
    if settings.wake_descriptor >= 0:
        engine.wake = _waker(settings.wake_descriptor)
    return engine


def install_takes(engine: AudioEngine, ended: threading.Event, owner_pid: int) -> None:
    """Map and mend the takes that standard input names, until it closes; a thread's life.

    Args:
        engine: Where they go.
        ended: Set when the control process is gone.
        owner_pid: That process.
    """
    with open(0, "rb", buffering=RECORD_BYTES, closefd=False) as pipe:
        while len(record := pipe.read(RECORD_BYTES)) == RECORD_BYTES:
            for arrival in arrivals_of(record):
                engine.arrivals.append(arrival)
    ended.set()
    # The main thread ends everything now, unless PortAudio holds it for ever.
    time.sleep(2 * _STOP_PATIENCE_S)
    remove_blocks_of(owner_pid)
    os._exit(1)


def arrivals_of(record: bytes) -> list[Take | Warning]:
    """Do what an `InstallTake` record asks for.

    Args:
        record: The record.

    Returns:
        The take, fit to be played, and what there is to be said about it.
    """
    try:
        command = decode(record)
    except AudioError:
        return [Warning(WarningCode.BAD_COMMAND, 1)]
    if not isinstance(command, InstallTake):
        return [Warning(WarningCode.BAD_COMMAND, 1)]
    try:
        buffer = open_take(command.shm_name, command.frames)
    except AudioError:
        return [Warning(WarningCode.TAKE_UNREADABLE, 1, take_id=command.take_id)]
    if not buffer.is_whole:
        # It cannot be looked through yet; its maker gives no number that is none and no offset.
        return [Take(command.take_id, buffer.audio, buffer.missing)]
    repaired = repair_take(buffer.audio)
    take = Take(command.take_id, repaired.audio)
    if not repaired.is_remarkable:
        return [take]
    return [take, Warning(WarningCode.TAKE_REPAIRED, repaired.bad_values, take_id=take.take_id)]


def wait_for_the_first_block(renderer: RealTimeRenderer, ended: threading.Event) -> None:
    """Return once a block has been rendered and told of, or after a second without."""
    for _ in range(100):
        if renderer.has_rendered or ended.wait(0.01):
            return


def keep_house(
    engine: AudioEngine, ended: threading.Event, wanted: OutputSettings, output: Output
) -> int:
    """Forget takes that nobody needs, and look after the output; the main thread's life.

    Args:
        engine: Whose takes.
        ended: Set when the control process is gone.
        wanted: What was asked for.
        output: What was opened, where a silent clock may stand in for it.

    Returns:
        The exit status: 0, or DEVICE_CAME_BACK.
    """
    has_logged = False
    look_at_s = time.monotonic() + _LOOK_FOR_DEVICE_S
    while not engine.wants_to_quit and not ended.wait(_JANITOR_S):
        forget_disposed(engine)
        engine.output_latency_ms = output.latency_ms
        if engine.failure is not None and not has_logged:
            sys.stderr.write(f"daw-bridge audio: a block failed: {engine.failure!r}\n")
            has_logged = True
        if output.info.is_fallback and time.monotonic() > look_at_s:
            if is_device_available(wanted):
                return DEVICE_CAME_BACK
            look_at_s = time.monotonic() + _LOOK_FOR_DEVICE_S
    return 0


def forget_disposed(engine: AudioEngine) -> None:
    """Let the last references to disposed takes die here, and have that told.

    Args:
        engine: Whose takes.
    """
    while engine.disposed:
        take_id = engine.disposed.popleft().take_id
        if take_id >= 0:
            engine.departures.append(take_id)


def _waker(descriptor: int) -> Callable[[], None]:
    os.set_blocking(descriptor, False)

    def wake() -> None:
        try:
            os.write(descriptor, b".")
        except OSError:
            return  # full: the control process has been woken already

    return wake


def _stop_with_patience(output: Output) -> None:
    stopper = threading.Thread(target=output.stop, daemon=True)
    stopper.start()
    stopper.join(_STOP_PATIENCE_S)


if __name__ == "__main__":
    main()
