"""The law of recordings: what is captured on a GPU stays there and waits for no host."""

import json
import subprocess
import sys


def test_what_is_recorded_never_leaves_the_device() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.generator.device_watch"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120.0)
    told: dict[str, list[str]] = json.loads(run.stdout)
    faults = {name: strays for name, strays in told.items() if name.startswith("fault")}
    programs = {name: strays for name, strays in told.items() if name not in faults}
    assert len(faults) == 5
    assert all(faults.values()), faults  # the watch sees what a capture refuses
    assert len(programs) == 4
    assert not any(programs.values()), programs
