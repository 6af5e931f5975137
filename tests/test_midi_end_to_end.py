"""MIDI from outside: another program's keys, controllers and clock, into a real daemon on JACK."""

import asyncio
import contextlib
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import jack as jack_client
import pytest

from tests.daemon_rig import DaemonRig, running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer, compiled
from tests.test_end_to_end import go, wait_for_state

OWN_IN = "daw-bridge-midi:in"
Scene = Callable[[DaemonRig, UdpClient], Awaitable[None]]


class Keyboard:
    """A JACK client of its own that sends MIDI."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._client = jack_client.Client("keyboard", no_start_server=True)
        self._port = self._client.midi_outports.register("out")
        self._client.set_process_callback(self._process)

    @contextlib.contextmanager
    def connected(self) -> Iterator["Keyboard"]:
        with self._client:
            self._client.connect(self._port, OWN_IN)
            yield self

    def send(self, *message: int) -> None:
        self._pending.append(bytes(message))

    def _process(self, _frames: int) -> None:
        self._port.clear_buffer()
        if self._pending:
            self._port.write_midi_event(0, self._pending.pop(0))


def play(scene: Scene, folder: Path, jack: JackServer) -> None:
    async def run(rig: DaemonRig) -> None:
        await asyncio.to_thread(jack.await_ports, OWN_IN)
        client = await UdpClient.connect(rig.osc_port)
        try:
            await scene(rig, client)
        finally:
            client.close()

    with running_daemon(folder, output="default") as rig:
        asyncio.run(run(rig))


@pytest.mark.jack
def test_keys_play_slots_and_controllers_move_what_they_learnt(
    tmp_path: Path, jack: JackServer
) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/slot/2/mode", ("s", "loop"))
        await go(client, 1, "kick")
        client.send("/gen/slot/2/generate", ("s", "pad"))
        await client.expect("/done", lambda values: values[0] == "/gen/slot/2/generate")
        with Keyboard().connected() as keyboard:
            keyboard.send(0x99, 37, 100)  # the second drum
            await wait_for_state(client, 2, "playing")
            keyboard.send(0xB0, 123, 0)
            await wait_for_state(client, 2, "ready")
            learn = ("/gen/midi/learn", ("s", "/gen/slot/1/pan"))
            client.send("/gen/req", ("i", 9), ("s", learn[0]), learn[1])
            client.send("/gen/sync", ("i", 1))
            await client.expect("/synced")
            keyboard.send(0xB2, 21, 64)
            done = await client.expect("/done", lambda values: values[0] == learn[0])
            assert done == [learn[0], 9, 3, 21]
            for value in (64, 80, 127):  # from the middle, where the value stands
                keyboard.send(0xB2, 21, value)
            async with asyncio.timeout(5.0):
                while True:
                    client.send("/gen/slot/1/pan")
                    if await client.expect("/gen/slot/1/pan") == [1.0]:
                        break
                    await asyncio.sleep(0.01)
            client.send("/gen/midi/map")
            assert await client.expect("/gen/midi/map") == ["3 21 /slot/1/pan"]
        async with asyncio.timeout(5.0):
            while not (tmp_path / "state" / "midi.toml").exists():
                await asyncio.sleep(0.01)

    play(scene, tmp_path, jack)
    assert 'path = "/slot/1/pan"' in (tmp_path / "state" / "midi.toml").read_text()


@pytest.mark.jack
def test_a_program_change_loads_the_preset_that_its_device_shows(
    tmp_path: Path, jack: JackServer
) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/preset/list")
        names = await client.expect("/gen/preset/list")
        client.send("/gen/notify", ("i", 1))
        await client.expect("/done")
        with Keyboard().connected() as keyboard:
            for program in (1, 3, len(names)):
                keyboard.send(0xC0, program - 1)
                name = await client.expect(
                    "/gen/preset/name", lambda values: bool(values[0]), patience_s=60.0
                )
                assert name == [names[program - 1]]
            keyboard.send(0xC0, 127)
            log = await client.expect("/gen/log", lambda values: "128" in values[1])
            assert f"1 to {len(names)}" in log[1]
            client.send("/gen/preset/name")
            assert await client.expect("/gen/preset/name") == [names[-1]]

    play(scene, tmp_path, jack)


@pytest.mark.jack
def test_the_clock_of_another_program_leads(tmp_path: Path, jack: JackServer) -> None:
    async def scene(_: DaemonRig, client: UdpClient) -> None:
        client.send("/gen/tempo/source", ("s", "midi"))
        client.send("/gen/beat", ("i", 1))
        tool = [str(compiled("midi_clock", "-ljack")), "seq", "137", "2", "280", "1", OWN_IN]
        with subprocess.Popen([*tool, str(tmp_path / "meant")], stdout=subprocess.DEVNULL):
            first = await client.expect("/gen/beat", lambda values: values[:2] == [1, 1])
            assert first[2] == pytest.approx(120.0)
            last = await client.expect("/gen/beat", lambda values: values[:2] == [3, 2])
        assert last[2] == pytest.approx(137.0, abs=0.1)
        client.send("/gen/tempo", ("f", 90.0))
        failed = await client.expect("/fail")
        assert (failed[0], "midi" in failed[3]) == ("/gen/tempo", True)

    play(scene, tmp_path, jack)
