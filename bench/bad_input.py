"""What the daemon says to nonsense, and that nothing else changes: over a real socket.

Knows the addresses of a few commands and of the answers; nothing of how they are decided.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bench.daemon import running_daemon
from bench.osc_client import OscClient
from bench.row import Row
from daw_bridge.osc import TaggedValue

ANSWER_S = 3.0
QUIET_S = 0.3
NOISE_BYTES = 65_000


@dataclass(frozen=True, slots=True)
class Case:
    """One message that is wrong or odd, and which answer is right."""

    name: str
    address: str
    arguments: tuple[TaggedValue, ...]
    answer: str


CASES = (
    Case("wrong type", "/gen/slot/1/gain", (("s", "loud"),), "/fail"),
    Case("unknown address", "/gen/slot/1/gian", (("f", 1.0),), "/gen/error"),
    Case("9 KB prompt", "/gen/slot/1/prompt", (("s", "kick " * 1_800),), "/fail"),
    Case("NaN", "/gen/slot/1/gain", (("f", float("nan")),), "/fail"),
    Case("empty prompt", "/gen/slot/2/go", (("s", ""),), "/fail"),
    Case("emoji", "/gen/slot/3/go", (("s", "🥁 boom 💥"),), "/done"),
)


def measure(model: str) -> list[Row]:
    """Return the one row of this file.

    Args:
        model: The checkpoint that the daemon loads.

    Returns:
        How many of the cases were answered as they should be.
    """
    with running_daemon("null", model) as daemon, OscClient(daemon.osc_port) as client:
        before = _values(client)
        wrong = [case.name for case in CASES if not _is_answered(client, case)]
        if not _survives_noise(client, daemon.osc_port):
            wrong.append("noise bytes")
        changed = _changed(before, _values(client))
    wrong += [f"{address} changed" for address in changed]
    names = ", ".join([*(case.name for case in CASES), f"{NOISE_BYTES} noise bytes"])
    return [
        Row(
            f"bad input: {names}",
            "a clear answer, nothing else changes",
            "; ".join(wrong) if wrong else f"all {len(CASES) + 1} so",
            passed=not wrong,
        )
    ]


def _is_answered(client: OscClient, case: Case) -> bool:
    client.send(case.address, *case.arguments)
    answers = {"/done", "/fail", "/gen/error"}
    first = next((m for m in client.messages(ANSWER_S) if m.address in answers), None)
    return first is not None and first.address == case.answer


def _survives_noise(client: OscClient, port: int) -> bool:
    noise = np.random.default_rng(1).bytes(NOISE_BYTES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(noise, ("127.0.0.1", port))
    client.send("/gen/ping", ("i", 5))
    return client.wait_for("/pong", ANSWER_S, 5) is not None


def _values(client: OscClient) -> Mapping[str, object]:
    """Every value of the daemon, by address."""
    client.send("/gen/refresh")
    return {
        message.address: tuple(value for _, value in message.arguments)
        for message in client.messages(QUIET_S)
        if message.address != "/done"
    }


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Addresses whose values differ, save those of the slot that was asked for a sound."""
    kept = (address for address in before if "/slot/3/" not in address)
    return [address for address in kept if before[address] != after.get(address)]
