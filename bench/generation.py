"""How long a take takes: each stage and the whole, by length, threads and precision.

Also how soon a generator process is ready and how much memory it needs. Run alone with
`python -m bench.generation [--model NAME] [--fp32 FOLDER]`; `python -m bench` calls `measure`.
"""

import argparse
import os
import re
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.row import Row
from daw_bridge.generator_events import GeneratorDied, GeneratorEvent, GeneratorReady, TakeReady
from daw_bridge.generator_process import GeneratorProcess
from daw_bridge.takes import remove_take
from generator.api import GenerationRequest, Generator
from generator.loading import HOUSE, load_generator

LENGTHS_S = (0.5, 1.0, 2.0, 4.0, 12.0, 17.0)
THREADS = (1, 2)
RUNS = 30
WARM_RUNS = 2
STAGES = ("text", "transformer", "decoder", "sound")
LONGEST_S = 12.0
MOST_MS = 150.0
MOST_MEMORY_MB = 300.0
READY_MOST_S = 3.0
PATIENCE_S = 60.0
READY = "generator process, start to ready"


@dataclass(frozen=True, slots=True)
class Timing:
    """What was seen of takes of one length.

    `stage_ms` has the median of each stage, `total_ms` every whole take, `first_ms` the median time
    to the first sound of a take.
    """

    seconds: float
    stage_ms: dict[str, float]
    total_ms: Sequence[float]
    first_ms: float

    def percentile_ms(self, percent: float) -> float:
        """Return the time that so many percent of the takes stayed below."""
        return float(np.percentile(self.total_ms, percent))

    def describe(self) -> str:
        """Return one line: percentiles, real time, stages."""
        half_ms = self.percentile_ms(50)
        stages = ", ".join(f"{name} {value:.1f}" for name, value in self.stage_ms.items())
        return (
            f"p50 {half_ms:.0f} ms, p99 {self.percentile_ms(99):.0f} ms, "
            f"{1e3 * self.seconds / half_ms:.0f} × real time, first chunk {self.first_ms:.0f} ms "
            f"({stages})"
        )


def time_takes(generator: Generator, seconds: float, *, runs: int = RUNS) -> Timing:
    """Time takes of one length; every prompt is new, so that no text is remembered.

    Args:
        generator: Whose stream marks the end of each stage by an empty chunk.
        seconds: Length of each take.
        runs: How many takes are counted.

    Returns:
        The times.
    """
    words = f"warm pad of {seconds:g} s, number"
    requests = [GenerationRequest(f"{words} {n}", n, seconds) for n in range(runs + WARM_RUNS)]
    timed = [time_stages(generator, request) for request in requests][WARM_RUNS:]
    table = np.array([np.diff(moments) for moments, _ in timed]) * 1e3
    first_ms = float(np.median([first_s - moments[0] for moments, first_s in timed])) * 1e3
    medians = np.median(table, axis=0)
    # A generator without marks between its stages has one stage only.
    names = STAGES if len(medians) == len(STAGES) else ("all",)
    stage_ms = dict(zip(names, map(float, medians), strict=False))
    return Timing(seconds, stage_ms, table.sum(axis=1).tolist(), first_ms)


def time_stages(generator: Generator, request: GenerationRequest) -> tuple[list[float], float]:
    """Return when, in seconds, a take began and each of its stages ended; and its first sound."""
    moments: list[float] = [time.perf_counter()]
    sounds: list[float] = []
    for chunk in generator.stream(request):
        (sounds if len(chunk) else moments).append(time.perf_counter())
    return [*moments, time.perf_counter()], sounds[0]


def measure(model: str = HOUSE, full_precision: str | None = None) -> list[Row]:
    """Time takes of every length, the start and the memory.

    Args:
        model: Name or path of the int8 checkpoint.
        full_precision: Path of the same in fp32, where it is at hand.

    Returns:
        The rows.
    """
    rows = []
    for label, name in (("int8", model), ("fp32", full_precision)):
        for threads in THREADS if name is not None else ():
            generator = load_generator(name or "", threads=threads)
            timings = (time_takes(generator, seconds) for seconds in LENGTHS_S)
            rows += [take_row(timing, label, threads) for timing in timings]
    return [*rows, *life_rows(model)]


def take_row(timing: Timing, label: str, threads: int) -> Row:
    """Return the row of one length; only the longest has something asked of it."""
    what = f"take of {timing.seconds:g} s, {label}, {threads} thread{'s' * (threads > 1)}"
    if (timing.seconds, label, threads) != (LONGEST_S, "int8", 2):
        return Row(what, "–", timing.describe(), parts_ms=timing.stage_ms)
    passed = timing.percentile_ms(50) <= MOST_MS
    return Row(what, f"≤ {MOST_MS:.0f} ms", timing.describe(), passed, timing.stage_ms)


def life_rows(model: str) -> list[Row]:
    """Return how soon a generator process is ready and what memory it takes."""
    process = GeneratorProcess(threads=2)
    begun_s = time.monotonic()
    try:
        process.start(model)
        events = wait_for(process, lambda e: isinstance(e, GeneratorReady | GeneratorDied))
        ready_s = time.monotonic() - begun_s
        if isinstance(events[-1], GeneratorDied):
            return [
                Row("generator start to ready", f"≤ {READY_MOST_S:g} s", events[-1].text, False)
            ]
        process.submit(1, GenerationRequest("long pad", 1, LONGEST_S))
        for event in wait_for(process, lambda e: isinstance(e, TakeReady)):
            if isinstance(event, TakeReady):
                remove_take(event.shm_name)
        memory = peak_memory_mb(process.pid)
    finally:
        process.close()
    start = Row(
        READY,
        f"≤ {READY_MOST_S:g} s",
        f"{ready_s:.2f} s",
        ready_s <= READY_MOST_S,
    )
    what = f"generator process, peak memory after a take of {LONGEST_S:g} s"
    if memory is None:
        return [start, Row(what, f"≤ {MOST_MEMORY_MB:.0f} MB", "not told by this system")]
    held = Row(
        what, f"≤ {MOST_MEMORY_MB:.0f} MB", f"{memory:.0f} MB", passed=memory <= MOST_MEMORY_MB
    )
    return [start, held]


def wait_for(
    process: GeneratorProcess, is_last: Callable[[GeneratorEvent], bool]
) -> list[GeneratorEvent]:
    """Return the events up to the one that was waited for.

    Args:
        process: Who tells them.
        is_last: Whether an event is the one.

    Returns:
        The events.

    Raises:
        TimeoutError: It did not come.
    """
    events: list[GeneratorEvent] = []
    give_up_s = time.monotonic() + PATIENCE_S
    while not (events and any(map(is_last, events))):
        left_s = give_up_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"The generator process told only {events}.")
        select.select([process.fileno()], [], [], left_s)
        events += process.poll()
    return events


def peak_memory_mb(pid: int | None) -> float | None:
    """Return the most memory that a process has held, where the system tells it."""
    status = Path(f"/proc/{pid}/status")
    if pid is None or not status.is_file():
        return None
    match = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
    return int(match.group(1)) / 1024 if match else None


def main() -> None:
    """Print the rows of this file alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=HOUSE)
    parser.add_argument("--fp32", help="folder of the same checkpoint in fp32")
    options = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    for row in measure(options.model, options.fp32):
        print(f"{row.what:45} {row.required:10} {row.measured:100} {row.verdict}")


if __name__ == "__main__":
    main()
