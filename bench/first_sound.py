"""From a message to a sound: `oscsend` asks, a real JACK server is recorded, the onset is timed.

Also how long the daemon takes from its start to the word ready. Uses the JACK rig of the tests.
"""

import subprocess
import time
from dataclasses import dataclass

import numpy as np

from bench.daemon import RunningDaemon, running_daemon
from bench.osc_client import OscClient
from bench.row import Row
from daw_bridge.osc import Message
from tests.jack import JackServer, running_jack
from tests.jack_sound import Recorder, Recording

PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")
PROMPTS = (
    "deep 808 kick, short",
    "bright closed hi-hat",
    "snare drum, tight",
    "soft marimba note",
    "glass bell, high",
    "plucked nylon string",
    "fat saw bass note",
    "laser zap",
    "hand clap, dry",
    "wooden block hit",
)
PAUSE_S = 1.4
TAKE_S = 0.6
QUIET_S = 0.4
SILENCE = 1e-3
MAX_ONSET_MS = 300.0
MAX_READY_S = 3.0
# How soon a take of a length must sound after its message, in ms: at least, and as the goal.
FIRST_FRAMES = {1.0: (60.0, 30.0), 12.0: (100.0, 50.0)}
FIRST_FRAME_TRIES = 20
READY_TRIES = 3


@dataclass(frozen=True, slots=True)
class FirstSounds:
    """What was heard.

    Attributes:
        onsets_ms: From just before `oscsend` was started to the first frame above -60 dBFS, for
            each prompt that was heard.
        done: The answer to one more request, or None.
        xruns: What JACK counted meanwhile.
    """

    onsets_ms: list[float]
    done: Message | None
    xruns: int


def measure(model: str) -> list[Row]:
    """Return the rows of this file.

    Args:
        model: The checkpoint that the daemon loads.

    Returns:
        Onset, answer and start.
    """
    with running_jack() as jack:
        environment = {**jack.environment, "DAW_BRIDGE_HOSTAPI": "JACK"}
        with running_daemon("default", model, environment) as daemon:
            heard = _listen(jack, daemon)
            firsts = [_first_frame_row(jack, daemon, seconds) for seconds in FIRST_FRAMES]
    return [_onset_row(heard), _done_row(heard.done), *firsts, _ready_row(model)]


def _listen(jack: JackServer, daemon: RunningDaemon) -> FirstSounds:
    jack.await_ports(*PORTS)
    with OscClient(daemon.osc_port) as client:
        for slot in range(1, len(PROMPTS) + 1):
            client.send(f"/gen/slot/{slot}/duration", ("f", TAKE_S))
        seconds = PAUSE_S * (len(PROMPTS) + 1)
        with Recorder(jack, PORTS, seconds=seconds) as recorder:
            sent_s = [_ask(daemon.osc_port, slot, words) for slot, words in enumerate(PROMPTS, 1)]
            recording = recorder.finish()
        client.send("/gen/slot/1/go", ("s", PROMPTS[0]), ("i", 7))
        done = client.wait_for("/done", 5.0, "/gen/slot/1/go")
    onsets_ms = [1000.0 * (_onset_s(recording, time_s) - time_s) for time_s in sent_s]
    return FirstSounds([ms for ms in onsets_ms if np.isfinite(ms)], done, recording.xruns)


def _ask(port: int, slot: int, prompt: str) -> float:
    """Send one message as a stranger would, wait a while, and return when it was sent."""
    sent_s = time.monotonic()
    command = ["oscsend", "127.0.0.1", str(port), f"/gen/slot/{slot}/go", "s", prompt]
    subprocess.run(command, check=True, timeout=10)
    time.sleep(max(0.0, sent_s + PAUSE_S - time.monotonic()))
    return sent_s


def _first_frame_row(jack: JackServer, daemon: RunningDaemon, seconds: float) -> Row:
    """Time from a message with new words to the first sounding frame at the output of JACK."""
    prompts = [f"{PROMPTS[n % len(PROMPTS)]}, {n}" for n in range(FIRST_FRAME_TRIES)]
    with OscClient(daemon.osc_port) as client:
        client.send("/gen/panic")
        client.send("/gen/slot/1/duration", ("f", seconds))
        time.sleep(PAUSE_S)
        with Recorder(jack, PORTS, seconds=PAUSE_S * (len(prompts) + 1)) as recorder:
            sent_s = []
            for prompt in prompts:
                sent_s.append(client.send("/gen/slot/1/go", ("s", prompt)))
                time.sleep(PAUSE_S - QUIET_S)
                client.send("/gen/slot/1/stop", ("f", 5.0))
                time.sleep(QUIET_S)
            recording = recorder.finish()
    waits_ms = [1e3 * (_onset_s(recording, time_s) - time_s) for time_s in sent_s]
    most_ms, goal_ms = FIRST_FRAMES[seconds]
    median_ms = float(np.median(waits_ms))
    return Row(
        f"take of {seconds:g} s, message with new words → first sounding frame at JACK's output",
        f"≤ {most_ms:.0f} ms, goal {goal_ms:.0f}",
        f"median {median_ms:.0f} ms, worst {max(waits_ms):.0f} ms of {len(waits_ms)}",
        passed=median_ms <= most_ms,
    )


def _onset_s(recording: Recording, sent_s: float) -> float:
    """When the first sounding frame after a message was due; infinity if there is none."""
    loud = np.flatnonzero(np.abs(recording.audio).max(axis=1) > SILENCE)
    times_s = recording.times_of(loud)
    inside = times_s[(times_s > sent_s) & (times_s < sent_s + PAUSE_S)]
    return float(inside[0]) if len(inside) else float("inf")


def _onset_row(heard: FirstSounds) -> Row:
    count = f"{len(heard.onsets_ms)} of {len(PROMPTS)} prompts heard"
    worst_ms = max(heard.onsets_ms, default=float("inf"))
    median_ms = float(np.median(heard.onsets_ms)) if heard.onsets_ms else float("inf")
    return Row(
        "`oscsend` a prompt that was never asked before → recorded from JACK: the sound begins",
        f"≤ {MAX_ONSET_MS:.0f} ms",
        f"median {median_ms:.0f} ms, worst {worst_ms:.0f} ms; {count}; {TAKE_S} s takes",
        passed=len(heard.onsets_ms) == len(PROMPTS) and worst_ms <= MAX_ONSET_MS,
    )


def _done_row(done: Message | None) -> Row:
    values = [value for _, value in done.arguments] if done is not None else []
    is_whole = len(values) == 6 and values[3] == 7
    seen = f"take {values[2]}, seed {values[3]}" if is_whole else f"{values}"
    return Row("its `/done` carries take and seed", "both", seen, passed=is_whole)


def _ready_row(model: str) -> Row:
    times_s = []
    for _ in range(READY_TRIES):
        with running_daemon("null", model) as daemon:
            times_s.append(daemon.ready_s)
    return Row(
        "start to ready, warm file cache",
        f"≤ {MAX_READY_S:.0f} s",
        f"median {np.median(times_s):.2f} s, worst {max(times_s):.2f} s of {READY_TRIES}",
        passed=max(times_s) <= MAX_READY_S,
    )
