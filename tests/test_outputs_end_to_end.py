"""Pairs and devices from outside: a real daemon, a real JACK server, what is heard in its ports."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daw_bridge.errors import Fault
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.audio_rig import loop_breaks
from tests.daemon_rig import DaemonRig, running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer, Recorder

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
PAIRS = tuple((f"daw-bridge:out_{2 * n}", f"daw-bridge:out_{2 * n + 1}") for n in range(4))

Scene = Callable[[DaemonRig, UdpClient], Awaitable[None]]


def play(scene: Scene, folder: Path, **options: str) -> list[str]:
    """Run a scene against a daemon, see that it leaves nothing behind; what it said."""

    async def run(rig: DaemonRig) -> None:
        client = await UdpClient.connect(rig.osc_port)
        try:
            await scene(rig, client)
        finally:
            client.close()

    with running_daemon(folder, **options) as rig:
        asyncio.run(run(rig))
    assert rig.shared_memory() == []
    return rig.said


async def value(client: UdpClient, address: str) -> Any:
    client.send(address)
    return (await client.expect(address))[0]


async def play_loop(client: UdpClient, slot: int, seconds: float, pair: int = 1) -> None:
    client.send(f"/gen/slot/{slot}/out", ("i", pair))
    client.send(f"/gen/slot/{slot}/mode", ("s", "loop"))
    client.send(f"/gen/slot/{slot}/duration", ("f", seconds))
    client.send(f"/gen/slot/{slot}/go", ("s", "loop"), ("i", slot))
    await client.expect("/done", lambda values: values[0] == f"/gen/slot/{slot}/go")


def is_loop_of(audio: FloatArray, seconds: float) -> bool:
    """Whether a recording is one loop of that length and nothing else."""
    breaks = loop_breaks(audio, round(seconds * SAMPLE_RATE_HZ))
    return bool(audio.any()) and len(breaks) == 0


async def heard(jack: JackServer, *pairs: int, seconds: float = 1.2) -> list[FloatArray]:
    """What JACK is given on some pairs, at the same time."""
    recorders = [Recorder(jack, PAIRS[pair - 1], seconds=seconds) for pair in pairs]
    found = []
    for recorder in recorders:
        with recorder:
            recording = await asyncio.to_thread(recorder.finish)
        found.append(recording.audio)
    return found


# ── pairs ────────────────────────────────────────────────────────────────────
@pytest.mark.jack
@pytest.mark.parametrize("jack", [8], indirect=True)
def test_slots_are_heard_on_their_own_ports(jack: JackServer, tmp_path: Path) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        assert await value(client, "/gen/device/pairs") == 4
        jack.await_ports(*(port for pair in PAIRS for port in pair))
        await play_loop(client, 1, 0.5)
        await play_loop(client, 2, 0.3, pair=4)
        main, second, last = await heard(jack, 1, 2, 4)
        assert is_loop_of(main, 0.5)
        assert not second.any()
        assert is_loop_of(last, 0.3)
        client.send("/gen/preset/save", ("s", "split"))
        await client.expect("/done", lambda values: values[0] == "/gen/preset/save")
        client.send("/gen/slot/2/out", ("i", 2))
        assert await value(client, "/gen/slot/2/out") == 2
        await asyncio.sleep(0.1)
        second, last = await heard(jack, 2, 4)
        assert is_loop_of(second, 0.3)
        assert not last.any()
        client.send("/gen/slot/2/out", ("i", 5))
        address, _, code, text = await client.expect("/fail")
        assert (address, code) == ("/gen/slot/2/out", Fault.BAD_VALUE)
        assert "4" in text
        assert "output_pairs" in text
        client.send("/gen/preset/load", ("s", "split"))
        await client.expect("/done", lambda values: values[0] == "/gen/preset/load")
        assert await value(client, "/gen/slot/2/out") == 4

    play(scene, tmp_path, output="default", output_pairs="4")


@pytest.mark.jack
def test_a_device_with_fewer_pairs_loses_no_sound(jack: JackServer, tmp_path: Path) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        jack.await_ports(*PAIRS[0])
        await play_loop(client, 1, 0.5, pair=3)
        (main,) = await heard(jack, 1)
        assert is_loop_of(main, 0.5)
        assert not set(PAIRS[1]) & set(jack.ports())

    said = play(scene, tmp_path, output="default", output_pairs="4")
    assert any("1 of 4 pairs" in line for line in said)


def test_a_file_has_every_pair(tmp_path: Path) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        await play_loop(client, 1, 0.5)
        await play_loop(client, 2, 0.3, pair=2)
        await asyncio.sleep(1.5)

    play(scene, tmp_path, output=str(tmp_path / "out.wav"), output_pairs="2")
    audio, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert (rate_hz, audio.shape[1]) == (SAMPLE_RATE_HZ, 4)
    last_second = audio[-SAMPLE_RATE_HZ:]
    assert is_loop_of(np.ascontiguousarray(last_second[:, :2]), 0.5)
    assert is_loop_of(np.ascontiguousarray(last_second[:, 2:]), 0.3)
