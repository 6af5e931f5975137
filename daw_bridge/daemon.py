"""The composition: the one file that puts the parts together, starts, watches and ends them.

It does not decide anything about music (session.py) and does nothing itself that could block the
event loop once the daemon runs: a restart of the audio process waits in a thread.
Flow: __main__.py → here → everything else.
"""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from daw_bridge import __version__
from daw_bridge.addresses import AddressBook
from daw_bridge.advert import Advert, Whereabouts
from daw_bridge.audio_output import OutputSettings
from daw_bridge.audio_process import AudioProcess
from daw_bridge.device_memory import DeviceMemory
from daw_bridge.engine import Engine
from daw_bridge.engine_parts import Parts
from daw_bridge.errors import DawBridgeError, Fault
from daw_bridge.file_places import FilePlaces
from daw_bridge.file_worker import FileWorker
from daw_bridge.generator_process import GeneratorProcess
from daw_bridge.input_keeper import InputKeeper
from daw_bridge.neighbours import Neighbours
from daw_bridge.osc_server import OscServer, OscSettings
from daw_bridge.oscquery import HttpServer, HttpSettings, OscQuery
from daw_bridge.output_keeper import OutputKeeper
from daw_bridge.portaudio import DEFAULT
from daw_bridge.realtime import CONTROL_PRIORITY, SWITCH_INTERVAL_S, ask_for_real_time
from daw_bridge.requests import MidiCommand, Request
from daw_bridge.session_library import Tape
from daw_bridge.session_state import new_session
from daw_bridge.settings import Settings, split_client
from daw_bridge.shared_memory import remove_blocks_of, remove_leftovers
from daw_bridge.state_folder import StateFolder, write_whole
from daw_bridge.state_keeper import StateKeeper
from daw_bridge.sync_process import SyncProcess, missing_sources
from daw_bridge.takes import remove_take
from generator.api import SAMPLE_RATE_HZ, FloatArray

WATCH_S = 0.1
POLL_S = 0.003
STOP_AUDIO_S = 0.7
TICK_S = 0.02
METER_TICKS = 2
PRESETS = Path(__file__).parent.parent / "presets"
_LOG = logging.getLogger(__name__)

Say = Callable[[str], None]


async def run_daemon(settings: Settings, say: Say) -> None:
    """Run until a signal or /quit.

    Args:
        settings: All settings.
        say: Shows a line to the user.

    Raises:
        DawBridgeError: Something that is needed cannot be started; the text says what to do.
    """
    remove_leftovers()
    daemon = Daemon(settings)
    with _signals(daemon.end):
        try:
            await daemon.start(say)
            # A message must not wait for the model's threads. A refusal has been told by audio.
            ask_for_real_time(CONTROL_PRIORITY)
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            gc.freeze()  # a collection goes over what came since, and is soon done
            await daemon.serve()
        finally:
            await daemon.close()


