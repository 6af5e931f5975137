"""What a performer trusts, from outside: nothing is lost, captures are exact, floods do no harm."""

import asyncio
import os
import re
import shutil
import signal
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daw_bridge.session_shown import SESSION_FIELDS, SLOT_FIELDS
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.audio_rig import loop_breaks
from tests.daemon_rig import DaemonRig, play
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.jack_sound import Recorder
from tests.stalls import StallMonitor

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
needs_liblo = pytest.mark.skipif(shutil.which("oscsendfile") is None, reason="needs liblo-tools")
PATIENCE_S = 60.0
PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")


async def done(client: UdpClient, address: str, *arguments: tuple[str, Any]) -> list[Any]:
    """Ask for something, and wait for its /done, also on a busy machine."""
    client.send(address, *arguments)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = await client.received.get()
            values = [one for _, one in message.arguments]
            assert message.address != "/fail", values
            if message.address == "/done" and values[0] == address:
                return values


async def value(client: UdpClient, address: str) -> Any:
    client.send(address)
    return (await client.expect(address))[0]


async def everything(client: UdpClient) -> dict[str, list[Any]]:
    """All values, as a client that joins late asks for them."""
    while not client.received.empty():
        client.received.get_nowait()
    client.send("/gen/refresh")
    values = {}
    while (message := await client.received.get()).address != "/done":
        if message.address != "/gen/log":  # no value, and told whenever something happens
            values[message.address] = [one for _, one in message.arguments]
    return values


async def build_a_rig(client: UdpClient) -> None:
    client.send("/gen/tempo", ("f", 131.0))
    client.send("/gen/slot/2/gain", ("f", -6.0))
    for slot, mode in ((1, "oneshot"), (2, "loop")):
        client.send(f"/gen/slot/{slot}/mode", ("s", mode))
        client.send(f"/gen/slot/{slot}/bars", ("i", slot))
        await done(client, f"/gen/slot/{slot}/go", ("s", f"sound {slot}"), ("i", slot))
    await done(client, "/gen/scene/3/store")


# ── the state ────────────────────────────────────────────────────────────────
def test_after_kill_9_a_restart_returns_to_the_same_rig(tmp_path: Path) -> None:
    kept: dict[str, list[Any]] = {}
    sound: list[FloatArray] = []
    moving = re.compile(r"/(state|take|xruns|is_.*|play|stop|current)$")

    def takes() -> list[FloatArray]:
        files = sorted((tmp_path / "state" / "session").iterdir())
        return [soundfile.read(file, dtype="float32")[0] for file in files]

    async def before(rig: DaemonRig, client: UdpClient) -> None:
        await build_a_rig(client)
        await done(client, "/gen/state/save")
        kept.update(await everything(client))
        sound.extend(takes())
        rig.process.kill()
        rig.process.wait()

    async def after(rig: DaemonRig, client: UdpClient) -> None:
        values = await everything(client)
        still = {address: held for address, held in kept.items() if not moving.search(address)}
        assert {address: values[address] for address in still} == still
        for slot in (1, 2):
            assert await value(client, f"/gen/slot/{slot}/state") == "ready"
        for one, other in zip(takes(), sound, strict=True):
            np.testing.assert_array_equal(one, other)
        await done(client, "/gen/scene/3/recall")
        assert await value(client, "/gen/slot/2/state") in {"armed", "playing"}

    play(before, tmp_path)
    play(after, tmp_path)


