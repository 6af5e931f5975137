"""A private JACK server without a sound card, a recorder that misses nothing, and a stall monitor.

The rig of every test and benchmark that judges real sound. Knows nothing of the daemon. A test
asks for the fixture `jack`; where no JACK server is installed it skips, and under CI=true the house
rules turn that into a failure.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import pytest

from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

Times = npt.NDArray[np.float64]
TOOLS = Path(__file__).parent / "tools"
STALL_MS = 3.0
# A stall is written down at its end, and felt in the recording a few blocks around it.
BEFORE_S, AFTER_S = 0.02, 0.04


class RigError(Exception):
    """The rig cannot be set up on this machine."""


# ── the server ───────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class JackServer:
    """A running JACK server of our own."""

    name: str
    buffer_frames: int
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find this server and to start no other."""
        return {**os.environ, "JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}

    def ports(self) -> list[str]:
        """The names of all ports."""
        result = subprocess.run(
            ["jack_lsp"], env=self.environment, capture_output=True, text=True, timeout=10
        )
        return [line for line in result.stdout.splitlines() if ":" in line]

    def await_ports(self, *names: str, timeout_s: float = 10.0) -> None:
        """Wait until ports of these names are there."""
        deadline_s = time.monotonic() + timeout_s
        while not set(names) <= set(found := self.ports()):
            if time.monotonic() > deadline_s:
                raise RigError(f"JACK has no ports {names}; it has {found}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running_jack(
    buffer_frames: int = 256, *, name: str = "", outputs: int = CHANNELS
) -> Iterator[JackServer]:
    """A JACK server with the dummy driver, until the end of the block.

    Args:
        buffer_frames: Its period.
        name: Its name; one of its own where none is given.
        outputs: How many channels its card has.

    Raises:
        RigError: It is not installed or does not start.
    """
    if shutil.which("jackd") is None:
        raise RigError("jackd is not installed (Debian: apt install jackd2)")
    name = name or f"test{secrets.token_hex(4)}"
    with tempfile.TemporaryFile() as log:
        server = JackServer(name, buffer_frames, _start_jackd(name, buffer_frames, outputs, log))
        try:
            _await_server(server, log)
            yield server
        finally:
            _end(server.process)
            if server.process.returncode == -signal.SIGKILL:
                _strike_off(name)
            _remove_remains(name)


def _start_jackd(
    name: str, buffer_frames: int, outputs: int, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    command = ["jackd", "-n", name, "-d", "dummy", "-r", str(SAMPLE_RATE_HZ)]
    command += ["-p", str(buffer_frames), "-C", str(CHANNELS), "-P", str(outputs)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _await_server(server: JackServer, log: IO[bytes]) -> None:
    try:
        server.await_ports("system:playback_1", "system:playback_2")
    except RigError as error:
        log.seek(0)
        raise RigError(f"jackd did not start: {log.read().decode(errors='replace')}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _strike_off(name: str) -> None:
    """Free a killed server's place: JACK has eight for all, and frees one for a server of its name.

    Without this a machine on which eight servers were ever killed starts none.
    """
    with tempfile.TemporaryFile() as log:
        server = JackServer(name, 256, _start_jackd(name, 256, CHANNELS, log))
        try:
            _await_server(server, log)
        finally:
            _end(server.process)


def _remove_remains(name: str) -> None:
    """What a killed server leaves in shared memory."""
    for path in Path("/dev/shm").glob(f"jack*{name}*"):  # noqa: S108 - where JACK keeps it
        path.unlink(missing_ok=True)


# ── tools ────────────────────────────────────────────────────────────────────


@cache
def _tool_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="daw-bridge-tools-"))


@cache
def compiled(tool: str, *libraries: str) -> Path:
    """The path of a tool of tests/tools, compiled on the first call.

    Raises:
        RigError: There is no compiler, or it refuses.
    """
    if shutil.which("gcc") is None:
        raise RigError("gcc is not installed (Debian: apt install gcc libjack-jackd2-dev)")
    program = _tool_folder() / tool
    command = ["gcc", "-O2", "-o", str(program), str(TOOLS / f"{tool}.c"), *libraries]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise RigError(f"{tool}.c does not compile: {result.stderr}")
    return program


# ── recordings ───────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class UdpTriggers:
    """Packets to be sent while recording, each a random while after the one before."""

    port: int
    packet: bytes
    count: int
    min_ms: float
    max_ms: float
    seed: int = 7

    @property
    def arguments(self) -> list[str]:
        """As `jack_meter` takes them."""
        numbers = (self.count, self.min_ms, self.max_ms, self.seed)
        return [str(self.port), self.packet.hex(), *map(str, numbers)]


@dataclass(frozen=True)
class Recording:
    """Every frame that JACK handed over, and when.

    Shapes:
        audio: [frames, channels]
        cycle_frames: [cycles], the index of each cycle's first frame
        cycle_times_s: [cycles], when each cycle began
        sent_times_s: [triggers]
    """

    audio: FloatArray
    cycle_frames: npt.NDArray[np.int64]
    cycle_times_s: Times
    sent_times_s: Times
    xruns: int
    skipped_frames: int

    def times_of(self, frames: npt.NDArray[np.int64]) -> Times:
        """When frames were due: their cycle's beginning and their place in it."""
        cycles = np.searchsorted(self.cycle_frames, frames, side="right") - 1
        offsets = (frames - self.cycle_frames[cycles]) / SAMPLE_RATE_HZ
        return self.cycle_times_s[cycles] + offsets


class Recorder:
    """`jack_meter` at work; use it as a context, then read `recording`."""

    def __init__(
        self,
        server: JackServer,
        ports: tuple[str, str],
        *,
        seconds: float,
        triggers: UdpTriggers | None = None,
    ) -> None:
        """Start to record.

        Raises:
            RigError: The tool cannot be compiled or cannot connect.
        """
        self._folder = tempfile.TemporaryDirectory()
        self._base = Path(self._folder.name) / "take"
        self._seconds = seconds
        program = compiled("jack_meter", "-ljack")
        extra = triggers.arguments if triggers else []
        self._process = subprocess.Popen(
            [str(program), "meter", str(seconds), *ports, str(self._base), *extra],
            env=server.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._line() != "ready":
            self._process.wait()
            raise RigError(f"jack_meter could not record {ports}")

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        cast(IO[str], self._process.stdout).close()
        self._folder.cleanup()

    def finish(self, *, patience_s: float = 60.0) -> Recording:
        """Wait for the end of the recording.

        Raises:
            RigError: The recorder failed.
        """
        summary = self._line()
        if self._process.wait(patience_s) != 0:
            raise RigError("jack_meter failed")
        counts = dict(item.split("=") for item in summary.split())
        cycles = np.fromfile(f"{self._base}.cycles", np.float64).reshape(-1, 2)
        return Recording(
            audio=np.fromfile(f"{self._base}.f32", np.float32).reshape(-1, 2),
            cycle_frames=cycles[:, 0].astype(np.int64),
            cycle_times_s=cycles[:, 1],
            sent_times_s=np.fromfile(f"{self._base}.sent", np.float64),
            xruns=int(counts["xruns"]),
            skipped_frames=int(counts["skipped"]),
        )

    def _line(self) -> str:
        return cast(IO[str], self._process.stdout).readline().strip()


# ── what others play ─────────────────────────────────────────────────────────


class Player:
    """`jack_player` at work, another program that plays frames round and round; use as a context.

    Attributes:
        frame: A frame of JACK's clock that began a cycle,
        due_s: and the monotonic time at which it did.
    """

    NAME = "player"
    PORTS = (f"{NAME}:out_0", f"{NAME}:out_1")

    def __init__(self, server: JackServer, audio: FloatArray) -> None:
        """Start to play.

        Shapes:
            audio: [frames, 2]

        Raises:
            RigError: The tool cannot be compiled or finds no server.
        """
        self._server = server
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "sound.f32"
        path.write_bytes(np.ascontiguousarray(audio).tobytes())
        self._process = subprocess.Popen(
            [str(compiled("jack_player", "-ljack")), self.NAME, str(path)],
            env=server.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        words = cast(IO[str], self._process.stdout).readline().split()
        if words[:1] != ["ready"]:
            self._process.wait()
            raise RigError("jack_player does not play")
        self.frame, self.due_s = int(words[1]), float(words[2])

    def connect(self, *ports: str) -> None:
        """Be heard in two ports, the left one first."""
        self._server.await_ports(*ports)
        for one, other in zip(self.PORTS, ports, strict=True):
            subprocess.run(
                ["jack_connect", one, other], env=self._server.environment, check=True, timeout=10
            )

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)
        self._folder.cleanup()


# ── stalls ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Stalls:
    """When cores of this machine stood still for more than STALL_MS, whoever was to blame.

    Shapes:
        ends_s: [stalls], monotonic time
        late_ms: [stalls]
    """

    ends_s: Times
    late_ms: Times

    @property
    def worst_ms(self) -> float:
        """The longest one, 0 if there was none."""
        return float(self.late_ms.max(initial=0.0))

    def touch(self, begin_s: float, end_s: float) -> bool:
        """Whether any fell into a span of time."""
        begins_s = self.ends_s - self.late_ms / 1000.0
        return bool(np.any((begins_s <= end_s) & (self.ends_s >= begin_s)))

    def leave_out(self, times_s: Times) -> Times:
        """Those times that no stall explains: none shortly before, at or after them."""
        kept = [at_s for at_s in times_s if not self.touch(at_s - BEFORE_S, at_s + AFTER_S)]
        return np.array(kept, dtype=np.float64)


class StallMonitor:
    """`stall_monitor` at work; use it as a context, then call `finish`."""

    def __init__(self) -> None:
        """Start to watch.

        Raises:
            RigError: The tool cannot be compiled.
        """
        program = compiled("stall_monitor", "-lpthread")
        self._process = subprocess.Popen(
            [str(program), str(STALL_MS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.has_real_time = cast(IO[str], self._process.stdout).readline().strip() == "ready"

    def __enter__(self) -> "StallMonitor":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def finish(self) -> Stalls:
        """Stop watching and tell."""
        text, _ = self._process.communicate(timeout=10)
        rows = np.array([line.split() for line in text.splitlines()], dtype=np.float64)
        rows = rows.reshape(-1, 3)
        return Stalls(rows[:, 1], rows[:, 2])


# ── fixtures ─────────────────────────────────────────────────────────────────


@pytest.fixture
def jack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A JACK server of the test's own, which is the default server of everything it starts.

    `@pytest.mark.parametrize("jack", [8], indirect=True)` gives its card eight channels.
    """
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_jack(outputs=getattr(request, "param", CHANNELS)))
            compiled("jack_meter", "-ljack")
        except RigError as error:
            pytest.skip(str(error))
        monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
        monkeypatch.setenv("JACK_NO_START_SERVER", "1")
        yield server
