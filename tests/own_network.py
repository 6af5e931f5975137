"""A network of a test's own, which nobody else hears: for what speaks to everybody by multicast."""

import os
import shutil
import subprocess

import pytest

from tests.source_tree import ROOT

# Whoever is not root becomes it within a namespace, where the system allows that.
_UNSHARE = ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--map-root-user", "--net"]
_SET_UP = "ip link set lo up; ip link set lo multicast on; ip route add 224.0.0.0/4 dev lo; "
needs_network = pytest.mark.skipif(
    shutil.which("ip") is None or subprocess.run([*_UNSHARE, "true"], check=False).returncode != 0,
    reason="needs ip (iproute2), and root or user namespaces",
)


def run_alone(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of bash in a network that has a loopback with multicast, and nothing else.

    Args:
        script: Finds our packages.

    Returns:
        How it ended, and what it said.
    """
    return subprocess.run(
        [*_UNSHARE, "bash", "-c", _SET_UP + script],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
