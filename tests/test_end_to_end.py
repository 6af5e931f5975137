"""The whole chain from outside: a real daemon, real sockets, another OSC implementation."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daw_bridge.errors import Fault
from daw_bridge.osc import encode_bundle, encode_message
from daw_bridge.schedule import NTP_TO_UNIX_S
from daw_bridge.session_shown import EFFECT_FIELDS, SESSION_FIELDS, SLOT_FIELDS
from generator.api import SAMPLE_RATE_HZ
from generator.checkpoint import DECODER_FILE
from tests.daemon_rig import DaemonRig, play, running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.jack_sound import Recorder, UdpTriggers
from tests.models import tiny_checkpoint

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")
needs_liblo = pytest.mark.skipif(shutil.which("oscsend") is None, reason="needs liblo-tools")


async def wait_for_state(client: UdpClient, slot: int, state: str) -> None:
    """Ask until a slot is in a state."""
    async with asyncio.timeout(5.0):
        while True:
            client.send(f"/gen/slot/{slot}/state")
            if await client.expect(f"/gen/slot/{slot}/state") == [state]:
                return
            await asyncio.sleep(0.005)


async def go(client: UdpClient, slot: int, prompt: str, seed: int = 1) -> list[Any]:
    address = f"/gen/slot/{slot}/go"
    client.send(address, ("s", prompt), ("i", seed))
    return await client.expect("/done", lambda values: values[0] == address)


async def play_loop(client: UdpClient, slot: int) -> None:
    client.send(f"/gen/slot/{slot}/mode", ("s", "loop"))
    client.send(f"/gen/slot/{slot}/duration", ("f", 0.5))
    await go(client, slot, "loop")
    await wait_for_state(client, slot, "playing")


def onsets(path: Path) -> list[int]:
    """The frames at which sound begins after a silence of at least 10 ms."""
    audio, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == SAMPLE_RATE_HZ
    loud = np.flatnonzero(np.abs(audio).max(axis=1) > 1e-5)
    starts = np.flatnonzero(np.diff(loud, prepend=-(10**9)) > SAMPLE_RATE_HZ // 100)
    return [int(frame) for frame in loud[starts]]


@needs_liblo
def test_a_prompt_from_another_program_becomes_sound_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        begun_s = time.monotonic()
        oscsend = ["oscsend", "127.0.0.1", str(rig.osc_port), "/gen/slot/1/go", "s", "deep kick"]
        subprocess.run(oscsend, check=True, timeout=10)
        await wait_for_state(client, 1, "playing")
        assert time.monotonic() - begun_s < 2.0
        client.send("/gen/slot/1/seed")
        (seed,) = await client.expect("/gen/slot/1/seed")
        assert seed >= 0
        await asyncio.sleep(0.2)  # sound is written in real time
        client.send("/gen/quit")
        await client.expect("/done")
        rig.process.wait(5.0)
        assert rig.process.returncode == 0

    play(scene, tmp_path, output=str(path))
    audio, rate_hz = soundfile.read(path)
    assert (rate_hz, audio.shape[1]) == (SAMPLE_RATE_HZ, 2)
    assert 0.01 < np.abs(audio).max() <= 1.0
    assert len(onsets(path)) == 1


async def change_tempo(client: UdpClient) -> None:
    for tempo_bpm in range(60, 960):
        client.send("/gen/tempo", ("i", tempo_bpm))
        await asyncio.sleep(0.02)


@pytest.mark.jack
def test_a_prompt_sounds_in_jack_within_300_ms(tmp_path: Path, jack: JackServer) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        packet = encode_message("/gen/slot/1/go", (("s", "deep kick"),))
        triggers = UdpTriggers(rig.osc_port, packet, count=1, min_ms=100.0, max_ms=200.0)
        jack.await_ports(*PORTS)
        with Recorder(jack, PORTS, seconds=1.0, triggers=triggers) as recorder:
            recording = await asyncio.to_thread(recorder.finish)
        (sent_s,) = recording.sent_times_s
        loud = np.flatnonzero(np.abs(recording.audio).max(axis=1) > 1e-5)
        (first_s,) = recording.times_of(loud[:1])
        assert 0.0 < first_s - sent_s < 0.3
        client.send("/gen/status")
        status = await client.expect("/gen/status.reply")
        assert status[8] == "system"

    play(scene, tmp_path, output="default")


@needs_liblo
def test_another_program_hears_the_feedback(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        dump = await asyncio.create_subprocess_exec(
            "stdbuf", "-oL", "oscdump", str(port), stdout=asyncio.subprocess.PIPE
        )
        client.send("/gen/notify", ("i", 1), ("i", port))
        await client.expect("/done")
        changing = asyncio.create_task(change_tempo(client))  # oscdump takes a moment to listen
        try:
            async with asyncio.timeout(10.0):
                assert dump.stdout is not None
                assert b"/gen/tempo f " in await dump.stdout.readline()
        finally:
            changing.cancel()
            dump.kill()
            await dump.wait()

    play(scene, tmp_path)


def test_done_carries_take_and_seed_and_progress_comes_before(tmp_path: Path) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/req", ("i", 7), ("s", "/gen/slot/3/generate"), ("s", "pad"), ("i", 99))
        assert (await client.expect("/progress"))[:2] == ["/gen/slot/3/generate", 7]
        address, request_id, take, seed, generate_ms, seconds = await client.expect("/done")
        assert (address, request_id, take, seed) == ("/gen/slot/3/generate", 7, 1, 99)
        assert generate_ms > 0.0
        assert seconds == 2.0
        await wait_for_state(client, 3, "ready")
        client.send("/gen/slot/3/play")
        await wait_for_state(client, 3, "playing")
        client.send("/gen/panic")
        await client.expect("/done", lambda values: values[0] == "/gen/panic")
        await wait_for_state(client, 3, "ready")
        client.send("/gen/sync", ("i", 5))
        assert await client.expect("/synced") == [5]

    play(scene, tmp_path)


def test_bad_input_has_a_clear_answer_and_changes_nothing(tmp_path: Path) -> None:
    async def everything(client: UdpClient) -> dict[str, list[object]]:
        while not client.received.empty():
            client.received.get_nowait()
        client.send("/gen/refresh")
        values = {}
        while (message := await client.received.get()).address != "/done":
            values[message.address] = [value for _, value in message.arguments]
        return values

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        before = await everything(client)
        assert len(before) == len((*SESSION_FIELDS, *EFFECT_FIELDS)) + 16 * len(SLOT_FIELDS)
        source = random.Random(11)
        for number in range(300):
            client.send_bytes(source.randbytes(60_000 if number % 100 == 0 else 40))
            if number % 50 == 0:  # so that the answers fit into our own socket's buffer
                client.send("/gen/ping")
                await client.expect("/pong")
        refused: list[tuple[str, tuple[tuple[str, object], ...]]] = [
            ("/gen/slot/1/prompt", (("s", "x" * 9_000),)),
            ("/gen/slot/1/go", (("s", "x" * 9_000),)),
            ("/gen/slot/1/go", (("s", ""),)),
            ("/gen/slot/1/go", ()),
            ("/gen/slot/1/gain", (("f", float("nan")),)),
            ("/gen/tempo", (("f", float("nan")),)),
            ("/gen/slot/1/seed", (("s", "abc"),)),
            ("/gen/slot/1/play", ()),
        ]
        for address, arguments in refused:
            client.send(address, *arguments)
            failed = await client.expect("/fail", lambda values, a=address: values[0] == a)  # type: ignore[misc]
            assert failed[2] in (Fault.BAD_VALUE, Fault.NOT_READY)
        client.send("/gen/slot/17/play")
        await client.expect("/gen/error", lambda values: values[0] == "unknown_address")
        assert await everything(client) == before
        assert (await go(client, 1, "🥁 kick"))[0] == "/gen/slot/1/go"
        assert rig.process.poll() is None

    play(scene, tmp_path)


async def seconds_after_a_kill(rig: DaemonRig, client: UdpClient) -> float:
    """Kill the generator at work; how long after its open request failed the next one is done."""
    # Several long ones, so that it is at work whenever the signal comes.
    for slot in (2, 3, 4, 5):
        client.send(f"/gen/slot/{slot}/duration", ("f", 24.0))
        client.send(f"/gen/slot/{slot}/generate", ("s", "kick"))
    await client.expect("/progress")
    os.kill(rig.children()["generator"], signal.SIGKILL)
    failed = await client.expect("/fail")
    assert failed[0].endswith("/generate")
    assert failed[2] == Fault.GENERATOR_FAILED
    begun_s = time.monotonic()
    await go(client, 2, "kick")
    return time.monotonic() - begun_s


def test_killing_the_generator_fails_the_open_request_and_the_next_one_works(
    tmp_path: Path,
) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        await play_loop(client, 1)
        lasted_s = await seconds_after_a_kill(rig, client)
        # On a machine that is busy otherwise all of it takes longer, as the daemon's own start did.
        assert lasted_s < max(3.0, 3.0 * rig.start_s)
        await wait_for_state(client, 1, "playing")

    play(scene, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_loops_go_on_in_a_new_audio_process(tmp_path: Path, number: int) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        await play_loop(client, 1)
        old = rig.children()["audio"]
        client.send("/gen/notify", ("i", 1))
        os.kill(old, number)
        await client.expect("/gen/log", lambda values: "Sound goes on" in values[1])
        await wait_for_state(client, 1, "playing")
        assert rig.children()["audio"] != old

    play(scene, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_everything_within_two_seconds(tmp_path: Path, number: int) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        await play_loop(client, 1)
        client.send("/gen/slot/2/generate", ("s", "on its way"))
        children = rig.children()
        assert len(children) == 2
        assert rig.end(number) < 2.0
        assert rig.process.returncode == 0
        assert not any(Path(f"/proc/{child}").exists() for child in children.values())

    play(scene, tmp_path)


def test_an_interrupt_ends_a_daemon_that_a_script_put_into_the_background(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        assert rig.end(signal.SIGINT) < 2.0
        assert rig.process.returncode == 0

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what ends in &
    try:
        play(scene, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def test_bundles_sound_on_their_frames(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    gap_s = 0.25

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        for slot in (1, 2):
            client.send(f"/gen/slot/{slot}/duration", ("f", 0.1))
            client.send(f"/gen/slot/{slot}/generate", ("s", "click"), ("i", 5))
            await client.expect("/done")
        start_s = time.time() + NTP_TO_UNIX_S + 0.3
        for slot in (1, 2):
            time_tag = round((start_s + (slot - 1) * gap_s) * 2**32)
            client.send_bytes(encode_bundle([encode_message(f"/gen/slot/{slot}/play")], time_tag))
        await wait_for_state(client, 2, "playing")
        await wait_for_state(client, 2, "ready")
        assert rig.end() < 2.0

    play(scene, tmp_path, output=str(path))
    first, second = onsets(path)
    # The audio clock follows the system's: between two bundles it may be set right a little.
    assert abs(second - first - gap_s * SAMPLE_RATE_HZ) < SAMPLE_RATE_HZ / 1000


def test_oscquery_tells_the_same_as_osc(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/slot/4/gain", ("f", -7.5))
        client.send("/gen/slot/4/gain")
        assert await client.expect("/gen/slot/4/gain") == [-7.5]
        url = f"http://127.0.0.1:{rig.http_port}/gen/slot/4/gain?VALUE"
        answer = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())
        assert json.loads(answer) == {"VALUE": [-7.5]}

    play(scene, tmp_path)


def test_what_is_printed_can_be_pasted(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as rig:
        words = " ".join(rig.said)
        for part in ("device", "latency", "OSC", "HTTP", "model", "oscsend 127.0.0.1"):
            assert part in words
        (line,) = [line for line in rig.said if line.startswith("try")]
        assert f" {rig.osc_port} /gen/slot/1/go s " in line


def test_a_model_that_is_not_there_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    command = ["run", "--output", "null", "--model", "nonesuch", "--osc-port", "0"]
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    python = [sys.executable, "-m", "daw_bridge"]
    with subprocess.Popen(
        [*python, *command, "--http-port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "nonesuch" in complaint
    assert list(Path("/dev/shm").glob(f"dawb-{process.pid}-*")) == []  # noqa: S108


def test_a_loop_goes_on_frame_by_frame_while_the_model_changes(tmp_path: Path) -> None:
    """Every round of the loop in the file is the round before, the whole change of model long."""
    path = tmp_path / "out.wav"
    good = tiny_checkpoint(tmp_path / "good", name="good").folder
    bad = tiny_checkpoint(tmp_path / "bad").folder
    (bad / DECODER_FILE).write_bytes(b"no graph")

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        del rig
        await play_loop(client, 1)
        for model, name in ((bad, "tone"), (good, "good")):
            client.send("/gen/model/load", ("s", str(model)))
            answer = "/done" if name == "good" else "/fail"
            async with asyncio.timeout(60.0):
                while True:
                    with contextlib.suppress(TimeoutError):
                        await client.expect(answer, lambda values: "/load" in values[0])
                        break
            client.send("/gen/model")
            assert await client.expect("/gen/model") == [name]
        await wait_for_state(client, 1, "playing")
        client.send("/gen/slot/2/generate", ("s", "by the new model"))
        await client.expect("/done", lambda values: values[0] == "/gen/slot/2/generate")
        await asyncio.sleep(3.0)  # the file is written in real time, however quick the loads were

    play(scene, tmp_path, output=str(path))
    audio, _ = soundfile.read(path, dtype="float32")
    lasting = SAMPLE_RATE_HZ // 2
    begin = int(np.flatnonzero(np.abs(audio).max(axis=1) > 1e-5)[0]) + lasting
    # The end of the file has the fade of the daemon's own end.
    rounds = audio[begin:][: (len(audio) - begin) // lasting * lasting - lasting]
    assert len(rounds) >= 3 * lasting
    np.testing.assert_allclose(rounds[lasting:], rounds[:-lasting], atol=1e-6)
