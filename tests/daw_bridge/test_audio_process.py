"""Laws of the audio process: what is sent is obeyed, its death harms nothing, it leaves nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.audio_commands import (
    Disposed,
    Ended,
    Event,
    Installed,
    InstallTake,
    Play,
    ReleaseTake,
    SetMasterGain,
    Started,
    StopSlot,
    Warning,
    WarningCode,
)
from daw_bridge.audio_output import OutputSettings
from daw_bridge.audio_process import AudioProcess
from daw_bridge.audio_records import encode
from daw_bridge.errors import AudioError, QueueFull
from daw_bridge.shared_memory import blocks_of
from daw_bridge.takes import create_take, remove_take
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.audio_rig import UdpToPlay, counted, counter, counter_breaks
from tests.jack import JackServer, running_jack
from tests.jack import jack as jack
from tests.jack_sound import Recorder, UdpTriggers
from tests.stalls import StallMonitor

PATIENCE_S = 15.0
PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")


def wait_until(
    condition: Callable[[], bool], what: str = "it", within_s: float = PATIENCE_S
) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited for {what} in vain"
        time.sleep(0.01)


class Listener:
    """Collects events until the one that is waited for has come."""

    def __init__(self, process: AudioProcess) -> None:
        self.events: list[Event] = []
        self._process = process

    def wait_for(self, kind: type[Event]) -> Event:
        def has_come() -> bool:
            self.events += self._process.poll()
            return any(isinstance(event, kind) for event in self.events)

        wait_until(has_come, kind.__name__)
        found = next(event for event in self.events if isinstance(event, kind))
        self.events = self.events[self.events.index(found) + 1 :]
        return found


_made: list[str] = []


@pytest.fixture(autouse=True)
def _takes_are_removed() -> Iterator[None]:
    yield
    while _made:
        remove_take(_made.pop())


@pytest.fixture
def silent() -> Iterator[AudioProcess]:
    """A process on a silent clock."""
    process = AudioProcess(OutputSettings("null"))
    process.start()
    yield process
    process.stop()


def noise(frames: int = 2000, seed: int = 1) -> FloatArray:
    """Noise with faded ends and a mean of exactly zero, which nothing needs to mend."""
    generator = np.random.default_rng(seed)
    fade = np.minimum(1.0, np.arange(frames // 2) / 100)
    half = (generator.uniform(-0.4, 0.4, (frames // 2, 2)) * fade[:, None]).astype(np.float32)
    return np.concatenate([half, -half[::-1]])


def install(process: AudioProcess, take_id: int, audio: FloatArray) -> None:
    take = create_take(len(audio))
    _made.append(take.name)
    take.audio[:] = audio
    process.send(InstallTake(take_id, take.name, take.frames))


# ── life ─────────────────────────────────────────────────────────────────────


def test_it_starts_tells_what_it_opened_and_ends_quickly_without_a_trace() -> None:
    process, before = (
        AudioProcess(OutputSettings("null", buffer_frames=128)),
        blocks_of(os.getpid()),
    )
    info = process.start()
    assert (info.name, info.buffer_frames) == ("null", 128)
    assert (process.is_alive, process.stands_still()) == (True, False)
    assert blocks_of(os.getpid()) == before  # the names are gone once both have mapped them
    pid = process.pid
    begun_s = time.monotonic()
    process.stop()
    assert time.monotonic() - begun_s < 1.0
    assert not process.is_alive
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_output_that_cannot_be_opened_is_an_error_with_advice(tmp_path: Path) -> None:
    before = blocks_of(os.getpid())
    process = AudioProcess(OutputSettings(str(tmp_path / "no" / "out.wav")))
    with pytest.raises(AudioError, match="folder that exists"):
        process.start()
    assert not process.is_alive
    assert blocks_of(os.getpid()) == before
    process.stop()


def test_without_a_process_there_is_nobody_to_obey() -> None:
    process = AudioProcess(OutputSettings("null"))
    with pytest.raises(AudioError, match="does not run"):
        process.send(SetMasterGain(0.0))
    assert process.poll() == []


# ── commands and events ──────────────────────────────────────────────────────


def test_a_take_is_installed_played_released_and_handed_back(silent: AudioProcess) -> None:
    install(silent, 5, noise())
    at_frame = silent.now_frame() + SAMPLE_RATE_HZ // 10
    silent.send(Play(3, 5, at_frame))
    silent.send(ReleaseTake(6))
    listener = Listener(silent)
    assert listener.wait_for(Installed) == Installed(5)
    assert listener.wait_for(Started) == Started(3, 5, at_frame)
    silent.send(ReleaseTake(5))
    assert listener.wait_for(Ended) == Ended(3, 5, at_frame + 2000, sounding=0)
    assert listener.wait_for(Disposed) == Disposed(5)


def test_what_was_encoded_before_is_obeyed_in_its_turn(silent: AudioProcess) -> None:
    install(silent, 1, noise())
    listener = Listener(silent)
    listener.wait_for(Installed)
    at_frame = silent.now_frame() + SAMPLE_RATE_HZ // 10
    silent.send(Play(1, 1, at_frame, play_id=1))
    plays = [Play(1, 1, at_frame, play_id=number) for number in (2, 3)]
    assert silent.send_records([encode(play) for play in plays]) == 2
    assert listener.wait_for(Started) == Started(1, 1, at_frame, 3)


def test_a_file_holds_what_was_played(tmp_path: Path) -> None:
    process = AudioProcess(OutputSettings(str(tmp_path / "out.wav")))
    process.start()
    audio = noise(5000)
    install(process, 1, audio)
    process.send(Play(1, 1))
    listener = Listener(process)
    listener.wait_for(Ended)
    process.stop()
    recorded, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    begin = int(np.flatnonzero(recorded.any(axis=1))[0]) - 1  # the take begins with one zero
    np.testing.assert_array_equal(recorded[begin : begin + 5000], audio)


def test_what_was_heard_is_kept_to_the_frame_and_over_a_restart() -> None:
    process, audio = AudioProcess(OutputSettings("null"), capture_frames=2**19), noise(5000)
    process.start()
    kept = process.capture
    assert kept is not None
    listener = Listener(process)
    begins = []
    for take_id in (1, 2):
        install(process, take_id, audio)
        process.send(Play(1, take_id))
        started = listener.wait_for(Started)
        assert isinstance(started, Started)
        begins.append(started.frame)
        listener.wait_for(Ended)
        wait_until(lambda: kept.end_frame > begins[-1] + 5000)
        if take_id == 1:
            end_of_first = kept.end_frame
            process.restart()
    for begin in begins:
        np.testing.assert_array_equal(kept.read(begin, begin + 5000), audio)
    assert not kept.read(end_of_first, begins[1]).any()
    process.stop()
    assert not [name for name in blocks_of(os.getpid()) if "capture" in name]


def test_what_cannot_be_mapped_or_must_be_mended_is_told(silent: AudioProcess) -> None:
    silent.send(InstallTake(1, f"dawb-{os.getpid()}-take-00", 100))
    listener = Listener(silent)
    unreadable = Warning(WarningCode.TAKE_UNREADABLE, 1, take_id=1)
    assert listener.wait_for(Warning) == unreadable
    broken = noise()
    broken[7] = np.nan
    install(silent, 2, broken + np.float32(0.1))
    assert listener.wait_for(Installed) == Installed(2)
    assert listener.wait_for(Warning) == Warning(WarningCode.TAKE_REPAIRED, 2, take_id=2)


def test_events_wake_an_asyncio_loop(silent: AudioProcess) -> None:
    async def first_events() -> list[Event]:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(silent.fileno(), woken.set)
        install(silent, 1, noise())
        await asyncio.wait_for(woken.wait(), PATIENCE_S)
        loop.remove_reader(silent.fileno())
        return silent.poll()

    assert asyncio.run(first_events()) == [Installed(1)]


def test_the_clock_runs_at_the_sample_rate(silent: AudioProcess) -> None:
    first_s, first = time.monotonic(), silent.now_frame()
    wait_until(lambda: silent.status().clock_frame > first + 10_000)
    last_s, last = time.monotonic(), silent.now_frame()
    # Scheduling of this machine is the slack; the clock itself is smoothed.
    assert last - first == pytest.approx((last_s - first_s) * SAMPLE_RATE_HZ, abs=1500)
    later = silent.frame_at(last_s + 1.0) - silent.frame_at(last_s)
    assert later == pytest.approx(SAMPLE_RATE_HZ, abs=200)


def state_of(pid: int) -> str:
    """One letter of Linux: R runs, S sleeps, T is stopped, Z is dead but not buried."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def is_stopped(pid: int) -> bool:
    return state_of(pid) == "T"


