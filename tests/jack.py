"""A private JACK server without a sound card, and tools in C that speak to it.

The rig of every test and benchmark that judges real sound. Knows nothing of the daemon. A test
asks for the fixture `jack`; where no JACK server is installed it skips, and under CI=true the house
rules turn that into a failure.
"""

import atexit
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
from typing import IO

import pytest

from generator.api import CHANNELS, SAMPLE_RATE_HZ

TOOLS = Path(__file__).parent / "tools"


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
    folder = Path(tempfile.mkdtemp(prefix="daw-bridge-tools-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


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


# ── fixtures ─────────────────────────────────────────────────────────────────


@pytest.fixture
def jack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A JACK server of the test's own, which is the default server of everything it starts.

    `@pytest.mark.parametrize("jack", [8], indirect=True)` gives its card eight channels.
    """
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_jack(outputs=getattr(request, "param", CHANNELS)))
            compiled("jack_meter", "-ljack", "-lm")
        except RigError as error:
            pytest.skip(str(error))
        monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
        monkeypatch.setenv("JACK_NO_START_SERVER", "1")
        yield server
