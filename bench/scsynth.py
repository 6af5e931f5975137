"""From a message to a sound, beside SuperCollider's server on the same JACK server.

Both have the same sound in memory, and hear one UDP message for each play; one program sends it
and records. They take turns, so that both meet whatever else the machine does. The stand-in model
makes the sound, as its first frame is known.
"""

import contextlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from bench.callback import (
    BLOCK_FRAMES,
    PORTS,
    BenchError,
    Measured,
    latencies_ms,
    length_s,
    record,
    triggers_of,
)
from bench.daemon import running_daemon
from bench.osc_client import OscClient
from bench.row import Row
from daw_bridge.osc import TaggedValue, encode_message
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from generator.loading import TONE, load_generator
from tests.jack import JackServer, running_jack

THEIR_PORTS = ("SuperCollider:out_1", "SuperCollider:out_2")
SOUND = GenerationRequest("click", 5, 0.1)
TURNS = 6
START_S = 10.0
# By how much two programs that are alike differ by chance. The places of the plays in the block are
# even, so what is left is the jitter of those few whose message comes close to a block's beginning:
# computed for 300 plays and delays of which the jitter is 0.1 ms, the medians differ by less in 99
# of 100 runs, the p99 in 96 (tests/bench/test_scsynth.py); places at random would be worth 0.6 ms.
CHANCE_MS = 0.15


def measure(*, triggers: int = 300) -> list[Row]:
    """Return the row of this file.

    Args:
        triggers: How many plays of each are timed.

    Returns:
        Latency beside latency; no verdict where scsynth is not installed.
    """
    what = f"OSC play → first sounding frame, {BLOCK_FRAMES}-frame blocks, beside scsynth's"
    required = "median and p99 not above scsynth's, playing the same sound on the same JACK server"
    if shutil.which("scsynth") is None:
        seen = "scsynth is not installed (Debian: apt install supercollider-server)"
        return [Row(what, required, seen)]
    each = triggers // TURNS
    ours_ms, theirs_ms = [], []
    with running_jack(BLOCK_FRAMES) as jack:
        environment = {**jack.environment, "DAW_BRIDGE_HOSTAPI": "JACK"}
        with running_daemon("default", TONE, environment) as daemon, _scsynth(jack) as their_port:
            jack.await_ports(*PORTS, *THEIR_PORTS)
            _make(daemon.osc_port)
            our_play = encode_message("/gen/slot/1/play")
            their_play = encode_message("/s_new", (("s", "play"), ("i", -1), ("i", 0), ("i", 0)))
            for first in range(0, TURNS * each, each):
                packets = triggers_of(daemon.osc_port, our_play, each, first)
                ours_ms.append(_waits_ms(record(jack, length_s(each), packets)))
                packets = triggers_of(their_port, their_play, each, first)
                theirs_ms.append(_waits_ms(record(jack, length_s(each), packets, THEIR_PORTS)))
    return [_row(what, required, ours_ms, theirs_ms)]


def _make(port: int) -> None:
    with OscClient(port) as client:
        client.send("/gen/slot/1/duration", ("f", SOUND.seconds))
        client.send("/gen/slot/1/generate", ("s", SOUND.prompt), ("i", SOUND.seed))
        if client.wait_for("/done", START_S, "/gen/slot/1/generate") is None:
            raise BenchError("The daemon did not make the sound.")


def _waits_ms(measured: Measured) -> list[float]:
    """Latencies outside the machine's stalls."""
    waits_ms, sent_s = latencies_ms(measured.recording)
    quiet = np.isin(sent_s, measured.stalls.leave_out(sent_s))
    return [float(ms) for ms in waits_ms[quiet]]


def _row(
    what: str, required: str, ours: Sequence[list[float]], theirs: Sequence[list[float]]
) -> Row:
    counts = [sum(map(len, turns)) for turns in (ours, theirs)]
    if not all(counts):
        return Row(
            what, required, f"heard {counts[0]} of ours, {counts[1]} of theirs", passed=False
        )
    our = np.percentile(np.concatenate(ours), [50, 99])
    their = np.percentile(np.concatenate(theirs), [50, 99])
    return Row(
        what,
        required,
        f"median {our[0]:.2f} ms, p99 {our[1]:.2f} ms of {counts[0]}; "
        f"scsynth: median {their[0]:.2f} ms, p99 {their[1]:.2f} ms of {counts[1]}; "
        "in turns, outside the machine's stalls",
        passed=bool((our <= their + CHANCE_MS).all()),
    )


# ── the other program ────────────────────────────────────────────────────────


@contextlib.contextmanager
def _scsynth(jack: JackServer) -> Iterator[int]:
    """SuperCollider's server with the sound in buffer 0 and its player; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    command = [
        "scsynth",
        "-u",
        str(port),
        "-B",
        "127.0.0.1",
        "-i",
        "0",
        "-o",
        "2",
        "-R",
        "0",
        "-D",
        "0",
    ]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command,
            env=jack.environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            path = Path(folder) / "sound.wav"
            sound = load_generator(TONE).generate(SOUND).audio
            soundfile.write(path, sound, SAMPLE_RATE_HZ, subtype="FLOAT")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(("127.0.0.1", port))
                client.settimeout(0.1)
                _ask(client, "/notify", ("i", 1))
                _ask(client, "/d_recv", ("b", _player()))
                _ask(client, "/b_allocRead", ("i", 0), ("s", str(path)))
            yield port
        finally:
            process.terminate()
            process.wait(10.0)
            # What it leaves where it is not asked to quit.
            Path(f"/dev/shm/SuperColliderServer_{port}").unlink(missing_ok=True)  # noqa: S108


def _ask(client: socket.socket, address: str, *arguments: TaggedValue) -> None:
    """Send a command until it is answered."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError):
            client.send(encode_message(address, arguments))
            while not client.recv(65_536).startswith(b"/done"):
                pass
            return
    raise BenchError(f"scsynth did not answer {address}.")


def _player() -> bytes:
    """A synth definition, `Out.ar(0, PlayBuf.ar(2, 0, doneAction: 2))`, as scsynth reads it.

    References:
        "Synth Definition File Format", version 2, SuperCollider's help.
    """

    def text(words: bytes) -> bytes:
        return bytes([len(words)]) + words

    constants = (0.0, 1.0, 2.0)
    # Each input is a constant (-1, its index) or another unit's output (its index, which one).
    buffer, rate, trigger, start, loop, done = ((-1, index) for index in (0, 1, 1, 0, 0, 2))
    units = (
        (b"PlayBuf", (buffer, rate, trigger, start, loop, done), 2),
        (b"Out", ((-1, 0), (0, 0), (0, 1)), 0),
    )
    audio_rate = 2
    made = [b"SCgf", struct.pack(">ih", 2, 1), text(b"play")]
    made += [struct.pack(f">i{len(constants)}f", len(constants), *constants)]
    made += [struct.pack(">iii", 0, 0, len(units))]
    for name, inputs, outputs in units:
        made += [text(name), struct.pack(">biih", audio_rate, len(inputs), outputs, 0)]
        made += [struct.pack(">ii", *one) for one in inputs]
        made += [struct.pack(">b", audio_rate)] * outputs
    return b"".join([*made, struct.pack(">h", 0)])
