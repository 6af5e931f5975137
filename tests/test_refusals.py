"""What a musician is told who asks for what there is not, from outside; and nothing changes.

A real daemon on a real JACK server; what is wrong with single values is sent by another program.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from daw_bridge.errors import Fault
from daw_bridge.osc import TaggedValue, encode_bundle, encode_message
from daw_bridge.schedule import MAX_SCHEDULED, NTP_TO_UNIX_S
from tests.daemon_rig import DaemonRig, play
from tests.daw_bridge.bad_messages import bad_messages
from tests.daw_bridge.osc_client import UdpClient
from tests.jack import JackServer
from tests.test_end_to_end import play_loop, wait_for_state

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
# What time alone moves.
MOVES = ("/gen/xruns", "/gen/slot/16/state")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, and what the refusal must say."""

    address: str
    arguments: tuple[TaggedValue, ...]
    fault: Fault
    words: str


def wish(address: str, *values: float | str | bool, fault: Fault, words: str) -> Wish:
    def tag(value: float | str | bool) -> str:
        if isinstance(value, bool):
            return "T" if value else "F"
        return {int: "i", float: "f", str: "s"}[type(value)]

    arguments = tuple((tag(value), value) for value in values)
    return Wish("/gen" + address, arguments, fault, words)


NOT_HERE, BAD, NOT_READY = Fault.UNKNOWN_ADDRESS, Fault.BAD_VALUE, Fault.NOT_READY
FORBIDDEN, NOT_THERE = Fault.FORBIDDEN, Fault.NOT_AVAILABLE
WISHES = (
    wish("/slot/17/go", "kick", fault=NOT_HERE, words="no slot 17; they go from 1 to 16"),
    wish("/slot/0/gain", 1.0, fault=NOT_HERE, words="no slot 0"),
    wish("/scene/17/store", fault=NOT_HERE, words="no scene 17"),
    wish("/slot/1/gian", 1.0, fault=NOT_HERE, words="/gen/slot/1/gain"),
    wish("/fx/flanger/bypass", False, fault=NOT_HERE, words="nearest is /gen/fx/"),
    wish("/slot/1/send/flanger", 0.0, fault=NOT_HERE, words="nearest is /gen/slot/1/send/"),
    wish("/preset/load", "nonesuch", fault=BAD, words="There is: .*kit 808"),
    wish("/preset/load", 999, fault=BAD, words="numbered from 1 to"),
    wish("/preset/load", "../../etc/passwd", fault=FORBIDDEN, words="no folder"),
    wish("/preset/save", "../x", fault=FORBIDDEN, words="no folder"),
    wish("/preset/save", "", fault=BAD, words="letters, digits"),
    wish("/preset/delete", "nonesuch", fault=BAD, words="There is: "),
    wish("/preset/delete", "kit 808", fault=FORBIDDEN, words="came with daw-bridge and stays"),
    wish("/state/load", "nonesuch", fault=BAD, words="none yet"),
    wish("/state/load", "../x", fault=FORBIDDEN, words="no folder"),
    wish("/state/save", "a/b", fault=FORBIDDEN, words="no folder"),
    wish("/scene/5/recall", fault=NOT_READY, words="Scene 5 is empty"),
    wish("/model/load", "nonesuch", fault=BAD, words="one of .*house"),
    wish("/model/load", "/etc", fault=BAD, words="no checkpoint"),
    wish("/model/load", "", fault=BAD, words="Name a model"),
    wish("/slot/1/init", "/etc/passwd", fault=FORBIDDEN, words="sound_dirs"),
    wish("/slot/1/init", "../x.wav", fault=FORBIDDEN, words="sound_dirs"),
    wish("/slot/1/init", "nonesuch.wav", fault=BAD, words="I looked in"),
    wish("/slot/1/init", "slot:99", fault=BAD, words="slots go from 1 to 16"),
    wish("/slot/1/init", "input", fault=BAD, words="There is no input. Open one"),
    wish("/slot/1/play", fault=NOT_READY, words="no take yet"),
    wish("/slot/1/inpaint", 0.0, 1.0, fault=NOT_READY, words="/generate first"),
    wish("/slot/1/take", 77, fault=BAD, words="none yet"),
    wish("/slot/1/take/prev", fault=NOT_READY, words="no older take"),
    wish("/slot/1/take/keep", True, fault=BAD, words="no take to keep"),
    wish("/slot/1/go", "  ", fault=BAD, words="name the sound"),
    wish("/slot/1/generate", fault=BAD, words="name the sound"),
    wish("/slot/1/key", "H", fault=BAD, words="tonic"),
    wish("/slot/1/out", 2, fault=BAD, words="output_pairs"),
    wish("/rec/start", "../x", fault=FORBIDDEN, words="no folder"),
    wish("/rec/start", "take.mp3", fault=BAD, words=r"\.wav or \.flac"),
    wish("/rec/stop", fault=NOT_READY, words="Nothing is being recorded"),
    wish("/rec/capture", 0.1, "../y", fault=FORBIDDEN, words="no folder"),
    wish("/rec/capture", 3600.0, fault=Fault.TOO_LARGE, words="capture_s"),
    wish("/rec/capture", 2000, fault=BAD, words="from 1 to 64"),
    wish("/rec/capture", 0.1, "", 2, fault=BAD, words="output_pairs"),
    wish("/device", "nonesuch", fault=NOT_THERE, words="/device/list"),
    wish("/device/buffer", 3.0, fault=BAD, words="jack_bufsize"),
    wish("/input", "nonesuch", fault=NOT_THERE, words="/input/list"),
    wish("/midi/learn", "/gen/slot/1/gian", fault=BAD, words="/gen/slot/1/gain"),
    wish("/midi/learn", "slot/1/gain", fault=BAD, words="begins with /"),
    wish("/midi/learn", "/gen/slot/1/prompt", fault=BAD, words="no range"),
    wish("/midi/forget", "/gen/slot/1/gain", fault=NOT_READY, words="No controller"),
    wish("/signature", 4, 3, fault=BAD, words="1, 2, 4, 8 or 16"),
    wish("/refresh", "/gen/slto/1", fault=BAD, words="nearest address is /gen/slot/1"),
)


