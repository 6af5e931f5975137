"""When this machine stood still, whoever was to blame: what no program can do anything about.

Knows nothing of sound or of JACK, save how long a stall is felt in a recording.
"""

import subprocess
from dataclasses import dataclass
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from tests.jack import compiled

Times = npt.NDArray[np.float64]
STALL_MS = 3.0
# A stall is written down at its end, and felt in the recording a few blocks around it.
BEFORE_S, AFTER_S = 0.02, 0.04


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
