"""A take that plays while it is made is heard as it is kept: a real daemon, model and file."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.settings import Settings
from generator.api import GenerationRequest
from generator.loading import HOUSE, load_generator
from tests.daemon_rig import running_daemon
from tests.daw_bridge.osc_client import UdpClient

SECONDS = 12.0
HEARD_S = 1.5
PROMPT, SEED = "warm pad in C minor", 11

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")


def test_what_is_heard_while_it_is_made_is_the_take_bit_by_bit(tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"

    async def scene(port: int) -> list[str]:
        client = await UdpClient.connect(port)
        order: list[str] = []
        client.send("/gen/notify", ("i", 1), ("i", client.port))
        client.send("/gen/slot/1/duration", ("f", SECONDS))
        client.send("/gen/slot/1/go", ("s", PROMPT), ("i", SEED))
        give_up_s = time.monotonic() + 30.0
        while len(order) < 2 and time.monotonic() < give_up_s:
            message = await asyncio.wait_for(client.received.get(), 30.0)
            values = [value for _, value in message.arguments]
            if message.address == "/gen/slot/1/state" and values == ["playing"]:
                order.append("playing")
            elif message.address == "/done" and values[0] == "/gen/slot/1/go":
                order.append("done")
            elif message.address == "/gen/log":
                assert "late" not in str(values), values
        await asyncio.sleep(HEARD_S + 0.5)
        client.close()
        return order

    with running_daemon(tmp_path, output=str(path), model=HOUSE) as rig:
        order = asyncio.run(scene(rig.osc_port))
        rig.end()
    assert sorted(order) == ["done", "playing"]
    request = GenerationRequest(PROMPT, SEED, SECONDS)
    take = load_generator(HOUSE, threads=Settings().generator_threads).generate(request).audio
    heard, _ = soundfile.read(path, dtype="float32")
    # The first frames of a pad may be silent, as those of the file before it are.
    first, begin = (np.flatnonzero(np.abs(sound).max(axis=1) > 1e-4)[0] for sound in (heard, take))
    frames = round(HEARD_S * 44_100)
    np.testing.assert_array_equal(heard[first : first + frames], take[begin : begin + frames])
