"""Pairs and devices from outside: a real daemon, a real JACK server, what is heard in its ports."""

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daw_bridge.errors import Fault
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.audio_rig import loop_breaks
from tests.daemon_rig import DaemonRig, play, running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.jack_sound import Recorder

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
PAIRS = tuple((f"daw-bridge:out_{2 * n}", f"daw-bridge:out_{2 * n + 1}") for n in range(4))


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


def test_every_pair_is_in_the_file_is_metered_and_can_be_captured(tmp_path: Path) -> None:
    captures: list[str] = []

    async def scene(_: DaemonRig, client: UdpClient) -> None:
        await play_loop(client, 1, 0.5)
        client.send("/gen/device/pairs/meter", ("i", 1))
        assert (await client.expect("/gen/device/pairs/meter", lambda v: v[0] > -60.0))[4] < -60.0
        await play_loop(client, 2, 0.3, pair=2)
        assert len(await client.expect("/gen/device/pairs/meter", lambda v: v[4] > -60.0)) == 8
        await asyncio.sleep(1.5)
        for pair in (1, 2):
            client.send("/gen/rec/capture", ("f", 1.0), ("s", f"pair {pair}"), ("i", pair))
            done = await client.expect("/done", lambda values: values[0] == "/gen/rec/capture")
            captures.append(done[2])
        client.send("/gen/rec/capture", ("f", 1.0), ("s", ""), ("i", 3))
        assert "output_pairs" in (await client.expect("/fail"))[3]

    play(scene, tmp_path, output=str(tmp_path / "out.wav"), output_pairs="2")
    for path, seconds in zip(captures, (0.5, 0.3), strict=True):
        assert is_loop_of(soundfile.read(path, dtype="float32")[0], seconds)
    audio, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert (rate_hz, audio.shape[1]) == (SAMPLE_RATE_HZ, 4)
    last_second = audio[-SAMPLE_RATE_HZ:]
    assert is_loop_of(np.ascontiguousarray(last_second[:, :2]), 0.5)
    assert is_loop_of(np.ascontiguousarray(last_second[:, 2:]), 0.3)


@pytest.mark.jack
@pytest.mark.parametrize("jack", [4], indirect=True)
def test_each_pair_has_its_limiter_and_what_its_slots_send_returns_on_the_first(
    jack: JackServer, tmp_path: Path
) -> None:
    pytest.importorskip("pyo64")
    ceiling_dbfs, period = -12.0, round(0.3 * SAMPLE_RATE_HZ)

    async def scene(_: DaemonRig, client: UdpClient) -> None:
        jack.await_ports(*(port for pair in PAIRS[:2] for port in pair))
        client.send("/gen/master/limiter", ("T", True))
        client.send("/gen/master/limiter/ceiling", ("f", ceiling_dbfs))
        client.send("/gen/slot/2/gain", ("f", 12.0))
        await play_loop(client, 2, 0.3, pair=2)
        main, second = await heard(jack, 1, 2)
        assert not main.any()
        assert np.abs(second).max() == pytest.approx(10 ** (ceiling_dbfs / 20), rel=0.01)
        client.send("/gen/slot/2/gain", ("f", -20.0))  # below every ceiling
        client.send("/gen/fx/filter/frequency", ("f", 100.0))
        for effect in ("filter", "drive", "delay"):
            client.send(f"/gen/fx/{effect}/bypass", ("F", False))
        client.send("/gen/slot/2/send/delay", ("f", 0.0))
        await asyncio.sleep(2.0)
        main, second = await heard(jack, 1, 2)
        assert is_loop_of(second, 0.3), "no effect is heard there"
        assert np.abs(main).max() > 1e-4, "the echoes come back on the first pair"
        left = main[:, 0]
        assert np.corrcoef(left[period:], left[:-period])[0, 1] > 0.9, "they are those of the loop"
        client.send("/gen/fx/delay/bypass", ("T", True))
        await asyncio.sleep(0.5)
        main, second = await heard(jack, 1, 2)
        assert np.abs(main).max() < 1e-4
        assert is_loop_of(second, 0.3)

    play(scene, tmp_path, output="default", output_pairs="2")


