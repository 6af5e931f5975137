"""Another model while the old one plays: whether a frame is lost, how long it takes, what is bad.

On a real JACK server, recorded frame by frame: a loop plays, another slot generates and plays
without a pause, and models are loaded meanwhile, every other one of them broken.
"""

import contextlib
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.callback import (
    BLOCK_FRAMES,
    LOOP_S,
    PORTS,
    Measured,
    busy_generator,
    describe_machine,
    play_a_loop,
    record,
)
from bench.daemon import running_daemon
from bench.osc_client import OscClient
from bench.row import Row
from generator.api import SAMPLE_RATE_HZ
from generator.checkpoint import DECODER_FILE, MANIFEST_FILE
from generator.loading import CHECKPOINTS
from tests.audio_rig import loop_breaks
from tests.jack import running_jack

SECONDS = 30.0
LOAD_S = 60.0
LOAD, MODEL = "/gen/model/load", "/gen/model"


@dataclass
class Swaps:
    """What came of the models that were asked for.

    Attributes:
        took_s: From the message to /done, for each that took over.
        refused: How many bad ones were refused while the model before went on.
        wrong: What went otherwise.
    """

    took_s: list[float] = field(default_factory=list)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


def measure(model: str, *, seconds: float = SECONDS) -> list[Row]:
    """Return the row of this file.

    Args:
        model: The checkpoint that the daemon loads; a copy of it is the other model.
        seconds: How long models are changed.

    Returns:
        Breaks, and how long a change takes.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_jack(BLOCK_FRAMES) as jack,
    ):
        source = CHECKPOINTS / model if (CHECKPOINTS / model).is_dir() else Path(model)
        twin, broken = _copy(source, Path(scratch) / "twin"), _copy(source, Path(scratch) / "bad")
        whole = (broken / DECODER_FILE).read_bytes()
        (broken / DECODER_FILE).write_bytes(whole[: len(whole) // 2])
        environment = {**jack.environment, "DAW_BRIDGE_HOSTAPI": "JACK"}
        with running_daemon("default", str(source), environment) as daemon:
            jack.await_ports(*PORTS)
            with OscClient(daemon.osc_port) as client:
                play_a_loop(client)
                with (
                    busy_generator(daemon.osc_port) as takes_made,
                    _changing(daemon.osc_port, [twin, broken, source, broken], seconds) as swaps,
                ):
                    measured = record(jack, seconds + 2.5 * LOOP_S)
                    made = takes_made()
    return [_row(measured, swaps, made)]


def _copy(source: Path, target: Path) -> Path:
    """Write a checkpoint anew, under the name of its folder."""
    target.mkdir()
    manifest = json.loads((source / MANIFEST_FILE).read_text(encoding="utf-8"))
    for name in manifest["files"]:
        (target / name).write_bytes((source / name).read_bytes())
    renamed = json.dumps(manifest | {"name": target.name})
    (target / MANIFEST_FILE).write_text(renamed, encoding="utf-8")
    return target


@contextlib.contextmanager
def _changing(port: int, models: list[Path], seconds: float) -> Iterator[Swaps]:
    """Have models loaded one after another, round and round, for a while."""
    swaps, end_s = Swaps(), time.monotonic() + seconds

    def run() -> None:
        with OscClient(port) as client:
            while time.monotonic() < end_s:
                for model in models:
                    if time.monotonic() < end_s:
                        _change(client, model, swaps)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield swaps
    finally:
        thread.join()


def _change(client: OscClient, model: Path, swaps: Swaps) -> None:
    before = _playing(client)
    begun_s = client.send(LOAD, ("s", str(model)))
    answers = (one for one in client.messages(LOAD_S) if one.address in ("/done", "/fail"))
    ours = (one for one in answers if one.arguments and one.arguments[0][1] == LOAD)
    answer = next(ours, None)
    took_s = time.monotonic() - begun_s
    now = _playing(client)
    if answer is None:
        swaps.wrong.append(f"{model.name} was not answered")
    elif answer.address == "/done" and now != before:
        swaps.took_s.append(took_s)
    elif answer.address == "/fail" and now == before and model.name == "bad":
        swaps.refused += 1
    else:
        swaps.wrong.append(f"{model.name}: {answer}, {before!r} before and {now!r} after")


def _playing(client: OscClient) -> object:
    client.send(MODEL)
    found = client.wait_for(MODEL, LOAD_S)
    return found.arguments[0][1] if found is not None else None


def _row(measured: Measured, swaps: Swaps, made: int) -> Row:
    recording = measured.recording
    breaks = loop_breaks(recording.audio, round(LOOP_S * SAMPLE_RATE_HZ))
    ours = measured.stalls.leave_out(recording.times_of(breaks))
    took = statistics.median(swaps.took_s) if swaps.took_s else float("inf")
    seen = [
        f"{len(ours)} of ours, {len(breaks)} in all",
        f"{len(swaps.took_s)} changes, median {took:.1f} s until the new one plays",
        f"{swaps.refused} bad ones refused, the model before plays on",
        f"{made} takes generated and played meanwhile",
        describe_machine(measured),
    ]
    is_well = not swaps.wrong and bool(swaps.took_s) and bool(swaps.refused)
    return Row(
        f"another model while a loop plays, {len(recording.audio) / SAMPLE_RATE_HZ:.0f} s on JACK "
        f"(dummy driver, {BLOCK_FRAMES} frames), checked frame by frame",
        "0 breaks caused by us; the old sound until the new one is warm",
        "; ".join([*swaps.wrong, *seen]),
        passed=is_well and len(ours) == 0 and bool(recording.audio.any()),
    )
