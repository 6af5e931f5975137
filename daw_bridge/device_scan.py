"""The outputs or inputs of this machine, looked up by a process of its own.

An audio library shows what was there when it was loaded, and the control process loads none. So a
short-lived process looks, and prints what it sees as one line of JSON. Flow: output_keeper.py →
`scan_devices` → a child that runs `main` → portaudio.py.
"""

import json
import subprocess
import sys
from dataclasses import asdict

from daw_bridge.errors import AudioError
from daw_bridge.portaudio import DeviceInfo, Direction, list_devices

_PATIENCE_S = 10.0


def scan_devices(direction: Direction) -> tuple[DeviceInfo, ...]:
    """Every device as it is now; waits for about half a second.

    Args:
        direction: Which way.

    Returns:
        The devices; none where there is no card and no server.

    Raises:
        AudioError: They cannot be looked up; the text says why.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "daw_bridge.device_scan", direction],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
        )
        found = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise AudioError(
            f"The {direction}s cannot be listed: the audio system does not answer. Does the audio "
            "server run? `daw-bridge doctor` may tell more."
        ) from error
    if isinstance(found, str):
        raise AudioError(found)
    return tuple(DeviceInfo(**one) for one in found)


def main() -> None:
    """Look, and print: a list of devices, or a text that says why there is none."""
    try:
        found: object = [asdict(device) for device in list_devices(Direction(sys.argv[1]))]
    except AudioError as error:
        found = str(error)
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