async def everything(client: UdpClient) -> dict[str, list[object]]:
    """All values, once all that was asked has ended."""
    client.send("/gen/sync", ("i", 1))
    await client.expect("/synced", patience_s=30.0)
    client.send("/gen/refresh")
    values = {}
    while (message := await client.received.get()).address != "/done":
        values[message.address] = [value for _, value in message.arguments]
    return {address: one for address, one in values.items() if address not in MOVES}


@pytest.mark.jack
def test_what_there_is_not_is_refused_in_words_and_changes_nothing(
    jack: JackServer, tmp_path: Path
) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        await play_loop(client, 16)
        before = await everything(client)
        for one in WISHES:
            client.send(one.address, *one.arguments)
            if one.fault is NOT_HERE:
                code, text = await client.expect("/gen/error")
                assert code == "unknown_address"
            else:
                address, _, code, text = await client.expect("/fail", patience_s=30.0)
                assert (address, Fault(code)) == (one.address, one.fault), text
            assert re.search(one.words, text), (one, text)
        assert await everything(client) == before
        await wait_for_state(client, 16, "playing")

    play(scene, tmp_path, output="default")


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="needs liblo-tools")
def test_no_nonsense_of_another_program_changes_anything(tmp_path: Path) -> None:
    """Each address in each wrong way that `oscsend` can spell."""

    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        before = await everything(client)
        lines = [
            line for one in bad_messages("/gen") if (line := spelt(one.address, one.arguments))
        ]
        assert len(lines) > 400
        for line in lines:
            subprocess.run(["oscsend", "127.0.0.1", str(rig.osc_port), *line], check=True)
        assert await everything(client) == before

    play(scene, tmp_path)


def spelt(address: str, arguments: Sequence[TaggedValue]) -> list[str]:
    """As `oscsend` takes it; empty where it cannot."""
    tags = "".join(tag for tag, _ in arguments)
    if set(tags) - set("ifdsTF"):
        return []
    words = [str(value) for tag, value in arguments if tag not in "TF"]
    return [address, *([tags] if tags else []), *words]


def test_a_full_schedule_is_told_and_can_be_emptied(tmp_path: Path) -> None:
    async def scene(rig: DaemonRig, client: UdpClient) -> None:
        del rig
        before = await everything(client)
        due = round((time.time() + NTP_TO_UNIX_S + 9.5) * 2**32)
        packet = encode_bundle([encode_message("/gen/slot/2/gain", (("f", -3.0),))] * 40, due)
        for number in range(MAX_SCHEDULED // 40 + 1):
            client.send_bytes(packet)
            if number % 20 == 0:  # so that no socket's buffer is full
                client.send("/gen/ping")
                await client.expect("/pong")
        address, _, code, text = await client.expect("/fail")
        assert (address, Fault(code)) == ("/gen/slot/2/gain", Fault.QUEUE_FULL)
        assert "send them later" in text
        client.send("/gen/clear_sched")
        assert await everything(client) == before

    play(scene, tmp_path)
