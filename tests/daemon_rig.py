"""A real daemon in processes of its own, for tests that look at it from outside."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daw_bridge.osc_client import UdpClient

# Patience with a machine that is busy with other things; how soon it starts is the bench to say.
START_S = 90.0
END_S = 10.0
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, never written


@dataclass
class DaemonRig:
    """A running daemon: its process, where it listens, what it said, and how long it took."""

    process: subprocess.Popen[str]
    osc_port: int
    http_port: int
    said: list[str]
    start_s: float

    def children(self) -> dict[str, int]:
        """The process numbers of its "audio" and "generator" children."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                words = (folder / "cmdline").read_text()
            except OSError:
                continue
            if int(parent) == self.process.pid:
                for name in ("audio", "generator"):
                    if f"{name}_child" in words:
                        found[name] = int(folder.name)
        return found

    def shared_memory(self) -> list[str]:
        """What it holds in shared memory."""
        return [one.name for one in SHARED_MEMORY.glob(f"dawb-{self.process.pid}-*")]

    def end(self, number: int = signal.SIGTERM) -> float:
        """Send a signal and wait; the seconds it took."""
        begun_s = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(END_S)
        return time.monotonic() - begun_s


@contextmanager
def running_daemon(
    folder: Path,
    *,
    output: str = "null",
    model: str = "tone",
    program: Sequence[str] = ("daw_bridge",),
    **settings: str,
) -> Iterator[DaemonRig]:
    """Start a daemon on free ports, wait until it is ready, and end it.

    Args:
        folder: Where it may write.
        output: As on the command line.
        model: As on the command line.
        program: The module that is run, and what it wants before the daemon's own options.
        settings: Others, by name, as in the environment.

    Yields:
        The daemon.
    """
    command = [sys.executable, "-m", *program, "run", "--output", output, "--model", model]
    command += ["--osc-port", "0", "--http-port", "0", "--state-dir", str(folder / "state")]
    environment = os.environ | {"XDG_CONFIG_HOME": str(folder / "config")}
    environment |= {f"DAW_BRIDGE_{name.upper()}": value for name, value in settings.items()}
    begun_s = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        said = _read_until_ready(process)
        ports = [re.search(r":(\d+)", line) for line in said if line.startswith("OSC")]
        http = [re.search(r"//[^/]*:(\d+)/", line) for line in said]
        osc_port = next(int(found[1]) for found in ports if found)
        http_port = next(int(found[1]) for found in http if found)
        yield DaemonRig(process, osc_port, http_port, said, time.monotonic() - begun_s)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


Scene = Callable[[DaemonRig, UdpClient], Awaitable[None]]


def play(scene: Scene, folder: Path, **options: str) -> list[str]:
    """Run a scene against a daemon, and see that it leaves nothing behind, save where it is killed.

    Args:
        scene: What a client does.
        folder: Where the daemon may write.
        **options: As of `running_daemon`.

    Returns:
        What the daemon said at its start.
    """

    async def run(rig: DaemonRig) -> None:
        client = await UdpClient.connect(rig.osc_port)
        try:
            await scene(rig, client)
        finally:
            client.close()

    with running_daemon(folder, **options) as rig:
        asyncio.run(run(rig))
    if rig.process.returncode != -signal.SIGKILL:
        assert rig.shared_memory() == []
    return rig.said


def _read_until_ready(process: subprocess.Popen[str]) -> list[str]:
    said: list[str] = []
    deadline_s = time.monotonic() + START_S
    if process.stdout is None:
        raise AssertionError("the daemon's words are not read")
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        if line.startswith("model"):
            return said
        if time.monotonic() > deadline_s:
            break
    raise AssertionError(f"The daemon was not ready. It said: {said}")
