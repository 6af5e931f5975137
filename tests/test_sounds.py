"""A take that begins from a sound file, by a real daemon: asked over OSC, found on the disk."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from daw_bridge.errors import Fault
from generator.api import SAMPLE_RATE_HZ
from tests.daemon_rig import running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.models import tiny_checkpoint


def write_noise(path: Path, rate_hz: int = 48_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (rate_hz // 2, 1))
    soundfile.write(path, noise * np.linspace(1, 0, len(noise))[:, None], rate_hz)
    return path


def test_a_file_over_osc_is_the_file_of_the_command_line(tmp_path: Path) -> None:
    model = str(tiny_checkpoint(tmp_path / "tiny").folder)
    mine, kick = tmp_path / "mine", write_noise(tmp_path / "mine" / "kick.wav")
    secret = write_noise(tmp_path / "secret.wav")

    async def scene(port: int) -> None:
        client = await UdpClient.connect(port)
        init = "/gen/slot/1/init"
        for name, fault in ((str(secret), Fault.FORBIDDEN), ("no.wav", Fault.BAD_VALUE)):
            client.send(init, ("s", name))
            refusal = await client.expect("/fail", lambda values: values[0] == init)
            assert refusal[2] == fault
            client.send(init)
            assert await client.expect(init) == [""]
        # All at once, as a script sends it.
        client.send(init, ("s", "kick.wav"))
        client.send(f"{init}/strength", ("f", 0.75))
        client.send("/gen/slot/1/duration", ("f", 0.4))
        client.send("/gen/slot/1/generate", ("s", "bell"), ("i", 7))
        await client.expect("/done", lambda values: values[0] == "/gen/slot/1/generate")
        client.send(init)
        assert await client.expect(init) == ["kick.wav"]
        client.send("/gen/state/save", ("s", "one"))
        await client.expect("/done", lambda values: values[0] == "/gen/state/save")
        client.close()

    folders = {"sound_dirs": f'["{mine}"]'}
    with running_daemon(tmp_path, model=model, **folders) as rig:
        asyncio.run(scene(rig.osc_port))
    (take,) = (tmp_path / "state" / "states" / "one").glob("*.wav")
    found, _ = soundfile.read(take, dtype="float32")
    made = tmp_path / "made.wav"
    words = ["generate", "bell", "-o", made, "--seed", 7, "--seconds", 0.4, "--model", model]
    words += ["--init", kick, "--strength", 0.75]
    subprocess.run([sys.executable, "-m", "daw_bridge", *map(str, words)], check=True)
    wanted, rate_hz = soundfile.read(made, dtype="float32")
    assert rate_hz == SAMPLE_RATE_HZ
    np.testing.assert_array_equal(found, wanted)
    assert rig.shared_memory() == []


def test_a_sound_is_there_again_after_a_restart(tmp_path: Path) -> None:
    model = str(tiny_checkpoint(tmp_path / "tiny").folder)
    write_noise(tmp_path / "state" / "sounds" / "kick.wav")

    async def name_it(port: int) -> None:
        client = await UdpClient.connect(port)
        client.send("/gen/slot/2/init", ("s", "kick.wav"))
        client.send("/gen/sync", ("i", 1))
        await client.expect("/synced")
        client.send("/gen/slot/2/init")
        assert await client.expect("/gen/slot/2/init") == ["kick.wav"]
        client.close()

    async def use_it(port: int) -> None:
        client = await UdpClient.connect(port)
        client.send("/gen/slot/2/go", ("s", "bell"))
        await client.expect("/done", lambda values: values[0] == "/gen/slot/2/go")
        client.close()

    for scene in (name_it, use_it):
        with running_daemon(tmp_path, model=model) as rig:
            asyncio.run(scene(rig.osc_port))
        assert rig.shared_memory() == []
