"""The process of the neighbours with the real things: JACK, another program's clock, plugs."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jack as jack_client
import numpy as np
import pytest

from daw_bridge.clock import MIDI_PULSES_PER_BEAT, midi_clock
from daw_bridge.pulses import Lead, PulseSender
from daw_bridge.sync_process import SyncProcess
from daw_bridge.sync_wire import (
    Follow,
    Listen,
    MidiCame,
    PortsChanged,
    SendClock,
    SyncEvent,
    TimeCame,
    command_from_line,
    event_from_line,
    to_line,
)
from generator.api import SAMPLE_RATE_HZ
from tests.jack import JackServer, compiled
from tests.own_network import needs_network, run_alone
from tests.stalls import Times

OWN_IN, OWN_OUT = "daw-bridge-midi:in", "daw-bridge-midi:out"
TEMPO_BPM = 133.7
TWO_BARS = 8 * MIDI_PULSES_PER_BEAT


@pytest.fixture
def sync() -> Iterator[SyncProcess]:
    process = SyncProcess()
    yield process
    process.stop()


def hear(
    sync: SyncProcess, is_last: Callable[[SyncEvent], bool], patience_s: float = 10.0
) -> list[SyncEvent]:
    """Everything that comes until something does."""
    heard: list[SyncEvent] = []
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        select.select([sync], [], [], 0.1)
        sync.watch()
        for event in sync.poll():
            heard.append(event)
            if is_last(event):
                return heard
    raise AssertionError(f"It did not come within {patience_s} s; what came: {heard[-5:]}")


def is_port(event: SyncEvent) -> bool:
    return isinstance(event, PortsChanged) and event.own == OWN_IN


def sequencer(folder: Path, pulses: int, *, name: str = "seq", to: str = OWN_IN) -> list[str]:
    tool = str(compiled("midi_clock", "-ljack"))
    return [tool, name, str(TEMPO_BPM), "2", str(pulses), "3", to, str(folder / "meant")]


@contextlib.contextmanager
def listening(name: str) -> Iterator[None]:
    """A JACK client with an input."""
    client = jack_client.Client(name, no_start_server=True)
    client.midi_inports.register("in")
    with client:
        yield


def test_every_word_survives_its_line() -> None:
    for command in (Listen("x"), Follow("jack"), SendClock(True), Lead(120.0, 1.5, 2.5, True)):
        assert command_from_line(to_line(command)) == command
    for event in (
        MidiCame(1.0, "f8"),
        TimeCame("jack", 1.0, True, signature=(3, 4)),
        PortsChanged(("a", "b"), (), "c"),
    ):
        assert event_from_line(to_line(event)) == event


@pytest.mark.jack
def test_the_clock_of_another_program_is_heard_to_the_frame(
    jack: JackServer, sync: SyncProcess, tmp_path: Path
) -> None:
    sync.tell(Listen("nobody"))  # the sequencer connects itself
    hear(sync, is_port)
    for _ in range(3):
        came_s, meant_s = heard_and_meant(sync, tmp_path)
        # The sender's own 2 ms of jitter, and no block's length; a stall touches few.
        assert np.quantile(np.abs(came_s - meant_s), 0.95) < 0.004
        errors = errors_after_two_bars(came_s, meant_s)
        if len(errors):
            break
    assert (np.quantile(np.abs(errors), 0.95, axis=0) <= (0.1, 0.003)).all()


def heard_and_meant(sync: SyncProcess, folder: Path) -> tuple[Times, Times]:
    """When pulses came, and when those were meant.

    Where the machine stands still, JACK loses frames, and the pulses that were in them.
    """
    came_s: list[float] = []
    with subprocess.Popen(sequencer(folder, 2 * TWO_BARS), stdout=subprocess.DEVNULL) as program:
        while program.poll() is None:
            select.select([sync], [], [], 0.1)
            came_s += [one.at_s for one in sync.poll() if _is_clock(one)]  # type: ignore[union-attr]
    assert program.returncode == 0
    came, meant_s = np.array(came_s), np.fromfile(folder / "meant")
    return came, meant_s[np.abs(came[:, None] - meant_s).argmin(axis=1)]


def errors_after_two_bars(came_s: Times, meant_s: Times) -> Times:
    """How far tempo and beat are off wherever the two bars before came whole.

    Shapes:
        came_s, meant_s: [pulses]  ->  [some of them, 2]
    """
    clock, errors = midi_clock(100.0), []
    period_s = 60.0 / TEMPO_BPM / MIDI_PULSES_PER_BEAT
    is_steady = np.abs(np.diff(meant_s) - period_s) < 0.0005
    for number, (at_s, due_s) in enumerate(zip(came_s, meant_s, strict=True)):
        clock = clock.heard(at_s * SAMPLE_RATE_HZ)
        if number >= TWO_BARS and is_steady[number - TWO_BARS : number].all():
            errors.append((clock.tempo_bpm - TEMPO_BPM, clock.frame / SAMPLE_RATE_HZ - due_s))
    return np.array(errors)


def _is_clock(event: SyncEvent) -> bool:
    return isinstance(event, MidiCame) and event.message == "f8"


@pytest.mark.jack
def test_a_port_that_is_plugged_in_later_is_heard_and_one_pulled_out_is_forgotten(
    jack: JackServer, sync: SyncProcess, tmp_path: Path
) -> None:
    sync.tell(Listen("controller"))
    hear(sync, is_port)
    # It connects itself elsewhere: to be heard it must be found.
    tool = sequencer(tmp_path, 10**5, name="controller", to="listener:in")
    with (
        listening("listener"),
        subprocess.Popen(tool, stdout=subprocess.DEVNULL) as program,
    ):
        hear(sync, lambda one: isinstance(one, PortsChanged) and "controller:out" in one.connected)
        hear(sync, _is_clock)
        program.kill()
    hear(sync, lambda one: isinstance(one, PortsChanged) and one.inputs == ())


@contextlib.contextmanager
def _listener() -> Iterator[list[tuple[int, bytes]]]:
    """Another program that hears what we send, as frames and bytes."""
    stamps: list[tuple[int, bytes]] = []
    listener = jack_client.Client("listener", no_start_server=True)
    port = listener.midi_inports.register("in")

    def process(_frames: int) -> None:
        begin = listener.last_frame_time
        stamps.extend((begin + at, bytes(one)) for at, one in port.incoming_midi_events())

    listener.set_process_callback(process)
    with listener:
        listener.connect(OWN_OUT, port)
        yield stamps


def _await_length(stamps: Sequence[object], length: int) -> None:
    deadline_s = time.monotonic() + 40.0
    while len(stamps) < length and time.monotonic() < deadline_s:
        time.sleep(0.01)


@pytest.mark.jack
def test_our_clock_reaches_another_program_with_its_tempo(
    jack: JackServer, sync: SyncProcess
) -> None:
    sync.tell(SendClock(True))
    hear(sync, is_port)
    with _listener() as stamps:
        sync.tell(Lead(TEMPO_BPM, 0.0, time.monotonic(), True))
        _await_length(stamps, 97)
        deadline_s = time.monotonic() + 40.0
        sync.tell(Lead(TEMPO_BPM, 9.0, time.monotonic(), False))
        while stamps[-1][1] != b"\xfc" and time.monotonic() < deadline_s:
            time.sleep(0.01)
    messages = [message for _, message in stamps]
    assert messages[0] == b"\xfa"
    assert messages[-1] == b"\xfc"
    frames = np.array([at for at, message in stamps if message == b"\xf8"])
    expected = 60 * SAMPLE_RATE_HZ / TEMPO_BPM / 24
    # Where the machine stalls, JACK leaves out frames; between two pulses that is rare.
    assert np.median(np.diff(frames)) == pytest.approx(expected, abs=1.0)


@pytest.mark.jack
def test_a_clock_that_begins_while_time_runs_says_where_it_is_and_sends_nothing_that_has_passed(
    jack: JackServer, sync: SyncProcess
) -> None:
    sync.tell(Listen("nobody"))
    hear(sync, is_port)
    with _listener() as stamps:
        # Ten minutes have passed when the clock is asked for.
        sync.tell(Lead(TEMPO_BPM, 0.0, time.monotonic() - 600.0, True))
        sync.tell(SendClock(True))
        _await_length(stamps, 24)
    messages = [message for _, message in stamps]
    assert messages[0][0] == 0xF2
    assert messages[1] == b"\xfb"
    assert set(messages[2:]) == {b"\xf8"}
    sixteenth = messages[0][1] + 128 * messages[0][2]
    assert sixteenth == pytest.approx(TEMPO_BPM / 60 * 4 * 600.0, abs=60.0)
    frames = np.array([at for at, _ in stamps[2:]])
    expected = 60 * SAMPLE_RATE_HZ / TEMPO_BPM / 24
    assert np.median(np.diff(frames)) == pytest.approx(expected, abs=1.0)


@pytest.mark.jack
def test_the_jack_transport_is_told(jack: JackServer, sync: SyncProcess) -> None:
    sync.tell(Follow("jack"))
    hear(sync, lambda one: isinstance(one, TimeCame) and not one.is_playing)
    _transport(jack, "play")
    (*_, first) = hear(sync, lambda one: isinstance(one, TimeCame) and one.is_playing)
    (*_, later) = hear(sync, lambda one: isinstance(one, TimeCame) and (one.seconds or 0.0) > 0.5)
    assert isinstance(first, TimeCame)
    assert isinstance(later, TimeCame)
    assert first.seconds is not None
    assert later.seconds is not None
    passed_s = later.at_s - first.at_s
    assert later.seconds - first.seconds == pytest.approx(passed_s, abs=0.01)
    _transport(jack, "stop")
    hear(sync, lambda one: isinstance(one, TimeCame) and not one.is_playing)


def _transport(jack: JackServer, word: str) -> None:
    subprocess.run(
        ["jack_transport"],
        input=f"{word}\nquit\n",
        text=True,
        env=jack.environment,
        stdout=subprocess.DEVNULL,
        timeout=10,
        check=True,
    )


@pytest.mark.jack
def test_a_process_that_was_killed_comes_back_and_knows_what_was_asked(
    jack: JackServer, sync: SyncProcess
) -> None:
    sync.tell(Listen("seq"))
    hear(sync, is_port)
    before = sync.pid
    os.kill(before, signal.SIGKILL)
    hear(sync, is_port)
    assert sync.pid != before


@pytest.mark.jack
def test_ports_of_the_system_are_heard_by_the_other_library_too(
    jack: JackServer, tmp_path: Path
) -> None:
    """Where there is no ALSA sequencer, that library speaks to JACK."""
    from daw_bridge.midi_ports import MidiPorts

    heard: list[bytes] = []
    ports = MidiPorts(lambda _at_s, message: heard.append(message), PulseSender())
    try:
        own = next(one for one in jack.ports() if one.startswith("daw-bridge") and ":in" in one)
        with subprocess.Popen(sequencer(tmp_path, 24, to=own), stdout=subprocess.DEVNULL) as one:
            assert one.wait(10) == 0
        assert heard[0] == b"\xfa"
        assert heard.count(b"\xf8") == 24
    finally:
        ports.close()


LINK_PEER = """
import asyncio, sys
from aalink import Link
async def main():
    link = Link(91.5)
    link.enabled = True
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
LINK_WATCHER = """
import select, sys, time
from daw_bridge.sync_process import SyncProcess
from daw_bridge.sync_wire import Follow, TimeCame
sync = SyncProcess()
sync.tell(Follow("link"))
end_s = time.monotonic() + 25.0
while time.monotonic() < end_s:
    select.select([sync], [], [], 0.1)
    for event in sync.poll():
        if isinstance(event, TimeCame) and abs(event.tempo_bpm - 91.5) < 0.01:
            print("followed", flush=True)
            sync.stop()
            sys.exit(0)
sys.exit(1)
"""


@needs_network
def test_the_tempo_of_a_link_session_is_followed(tmp_path: Path) -> None:
    """In a network of its own: Link speaks to everybody who hears it."""
    (tmp_path / "peer.py").write_text(LINK_PEER)
    (tmp_path / "watcher.py").write_text(LINK_WATCHER)
    python = sys.executable
    script = (
        # Of two sessions that meet the older one's tempo counts, so the peer's must be that.
        f"exec 3< <(exec {python} {tmp_path}/peer.py); peer=$!; read -u 3; sleep 1; "
        f"{python} {tmp_path}/watcher.py; status=$?; kill $peer; exit $status"
    )
    result = run_alone(script)
    assert result.returncode == 0, result.stderr
    assert "followed" in result.stdout
