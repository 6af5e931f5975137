"""The audio callback under load: is every frame there, and how soon is a message heard?

On a real JACK server, recorded frame by frame. With a daemon: a loop plays in one slot, and must
repeat itself bit by bit, while another slot generates and plays without a pause; then a one-shot is
triggered over OSC, evenly over the places in a block. Alone: the same with the audio process only,
a counter for the loop, and programs that burn every core. What the machine itself did is shown
beside.

Run `python -m bench.callback --help`.
"""

import argparse
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bench.alone import burning_cores, click, environment_of, installed, process_alone, udp_to_play
from bench.daemon import RunningDaemon, running_daemon
from bench.osc_client import OscClient
from bench.row import Row
from daw_bridge.audio_commands import Play, StopSlot
from daw_bridge.osc import encode_message
from generator.api import SAMPLE_RATE_HZ
from tests.audio_rig import Indices, counter, counter_breaks, loop_breaks, onsets
from tests.jack import JackServer, running_jack
from tests.jack_sound import Recorder, Recording, UdpTriggers
from tests.stalls import StallMonitor, Stalls, Times

PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")
BLOCK_FRAMES = 256
LOOP_S = 2.0
ONE_SHOT_S = 0.1
ONE_SHOT_SLOT, LOOP_SLOT, BUSY_SLOT = 1, 2, 3
MIN_GAP_MS, MAX_GAP_MS = 150.0, 230.0
SILENCE_FRAMES = SAMPLE_RATE_HZ // 50
MAX_MEDIAN_MS, MAX_P99_MS = 4.5, 8.0
ANSWER_S = 30.0


class BenchError(Exception):
    """The daemon did not do what the measurement needs."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A recording, and what the machine did meanwhile."""

    recording: Recording
    stalls: Stalls
    takes_made: int = 0


def measure(model: str, *, seconds: float = 60.0, triggers: int = 300) -> list[Row]:
    """Return the rows of this file, measured on a daemon.

    Args:
        model: The checkpoint that the daemon loads.
        seconds: How long the loop is watched.
        triggers: How many messages are sent; about five a second.

    Returns:
        Continuity and latency.
    """
    with running_jack(BLOCK_FRAMES) as jack:
        environment = {**jack.environment, "DAW_BRIDGE_HOSTAPI": "JACK"}
        with running_daemon("default", model, environment) as daemon:
            jack.await_ports(*PORTS)
            looped = _watch_a_loop(jack, daemon, seconds)
            triggered = _trigger_a_slot(jack, daemon, triggers)
    breaks = loop_breaks(looped.recording.audio, round(LOOP_S * SAMPLE_RATE_HZ))
    load = f"{looped.takes_made} takes generated and played meanwhile"
    return [_continuity_row(looped, breaks, load), _latency_row(triggered, triggers)]


def measure_alone(*, seconds: float = 60.0, triggers: int = 300) -> list[Row]:
    """Return the same rows, measured on the audio process alone with every core burning.

    Args:
        seconds: How long the counter is watched.
        triggers: How many messages are sent.

    Returns:
        Continuity and latency.
    """
    with running_jack(BLOCK_FRAMES) as jack, environment_of(jack), process_alone() as process:
        jack.await_ports(*PORTS)
        with burning_cores():
            with installed(process, 1, counter()):
                process.send(Play(LOOP_SLOT, 1, loop=True))
                counted = record(jack, seconds)
                process.send(StopSlot(LOOP_SLOT))
            with installed(process, 2, click()), udp_to_play(process, 2) as port:
                packets = triggers_of(port, b"play", triggers)
                clicked = record(jack, length_s(triggers), packets)
    breaks = counter_breaks(counted.recording.audio)
    load = f"{os.cpu_count()} cores burning"
    return [_continuity_row(counted, breaks, load), _latency_row(clicked, triggers)]


# ── what is recorded ─────────────────────────────────────────────────────────


