"""The daemon with a meter at its event loop: which callbacks took the thread how long.

Started in the daemon's place, as `python -m tests.loop_meter FILE run …`. Time is the thread's own
processor time, so that what other programs do meanwhile does not count. The meter wraps what the
loop calls to run one callback; the daemon runs as it is.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daw_bridge.__main__ import main

LEAST_MS = 0.3


@dataclass(frozen=True, slots=True)
class Held:
    """A callback that held the loop: its name, when it began (monotonic), and for how long."""

    name: str
    begun_s: float
    cpu_ms: float


def read_held(path: Path) -> list[Held]:
    """What a metered daemon has written down so far."""
    return [Held(**json.loads(line)) for line in path.read_text().splitlines()]


def measured(run: Callable[[asyncio.Handle], None], path: Path) -> Callable[[asyncio.Handle], None]:
    """A loop's way to run a callback, that writes down what takes long."""
    file = path.open("w", buffering=1)

    def metered(handle: asyncio.Handle) -> None:
        begun_s, begun_ns = time.monotonic(), time.thread_time_ns()
        run(handle)
        cpu_ms = (time.thread_time_ns() - begun_ns) / 1e6
        if cpu_ms >= LEAST_MS:
            held = Held(_name_of(handle), begun_s, cpu_ms)
            file.write(json.dumps(asdict(held)) + "\n")

    return metered


def _name_of(handle: Any) -> str:
    callback, arguments = handle._callback, handle._args or ()
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine = owner.get_coro()
        return str(getattr(coroutine, "__qualname__", coroutine))
    # What is called safely, or through another, is named as well.
    inner = [one for one in arguments if callable(one)]
    return " ".join(str(getattr(one, "__qualname__", one)) for one in (callback, *inner))


if __name__ == "__main__":
    path = Path(sys.argv.pop(1))
    setattr(asyncio.Handle, "_run", measured(asyncio.Handle._run, path))  # noqa: B010
    sys.exit(main())