def test_more_than_the_ring_holds_is_refused(silent: AudioProcess) -> None:
    os.kill(silent.pid, signal.SIGSTOP)
    wait_until(lambda: is_stopped(silent.pid), "the stop")
    for _ in range(1024):
        silent.send(SetMasterGain(0.0))
    with pytest.raises(QueueFull, match="no more commands"):
        silent.send(SetMasterGain(0.0))
    assert silent.send_records([encode(SetMasterGain(0.0))]) == 0
    os.kill(silent.pid, signal.SIGCONT)


# ── death ────────────────────────────────────────────────────────────────────


def test_a_stall_is_seen_and_a_restart_goes_on_where_time_is(silent: AudioProcess) -> None:
    install(silent, 1, noise())
    install(silent, 2, noise(seed=2))
    listener = Listener(silent)
    assert listener.wait_for(Installed) == Installed(1)
    assert listener.wait_for(Installed) == Installed(2)
    silent.send(ReleaseTake(2))
    listener.wait_for(Disposed)
    before_s, before = time.monotonic(), silent.now_frame()
    old_pid, old_descriptor = silent.pid, silent.fileno()
    os.kill(silent.pid, signal.SIGSTOP)
    time.sleep(1.1)
    assert not silent.stands_still(), "this process may have stood still as well"
    wait_until(silent.stands_still, "the stall", within_s=3.0)
    lost = silent.restart()
    assert [command.take_id for command in lost] == [1]
    assert silent.pid != old_pid
    assert silent.fileno() == old_descriptor
    assert not silent.stands_still()
    elapsed_s = time.monotonic() - before_s
    assert silent.now_frame() - before == pytest.approx(elapsed_s * SAMPLE_RATE_HZ, abs=2000)
    for command in lost:
        silent.send(command)
    silent.send(Play(1, 1, loop=True))
    listener.wait_for(Started)
    silent.send(StopSlot(1))
    listener.wait_for(Ended)


