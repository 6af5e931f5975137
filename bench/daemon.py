"""A daemon of the benchmark's own: started as a user would, on free ports, ended politely.

Reads the lines that `daw-bridge run` prints; knows nothing of its inside.
"""

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60.0


class DaemonError(Exception):
    """The daemon did not start; the text holds what it said."""


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """A daemon that has said it is ready.

    Attributes:
        osc_port: Where it listens.
        ready_s: From its start to the word ready, in seconds.
        lines: What it printed until then.
        pid: Its process.
    """

    osc_port: int
    ready_s: float
    lines: tuple[str, ...]
    pid: int


@contextlib.contextmanager
def running_daemon(
    output: str,
    model: str,
    environment: Mapping[str, str] | None = None,
    state: Path | None = None,
) -> Iterator[RunningDaemon]:
    """Run a daemon until the end of the block.

    Args:
        output: What `--output` gets.
        model: What `--model` gets.
        environment: The child's whole environment; ours if not given.
        state: Its state folder; one that goes away at the end if not given.

    Yields:
        The daemon, once it is ready.

    Raises:
        DaemonError: It ended before it was ready.
    """
    with tempfile.TemporaryDirectory() as fresh:
        command = [sys.executable, "-m", "daw_bridge", "run", "--output", output, "--model", model]
        command += ["--osc-port", "0", "--http-port", "0", "--state-dir", str(state or fresh)]
        begun_s = time.monotonic()
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            lines = _lines_until_ready(process)
            ready_s = time.monotonic() - begun_s
            yield RunningDaemon(_port_in(lines), ready_s, lines, process.pid)
        finally:
            _end(process)


def _lines_until_ready(process: subprocess.Popen[str]) -> tuple[str, ...]:
    watchdog = threading.Timer(PATIENCE_S, process.kill)
    watchdog.start()
    lines: list[str] = []
    for line in process.stdout or ():
        lines.append(line.rstrip())
        if re.match(r"model .*ready", line):
            watchdog.cancel()
            return tuple(lines)
    watchdog.cancel()
    raise DaemonError("The daemon ended before it was ready:\n" + "\n".join(lines))


def _port_in(lines: tuple[str, ...]) -> int:
    found = re.search(r"^OSC +\S+?:(\d+)", "\n".join(lines), re.MULTILINE)
    if found is None:
        raise DaemonError("The daemon told no OSC port:\n" + "\n".join(lines))
    return int(found[1])


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
