"""Programs that hear and play sound through JACK: a recorder that misses nothing, and a player.

The rig of every test and benchmark that judges real sound. Knows nothing of the daemon.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.jack import JackServer, RigError, compiled
from tests.stalls import Times


@dataclass(frozen=True)
class UdpTriggers:
    """Packets to be sent while recording: at random, but evenly over the places in a block.

    Attributes:
        port: Where to, on this machine.
        packet: What.
        count: How many.
        min_ms: From one to the next at least, give or take a block,
        max_ms: and at most.
        first: Which of an endless row the first one is; of a row in parts each goes on where the
            one before has ended, and all together are even.
    """

    port: int
    packet: bytes
    count: int
    min_ms: float
    max_ms: float
    first: int = 0

    @property
    def arguments(self) -> list[str]:
        """As `jack_meter` takes them."""
        numbers = (self.count, self.min_ms, self.max_ms, self.first)
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
        program = compiled("jack_meter", "-ljack", "-lm")
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
