"""The law of control's loop: nothing holds it, so that the next message is obeyed at once.

A metered daemon with everything that it can have: 64 slots that play, sixteen scenes, effects,
presets and clients that are told of each change. Time is the thread's own processor time, and what
counts is the least of some rounds: other programs are told apart from what holds each time.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from daw_bridge.arguments import Argument, Kind
from daw_bridge.commands import COMMANDS
from daw_bridge.effects import BUSES, EFFECTS
from daw_bridge.osc import TaggedValue
from daw_bridge.table_rows import SCENES, Access, Row
from tests.daemon_rig import DaemonRig, running_daemon
from tests.daw_bridge.osc_client import UdpClient
from tests.loop_meter import Held, read_held

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")

SLOTS, CLIENTS, ROUNDS = 64, 8, 3
MAX_MS = 5.0
# What is asked of all slots at once may take so much for each of them.
MAX_MS_A_SLOT = 0.3
OBEYED_S, LONG_S, PLAYING_S = 5.0, 0.2, 1.3
PERIODIC = "while it plays"
# They start and end processes, or have all that comes written into the log.
LEFT_OUT = {"/quit", "/device", "/device/buffer", "/model/load", "/dump"}
ABOUT_ALL = {
    "/notify", "/refresh", "/panic", "/preset/load", "/preset/next", "/preset/prev",
    "/preset/save", "/scene/{scene}/recall", "/state/load", "/state/save", "/tempo",
    "/transport/continue", "/transport/play", "/transport/stop",
}  # fmt: skip
GIVEN: dict[str, list[TaggedValue]] = {"/preset/load": [("s", "kit 808")]}


@dataclass
class Log:
    """What was asked when: spans of monotonic time, each under its label and round."""

    spans: list[tuple[float, float, str, int]] = field(default_factory=list)

    def label_of(self, held: Held) -> tuple[str, int] | None:
        """What was asked when a callback began."""
        for begin_s, end_s, label, number in self.spans:
            if begin_s <= held.begun_s < end_s:
                return label, number
        return None


class Asker:
    """Asks one thing after another, and keeps a log of it."""

    def __init__(self, client: UdpClient) -> None:
        self.client, self.log, self.round, self._last = client, Log(), 0, 0

    async def ask(
        self, label: str, address: str, *arguments: TaggedValue, is_long: bool = False
    ) -> None:
        """Ask, and wait until it is obeyed; what takes long is waited for, but not for ever."""
        self._last += 1
        begun_s = time.monotonic()
        self.client.send("/gen/req", ("i", self._last), ("s", address), *arguments)
        self.client.send("/gen/ping", ("i", self._last))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONG_S if is_long else OBEYED_S):
                await self._hear(is_answered=not is_long)
        self.log.spans.append((begun_s, time.monotonic(), label, self.round))

    async def _hear(self, *, is_answered: bool) -> None:
        is_obeyed = False
        while not (is_answered and is_obeyed):
            message = await self.client.received.get()
            values = [value for _, value in message.arguments]
            if message.address == "/pong":
                is_obeyed |= values == [self._last]
            elif message.address in ("/done", "/fail"):
                is_answered |= values[1] == self._last


def arguments_of(row: Row, number: int) -> list[TaggedValue]:
    """Values that a row allows, other ones in each round."""
    if row.path in GIVEN:
        return GIVEN[row.path]
    asked = () if row.access is Access.READ else row.arguments
    return [_tagged(argument, number) for argument in asked]


def _tagged(argument: Argument, number: int) -> TaggedValue:
    value: Any
    if argument.choices:
        value = argument.choices[number % len(argument.choices)]
    elif argument.is_key:
        value = ("C", "Am", "F#")[number % 3]
    elif argument.kind is Kind.STRING:
        value = "one" if argument.default is None else argument.default
    elif argument.kind is Kind.BOOL:
        return ("T", True) if number % 2 else ("F", False)
    elif argument.kind is Kind.ANY:
        return ("i", number)
    else:
        low, high = argument.bounds
        start = argument.default if isinstance(argument.default, int | float) else 1
        value = min(high, max(low, start + number))
        value = int(value) if argument.kind is Kind.INT else float(value)
    return (argument.kind.value, value)


def rows() -> Iterator[Row]:
    """Everything that a client can send and the daemon outlives."""
    for row in COMMANDS:
        asks = row.make is not None or row.access in (Access.VALUE, Access.READ)
        if asks and row.path not in LEFT_OUT:
            yield row


async def build(asker: Asker) -> None:
    """Have everything there: slots that play, effects, sends and scenes."""
    for path, value in (("duration", ("f", 0.3)), ("mode", ("s", "loop"))):
        await asker.ask("build", f"/gen/slot/*/{path}", value)
    client = asker.client
    client.send("/gen/slot/*/go", ("s", "warm pad"))
    async with asyncio.timeout(60.0):
        while True:
            client.send("/gen/status")
            if (await client.expect("/gen/status.reply"))[0] == SLOTS:
                break
            await asyncio.sleep(0.1)
    for effect in EFFECTS:
        await asker.ask("build", f"/gen/fx/{effect.name}/bypass", ("F", False))
    for bus in BUSES:
        await asker.ask("build", f"/gen/slot/*/send/{bus}", ("f", -12.0))
    for scene in range(1, SCENES + 1):
        await asker.ask("build", f"/gen/scene/{scene}/store")


async def play_on(asker: Asker) -> None:
    """Have time go on for a while, with a fader that moves, so that there is a state to save."""
    begun_s = time.monotonic()
    while time.monotonic() < begun_s + PLAYING_S:
        asker.client.send("/gen/slot/1/gain", ("f", begun_s - time.monotonic()))
        await asyncio.sleep(0.05)
    asker.log.spans.append((begun_s, time.monotonic(), PERIODIC, asker.round))


async def scene(rig: DaemonRig) -> Log:
    client = await UdpClient.connect(rig.osc_port)
    others = [await UdpClient.connect(rig.osc_port) for _ in range(CLIENTS)]
    for other in others:
        other.send("/gen/notify", ("i", 1))
    asker = Asker(client)
    await build(asker)
    for asker.round in range(ROUNDS):
        await play_on(asker)
        for row in rows():
            for number in ("2", "*") if row.index else ("",):
                address, label = row.address("/gen", number), f"{row.path} {number}".strip()
                is_long = row.access is Access.ACTION
                given = arguments_of(row, asker.round)
                await asker.ask(label, address, *given, is_long=is_long)
    for one in (client, *others):
        one.close()
    return asker.log


def least_of_rounds(held: list[Held], log: Log) -> dict[tuple[str, str], float]:
    """By what was asked and which callback: the most that it took in the round of the least."""
    worst: dict[tuple[str, str], list[float]] = {}
    for one in held:
        if (found := log.label_of(one)) is not None and found[0] != "build":
            label, number = found
            times = worst.setdefault((label, one.name), [0.0] * ROUNDS)
            times[number] = max(times[number], one.cpu_ms)
    return {key: min(times) for key, times in worst.items()}


def allowed_ms(label: str, callback: str) -> float:
    """How long the loop may be held."""
    # After other takes have been made, a save looks at each of them.
    saves_takes = callback == "StateKeeper.watch" and label != PERIODIC
    is_about_all = label.endswith(" *") or label in ABOUT_ALL or saves_takes
    return MAX_MS + (MAX_MS_A_SLOT * SLOTS if is_about_all else 0.0)


def test_nothing_holds_the_loop(tmp_path: Path) -> None:
    held_file = tmp_path / "held"
    program = ("tests.loop_meter", str(held_file))
    with running_daemon(tmp_path, program=program, slots=str(SLOTS)) as rig:
        log = asyncio.run(scene(rig))
        held = read_held(held_file)
    found = least_of_rounds(held, log)
    assert any(label == PERIODIC for label, _ in found), "the meter measures nothing"
    worst = sorted(found.items(), key=lambda one: -one[1] / allowed_ms(*one[0]))
    told = [f"{ms:.2f} of {allowed_ms(*key):.0f} ms: {key[1]}, {key[0]}" for key, ms in worst]
    assert all(ms <= allowed_ms(*key) for key, ms in worst), "\n".join(told[:10])
