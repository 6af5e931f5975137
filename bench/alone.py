"""The audio process without a daemon, and a machine that is busy with other things.

Knows nothing of what is measured. Flow: callback.py → here → the audio process.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from daw_bridge.audio_commands import InstallTake
from daw_bridge.audio_output import OutputSettings
from daw_bridge.audio_process import AudioProcess
from daw_bridge.takes import create_take, remove_take
from generator.api import FloatArray
from tests.audio_rig import UdpToPlay
from tests.jack import JackServer


@contextlib.contextmanager
def environment_of(jack: JackServer) -> Iterator[None]:
    """Have the children of this process find the server."""
    names = ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")
    before = {name: os.environ.get(name) for name in names}  # noqa: TID251 - children inherit it
    os.environ.update({name: jack.environment[name] for name in names})  # noqa: TID251
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)  # noqa: TID251
            if value is not None:
                os.environ[name] = value  # noqa: TID251


@contextlib.contextmanager
def process_alone() -> Iterator[AudioProcess]:
    """An audio process on JACK, as the daemon has one."""
    process = AudioProcess(OutputSettings("default", hostapi="JACK"))
    process.start()
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def installed(process: AudioProcess, take_id: int, audio: FloatArray) -> Iterator[None]:
    """Have a take in an audio process.

    Shapes:
        audio: [frames, 2]
    """
    take = create_take(len(audio))
    take.audio[:] = audio
    process.send(InstallTake(take_id, take.name, take.frames))
    time.sleep(0.5)
    try:
        yield
    finally:
        remove_take(take.name)


def click() -> FloatArray:
    """A sound whose first frame is loud.

    Shapes:
        returns: [100, 2]
    """
    click = np.zeros((100, 2), np.float32)
    click[0], click[1] = 0.5, -0.5
    return click


@contextlib.contextmanager
def udp_to_play(process: AudioProcess, take_id: int) -> Iterator[int]:
    """Have each datagram play a take; the port that takes them."""
    server = UdpToPlay(process, take_id)
    try:
        yield server.port
    finally:
        server.close()


@contextlib.contextmanager
def burning_cores() -> Iterator[None]:
    """Have every core busy with something else."""
    burn = [sys.executable, "-c", "while True: sum(range(1000))"]
    burners = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