def test_a_killed_process_is_seen_and_replaced(silent: AudioProcess) -> None:
    os.kill(silent.pid, signal.SIGKILL)
    wait_until(lambda: not silent.is_alive)
    with pytest.raises(AudioError, match="does not run"):
        silent.send(SetMasterGain(0.0))
    assert silent.restart() == ()
    assert silent.is_alive


def test_an_output_that_cannot_be_reopened_so_comes_back_as_it_was(
    silent: AudioProcess, tmp_path: Path
) -> None:
    silent.reopen(OutputSettings("null", buffer_frames=441))
    assert (silent.is_alive, silent.info.buffer_frames) == (True, 441)
    with pytest.raises(AudioError, match="folder that exists"):
        silent.reopen(OutputSettings(str(tmp_path / "no" / "out.wav")))
    assert (silent.is_alive, silent.info.buffer_frames) == (True, 441)
    install(silent, 1, noise())
    assert Listener(silent).wait_for(Installed) == Installed(1)


def test_another_output_takes_over_and_until_then_both_obey(tmp_path: Path) -> None:
    process, audio = AudioProcess(OutputSettings(str(tmp_path / "out.wav"))), noise(50_000)
    process.start()
    install(process, 1, audio)
    process.send(Play(1, 1, loop=True))
    Listener(process).wait_for(Started)
    first_pid = process.pid
    standby = process.open_beside(OutputSettings("null"))
    assert (process.pid, process.info.hostapi) == (first_pid, "file")
    process.go_over(standby, process.frame_in(60.0))
    assert (process.pid != first_pid, process.info.name) == (True, "null")
    assert process.send_records([encode(StopSlot(1))]) == 0  # two are to be told
    process.send(StopSlot(1))
    process.put_on_air()
    process.send(Play(1, 2))  # is for the new one alone, which waits for its take
    time_of_end = process.frame_in(0.2)
    wait_until(lambda: process.now_frame() > time_of_end)
    process.end_leaving()
    with pytest.raises(ProcessLookupError):
        os.kill(first_pid, 0)
    recorded, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert recorded.any()
    assert not recorded[-100:].any()
    process.stop()


