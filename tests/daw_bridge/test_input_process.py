"""Laws of the input: what is heard is what another program played, frame by frame and in time."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from daw_bridge.errors import AudioError
from daw_bridge.input_keeper import InputKeeper
from daw_bridge.input_process import InputProcess
from daw_bridge.output_events import InputOpened, OutputEvent, OutputRefused
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.jack import JackServer, running_jack
from tests.jack import jack as jack
from tests.jack_sound import Player

PORTS = ("daw-bridge-input:in_0", "daw-bridge-input:in_1")
PATIENCE_S = 15.0


def counter(frames: int) -> FloatArray:
    """Frames that tell their own numbers [frames, 2]; never silent."""
    numbers = np.arange(1, frames + 1, dtype=np.float32) / 2**22
    return np.stack([numbers, -numbers], axis=1)


def numbers_of(audio: FloatArray) -> FloatArray:
    """What `counter` made, back to numbers from 0 [frames]."""
    np.testing.assert_array_equal(audio[:, 1], -audio[:, 0])
    found: FloatArray = np.rint(audio[:, 0] * 2**22) - 1
    return found


@contextlib.contextmanager
def listening() -> Iterator[InputProcess]:
    process = InputProcess("default", "")
    try:
        yield process
    finally:
        process.end()


JACK_BLOCK_FRAMES = 256


@pytest.mark.jack
def test_what_is_heard_is_what_was_played(jack: JackServer) -> None:
    sent = counter(2 * SAMPLE_RATE_HZ)
    with Player(jack, sent) as player, listening() as process:
        player.connect(*PORTS)
        time.sleep(1.2)
        assert process.look()
        numbers = numbers_of(process.heard(None, SAMPLE_RATE_HZ))
        steps = np.diff(numbers).astype(np.int64) % len(sent)
        # A machine that stands still for a moment loses a block of JACK's, whole; we lose nothing.
        lost = steps[steps != 1] - 1
        assert len(lost) <= 1
        np.testing.assert_array_equal(lost % JACK_BLOCK_FRAMES, 0)


@pytest.mark.jack
def test_what_is_heard_ends_when_it_should(jack: JackServer) -> None:
    sent = counter(20 * SAMPLE_RATE_HZ)
    with Player(jack, sent) as player, listening() as process:
        player.connect(*PORTS)
        time.sleep(1.0)
        end_s = time.monotonic() + 0.1  # so that it must be waited for
        last = int(numbers_of(process.heard(end_s, 1000))[-1])
        delivered_s = end_s + process.info.latency_ms / 1000.0
        expected = player.frame + (delivered_s - player.due_s) * SAMPLE_RATE_HZ
        off = (last - expected + len(sent) / 2) % len(sent) - len(sent) / 2
        # A block of JACK's is 256 frames; more than that would be a wrong sum, not a late callback.
        assert abs(off) < 512


@pytest.mark.jack
def test_what_was_not_heard_is_told(jack: JackServer) -> None:
    with listening() as process:
        jack.await_ports(*PORTS)
        with pytest.raises(AudioError, match="was opened"):
            process.heard(None, 30 * SAMPLE_RATE_HZ)
        time.sleep(0.2)
        with pytest.raises(AudioError, match="silent"):
            process.heard(None, 1000)


@pytest.mark.jack
def test_a_wrong_name_is_told_with_what_there_is(jack: JackServer) -> None:
    with pytest.raises(AudioError, match=r"Studio 9000.*'system'.*/input/list"):
        InputProcess("Studio 9000", "")


class Told:
    """Somebody who is told of the input."""

    def __init__(self) -> None:
        self.events: list[OutputEvent] = []
        self.logs: list[str] = []
        self.chosen: list[tuple[str, str]] = []

    def remember(self, name: str, hostapi: str) -> None:
        self.chosen.append((name, hostapi))

    def note(self, event: OutputEvent) -> None:
        self.events.append(event)

    def log(self, priority: int, text: str) -> None:
        del priority
        self.logs.append(text)

    async def until(self, holds: Callable[[list[OutputEvent]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self.events):
                await asyncio.sleep(0.05)


@pytest.mark.jack
def test_an_input_that_goes_away_comes_back(jack: JackServer) -> None:
    """A server that dies is told of, and the next one of its name is found."""

    async def scene() -> None:
        told = Told()
        keeper = InputKeeper("default", "", told.remember)
        task = asyncio.create_task(keeper.keep(told, lambda call: call()))
        try:
            await told.until(lambda events: len(events) == 1)
            keeper.open(6, "default", "")
            await told.until(lambda events: len(events) == 2)
            once, again = told.events[0], told.events.pop()
            assert isinstance(once, InputOpened)
            assert again == InputOpened(once.device, 6)
            assert set(PORTS) <= set(jack.ports()), "what is open stays open"
            keeper.open(7, "Studio 9000", "")
            await told.until(lambda events: len(events) == 2)
            assert keeper.status() is not None, "a wrong name costs nothing"
            jack.kill()
            await told.until(lambda events: len(events) == 3)
            with pytest.raises(AudioError):
                keeper.heard(None, 100)
            await told.until(lambda events: len(events) == 4)  # looked for in vain
            with running_jack(name=jack.name):
                await told.until(lambda events: len(events) == 5)
                keeper.open(8, "", "")
                await told.until(lambda events: len(events) == 6)
                assert keeper.status() is None
        finally:
            task.cancel()
            keeper.stop()
        first, refused, gone, looked_for, back, off = told.events
        assert isinstance(refused, OutputRefused)
        assert refused.job_id == 7
        for event, is_open in ((first, True), (gone, False), (looked_for, False), (back, True)):
            assert isinstance(event, InputOpened)
            assert bool(event.device.name) is is_open
            assert bool(event.trouble) is not is_open
        assert isinstance(off, InputOpened)
        assert (off.device.name, off.trouble, off.job_id) == ("", "", 8)
        assert told.chosen == [("", "")], "what was refused or looked for is no choice"

    asyncio.run(scene())


def processes_of(module: str) -> list[int]:
    """The numbers of our children that run a module."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and module in (folder / "cmdline").read_text():
                found.append(int(folder.name))
    return found


@pytest.mark.jack
def test_a_machine_that_stood_still_loses_no_input(jack: JackServer) -> None:
    """Whoever looks first after a stall sees an input that has long been silent, and waits."""

    async def scene() -> None:
        told = Told()
        keeper = InputKeeper("default", "", told.remember)
        task = asyncio.create_task(keeper.keep(told, lambda call: call()))
        try:
            await told.until(lambda events: len(events) == 1)
            (child,) = processes_of("input_child")
            os.kill(child, signal.SIGSTOP)
            time.sleep(1.3)  # so does this process
            await asyncio.sleep(0.15)
            os.kill(child, signal.SIGCONT)
            await asyncio.sleep(0.5)
            assert processes_of("input_child") == [child]
            assert len(told.events) == 1
        finally:
            task.cancel()
            keeper.stop()

    asyncio.run(scene())
