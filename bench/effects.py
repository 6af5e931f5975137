"""What effects cost: in the audio callback, one by one, and with sixteen voices on a JACK server.

The callback's cost is processor time of the thread, measured without a device. On JACK a daemon
plays sixteen loops, each sending to every bus, through every effect; its sound must repeat itself
with the loop, and the audio process's own processor time is read meanwhile. Chorus and reverb run
there at level minus infinity: their sound wanders, so that nobody could tell it from a break.

Run `python -m bench.effects --help`.
"""

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.callback import BLOCK_FRAMES, PORTS, BenchError, Measured, describe_machine, record
from bench.daemon import RunningDaemon, running_daemon
from bench.osc_client import OscClient
from bench.row import Row
from daw_bridge.audio_commands import Play, SetEffect, SetSend
from daw_bridge.effects import BUSES, EFFECTS
from daw_bridge.errors import EffectsMissing
from daw_bridge.mixer import Mixer
from daw_bridge.mixing_desk import MAX_CHUNK_FRAMES
from daw_bridge.rack import open_rack
from daw_bridge.timeline import MAX_SLOTS
from generator.api import SAMPLE_RATE_HZ
from tests.audio_rig import Indices, loop_breaks
from tests.jack import running_jack

VOICES = 16
BLOCKS = 3000
WARM_BLOCKS = 200
LOOP_S = 2.0
SETTLE_S = 6.0
MAX_CPU_PCT = 25.0
ANSWER_S = 60.0
# What a double's last digits leave in a float after filters and feedback.
TOLERANCE = 2e-6
_BYPASS = 0
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def measure(model: str, *, seconds: float = 60.0) -> list[Row]:
    """Return the rows of this file.

    Args:
        model: The checkpoint that the daemon loads.
        seconds: How long the loops are watched.

    Returns:
        The cost of each part, and the whole on JACK.
    """
    try:
        costs_us = costs()
    except EffectsMissing as missing:
        return [Row("effects", "–", str(missing))]
    return [_cost_row(costs_us), on_jack(model, seconds=seconds)]


# ── the callback alone ───────────────────────────────────────────────────────


def costs() -> Mapping[str, float]:
    """Processor time of a block of 256 frames, in microseconds, by what is added to nothing."""
    silent = _block_us(voices=0, effects=(), sends=())
    voices = _block_us(voices=VOICES, effects=(), sends=())
    found = {"nothing": silent, "voice": (voices - silent) / VOICES}
    for number, effect in enumerate(EFFECTS):
        found[effect.name] = _block_us(voices=0, effects=(number,), sends=()) - silent
    everything = range(len(EFFECTS))
    buses = range(len(BUSES))
    sending = _block_us(voices=VOICES, effects=buses, sends=buses)
    only_buses = _block_us(voices=VOICES, effects=buses, sends=())
    found["send"] = (sending - only_buses) / (VOICES * len(BUSES))
    found["all"] = _block_us(voices=VOICES, effects=everything, sends=buses)
    return found


def _block_us(*, voices: int, effects: range | tuple[int, ...], sends: range | tuple[()]) -> float:
    mixer = Mixer(effects=open_rack(slots=MAX_SLOTS, max_frames=MAX_CHUNK_FRAMES))
    noise = np.random.default_rng(0).standard_normal((2 * SAMPLE_RATE_HZ, 2)) * 0.02
    mixer.install(1, noise.astype(np.float32))
    for slot in range(1, voices + 1):
        for bus in sends:
            mixer.handle(SetSend(slot, bus, -12.0))
        mixer.handle(Play(slot, 1, loop=True))
    for effect in effects:
        mixer.handle(SetEffect(effect, _BYPASS, 0.0))
    block = np.zeros((BLOCK_FRAMES, 2), np.float32)
    for _ in range(WARM_BLOCKS):
        mixer.render(block)
    times = np.zeros(BLOCKS)
    for number in range(BLOCKS):
        begun_ns = time.thread_time_ns()
        mixer.render(block)
        times[number] = (time.thread_time_ns() - begun_ns) / 1000.0
    # What neighbours do to caches and clocks is no cost of ours.
    return float(np.percentile(times, 10))


def _cost_row(costs_us: Mapping[str, float]) -> Row:
    block_us = 1e6 * BLOCK_FRAMES / SAMPLE_RATE_HZ
    parts = ", ".join(f"{name} {us:.0f}" for name, us in costs_us.items() if name != "all")
    share = 100.0 * costs_us["all"] / block_us
    return Row(
        f"cost of a block of {BLOCK_FRAMES} frames in the audio callback, microseconds",
        "told per voice and per effect",
        f"{parts}; {VOICES} voices, all sends, all effects: {costs_us['all']:.0f}, "
        f"{share:.1f} % of the block",
    )


