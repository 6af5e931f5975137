"""Streams and fresh pads with the house checkpoint, as they are heard on a JACK server.

Another OSC program asks, another JACK client records. A few bars by day, ten minutes by night (the
mark ``slow``).
"""

import asyncio
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.daemon_rig import running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.jack_sound import Recorder

pytestmark = [
    pytest.mark.skipif(shutil.which("oscsend") is None, reason="needs liblo-tools"),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc"),
]
PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")
# What sounds on without a pause: a silence in it is a gap.
WORDS = ("organ chord", "house drums", "dark drone", "bright synth arpeggio", "808 bass line")
BARS, TEMPO_BPM = 4, 174.07
LOOP_FRAMES = round(BARS * 4 * 60 / TEMPO_BPM * SAMPLE_RATE_HZ)
STEADY_DB = 3.0
AUDIBLE_DBFS = -30.0
# Early in the loop, so that a take has most of it to be made in.
ASKED_AT = 0.2
MARGIN_S = 1.0


def oscsend(port: int, address: str, *arguments: str) -> None:
    """Ask as a musician would, from another program."""
    subprocess.run(["oscsend", "127.0.0.1", str(port), address, *arguments], check=True, timeout=10)


def level_db(audio: FloatArray) -> float:
    return float(10 * np.log10(np.mean(audio.astype(np.float64) ** 2)))


def longest_silence(audio: FloatArray) -> int:
    """The longest stretch of frames without any sound.

    Shapes:
        audio: [frames, 2]
    """
    sounding = np.flatnonzero(audio.any(axis=1))
    return int(np.diff(sounding, prepend=-1, append=len(audio)).max()) - 1


async def last_made_in_s(client: UdpClient) -> float:
    """How long the last take was in the making."""
    client.send("/gen/status")
    return float((await client.expect("/gen/status.reply"))[5]) / 1000.0


async def stream_for(port: int, seconds: float) -> float:
    """Start a stream in bars, and give it other words in each loop, at the same place of it.

    Returns:
        How long the slowest take was in the making; one that came in time had the rest of a loop.
    """
    for address, *arguments in (
        ("/gen/tempo", "f", str(TEMPO_BPM)),
        ("/gen/quantize", "s", "loop"),
        ("/gen/slot/1/mode", "s", "stream"),
        ("/gen/slot/1/bars", "i", str(BARS)),
        ("/gen/slot/1/crossfade", "f", "40"),
        ("/gen/slot/1/go", "si", WORDS[0], "3"),
    ):
        await asyncio.to_thread(oscsend, port, address, *arguments)
    client = await UdpClient.connect(port)
    client.send("/gen/notify", ("i", 1))
    client.send("/gen/slot/1/pos", ("i", 1))
    begun_s, count, slowest_s, before = time.monotonic(), 0, 0.0, 1.0
    while time.monotonic() - begun_s < seconds:
        (place,) = await client.expect("/gen/slot/1/pos", patience_s=30.0)
        if before < ASKED_AT <= place:
            count += 1
            word = WORDS[count % len(WORDS)]
            await asyncio.to_thread(oscsend, port, "/gen/slot/1/prompt", "s", word)
            slowest_s = max(slowest_s, await last_made_in_s(client))
        before = place
    slowest_s = max(slowest_s, await last_made_in_s(client))
    client.close()
    return slowest_s


@pytest.mark.parametrize(
    "minutes", [pytest.param(0.4, id="short"), pytest.param(10.0, marks=pytest.mark.slow)]
)
@pytest.mark.timeout(900)
def test_a_stream_never_stops_never_repeats_and_keeps_its_level(
    jack: JackServer, tmp_path: Path, minutes: float
) -> None:
    seconds = 60.0 * minutes
    with running_daemon(tmp_path, output="default", model="house") as rig:
        jack.await_ports(*PORTS)
        with Recorder(jack, PORTS, seconds=seconds) as recorder:
            slowest_s = asyncio.run(stream_for(rig.osc_port, seconds))
            audio = recorder.finish().audio
    audio = audio[np.flatnonzero(audio.any(axis=1))[0] :]
    takes = [
        audio[begin : begin + LOOP_FRAMES]
        for begin in range(0, len(audio) - LOOP_FRAMES, LOOP_FRAMES)
    ]
    levels_db = [level_db(take) for take in takes]
    assert len(takes) >= seconds * SAMPLE_RATE_HZ / LOOP_FRAMES - 3
    assert longest_silence(audio) < SAMPLE_RATE_HZ // 100
    # A take that is late on a machine that is busy with other things lets the present one go round.
    if slowest_s < (1.0 - ASKED_AT) * LOOP_FRAMES / SAMPLE_RATE_HZ - MARGIN_S:
        for one, other in pairwise(takes):
            likeness = np.vdot(one, other) / np.sqrt(np.vdot(one, one) * np.vdot(other, other))
            assert likeness < 0.9, f"the same take twice, and none took longer than {slowest_s} s"
    assert max(levels_db) - min(levels_db) <= STEADY_DB, levels_db
    assert min(levels_db) >= AUDIBLE_DBFS, levels_db


def test_fresh_pads_give_no_two_equal_takes(jack: JackServer, tmp_path: Path) -> None:

    async def play_pads(port: int) -> None:
        client = await UdpClient.connect(port)
        for address, *argument in (
            ("/gen/slot/1/duration", ("f", 0.3)),
            ("/gen/slot/1/prompt", ("s", "snare drum")),
            ("/gen/slot/1/fresh", ("T", True)),
        ):
            client.send(address, *argument)
        for number in range(1, 9):
            client.send("/gen/req", ("i", number), ("s", "/gen/slot/1/play"))
            while (await client.expect("/done"))[1] != number:
                pass
            await asyncio.sleep(0.5)
        client.close()

    with running_daemon(tmp_path, output="default", model="house") as rig:
        jack.await_ports(*PORTS)
        with Recorder(jack, PORTS, seconds=12.0) as recorder:
            asyncio.run(play_pads(rig.osc_port))
            audio = recorder.finish().audio
    loud = np.flatnonzero(audio.any(axis=1))
    onsets = loud[np.diff(loud, prepend=-SAMPLE_RATE_HZ) > SAMPLE_RATE_HZ // 10]
    hits = [audio[begin : begin + SAMPLE_RATE_HZ // 5] for begin in onsets]
    assert len(hits) == 8
    for place, one in enumerate(hits):
        for other in hits[:place]:
            assert not np.array_equal(one, other)