# ── devices ──────────────────────────────────────────────────────────────────
async def change(client: UdpClient, address: str, *arguments: tuple[str, Any]) -> list[Any]:
    """Change an output; what its /done says after the id."""
    client.send(address, *arguments)
    async with asyncio.timeout(20.0):
        while True:
            message = await client.received.get()
            values = [one for _, one in message.arguments]
            assert message.address != "/fail", values
            if message.address == "/done" and values[0] == address:
                return values[2:]


@pytest.mark.jack
def test_the_sound_goes_from_output_to_output_and_stays_in_time(
    jack: JackServer, tmp_path: Path
) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        assert await value(client, "/gen/device") == str(tmp_path / "out.wav")
        client.send("/gen/notify", ("i", 1))
        await play_loop(client, 1, 0.5)
        client.send("/gen/slot/1/gain", ("f", -6.0))
        client.send("/gen/tempo", ("f", 99.0))
        name, hostapi, buffer_ms, latency_ms = await change(client, "/gen/device", ("s", "system"))
        assert (name, hostapi) == ("system", "JACK Audio Connection Kit")
        assert buffer_ms == pytest.approx(256_000 / SAMPLE_RATE_HZ)
        assert latency_ms > 0
        jack.await_ports(*PAIRS[0])
        await asyncio.sleep(0.5)
        (main,) = await heard(jack, 1)
        assert is_loop_of(main, 0.5)
        assert await value(client, "/gen/device/latency") == pytest.approx(latency_ms)
        client.send("/gen/device/buffer", ("f", 3.0))
        assert "jack_bufsize" in (await client.expect("/fail"))[3]
        assert (await change(client, "/gen/device", ("s", "null")))[0] == "null"
        assert not set(PAIRS[0]) & set(jack.ports()) or await gone(jack)
        assert await change(client, "/gen/device/buffer", ("f", 20.0)) == [
            "null",
            "silent clock",
            20.0,
            0.0,
        ]
        assert await value(client, "/gen/slot/1/state") in {"armed", "playing"}
        await change(client, "/gen/device", ("s", "default"))
        jack.await_ports(*PAIRS[0])
        await asyncio.sleep(0.5)
        (main,) = await heard(jack, 1)
        assert is_loop_of(main, 0.5)
        assert await value(client, "/gen/slot/1/gain") == -6.0
        assert await value(client, "/gen/tempo") == 99.0
        client.send("/gen/status")
        assert (await client.expect("/gen/status.reply"))[8] == "system"

    play(scene, tmp_path, output=str(tmp_path / "out.wav"))
    file, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert file.any()


async def gone(jack: JackServer) -> bool:
    """Whether our ports go away, a little after another output has taken over."""
    for _ in range(50):
        if not set(PAIRS[0]) & set(jack.ports()):
            return True
        await asyncio.sleep(0.1)
    return False


def test_a_capture_over_a_change_of_output_is_the_loop_without_a_gap(tmp_path: Path) -> None:
    paths: list[str] = []

    async def scene(_: DaemonRig, client: UdpClient) -> None:
        await play_loop(client, 1, 0.3)
        await asyncio.sleep(0.7)
        await change(client, "/gen/device", ("s", "null"))
        await asyncio.sleep(1.0)
        client.send("/gen/rec/capture", ("f", 2.0))
        paths.append((await client.expect("/done", lambda v: v[0] == "/gen/rec/capture"))[2])

    play(scene, tmp_path, output=str(tmp_path / "out.wav"))
    audio, _ = soundfile.read(paths[0], dtype="float32")
    sounding = audio[int(np.flatnonzero(audio.any(axis=1))[0]) :]
    heard = np.flatnonzero(np.abs(sounding).max(axis=1) > 1e-4)
    assert np.diff(heard, append=len(sounding)).max() < SAMPLE_RATE_HZ // 20
    frames = round(0.3 * SAMPLE_RATE_HZ)
    head, tail = sounding[:frames], sounding[-frames:]
    shift = len(sounding) % frames
    np.testing.assert_array_equal(np.roll(head, -shift, axis=0), tail)


