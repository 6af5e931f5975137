"""What outlives a crash, and how soon: a full rig, `kill -9`, and a client that joins afterwards.

The daemon plays to the silent clock; what is kept does not depend on the device.
"""

import os
import signal
import statistics
import tempfile
import time
from pathlib import Path

from bench.daemon import running_daemon
from bench.osc_client import OscClient
from bench.row import Row

_SLOTS = 16
_RUNS = 3
_MOST_READY_S = 2.0
_MOST_REFRESH_MS = 100.0


def measure(model: str) -> list[Row]:
    """Return the rows of this file.

    Args:
        model: The checkpoint.

    Returns:
        How soon everything is back after a crash, and how soon a late client has it all.
    """
    with tempfile.TemporaryDirectory() as name:
        state = Path(name)
        with running_daemon("null", model, state=state) as daemon:
            _fill(daemon.osc_port)
            os.kill(daemon.pid, signal.SIGKILL)
        ready_s: list[float] = []
        refresh_ms: list[float] = []
        takes = _SLOTS
        for _ in range(_RUNS):
            with running_daemon("null", model, state=state) as daemon:
                ready_s.append(daemon.ready_s)
                with OscClient(daemon.osc_port) as client:
                    takes = min(takes, _ready_slots(client))
                    refresh_ms.append(_refresh_ms(client))
                os.kill(daemon.pid, signal.SIGKILL)
    back = f"median {statistics.median(ready_s):.2f} s, worst {max(ready_s):.2f} s of {_RUNS}"
    joined = f"median {statistics.median(refresh_ms):.0f} ms, worst {max(refresh_ms):.0f} ms"
    return [
        Row(
            f"`kill -9` → started again with {_SLOTS} slots and their takes",
            f"≤ {_MOST_READY_S:g} s, {_SLOTS} of {_SLOTS} slots ready",
            f"{back}; {takes} of {_SLOTS} ready",
            passed=statistics.median(ready_s) <= _MOST_READY_S and takes == _SLOTS,
        ),
        Row(
            "a client that joins late has the whole state",
            f"≤ {_MOST_REFRESH_MS:g} ms",
            joined,
            passed=statistics.median(refresh_ms) <= _MOST_REFRESH_MS,
        ),
    ]


def _fill(port: int) -> None:
    with OscClient(port) as client:
        for slot in range(1, _SLOTS + 1):
            client.send(f"/gen/slot/{slot}/generate", ("s", f"sound {slot}"), ("i", slot))
        for _ in range(_SLOTS):
            client.wait_for("/done", timeout_s=60.0)
        client.send("/gen/state/save")
        client.wait_for("/done", timeout_s=60.0)


def _ready_slots(client: OscClient) -> int:
    found = 0
    for slot in range(1, _SLOTS + 1):
        address = f"/gen/slot/{slot}/state"
        client.send(address)
        found += client.wait_for(address, timeout_s=10.0, first="ready") is not None
    return found


def _refresh_ms(client: OscClient) -> float:
    begun_s = time.monotonic()
    client.send("/gen/refresh")
    client.wait_for("/done", timeout_s=10.0)
    return 1000.0 * (time.monotonic() - begun_s)