def record(
    jack: JackServer,
    seconds: float,
    packets: UdpTriggers | None = None,
    ports: tuple[str, str] = PORTS,
) -> Measured:
    """Record what the daemon plays, and watch the machine meanwhile.

    Args:
        jack: The server.
        seconds: How long.
        packets: What is sent meanwhile, if anything.
        ports: Those of another program instead of the daemon's.

    Returns:
        Every frame, and the stalls.
    """
    with StallMonitor() as monitor:
        with Recorder(jack, ports, seconds=seconds, triggers=packets) as recorder:
            recording = recorder.finish()
        return Measured(recording, monitor.finish())


def _watch_a_loop(jack: JackServer, daemon: RunningDaemon, seconds: float) -> Measured:
    with OscClient(daemon.osc_port) as client:
        play_a_loop(client)
        with busy_generator(daemon.osc_port) as takes_made:
            measured = record(jack, max(seconds, 2.5 * LOOP_S))
            made = takes_made()
        client.send(f"/gen/slot/{LOOP_SLOT}/stop", ("f", 10.0))
        time.sleep(0.2)
    return Measured(measured.recording, measured.stalls, made)


def play_a_loop(client: OscClient) -> None:
    """Have a loop of LOOP_S play, and wait until its start is over.

    Args:
        client: Of a daemon that is ready.
    """
    client.send(f"/gen/slot/{LOOP_SLOT}/mode", ("s", "loop"))
    _generate(client, LOOP_SLOT, "warm pad, sustained", LOOP_S)
    client.send(f"/gen/slot/{LOOP_SLOT}/play")
    time.sleep(1.0)  # the ramp of its start is no part of the loop


def _trigger_a_slot(jack: JackServer, daemon: RunningDaemon, count: int) -> Measured:
    with OscClient(daemon.osc_port) as client:
        _generate(client, ONE_SHOT_SLOT, "closed hi-hat, short", ONE_SHOT_S)
        packet = encode_message(f"/gen/slot/{ONE_SHOT_SLOT}/play", ())
        packets = triggers_of(daemon.osc_port, packet, count)
        with busy_generator(daemon.osc_port):
            return record(jack, length_s(count), packets)


def _generate(client: OscClient, slot: int, prompt: str, seconds: float) -> None:
    address = f"/gen/slot/{slot}/generate"
    client.send(f"/gen/slot/{slot}/duration", ("f", seconds))
    client.send(address, ("s", prompt), ("i", 1))
    if client.wait_for("/done", ANSWER_S, address) is None:
        raise BenchError(f"The daemon did not generate {prompt!r} within {ANSWER_S:g} s.")


@contextlib.contextmanager
def busy_generator(port: int) -> Iterator[Callable[[], int]]:
    """Have a slot that is turned down generate and play without a pause.

    Args:
        port: Where the daemon listens.

    Yields:
        What tells how many takes have been made.
    """
    ended, made = threading.Event(), [0]
    address = f"/gen/slot/{BUSY_SLOT}/go"

    def run() -> None:
        with OscClient(port) as client:
            # Turned down it is mixed all the same, and adds zeros: the loop stays as it is.
            client.send(f"/gen/slot/{BUSY_SLOT}/gain", ("f", float("-inf")))
            client.send(f"/gen/slot/{BUSY_SLOT}/duration", ("f", 4.0))
            while not ended.is_set():
                client.send(address, ("s", f"noise sweep number {made[0]}"))
                made[0] += client.wait_for("/done", ANSWER_S, address) is not None

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: made[0]
    finally:
        ended.set()
        thread.join()


def triggers_of(port: int, packet: bytes, count: int, first: int = 0) -> UdpTriggers:
    """So many of a packet, about five a second, at random and evenly over the block."""
    return UdpTriggers(port, packet, count, MIN_GAP_MS, MAX_GAP_MS, first)


def length_s(triggers: int) -> float:
    """How long so many triggers take."""
    return 1.0 + triggers * (MIN_GAP_MS + MAX_GAP_MS) / 2000.0