# ── on JACK ──────────────────────────────────────────────────────────────────


def on_jack(model: str, *, seconds: float) -> Row:
    """Play sixteen loops through everything, on a daemon.

    Args:
        model: The checkpoint that the daemon loads.
        seconds: How long the recording is.

    Returns:
        Continuity, and the audio process's share of a core.
    """
    with running_jack(BLOCK_FRAMES) as jack:
        environment = {**jack.environment, "DAW_BRIDGE_HOSTAPI": "JACK"}
        with running_daemon("default", model, environment) as daemon:
            jack.await_ports(*PORTS)
            _play_everything(daemon)
            audio = _audio_child(daemon.pid)
            begun_s, used_before_s = time.monotonic(), _used_s(audio)
            measured = record(jack, max(seconds, 2.5 * LOOP_S))
            lasted_s = time.monotonic() - begun_s
            cpu_pct = 100.0 * (_used_s(audio) - used_before_s) / lasted_s
    frames = round(LOOP_S * SAMPLE_RATE_HZ)
    breaks = loop_breaks(measured.recording.audio, frames, tolerance=TOLERANCE)
    return _jack_row(measured, breaks, cpu_pct)


def _play_everything(daemon: RunningDaemon) -> None:
    with OscClient(daemon.osc_port) as client:
        client.send("/gen/slot/*/mode", ("s", "loop"))
        client.send("/gen/slot/*/duration", ("f", LOOP_S))
        client.send("/gen/slot/*/gain", ("f", -18.0))
        for bus in BUSES:
            client.send(f"/gen/slot/*/send/{bus}", ("f", -12.0))
        for effect in EFFECTS:
            client.send(f"/gen/fx/{effect.name}/bypass", ("F", False))
        for bus in ("reverb", "chorus"):
            client.send(f"/gen/fx/{bus}/level", ("f", float("-inf")))
        for slot in range(1, VOICES + 1):
            address = f"/gen/slot/{slot}/generate"
            client.send(address, ("s", "warm pad, sustained"), ("i", slot))
            if client.wait_for("/done", ANSWER_S, address) is None:
                raise BenchError(f"{address} was not done within {ANSWER_S:g} s.")
        for slot in range(1, VOICES + 1):
            client.send(f"/gen/slot/{slot}/play")
        time.sleep(SETTLE_S)  # until the repeats of the beginning have died away
        client.send("/gen/status")
        status = client.wait_for("/gen/status.reply", ANSWER_S)
        if status is None or status.arguments[0][1] != VOICES:
            raise BenchError(f"{VOICES} slots should play; the status is {status}.")


def _audio_child(daemon_pid: int) -> int:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            words = (folder / "cmdline").read_text().split("\0")
            if "daw_bridge.audio_child" in words and _parent_of(folder) == daemon_pid:
                return int(folder.name)
    raise BenchError("The daemon has no audio process.")


def _parent_of(folder: Path) -> int:
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])


def _used_s(pid: int) -> float:
    """Processor time of all threads of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def _jack_row(measured: Measured, breaks: Indices, cpu_pct: float) -> Row:
    ours = measured.stalls.leave_out(measured.recording.times_of(breaks))
    minutes = len(measured.recording.audio) / SAMPLE_RATE_HZ / 60.0
    return Row(
        f"{VOICES} voices, every effect in, every send open, on JACK ({BLOCK_FRAMES} frames), "
        f"{minutes:.1f} min",
        f"audio process ≤ {MAX_CPU_PCT:.0f} % of one core, 0 breaks caused by us",
        f"{cpu_pct:.1f} % of one core; {len(ours)} breaks of ours, {len(breaks)} in all; "
        f"{describe_machine(measured)}",
        passed=cpu_pct <= MAX_CPU_PCT and len(ours) == 0 and bool(measured.recording.audio.any()),
    )


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description="What effects cost.")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long the loops are watched"
    )
    parser.add_argument("--model", default="house", help="the checkpoint of the daemon")
    options = parser.parse_args()
    for row in measure(options.model, seconds=options.seconds):
        print(f"{row.what}\n  asked: {row.required}\n  seen:  {row.measured}\n  {row.verdict}")


if __name__ == "__main__":
    main()
