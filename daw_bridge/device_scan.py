"""The outputs of this machine, looked up by a process of its own.

An audio library shows what was there when it was loaded, and the control process loads none. So a
short-lived process looks, and prints what it sees as one line of JSON. Flow: output_keeper.py →
`scan_devices` → a child that runs `main` → audio_output.py.
"""

import json
import subprocess
import sys
from dataclasses import asdict

from daw_bridge.audio_output import DeviceInfo, list_devices
from daw_bridge.errors import AudioError

_PATIENCE_S = 10.0


def scan_devices() -> tuple[DeviceInfo, ...]:
    """Every output device as it is now; waits for about half a second.

    Returns:
        The devices; none where there is no card and no server.

    Raises:
        AudioError: They cannot be looked up; the text says why.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "daw_bridge.device_scan"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
        )
        found = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise AudioError(
            "The outputs cannot be listed: the audio system does not answer. Does the audio server "
            "run? `daw-bridge doctor` may tell more."
        ) from error
    if isinstance(found, str):
        raise AudioError(found)
    return tuple(DeviceInfo(**one) for one in found)


def main() -> None:
    """Look, and print: a list of devices, or a text that says why there is none."""
    try:
        found: object = [asdict(device) for device in list_devices()]
    except AudioError as error:
        found = str(error)
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