def test_what_was_changed_is_saved_by_itself(tmp_path: Path) -> None:
    async def before(rig: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/tempo", ("f", 99.5))
        assert await value(client, "/gen/tempo") == 99.5
        state = tmp_path / "state" / "session.toml"
        async with asyncio.timeout(10.0):
            while not state.exists() or "99.5" not in state.read_text():
                await asyncio.sleep(0.05)
        rig.process.kill()
        rig.process.wait()

    async def after(_: DaemonRig, client: UdpClient) -> None:
        assert await value(client, "/gen/tempo") == 99.5

    play(before, tmp_path)
    play(after, tmp_path)


def test_a_second_daemon_says_so_and_leaves_the_state_alone(tmp_path: Path) -> None:
    async def first(_: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/tempo", ("f", 88.0))
        await done(client, "/gen/state/save")

        async def second(_rig: DaemonRig, other: UdpClient) -> None:
            assert await value(other, "/gen/tempo") == 120.0
            other.send("/gen/tempo", ("f", 77.0))
            other.send("/gen/state/save")
            assert "Another daw-bridge" in (await other.expect("/fail"))[3]

        said = await asyncio.to_thread(play, second, tmp_path)
        assert any("Another daw-bridge" in line for line in said)
        assert "tempo = 88.0" in (tmp_path / "state" / "session.toml").read_text()

    play(first, tmp_path)


@pytest.mark.parametrize("fault", ["broken", "crashed"])
def test_a_state_that_does_harm_is_set_aside(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    text = 'format = "daw-bridge rig"\nversion = 1\n[session]\ntempo = 33.0\n'
    (folder / "session.toml").write_text("= no TOML" if fault == "broken" else text)
    if fault == "crashed":
        (folder / "session.loading").touch()  # as a start leaves it that broke

    async def scene(_: DaemonRig, client: UdpClient) -> None:
        assert await value(client, "/gen/tempo") == 120.0

    said = play(scene, tmp_path)
    assert any("aside-1.toml" in line for line in said)
    assert (folder / "aside-1.toml").exists()
    said = play(scene, tmp_path)
    assert not any("aside" in line for line in said)


# ── presets ──────────────────────────────────────────────────────────────────
def test_a_preset_with_its_takes_needs_no_model(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        await build_a_rig(client)
        await done(client, "/gen/preset/save", ("s", "mine"))
        assert await value(client, "/gen/preset/dirty") is False
        client.send("/gen/slot/2/gain", ("f", -20.0))
        assert await value(client, "/gen/preset/dirty") is True
        os.kill(rig.children()["generator"], signal.SIGSTOP)
        await done(client, "/gen/preset/load", ("s", "mine"))
        os.kill(rig.children()["generator"], signal.SIGCONT)
        assert await value(client, "/gen/slot/2/gain") == -6.0
        assert await value(client, "/gen/slot/1/take") > 2
        assert await value(client, "/gen/preset/name") == "mine"
        assert await value(client, "/gen/preset/dirty") is False

    play(scene, tmp_path)


def test_every_shipped_preset_is_there_and_loads_by_number(tmp_path: Path) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/preset/list")
        names = await client.expect("/gen/preset/list")
        (_, _, count) = await client.expect("/done")
        assert count == len(names) >= 24
        await done(client, "/gen/preset/load", ("i", 3))
        assert await value(client, "/gen/preset/name") == names[2]
        await done(client, "/gen/preset/next")
        assert await value(client, "/gen/preset/name") == names[3]
        await done(client, "/gen/preset/prev")
        assert await value(client, "/gen/slot/1/state") == "ready"
        client.send("/gen/preset/delete", ("s", names[2]))
        assert "stays" in (await client.expect("/fail"))[3]

    play(scene, tmp_path)


# ── capture ──────────────────────────────────────────────────────────────────
def place_of(part: FloatArray, whole: FloatArray) -> int:
    """Where a recording holds a part of itself, frame by frame; -1 for nowhere."""
    loudest = int(np.abs(part).max(axis=1).argmax())
    for place in np.flatnonzero((whole == part[loudest]).all(axis=1)):
        first = int(place) - loudest
        if first >= 0 and np.array_equal(whole[first : first + len(part)], part):
            return first
    return -1


def test_captures_are_what_went_to_the_device_sample_by_sample(tmp_path: Path) -> None:
    paths: list[str] = []

    async def scene(_: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/tempo", ("d", 174.07))
        client.send("/gen/quantize", ("s", "bar"))
        client.send("/gen/slot/1/mode", ("s", "loop"))
        client.send("/gen/slot/1/bars", ("i", 1))
        await done(client, "/gen/slot/1/go", ("s", "loop"), ("i", 3))
        recording = (await done(client, "/gen/rec/start", ("s", "whole.wav")))[2]
        await asyncio.sleep(6.0)
        for name, length in (("bars", ("i", 2)), ("seconds.flac", ("f", 1.5))):
            paths.append((await done(client, "/gen/rec/capture", length, ("s", name)))[2])
        assert (await done(client, "/gen/rec/stop"))[2] == recording
        paths.append(recording)
        client.send("/gen/rec/capture", ("f", 1.0), ("s", "../x"))
        assert (await client.expect("/fail"))[2] == 403

    play(scene, tmp_path, output=str(tmp_path / "out.wav"))
    output, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    bars, _ = soundfile.read(paths[0], dtype="float32")
    bar_frames = 4 * 60 * SAMPLE_RATE_HZ / 174.07
    assert abs(len(bars) - 2 * bar_frames) <= 1
    assert place_of(bars, output) > 0
    assert abs(bars).max() > 0.01
    half = round(bar_frames)
    np.testing.assert_array_equal(bars[: half - 2], bars[half : 2 * half - 2])  # it is the loop
    whole, _ = soundfile.read(paths[2], dtype="float32")
    assert place_of(whole, output) > 0
    seconds, _ = soundfile.read(paths[1], dtype="float32")
    assert len(seconds) == 1.5 * SAMPLE_RATE_HZ
    with soundfile.SoundFile(paths[0]) as file:
        assert "slot 1 seed 3: loop" in file.comment
        assert "tempo 174.07 bpm" in file.comment
        assert "Beats     : 8" in file.extra_info


# ── many messages, many clients ──────────────────────────────────────────────
def test_a_client_that_joins_late_gets_everything_at_once(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        await build_a_rig(client)
        known = await everything(client)
        late = await UdpClient.connect(rig.osc_port)
        late.send("/gen/notify", ("i", 1))
        await late.expect("/done")
        times_s = []
        for _ in range(5):
            begun_s = time.monotonic()
            values = await everything(late)
            times_s.append(time.monotonic() - begun_s)
            assert values.keys() == known.keys()
        assert len(known) >= len(SESSION_FIELDS) + 16 * len(SLOT_FIELDS) - 2
        assert min(times_s) < 0.1
        client.send("/gen/slot/7/gain", ("f", -11.0))
        assert await late.expect("/gen/slot/7/gain") == [-11.0]
        late.close()

    play(scene, tmp_path)


def write_flood(path: Path, seconds: float) -> dict[str, float]:
    """A file for `oscsendfile` with 1,000 messages a second; the last value of each address."""
    last: dict[str, float] = {}
    with path.open("w") as file:
        for number in range(round(1000 * seconds)):
            address = f"/gen/slot/{2 + number % 15}/{('gain', 'pan', 'duration')[number // 15 % 3]}"
            held = 0.25 + number % 1000 / 2048
            last[address] = held
            second, fraction = divmod(1000 + number, 1000)
            stamp = f"{second:08x}.{fraction * 2**32 // 1000:08x}"
            print(f"{stamp} {address} f {held:.10f}", file=file)
    return last


async def flooded(rig: DaemonRig, client: UdpClient, folder: Path, seconds: float) -> float:
    """Flood the daemon from another program, and ping it meanwhile: the median answer in ms."""
    last = write_flood(folder / "flood.txt", seconds)
    flood = await asyncio.create_subprocess_exec(
        "oscsendfile", "127.0.0.1", str(rig.osc_port), str(folder / "flood.txt")
    )
    times_ms: list[float] = []
    while flood.returncode is None:
        begun_s = time.monotonic()
        client.send("/gen/ping", ("i", len(times_ms)))
        await client.expect("/pong")
        times_ms.append(1000.0 * (time.monotonic() - begun_s))
        await asyncio.sleep(0.01)
    assert await flood.wait() == 0
    values = await everything(client)
    assert {address: values[address] for address in last} == {
        address: [held] for address, held in last.items()
    }
    return statistics.median(times_ms)


async def start_a_loop(client: UdpClient) -> int:
    """Loop slot 1; the length of the loop in frames."""
    client.send("/gen/slot/1/mode", ("s", "loop"))
    client.send("/gen/slot/1/duration", ("f", 0.5))
    answer = await done(client, "/gen/slot/1/go", ("s", "loop"))
    seconds: float = answer[5]
    return round(seconds * SAMPLE_RATE_HZ)


@needs_liblo
def test_a_thousand_messages_a_second_leave_sound_and_values_whole(tmp_path: Path) -> None:
    frames = 0

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        nonlocal frames
        frames = await start_a_loop(client)
        await asyncio.sleep(0.5)
        assert await flooded(rig, client, tmp_path, 3.0) < 20.0

    play(scene, tmp_path, output=str(tmp_path / "out.wav"))
    output, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    begin = int(np.flatnonzero(np.abs(output).max(axis=1) > 1e-4)[0])
    loops = output[begin + frames : begin + 6 * frames]
    assert len(loop_breaks(loops, frames)) == 0


@needs_liblo
@pytest.mark.slow
@pytest.mark.jack
def test_a_minute_of_a_thousand_messages_a_second_on_jack(tmp_path: Path, jack: JackServer) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        frames = await start_a_loop(client)
        jack.await_ports(*PORTS)
        await asyncio.sleep(1.0)
        with StallMonitor() as monitor, Recorder(jack, PORTS, seconds=62.0) as recorder:
            median_ms = await flooded(rig, client, tmp_path, 60.0)
            recording = await asyncio.to_thread(recorder.finish)
        stalls = monitor.finish()
        breaks = loop_breaks(recording.audio, frames)
        ours = stalls.leave_out(recording.times_of(breaks))
        assert len(ours) == 0
        assert median_ms <= 5.0, f"{len(breaks)} breaks in all"

    play(scene, tmp_path, output="default")


def test_no_shared_memory_is_left(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        await build_a_rig(client)
        assert any("capture" in name for name in rig.shared_memory())
        subprocess.run(["kill", str(rig.process.pid)], check=True)
        rig.process.wait(10.0)
        assert rig.shared_memory() == []

    play(scene, tmp_path)
