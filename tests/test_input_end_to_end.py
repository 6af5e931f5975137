"""Takes from the audio input: another JACK client plays, OSC asks, and what was made is judged."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.errors import Fault
from daw_bridge.takes import open_take
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.daemon_rig import DaemonRig, running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.jack_sound import Player, Recorder

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
PORTS = ("daw-bridge-input:in_0", "daw-bridge-input:in_1")
OUTPUTS = ("daw-bridge:out_0", "daw-bridge:out_1")
FRAMES = SAMPLE_RATE_HZ
PROMPT, SEED, STRENGTH = "warm analog pad", 7, 0.75
TONE_HZ = 330.0


def bursts() -> FloatArray:
    """A minute of a tone that comes and goes at random, no two seconds alike [frames, 2]."""
    rng = np.random.default_rng(5)
    steps = rng.random(60 * 8) < 0.4
    gate = np.repeat(steps, SAMPLE_RATE_HZ // 8).astype(np.float32)
    tone = 0.3 * np.sin(2 * np.pi * TONE_HZ / SAMPLE_RATE_HZ * np.arange(len(gate)))
    hiss = 1e-4 * rng.standard_normal(len(gate))
    wave = (gate * tone + hiss).astype(np.float32)
    return np.stack([wave, 0.5 * wave], axis=1)


def place_in(sent: FloatArray, found: FloatArray) -> int | None:
    """Where in a sound, which goes round, another one begins that is a part of it."""
    for place in np.flatnonzero(sent[:, 0] == found[0, 0]):
        if np.array_equal(np.roll(sent, -place, axis=0)[: len(found)], found):
            return int(place)
    return None


def tone_share(audio: FloatArray, tone_hz: float = TONE_HZ) -> float:
    """How much of a sound's power lies within a semitone of a tone."""
    power = np.abs(np.fft.rfft(audio[:, 0].astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(audio), 1.0 / SAMPLE_RATE_HZ)
    near = np.abs(frequencies / tone_hz - 1.0) < 0.06
    return float(power[near].sum() / max(power.sum(), 1e-12))


def read(path: Path) -> FloatArray:
    audio: FloatArray = soundfile.read(path, dtype="float32")[0]
    return audio


async def done(client: UdpClient, address: str, *arguments: tuple[str, object]) -> None:
    client.send(address, *arguments)
    await client.expect("/done", lambda values: values[0] == address, patience_s=20.0)


async def take_of(client: UdpClient, folder: Path, name: str) -> FloatArray:
    """The take of slot 1, made anew with the same words and seed."""
    await done(client, "/gen/slot/1/generate", ("s", PROMPT), ("i", SEED))
    await done(client, "/gen/state/save", ("s", name))
    (path,) = (folder / "state" / "states" / name).glob("*.wav")
    return read(path)


def made_of(sound: FloatArray, folder: Path) -> FloatArray:
    """What the command line makes of a sound, without a daemon."""
    source, made = folder / "source.wav", folder / "made.wav"
    soundfile.write(source, sound, SAMPLE_RATE_HZ, subtype="FLOAT")
    words = ["generate", PROMPT, "-o", made, "--seed", SEED, "--seconds", 1.0, "--model", "house"]
    words += ["--init", source, "--strength", STRENGTH]
    subprocess.run([sys.executable, "-m", "daw_bridge", *map(str, words)], check=True)
    return read(made)


@pytest.mark.jack
def test_a_take_begins_from_what_another_program_plays(jack: JackServer, tmp_path: Path) -> None:
    sent = bursts()
    heard: list[FloatArray] = []
    takes: list[FloatArray] = []

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        with Player(jack, sent) as player:
            player.connect(*PORTS)
            client.send("/gen/slot/1/duration", ("f", 1.0))
            client.send("/gen/slot/1/init/strength", ("f", STRENGTH))
            takes.append(await take_of(client, tmp_path, "without"))
            await asyncio.sleep(1.1)
            client.send("/gen/slot/1/init", ("s", "input"))
            takes.append(await take_of(client, tmp_path, "with"))
            # What the take began from lies in shared memory as long as the slot begins from there.
            for name in rig.shared_memory():
                if "-take-" in name:
                    audio = open_take(name, FRAMES).audio
                    if place_in(sent, audio) is not None:
                        heard.append(audio.copy())

    with running_daemon(tmp_path, output="default", model="house", input="default") as rig:

        async def run() -> None:
            client = await UdpClient.connect(rig.osc_port)
            try:
                await scene(rig, client)
            finally:
                client.close()

        asyncio.run(run())
    without, with_input = takes
    assert len(heard) == 1, "the frames that another program sent, one by one"
    assert tone_share(without) < 0.05
    assert tone_share(with_input) > 0.4
    np.testing.assert_array_equal(with_input, made_of(heard[0], tmp_path))
    assert rig.shared_memory() == []


@pytest.mark.jack
def test_a_stream_follows_what_is_played(jack: JackServer, tmp_path: Path) -> None:
    """Two seconds of a low tone and two of a high one, round and round: both are followed."""
    tones_hz, bar = (220.0, 660.0), SAMPLE_RATE_HZ
    phases = [2 * np.pi * hz / SAMPLE_RATE_HZ * np.arange(2 * bar) for hz in tones_hz]
    wave = 0.3 * np.sin(np.concatenate(phases)).astype(np.float32)

    async def scene(port: int) -> FloatArray:
        client = await UdpClient.connect(port)
        for address, argument in (
            ("tempo", ("f", 240.0)),
            ("slot/1/mode", ("s", "stream")),
            ("slot/1/bars", ("i", 1)),
            ("slot/1/init/strength", ("f", 0.8)),
            ("slot/1/init", ("s", "input")),
        ):
            client.send(f"/gen/{address}", argument)
        await asyncio.sleep(2.0)
        with Recorder(jack, OUTPUTS, seconds=10.0) as recorder:
            client.send("/gen/slot/1/go", ("s", "warm pad"), ("i", 3))
            recording = await asyncio.to_thread(recorder.finish)
        client.close()
        return recording.audio

    options = {"output": "default", "model": "house", "input": "default"}
    with (
        Player(jack, np.stack([wave, wave], axis=1)) as player,
        running_daemon(tmp_path, **options) as rig,
    ):
        player.connect(*PORTS)
        audio = asyncio.run(scene(rig.osc_port))
    pieces = [audio[at : at + bar // 2] for at in range(0, len(audio) - bar, bar // 2)]
    for tone_hz in tones_hz:
        assert max(tone_share(piece, tone_hz) for piece in pieces) > 0.7
    assert rig.shared_memory() == []


@pytest.mark.jack
def test_an_input_is_switched_on_and_off_over_osc(jack: JackServer, tmp_path: Path) -> None:
    async def scene(port: int) -> None:
        client = await UdpClient.connect(port)
        client.send("/gen/input")
        assert await client.expect("/gen/input") == ["", ""]
        client.send("/gen/slot/1/init", ("s", "input"))
        refusal = await client.expect("/fail")
        assert refusal[0] == "/gen/slot/1/init"
        assert '/input "default"' in refusal[3]
        client.send("/gen/input/list")
        assert (await client.expect("/gen/input/list"))[0] == "system"
        await client.expect("/done", lambda values: values[0] == "/gen/input/list")
        await done(client, "/gen/input", ("s", "default"))
        client.send("/gen/input")
        assert (await client.expect("/gen/input"))[0] == "system"
        jack.await_ports(*PORTS)
        client.send("/gen/slot/1/init", ("s", "input"))
        client.send("/gen/slot/1/duration", ("f", 0.2))
        await asyncio.sleep(0.5)
        client.send("/gen/slot/1/generate", ("s", "bell"))
        address, _, code, text = await client.expect("/fail")
        assert (address, code) == ("/gen/slot/1/generate", Fault.BAD_VALUE)
        assert "silent" in text
        await done(client, "/gen/input", ("s", ""))
        client.send("/gen/slot/1/generate", ("s", "bell"))
        assert (await client.expect("/fail"))[2] == Fault.NOT_READY
        assert not set(PORTS) & set(jack.ports())
        client.close()

    with running_daemon(tmp_path, output="null") as rig:
        asyncio.run(scene(rig.osc_port))
    assert rig.shared_memory() == []