# ── what is judged ───────────────────────────────────────────────────────────


def _continuity_row(measured: Measured, breaks: Indices, load: str) -> Row:
    recording, stalls = measured.recording, measured.stalls
    ours = stalls.leave_out(recording.times_of(breaks))
    minutes = len(recording.audio) / SAMPLE_RATE_HZ / 60.0
    return Row(
        f"{minutes:.1f} min on JACK (dummy driver, {BLOCK_FRAMES} frames), checked frame by frame",
        "0 breaks caused by us",
        f"{len(ours)} of ours, {len(breaks)} in all; {load}; {describe_machine(measured)}",
        passed=len(ours) == 0 and bool(recording.audio.any()),
    )


def _latency_row(measured: Measured, count: int) -> Row:
    waits_ms, sent_s = latencies_ms(measured.recording)
    quiet = np.isin(sent_s, measured.stalls.leave_out(sent_s))
    heard = waits_ms[quiet] if quiet.any() else np.array([np.inf])
    median_ms, p99_ms = np.percentile(heard, [50, 99])
    worst_ms = waits_ms.max(initial=0.0)
    return Row(
        f"OSC play of a ready take → first sounding frame, {BLOCK_FRAMES}-frame blocks",
        f"median ≤ {MAX_MEDIAN_MS} ms, p99 ≤ {MAX_P99_MS:.0f} ms outside the machine's stalls",
        f"median {median_ms:.1f} ms, p99 {p99_ms:.1f} ms of {len(heard)}; worst of all "
        f"{worst_ms:.1f} ms; {len(sent_s)} of {count} heard; {describe_machine(measured)}",
        passed=median_ms <= MAX_MEDIAN_MS and p99_ms <= MAX_P99_MS and len(sent_s) == count,
    )


def latencies_ms(recording: Recording) -> tuple[Times, Times]:
    """For every trigger that was heard: how long it took, and when it was sent.

    A block is due at its cycle's beginning and made a little later. What is sent in between is
    still heard in it, and took less than no time; it is not the trigger before that is heard then.

    Shapes:
        returns: [heard] milliseconds, [heard] monotonic seconds

    Args:
        recording: What sounded, each onset after a silence, and when triggers went out.

    Returns:
        Latencies and times.
    """
    heard_s = recording.times_of(onsets(recording.audio, silence_frames=SILENCE_FRAMES))
    made_s = heard_s + BLOCK_FRAMES / SAMPLE_RATE_HZ
    triggers = np.searchsorted(recording.sent_times_s, made_s, side="right") - 1
    heard_s, triggers = heard_s[triggers >= 0], triggers[triggers >= 0]
    triggers, first = np.unique(triggers, return_index=True)
    sent_s = recording.sent_times_s[triggers]
    return (heard_s[first] - sent_s) * 1000.0, sent_s


def describe_machine(measured: Measured) -> str:
    """What the machine itself did during a recording."""
    stalls = measured.stalls
    return (
        f"machine stalls > 3 ms: {len(stalls.late_ms)}, worst {stalls.worst_ms:.0f} ms; "
        f"{measured.recording.xruns} xruns"
    )


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description="The audio callback under load, on JACK.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the loop is watched")
    parser.add_argument("--triggers", type=int, default=300, help="how many plays are timed")
    parser.add_argument("--model", default="house", help="the checkpoint of the daemon")
    parser.add_argument("--alone", action="store_true", help="the audio process without a daemon")
    options = parser.parse_args()
    if options.alone:
        rows = measure_alone(seconds=options.seconds, triggers=options.triggers)
    else:
        rows = measure(options.model, seconds=options.seconds, triggers=options.triggers)
    for row in rows:
        print(f"{row.what}\n  asked: {row.required}\n  seen:  {row.measured}\n  {row.verdict}")


if __name__ == "__main__":
    main()