CONTROL = """
import sys
from daw_bridge.audio_commands import InstallTake, Play
from daw_bridge.audio_output import OutputSettings
from daw_bridge.audio_process import AudioProcess
from daw_bridge.takes import create_take
process = AudioProcess(OutputSettings("null"))
process.start()
take = create_take(44100)
process.send(InstallTake(1, take.name, take.frames))
process.send(Play(1, 1, loop=True))
print(process.pid, flush=True)
sys.stdin.read()
"""


def test_the_death_of_the_control_process_ends_it_and_leaves_no_memory() -> None:
    control = subprocess.Popen(
        [sys.executable, "-c", CONTROL], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with control:
        assert control.stdout is not None
        audio_pid = int(control.stdout.readline())
        assert len(blocks_of(control.pid)) == 1
        control.kill()
    wait_until(lambda: not is_running(audio_pid), "the end of the audio process", within_s=3.0)
    assert blocks_of(control.pid) == ()


def is_running(pid: int) -> bool:
    try:
        return state_of(pid) != "Z"
    except FileNotFoundError:
        return False


# ── a real audio server ──────────────────────────────────────────────────────


@pytest.fixture
def on_jack(jack: JackServer) -> Iterator[AudioProcess]:
    """A process on a real JACK server."""
    process = AudioProcess(OutputSettings("default", hostapi="JACK"))
    process.start()
    jack.await_ports(*PORTS)
    yield process
    process.stop()


@pytest.mark.jack
def test_jack_gets_every_frame_bit_by_bit(jack: JackServer, on_jack: AudioProcess) -> None:
    assert on_jack.info.name == "system"
    assert 0 < on_jack.info.latency_ms < 100
    audio = counter()
    install(on_jack, 1, audio)
    on_jack.send(Play(1, 1, loop=True))
    Listener(on_jack).wait_for(Started)
    with Recorder(jack, PORTS, seconds=4.0) as recorder, StallMonitor() as monitor:
        recording = recorder.finish()
        stalls = monitor.finish()
    breaks = counter_breaks(recording.audio)
    ours = stalls.leave_out(recording.times_of(breaks))
    assert len(ours) == 0, f"{len(breaks)} breaks, worst stall {stalls.worst_ms} ms"
    np.testing.assert_array_equal(recording.audio, audio[counted(recording.audio)])


@pytest.mark.jack
def test_what_is_in_the_ring_is_heard_in_the_next_block(
    jack: JackServer, on_jack: AudioProcess
) -> None:
    """How late a message comes to the ring is no matter of this process; see the benchmark."""
    click = np.zeros((400, 2), np.float32)
    click[0], click[1] = 0.5, -0.5
    install(on_jack, 1, click)
    Listener(on_jack).wait_for(Installed)
    server = UdpToPlay(on_jack, take_id=1)
    triggers = UdpTriggers(server.port, b"play", count=60, min_ms=25, max_ms=45)
    with Recorder(jack, PORTS, seconds=3.0, triggers=triggers) as recorder:
        recording = recorder.finish()
    server.close()
    assert len(server.sent_s) == 60
    onsets = np.flatnonzero(recording.audio[:, 0] == 0.5)
    heard = np.searchsorted(recording.cycle_frames, onsets, side="right") - 1
    next_cycles = np.searchsorted(recording.cycle_times_s, server.sent_s)
    # What comes while a cycle has only just begun may still be heard in it.
    waits = heard[np.searchsorted(heard, next_cycles - 1)] - next_cycles
    # A stalling machine may hold up some.
    assert np.quantile(waits, 0.8) <= 0


@pytest.mark.jack
def test_the_end_of_jack_is_survived_and_its_return_noticed(
    jack: JackServer, on_jack: AudioProcess
) -> None:
    install(on_jack, 1, noise())
    Listener(on_jack).wait_for(Installed)
    jack.kill()
    wait_until(lambda: on_jack.stands_still() or not on_jack.is_alive, "the stall", within_s=4.0)
    lost = on_jack.restart()
    assert [command.take_id for command in lost] == [1]
    assert on_jack.info.name == "null"
    assert "silent clock" in on_jack.info.note
    with running_jack(name=jack.name) as returned:
        wait_until(lambda: not on_jack.is_alive, "the silent clock to give way")
        on_jack.restart()
        assert (on_jack.info.name, on_jack.info.note) == ("system", "")
        returned.await_ports(*PORTS)
        on_jack.stop()
