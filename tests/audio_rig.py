"""Signals that can be judged frame by frame, and a stand-in for the control process's OSC server.

For tests and benchmarks that play through the audio process and record what came out.
"""

import socket
import threading
import time

import numpy as np
import numpy.typing as npt

from daw_bridge.audio_commands import Play
from daw_bridge.audio_process import AudioProcess
from generator.api import FloatArray

Indices = npt.NDArray[np.int64]
COUNTER_FRAMES = 2**17


def counter() -> FloatArray:
    """A take in which every frame tells its own number; a loop of it breaks nowhere.

    The mean is exactly zero and every value exact in a float, so nothing on its way may change it.

    Shapes:
        returns: [COUNTER_FRAMES, 2]
    """
    numbers = 2 * np.arange(COUNTER_FRAMES) - (COUNTER_FRAMES - 1)
    wave = (numbers / (2 * COUNTER_FRAMES)).astype(np.float32)
    return np.stack([wave, -wave], axis=1)


def counted(audio: FloatArray) -> Indices:
    """The numbers that a recording of the counter holds.

    Shapes:
        audio: [frames, 2]  ->  [frames]
    """
    doubled = np.rint(audio[:, 0].astype(np.float64) * 2 * COUNTER_FRAMES).astype(np.int64)
    return (doubled + COUNTER_FRAMES - 1) // 2


def counter_breaks(audio: FloatArray) -> Indices:
    """The frames of a recording that are not followed by the next number.

    Shapes:
        audio: [frames, 2]  ->  [breaks]
    """
    return np.flatnonzero(np.diff(counted(audio)) % COUNTER_FRAMES != 1)


def loop_breaks(audio: FloatArray, loop_frames: int, *, tolerance: float = 0.0) -> Indices:
    """The frames of a recorded loop that differ from what sounded one round before.

    A break makes a whole round differ; it is counted once.

    Shapes:
        audio: [frames, 2]  ->  [breaks]
    """
    difference = np.abs(audio[loop_frames:] - audio[:-loop_frames])
    differing = np.flatnonzero((difference > tolerance).any(axis=1))
    breaks, resumes_at = [], 0
    while (place := np.searchsorted(differing, resumes_at)) < len(differing):
        breaks.append(differing[place] + loop_frames)
        resumes_at = int(differing[place]) + loop_frames
    return np.array(breaks, dtype=np.int64)


def onsets(audio: FloatArray, *, silence_frames: int) -> Indices:
    """The first frames that sound after a stretch of digital silence.

    Shapes:
        audio: [frames, 2]  ->  [onsets]
    """
    sounding = np.flatnonzero(audio.any(axis=1))
    before = np.concatenate([[-silence_frames - 1], sounding[:-1]])
    found: Indices = sounding[sounding - before > silence_frames]
    return found


class UdpToPlay:
    """Plays slot 1 for every packet, as the control process does for a message.

    Attributes:
        sent_s: The monotonic time at which each play was in the ring.
    """

    def __init__(self, process: AudioProcess, take_id: int) -> None:
        """Listen on a port of its own.

        Args:
            process: What plays.
            take_id: Which take.
        """
        self.sent_s: list[float] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._process = process
        self._take_id = take_id
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Listen no more."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while self._socket.recv(100):
            self._process.send(Play(1, self._take_id))
            self.sent_s.append(time.monotonic())