@pytest.mark.jack
def test_a_bad_name_is_refused_and_the_sound_is_not_touched(
    jack: JackServer, tmp_path: Path
) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        jack.await_ports(*PAIRS[0])
        await play_loop(client, 1, 0.5)
        with Recorder(jack, PAIRS[0], seconds=4.0) as recorder:
            client.send("/gen/device", ("s", "Studio 9000"))
            address, _, code, text = await client.expect("/fail")
            recording = await asyncio.to_thread(recorder.finish)
        assert (address, code) == ("/gen/device", Fault.NOT_AVAILABLE)
        assert "Studio 9000" in text
        assert "'system'" in text
        assert "/device/list" in text
        assert is_loop_of(recording.audio, 0.5)
        assert await value(client, "/gen/device") == "system"
        client.send("/gen/device/list")
        assert (await client.expect("/gen/device/list")) == [
            "system",
            "JACK Audio Connection Kit",
            2,
            True,
        ]
        assert (await client.expect("/gen/device/list"))[0] == "null"

    play(scene, tmp_path, output="default")


@pytest.mark.jack
def test_jack_is_told_its_blocks_in_jack_and_the_sound_goes_on(
    jack: JackServer, tmp_path: Path
) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        jack.await_ports(*PAIRS[0])
        await play_loop(client, 1, 0.5)
        assert await value(client, "/gen/device/buffer") == pytest.approx(256_000 / SAMPLE_RATE_HZ)
        block_ms, latency_ms = 256_000 / SAMPLE_RATE_HZ, await value(client, "/gen/device/latency")
        assert latency_ms > 0.0
        client.send("/gen/device/buffer", ("f", 128_000 / SAMPLE_RATE_HZ))
        assert "jack_bufsize 128" in (await client.expect("/fail"))[3]
        for frames in (128, 1024):
            with Recorder(jack, PAIRS[0], seconds=2.0) as recorder:
                command = ["jack_bufsize", str(frames)]
                subprocess.run(command, env=jack.environment, check=True, capture_output=True)
                recording = await asyncio.to_thread(recorder.finish)
            assert is_loop_of(recording.audio, 0.5)
            seen_ms = await value(client, "/gen/device/buffer")
            assert seen_ms == pytest.approx(frames * 1000.0 / SAMPLE_RATE_HZ)
            # The server has as many blocks on the way as before.
            follows_ms = await value(client, "/gen/device/latency")
            assert follows_ms == pytest.approx(latency_ms * seen_ms / block_ms, rel=1e-3)

    play(scene, tmp_path, output="default")


@pytest.mark.jack
def test_a_choice_is_there_after_a_crash_and_a_device_that_is_gone_stops_no_start(
    jack: JackServer, tmp_path: Path
) -> None:
    async def choose(rig: DaemonRig, client: UdpClient) -> None:
        await change(client, "/gen/device/buffer", ("f", 20.0))
        await change(client, "/gen/device", ("s", "system"), ("s", "JACK"))
        await change(client, "/gen/input", ("s", "default"))
        rig.end(signal.SIGKILL)

    async def find_it(_: DaemonRig, client: UdpClient) -> None:
        assert await value(client, "/gen/device") == "system"
        jack.await_ports(*PAIRS[0], "daw-bridge-input:in_0")
        await play_loop(client, 1, 0.5)
        (main,) = await heard(jack, 1)
        assert is_loop_of(main, 0.5)
        await change(client, "/gen/device", ("s", "null"))
        assert await value(client, "/gen/device/buffer") == 20.0
        await change(client, "/gen/device", ("s", "system"), ("s", "JACK"))

    async def go_without(_: DaemonRig, client: UdpClient) -> None:
        assert await value(client, "/gen/device") == "null"
        await play_loop(client, 1, 0.5)
        assert await value(client, "/gen/slot/1/state") == "playing"

    with running_daemon(tmp_path) as rig:

        async def run() -> None:
            client = await UdpClient.connect(rig.osc_port)
            await choose(rig, client)
            client.close()

        asyncio.run(run())
    assert any("chosen by /device" in line for line in play(find_it, tmp_path))
    jack.kill()
    assert any("cannot be had now" in line for line in play(go_without, tmp_path))
