"""Two slots on one bar stay together whatever the machine does, as heard on a JACK server."""

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from daw_bridge.osc import encode_bundle, encode_message
from generator.api import SAMPLE_RATE_HZ
from tests.daemon_rig import DaemonRig, running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.jack_sound import Recorder

PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")
TEMPO_BPM = 174.07
STALL_S = 0.12
STALLS = 5

pytestmark = [
    pytest.mark.jack,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc"),
]


async def underrun(rig: DaemonRig) -> None:
    """Stop the audio process for many blocks: JACK waits, and its clock jumps."""
    pid = rig.children()["audio"]
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(STALL_S)
    os.kill(pid, signal.SIGCONT)


async def play_both(rig: DaemonRig) -> None:
    """The same take in two slots, one on each side; underruns before they begin and after."""
    client = await UdpClient.connect(rig.osc_port)
    client.send("/gen/tempo", ("f", TEMPO_BPM))
    client.send("/gen/quantize", ("s", "bar"))
    for slot, pan in ((1, -1.0), (2, 1.0)):
        for name, value in (("mode", ("s", "loop")), ("bars", ("i", 1)), ("pan", ("f", pan))):
            client.send(f"/gen/slot/{slot}/{name}", value)
        address = f"/gen/slot/{slot}/generate"
        client.send(address, ("s", "bell"), ("i", 5))
        while (await client.expect("/done"))[0] != address:
            pass
    await underrun(rig)
    plays = (encode_message(f"/gen/slot/{slot}/play") for slot in (1, 2))
    client.send_bytes(encode_bundle(plays))
    await underrun(rig)
    await asyncio.sleep(2.0)
    for _ in range(STALLS):
        await underrun(rig)
        await asyncio.sleep(0.3)
    client.close()


def test_two_slots_of_one_bar_are_one_sound_after_any_underrun(
    jack: JackServer, tmp_path: Path
) -> None:
    """A frame between them, or between left and right, would leave a difference."""
    with running_daemon(tmp_path, output="default") as rig:
        jack.await_ports(*PORTS)
        with Recorder(jack, PORTS, seconds=8.0) as recorder:
            asyncio.run(play_both(rig))
            recording = recorder.finish()
    left, right = recording.audio.astype(np.float64).T
    assert np.abs(left).max() > 0.1
    ratio = np.vdot(left, right) / np.vdot(left, left)
    assert np.abs(right - ratio * left).max() < 1e-4 * np.abs(right).max()
    assert recording.skipped_frames > STALLS * STALL_S * SAMPLE_RATE_HZ / 2
