"""Effects from outside: a real daemon with pyo, a real JACK server, and a daemon without pyo."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench.effects
from daw_bridge.effects import BUSES, EFFECTS
from daw_bridge.errors import Fault
from generator.api import FloatArray
from tests.daemon_rig import DaemonRig, play
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.jack_sound import Recorder, Recording
from tests.stalls import StallMonitor, Stalls
from tests.test_end_to_end import PORTS, play_loop, wait_for_state

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")


def about(address: str) -> Callable[[list[Any]], bool]:
    """Whether an answer is about an address."""
    return lambda values: bool(values[0] == address)


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="needs liblo-tools")
def test_another_program_moves_effects_and_hears_refusals(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        def oscsend(*words: str) -> None:
            command = ["oscsend", "127.0.0.1", str(rig.osc_port), *words]
            subprocess.run(command, check=True, timeout=10)

        client.send("/gen/notify", ("i", 1))
        await client.expect("/done")
        client.send("/gen/fx")
        assert await client.expect("/gen/fx") == ["ready"]
        oscsend("/gen/fx/filter/frequency", "f", "250")
        assert await client.expect("/gen/fx/filter/frequency") == [250.0]
        oscsend("/gen/fx/filter/bypass", "F")
        assert await client.expect("/gen/fx/filter/bypass") == [False]
        oscsend("/gen/slot/3/send/reverb", "f", "-6")
        assert await client.expect("/gen/slot/3/send/reverb") == [-6.0]
        for address, value, allowed in (
            ("/gen/fx/filter/frequency", ("f", 5.0), "from 20 to 20000 Hz"),
            ("/gen/fx/delay/time", ("s", "1/5"), "1/8d"),
            ("/gen/slot/3/send/delay", ("f", 13.0), "to 12 dB"),
        ):
            client.send(address, value)
            values = await client.expect("/fail", about(address))
            assert values[2] == int(Fault.BAD_VALUE)
            assert allowed in values[3]

    play(scene, tmp_path)


def test_without_pyo_the_daemon_plays_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyo64.py").write_text('raise ImportError("there is no wheel for this machine")')
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        assert any("pip install pyo" in line for line in rig.said)
        for address, value in (
            ("/gen/fx", None),
            ("/gen/fx/filter/bypass", None),
            ("/gen/fx/filter/bypass", ("F", False)),
            ("/gen/slot/1/send/delay", ("f", -6.0)),
        ):
            client.send(address, *([value] if value else []))
            values = await client.expect("/fail", about(address))
            assert values[2] == int(Fault.NOT_AVAILABLE)
            assert "pyo is missing" in values[3]
        await play_loop(client, 1)
        # The status is that of a block's beginning, so it may be one block behind.
        async with asyncio.timeout(5.0):
            playing_slots = 0
            while playing_slots != 1:
                client.send("/gen/status")
                playing_slots = (await client.expect("/gen/status.reply"))[0]

    play(scene, tmp_path)
    result = subprocess.run(
        [sys.executable, "-m", "daw_bridge", "doctor"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "no effects" in result.stdout


async def bypassed(
    jack: JackServer, client: UdpClient, randomly: random.Random
) -> tuple[Recording, Stalls]:
    """What is heard while effects come and go at random, and when the machine stood still."""
    with StallMonitor() as monitor, Recorder(jack, PORTS, seconds=5.0) as recorder:
        is_out = {effect.name: True for effect in EFFECTS}
        for _ in range(50):
            name = randomly.choice(EFFECTS).name
            is_out[name] = not is_out[name]
            client.send(f"/gen/fx/{name}/bypass", ("T" if is_out[name] else "F", is_out[name]))
            await asyncio.sleep(randomly.uniform(0.0, 0.15))
        return await asyncio.to_thread(recorder.finish), monitor.finish()


def steps_of(recording: Recording) -> FloatArray:
    """How far each frame is from the next.

    Shapes:
        returns: [frames - 1]
    """
    steps: FloatArray = np.abs(np.diff(recording.audio, axis=0)).max(axis=1)
    return steps


@pytest.mark.jack
def test_bypass_while_it_plays_on_jack_never_clicks(jack: JackServer, tmp_path: Path) -> None:
    """Fifty bypasses over OSC; what a click is made of is a step from one frame to the next."""
    randomly = random.Random(5)

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        jack.await_ports(*PORTS)
        client.send("/gen/slot/1/gain", ("f", -12.0))  # the limiter is to have no part in it
        await play_loop(client, 1)
        values: list[tuple[str, float]] = [("filter/frequency", 300.0), ("drive/amount", 6.0)]
        values += [("delay/tone", 800.0), ("reverb/tone", 800.0)]
        for key, value in values:
            client.send(f"/gen/fx/{key}", ("f", value))
        for bus in BUSES:
            client.send(f"/gen/slot/1/send/{bus}", ("f", -6.0))
        with Recorder(jack, PORTS, seconds=2.0) as recorder:
            steady = await asyncio.to_thread(recorder.finish)
        moved, stalls = await bypassed(jack, client, randomly)
        peaks = [np.abs(one.audio).max() for one in (steady, moved)]
        rounds = [np.abs(part).max() for part in np.array_split(moved.audio, 10)]
        assert np.ptp(rounds) > 0.05 * peaks[0]  # they were heard
        # Buses add to what is sent: the material's own steps grow with its level.
        allowed = 1.2 * steps_of(steady).max() * max(1.0, peaks[1] / peaks[0])
        clicks = np.flatnonzero(steps_of(moved) > allowed)
        ours = stalls.leave_out(moved.times_of(clicks))
        assert len(ours) == 0, f"{len(clicks)} clicks in all, {moved.xruns} xruns"
        await wait_for_state(client, 1, "playing")

    play(scene, tmp_path, output="default")


@pytest.mark.jack
def test_sixteen_voices_through_everything_take_a_quarter_of_a_core(jack: JackServer) -> None:
    row = bench.effects.on_jack("tone", seconds=5.0)
    assert row.passed, row.measured
