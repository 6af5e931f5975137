"""What clients are told, from outside: at most 30 times a second, and the last value always.

A real daemon, another program that floods it, and sockets that listen.
"""

import asyncio
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.clients import MAX_RATE_HZ
from generator.api import SAMPLE_RATE_HZ
from tests.daemon_rig import DaemonRig, play
from tests.daw_bridge.osc_client import UdpClient

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
Told = list[tuple[float, list[float]]]
METER, POSITION = "/gen/master/meter", "/gen/slot/1/pos"


async def listen(client: UdpClient, seconds: float) -> dict[str, Told]:
    """What comes in a while: times and values, by address."""
    told: dict[str, Told] = {}
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0.0:
        try:
            message = await asyncio.wait_for(client.received.get(), left_s)
        except TimeoutError:
            break
        values = [value for _, value in message.arguments if isinstance(value, float)]
        told.setdefault(message.address, []).append((time.monotonic(), values))
    return told


def rate_hz(told: Told) -> float:
    return (len(told) - 1) / (told[-1][0] - told[0][0])


@pytest.mark.skipif(shutil.which("oscsendfile") is None, reason="needs liblo-tools")
def test_a_fader_is_told_to_all_who_listen_thirty_times_a_second_and_its_last_place_always(
    tmp_path: Path,
) -> None:
    places = [-40.0 + number / 16 for number in range(700)]
    with (tmp_path / "fader.txt").open("w") as file:
        for number, place in enumerate(places):
            second, fraction = divmod(1000 + 2 * number, 1000)
            stamp = f"{second:08x}.{fraction * 2**32 // 1000:08x}"
            print(f"{stamp} /gen/slot/1/gain f {place}", file=file)

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        other = await UdpClient.connect(rig.osc_port)
        for one, most_hz in ((client, MAX_RATE_HZ), (other, 10.0)):
            one.send("/gen/notify", ("i", 1), ("i", one.port), ("f", most_hz))
            await one.expect("/done")
        flood = await asyncio.create_subprocess_exec(
            "oscsendfile", "127.0.0.1", str(rig.osc_port), str(tmp_path / "fader.txt")
        )
        heard = await asyncio.gather(listen(client, 2.5), listen(other, 2.5))
        assert await flood.wait() == 0
        for by_address, most_hz in zip(heard, (MAX_RATE_HZ, 10.0), strict=True):
            told = by_address["/gen/slot/1/gain"]
            assert told[-1][1] == [places[-1]]
            assert 0.5 * most_hz < rate_hz(told) < 1.1 * most_hz
        other.close()

    play(scene, tmp_path)


def test_meters_and_positions_are_what_is_heard_for_those_who_ask(tmp_path: Path) -> None:
    """Their peak is that of the file, the position goes round with the loop, and both end."""
    peaks_dbfs: list[float] = []

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        other = await UdpClient.connect(rig.osc_port)
        other.send("/gen/notify", ("i", 1))
        await other.expect("/done")
        for address, argument in (
            (METER, ("i", 1)),
            (POSITION, ("i", 1)),
            ("/gen/slot/1/mode", ("s", "loop")),
            ("/gen/slot/1/duration", ("f", 1.0)),
            ("/gen/slot/1/go", ("s", "bell")),
        ):
            client.send(address, argument)
        await client.expect("/done", lambda values: values[0] == "/gen/slot/1/go")
        told = await listen(client, 3.0)
        client.send("/gen/slot/1/stop", ("f", 5.0))
        after = await listen(client, 1.5)
        for address in (METER, POSITION):
            assert 0.5 * MAX_RATE_HZ < rate_hz(told[address]) <= MAX_RATE_HZ
        peaks_dbfs.append(max(values[0] for _, values in told[METER]))
        times_s, values = zip(*told[POSITION], strict=True)
        places = np.array(values)[:, 0]
        assert places.min() >= 0.0
        assert places.max() <= 1.0
        turns = np.unwrap(2.0 * np.pi * places) / (2.0 * np.pi)
        drift = turns - turns[0] - (np.array(times_s) - times_s[0])
        assert np.median(np.abs(drift - np.median(drift))) < 0.05
        assert after[POSITION][-1][1] == [0.0]
        assert after[METER][-1][1][0] < peaks_dbfs[0] - 12.0
        assert not {METER, POSITION} & (await listen(other, 0.1)).keys()
        client.send(METER, ("i", 0))
        client.send("/gen/sync", ("i", 1))
        await client.expect("/synced")
        assert METER not in await listen(client, 0.3)
        other.close()

    play(scene, tmp_path, output=str(tmp_path / "out.wav"))
    audio, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == SAMPLE_RATE_HZ
    assert abs(20.0 * np.log10(np.abs(audio[:, 0]).max()) - peaks_dbfs[0]) < 1.0
