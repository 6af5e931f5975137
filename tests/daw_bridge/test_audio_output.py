"""Laws of the outputs: real time, one renderer for all, and clear words for what is missing."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.audio_output import (
    OutputSettings,
    WavFileOutput,
    is_device_available,
    open_output,
)
from daw_bridge.errors import AudioError
from daw_bridge.portaudio import list_devices
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.jack import JackServer
from tests.jack import jack as jack

PATIENCE_S = 10.0


class Counter:
    """A working renderer: it counts frames into the signal, and fails where it is told to."""

    def __init__(self, *, fails_at_block: int = -1, blocks: int = 40) -> None:
        self.blocks: list[int] = []
        self.failures: list[BaseException] = []
        self.has_enough = threading.Event()
        self._fails_at_block = fails_at_block
        self._enough = blocks
        self._frame = 0

    def render(self, out: FloatArray, *, underflow: bool) -> None:
        self.blocks.append(len(out))
        if len(self.blocks) >= self._enough:
            self.has_enough.set()
        if len(self.blocks) - 1 == self._fails_at_block:
            out.fill(0.5)
            raise ValueError("on purpose")
        frames = np.arange(self._frame, self._frame + len(out))
        out[:] = (frames / 2**20).astype(np.float32)[:, None]
        self._frame += len(out)

    def fail(self, failure: BaseException) -> None:
        self.failures.append(failure)


def test_the_silent_clock_keeps_real_time() -> None:
    counter = Counter(blocks=40)
    output = open_output(OutputSettings("null", buffer_frames=441), counter)
    begun_s = time.monotonic()
    output.start()
    assert counter.has_enough.wait(PATIENCE_S)
    took_s = time.monotonic() - begun_s
    output.stop()
    assert took_s >= 39 * 0.01 - 0.001
    assert set(counter.blocks) == {441}
    ended_with = len(counter.blocks)
    assert output.info.hostapi == "silent clock"
    assert len(counter.blocks) == ended_with


def test_a_file_holds_every_frame_bit_by_bit(tmp_path: Path) -> None:
    counter = Counter(blocks=20)
    output = open_output(OutputSettings(str(tmp_path / "out.WAV"), buffer_frames=256), counter)
    output.start()
    assert counter.has_enough.wait(PATIENCE_S)
    output.stop()
    audio, rate_hz = soundfile.read(tmp_path / "out.WAV", dtype="float32")
    assert rate_hz == SAMPLE_RATE_HZ
    assert len(audio) == sum(counter.blocks)
    expected = (np.arange(len(audio)) / 2**20).astype(np.float32)
    np.testing.assert_array_equal(audio, np.stack([expected, expected], axis=1))


def test_a_block_that_fails_is_silent_and_the_next_one_sounds(tmp_path: Path) -> None:
    counter = Counter(fails_at_block=3, blocks=8)
    output = WavFileOutput(OutputSettings(str(tmp_path / "out.wav")), counter)
    output.start()
    assert counter.has_enough.wait(PATIENCE_S)
    output.stop()
    audio, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_array_equal(audio[3 * 256 : 4 * 256], 0.0)
    assert audio[4 * 256 : 5 * 256].any()
    assert [str(failure) for failure in counter.failures] == ["on purpose"]


def test_stopping_what_was_never_started_is_no_error(tmp_path: Path) -> None:
    open_output(OutputSettings("null"), Counter()).stop()
    open_output(OutputSettings(str(tmp_path / "out.wav")), Counter()).stop()


def test_a_file_that_cannot_be_written_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="folder that exists"):
        open_output(OutputSettings(str(tmp_path / "no" / "out.wav")), Counter())


NO_PORTAUDIO = """
import sys
import ctypes.util
ctypes.util.find_library = lambda name: None
from daw_bridge.audio_output import OutputSettings, open_output
from daw_bridge.errors import AudioError
try:
    open_output(OutputSettings("default"), None)
except AudioError as error:
    print(error)
"""


def test_a_missing_portaudio_is_named(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the wheels of other systems carry PortAudio")
    result = subprocess.run(
        [sys.executable, "-c", NO_PORTAUDIO], capture_output=True, text=True, timeout=60
    )
    assert "apt install libportaudio2" in result.stdout, result.stderr


@pytest.mark.jack
def test_without_a_server_a_device_falls_back_to_a_silent_clock_that_says_so(
    jack: JackServer,
) -> None:
    settings = OutputSettings("no such device", hostapi="JACK")
    with pytest.raises(AudioError, match=r"no such device.*'system'.*daw-bridge devices"):
        open_output(settings, Counter())
    fallback = OutputSettings("no such device", hostapi="JACK", falls_back=True)
    output = open_output(fallback, Counter())
    assert output.info.name == "null"
    assert "no such device" in output.info.note
    assert not is_device_available(settings)


@pytest.mark.jack
@pytest.mark.parametrize("name", ["default", "system", "SYS"])
def test_jack_is_found_by_name_and_host_api(jack: JackServer, name: str) -> None:
    assert is_device_available(OutputSettings(name, hostapi="jack"))
    found = [device for device in list_devices() if device.name == "system"]
    assert [device.is_default for device in found] == [True]
    assert found[0].hostapi == "JACK Audio Connection Kit"
    assert found[0].sample_rate_hz == SAMPLE_RATE_HZ