class Daemon:
    """All parts of one daemon."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ended = asyncio.Event()
        self._watchers: list[asyncio.Task[None]] = []
        self._book = AddressBook(settings.root, settings.slots)
        self._generator = GeneratorProcess(
            threads=settings.generator_threads, device=settings.torch_device
        )
        self._folder = StateFolder(settings.state_dir)
        memory = DeviceMemory(self._folder, settings)
        chosen = memory.recall()
        output, self._chosen_output = _output_of(settings), _output_of(chosen)
        capture_frames = settings.capture_s * SAMPLE_RATE_HZ
        self._audio = AudioProcess(output, capture_frames=capture_frames)
        self._outputs = OutputKeeper(self._audio, output, memory.keep_output)
        self._input = InputKeeper(chosen.input, chosen.input_hostapi, memory.keep_input)
        self._files = FileWorker(
            FilePlaces(settings.state_dir, PRESETS, settings.sound_dirs),
            lambda: self._audio.capture,
            self._listen,
            self._wake_for_files,
        )
        self._files.model = settings.model
        osc = OscSettings(settings.host, settings.osc_port, settings.lease_s)
        self._osc = OscServer(osc, self._book, self._obey)
        state = replace(
            new_session(settings.slots, secrets.randbits(64), settings.tempo_bpm),
            tape=Tape(capture_frames),
            midi_in=settings.midi_in,
            output_pairs=settings.output_pairs,
            missing_sources=missing_sources(),
        )
        workers = (self._audio, self._generator, self._files, self._outputs, self._input)
        parts = Parts(*workers, self._osc.out, remove_take, self.end)
        self._engine = Engine(state, self._book, parts)
        self._osc.begin = self._begin
        self._keeper = StateKeeper(self._folder, self._files, self._engine)
        self._loop: asyncio.AbstractEventLoop
        self._sync = SyncProcess()
        self._advert = Advert()
        self._midi_file = settings.state_dir / "midi.toml"
        self._neighbours = Neighbours(self._book, self._engine, self._sync, self._keep_bindings)
        self._http: HttpServer | None = None

    def end(self) -> None:
        """Ask the daemon to end."""
        self._ended.set()

    async def start(self, say: Say) -> None:
        """Start everything, and tell the user where it is.

        Args:
            say: Shows a line to the user.

        Raises:
            DawBridgeError: A part cannot be started.
        """
        loop = self._loop = asyncio.get_running_loop()
        self._generator.start(self._settings.model)
        loop.add_reader(self._generator.fileno(), self._safely, self._engine.hear_generator)
        note = await asyncio.to_thread(self._outputs.start, self._chosen_output)
        self._engine.output_opened(self._audio.info)
        self._engine.effects_found(self._audio.missing_effects)
        told = await self._keeper.restore()
        if told:
            say(f"state    {told}")
        if self._audio.fileno() >= 0:
            loop.add_reader(self._audio.fileno(), self._safely, self._engine.hear_audio)
        await self._osc.start()
        http = HttpSettings(self._settings.host, self._settings.http_port, self._osc.port)
        query = OscQuery(http, self._book, self._engine.read_value)
        self._http = HttpServer(http, query, self._osc)
        await self._http.start()
        for client in self._settings.notify:
            self._osc.subscribe(*split_client(client))
        watching = (
            self._outputs.keep(self._engine, self._safely),
            self._input.keep(self._engine, self._safely),
            self._poll(),
            self._tick(),
            self._keeper.watch(),
        )
        self._watchers = [loop.create_task(one) for one in watching]
        self._tell_addresses(say, note)
        await self._await_model(say)
        self._keeper.is_well()
        self._meet_neighbours()
        self._watchers.append(loop.create_task(self._announce()))

    def _meet_neighbours(self) -> None:
        """Last, so that nobody waits for them."""
        loop = asyncio.get_running_loop()
        if self._midi_file.is_file():
            self._neighbours.load(self._midi_file.read_text(encoding="utf-8", errors="replace"))
        loop.add_reader(self._sync.fileno(), self._safely, self._neighbours.hear)
        self._engine.tell_change = self._neighbours.changed
        self._neighbours.changed(None, self._engine.state)
        self._watchers.append(loop.create_task(self._keep_time()))

    async def _announce(self) -> None:
        if self._http is None:
            return
        where = Whereabouts(self._settings.host, self._osc.port, self._http.port)
        try:
            told = await self._advert.put_up(where)
        except OSError as error:
            told = f"not announced in the network: {error}"
        if told:
            self._engine.log(2, told)

    async def serve(self) -> None:
        """Wait for the end."""
        if self._ended.is_set():
            return
        self._osc.out.push(self._book.root + "/startup", (("s", __version__),))
        await self._ended.wait()

    async def close(self) -> None:
        """End everything, whatever of it was started; nothing is left in shared memory."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, OSError):
            loop.remove_reader(self._generator.fileno())
            loop.remove_reader(self._audio.fileno())
            loop.remove_reader(self._sync.fileno())
        await self._advert.take_down()
        self._sync.stop()
        self._input.stop()
        self._keeper.close()
        await self._osc.close()
        if self._http is not None:
            await self._http.close()
        self._audio.stop(timeout_s=STOP_AUDIO_S)
        self._generator.close()
        for name in self._engine.take_names():
            remove_take(name)
        remove_blocks_of(os.getpid())

    # ── keeping time and files ───────────────────────────────────────────────
    def _wake_for_files(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._safely, self._engine.hear_files)

    def _listen(self, end_frame: int | None, frames: int) -> FloatArray:
        """What came in up to when a frame of ours was heard; called in the file thread."""
        end_s = None if end_frame is None else self._audio.status().heard_at_s(end_frame)
        return self._input.heard(end_s, frames)

    async def _tick(self) -> None:
        """Tell the session how time goes while something is on its way."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            self._safely(self._engine.time_goes_on)
            if (ticks := ticks + 1) % METER_TICKS == 0:
                self._safely(self._engine.show_meters)

    # ── telling ──────────────────────────────────────────────────────────────
    def _tell_addresses(self, say: Say, note: str) -> None:
        info, root, port = self._audio.info, self._settings.root, self._osc.port
        host = self._settings.host
        block_ms = f"blocks of {info.buffer_frames} frames" if info.buffer_frames else "its blocks"
        say(f"device   {info.name} ({info.hostapi}), {block_ms}, latency {info.latency_ms:.1f} ms")
        for text in (info.note, note, self._audio.real_time_refusal, self._audio.missing_effects):
            if text:
                say(f"         {text}")
        say(f"OSC      {host}:{port} (UDP and TCP), addresses below {root}")
        if self._http is not None:
            say(f"HTTP     http://{host}:{self._http.port}/ (OSCQuery)")
        say(f'try      oscsend 127.0.0.1 {port} {root}/slot/1/go s "deep 808 kick, short"')

    async def _await_model(self, say: Say) -> None:
        while not (self._generator.is_ready or self._ended.is_set()):
            if self._generator.broken_text:
                raise DawBridgeError(self._generator.broken_text)
            await asyncio.sleep(POLL_S)
        if not self._ended.is_set():
            say(f"model    {self._engine.state.model}, ready")

    # ── working ──────────────────────────────────────────────────────────────
    def _begin(self, hit: Request) -> None:
        """Have a hit that was foreseen sound; one that cannot be begun is obeyed as any other."""
        try:
            self._engine.begin(hit)
        except Exception:
            _LOG.exception("%s could not begin; this is a fault of ours", hit)

    def _obey(self, requests: Sequence[Request], due_s: float | None) -> None:
        """The loop that must not break: a fault of ours in one command is told, and we go on."""
        try:
            for one in requests:
                if isinstance(one.command, MidiCommand):
                    self._neighbours.obey(one, one.command)
            others = [one for one in requests if not isinstance(one.command, MidiCommand)]
            self._engine.obey(others, due_s)
        except Exception as error:
            _LOG.exception("%s failed; this is a fault of ours", requests)
            text = f"A fault inside the daemon: {error}. It is in the log; other commands work."
            for one in requests:
                self._engine.fail(one, Fault.INTERNAL, text)

    def _safely(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            _LOG.exception("An event of a child failed; this is a fault of ours")

    async def _poll(self) -> None:
        """Hear the audio process where no descriptor can wake us, and count its breaks."""
        pause_s = WATCH_S if self._audio.fileno() >= 0 else POLL_S
        while True:
            await asyncio.sleep(pause_s)
            self._safely(self._engine.hear_audio)
            self._safely(self._engine.look_at_audio)
            self._safely(self._engine.keep_warm)

    async def _keep_time(self) -> None:
        """Tell each beat as it falls, and see that the neighbours' process is there."""
        next_look_s = 0.0
        while True:
            if time.monotonic() >= next_look_s:
                next_look_s = time.monotonic() + WATCH_S
                self._safely(self._sync.watch)
            try:
                pause_s = self._neighbours.keep_time()
            except Exception:
                _LOG.exception("Time could not be told; this is a fault of ours")
                pause_s = WATCH_S
            await asyncio.sleep(pause_s)

    def _keep_bindings(self, text: str) -> None:
        """Write the MIDI bindings, not in the way of a message."""

        def write() -> None:
            try:
                self._midi_file.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._midi_file, text.encode())
            except OSError as error:
                _LOG.warning("The MIDI bindings were not saved: %s", error)

        asyncio.get_running_loop().run_in_executor(None, write)


def _output_of(settings: Settings) -> OutputSettings:
    return OutputSettings(
        output=settings.output,
        hostapi=settings.hostapi,
        buffer_frames=settings.buffer_frames,
        pairs=settings.output_pairs,
        falls_back=settings.output == DEFAULT,
    )


@contextlib.contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C and a polite kill end the daemon in order."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    # A closed terminal ends it as well, unless it was told (nohup) to live on.
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        numbers.append(hang_up)
    before = [signal.getsignal(number) for number in numbers]
    for number in numbers:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
