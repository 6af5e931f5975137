"""What every test gets: one seed, no network beyond this machine, and CI's strictness.

Knows nothing of the project's parts; the rig of the tests of real sound is in ``tests/jack.py``.
"""

import ipaddress
import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.jack import jack as jack  # the fixture of every test that judges real sound

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# Two busy cores: a deadline per example would measure the neighbours, not us.
settings.register_profile("local", deadline=None, max_examples=50, print_blob=True)
settings.register_profile(
    "ci", deadline=None, max_examples=50, print_blob=True, derandomize=True, database=None
)
settings.load_profile("ci" if IN_CI else "local")

# Read by OpenMP when torch or onnxruntime is first imported, hence set here.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def _is_on_this_machine(host: object) -> bool:
    if host is None or host in {"", "localhost", b"localhost"}:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_network(event: str, args: tuple[object, ...]) -> None:
    """Audit hook: a socket may talk to loopback and to local (unix) addresses only."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        target = args[1]
        host = target[0] if isinstance(target, tuple) and target else None
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if not _is_on_this_machine(host):
        raise OSError(f"tests have no network beyond this machine; {event} to {host!r} was refused")


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def _torch_seed() -> None:
    """Seed torch where a test has loaded it; random and numpy are seeded by pytest-randomly."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI=true a skip is a failure: `make test` installs all that a test may need."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI has everything, but the test skipped: {report.longrepr}"
    return report
