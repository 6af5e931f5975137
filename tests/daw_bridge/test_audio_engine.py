"""Laws of the callback: order, bounded work, events that are never lost in silence."""

import random
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from daw_bridge.audio_commands import (
    Command,
    Disposed,
    Ended,
    Event,
    Installed,
    Panic,
    Play,
    Quit,
    ReleaseTake,
    SetMasterGain,
    Started,
    StopSlot,
    Warning,
    WarningCode,
)
from daw_bridge.audio_engine import AudioEngine
from daw_bridge.audio_records import RECORD_BYTES, decode, encode
from daw_bridge.audio_status import AudioStatus, StatusReader, StatusWriter, create_status_block
from daw_bridge.frame_clock import FrameClock
from daw_bridge.mixer import Mixer
from daw_bridge.ring import create_ring
from daw_bridge.shared_memory import remove_block
from daw_bridge.voice import Take
from generator.api import SAMPLE_RATE_HZ, FloatArray


class Rig:
    """An engine and the control process's ends of what it is connected to."""

    def __init__(self, ring_records: int = 1024) -> None:
        self.commands = create_ring(capacity=1024, record_bytes=RECORD_BYTES)
        self.events_ring = create_ring(capacity=ring_records, record_bytes=RECORD_BYTES)
        block = create_status_block()
        for name in (self.commands.name, self.events_ring.name, block.name):
            remove_block(name)
        self.status = StatusReader(block)
        self.engine = AudioEngine(
            Mixer(), commands=self.commands, events=self.events_ring, status=StatusWriter(block)
        )
        self.wakes = 0
        self.engine.wake = self.count_wake

    def count_wake(self) -> None:
        self.wakes += 1

    def send(self, *commands: Command) -> None:
        for command in commands:
            assert self.commands.push(encode(command))

    def render(self, frames: int = 256, *, underflow: bool = False) -> FloatArray:
        out = np.full((frames, 2), np.nan, np.float32)
        self.engine.render(out, underflow=underflow)
        return out

    def events(self) -> list[Event]:
        found: list[Event] = []
        while (record := self.events_ring.pop()) is not None:
            event = decode(record)
            assert isinstance(event, Event)
            found.append(event)
        return found


def noise(frames: int = 1000) -> FloatArray:
    generator = np.random.default_rng(1)
    return (generator.standard_normal((frames, 2)) * 0.1).astype(np.float32)


def test_a_take_comes_sounds_and_goes() -> None:
    rig, audio = Rig(), noise(200)
    rig.engine.arrivals.append(Take(7, audio))
    rig.send(Play(1, 7), ReleaseTake(7))
    np.testing.assert_array_equal(rig.render()[:200], audio)
    installed, started, ended = rig.events()
    assert installed == Installed(7)
    assert isinstance(started, Started)
    assert ended == Ended(1, 7, started.frame + 200, sounding=0)
    assert [take.take_id for take in rig.engine.disposed] == [7]
    rig.engine.departures.append(7)  # as the janitor does once it has forgotten the take
    rig.render()
    assert rig.events() == [Disposed(7)]
    assert rig.wakes == 2


def test_a_play_sent_before_its_take_has_come_is_heard() -> None:
    rig = Rig()
    rig.send(Play(1, 7))
    np.testing.assert_array_equal(rig.render(), 0.0)
    rig.engine.arrivals.append(Take(7, noise(256)))
    np.testing.assert_array_equal(rig.render(), noise(256))


def test_a_flood_of_commands_is_spread_over_blocks() -> None:
    rig = Rig()
    rig.send(*[SetMasterGain(-1.0)] * 1000)
    rig.render()
    assert len(rig.commands) == 1000 - 128
    for _ in range(7):
        rig.render()
    assert len(rig.commands) == 0


def test_events_wait_for_room_and_keep_their_order() -> None:
    rig = Rig(ring_records=4)
    rig.engine.arrivals.extend(Take(number, noise(8)) for number in range(20))
    found = []
    for _ in range(10):
        rig.render()
        found += rig.events()
    assert found == [Installed(number) for number in range(20)]


def test_events_that_nobody_fetches_are_dropped_in_the_end_and_counted() -> None:
    rig = Rig(ring_records=4)
    rig.engine.arrivals.extend(Take(number, noise(8)) for number in range(5000))
    rig.render()
    found: list[Event] = rig.events()
    for _ in range(2000):
        rig.render(1)
        found += rig.events()
    assert found[-1] == Warning(WarningCode.EVENTS_LOST, 5000 - 4 - 4096)
    assert len(found) == 4 + 4096 + 1


def test_a_second_take_of_one_number_is_refused_but_not_freed_here() -> None:
    rig = Rig()
    rig.engine.arrivals.extend([Take(1, noise()), Take(1, noise())])
    rig.render()
    assert rig.events() == [
        Installed(1),
        Warning(WarningCode.BAD_COMMAND, 1, take_id=1),
    ]
    assert [take.take_id for take in rig.engine.disposed] == [-1]


@pytest.mark.parametrize("record", [b"\xff" * RECORD_BYTES, encode(Installed(1))])
def test_a_record_that_is_no_command_is_counted(record: bytes) -> None:
    rig = Rig()
    rig.commands.push(record)
    rig.render()
    assert rig.events() == [Warning(WarningCode.BAD_COMMAND, 1)]


def test_quit_is_passed_on() -> None:
    rig = Rig()
    rig.send(Quit())
    rig.render()
    assert rig.engine.wants_to_quit


def test_what_is_no_number_is_told() -> None:
    rig, audio = Rig(), noise(256)
    audio[3] = np.nan
    rig.engine.arrivals.append(Take(1, audio))
    rig.send(Play(1, 1))
    assert np.isfinite(rig.render()).all()
    assert Warning(WarningCode.NOT_FINITE, 2) in rig.events()


def test_a_failure_is_told_and_its_first_cause_kept() -> None:
    rig = Rig()
    first = ValueError("first")
    rig.engine.fail(first)
    rig.engine.fail(ValueError("second"))
    rig.render()
    assert rig.engine.failure is first
    assert rig.events() == [Warning(WarningCode.RENDER_FAILED, 1)] * 2


def test_the_status_tells_levels_clock_and_interruptions() -> None:
    rig = Rig()
    rig.engine.set_clock(frame=10_000, monotonic_s=0.0)
    rig.engine.output_latency_ms = 5.8
    audio = np.full((SAMPLE_RATE_HZ, 2), 0.5, np.float32)
    audio[:, 1] = -0.25
    rig.engine.arrivals.append(Take(1, audio))
    rig.send(Play(1, 1))
    rig.render(underflow=True)
    first = rig.status.read()
    for _ in range(150):
        rig.render()
    status = rig.status.read()
    assert status.callbacks == 151
    assert status.xruns == 1
    assert status.levels[:2] == (0.5, 0.25)
    np.testing.assert_allclose(status.levels[2:], [0.5, 0.25], rtol=0.01)
    assert status.buffer_frames == 256
    assert status.playing_slots == 1
    assert status.output_latency_ms == 5.8
    assert 0 < status.cpu_load < 1
    assert status.clock_frame == first.clock_frame + 150 * 256
    assert first.clock_frame == 10_000 + round(first.clock_monotonic_s * SAMPLE_RATE_HZ)


BLOCK_S = 256 / SAMPLE_RATE_HZ


def offset_s(
    clock: FrameClock, *, late_s: Sequence[float], rate: float = 1.0, first: int = 0
) -> float:
    """Tick a clock at callbacks that are late by so much; how far off it is after the last."""
    for number, one_s in enumerate(late_s, first):
        clock.tick(256 * number, 100.0 + number * BLOCK_S * rate + one_s)
    return clock.monotonic_s - 100.0 - (first + len(late_s) - 1) * BLOCK_S * rate


def test_stalls_and_jitter_move_the_clock_by_less_than_half_a_frame() -> None:
    clock, source = FrameClock(), random.Random(4)
    clock.frame, clock.monotonic_s = 0, 100.0
    before_s = offset_s(clock, late_s=[source.uniform(0.0, 1e-4) for _ in range(2000)])
    stall = [0.03 - n * BLOCK_S for n in range(6)]
    after_s = offset_s(clock, late_s=[*stall, *[5e-5] * 50], first=2000)
    assert abs(after_s - before_s) * SAMPLE_RATE_HZ < 0.5


def test_the_clock_follows_a_quartz_and_frames_that_were_lost() -> None:
    for rate in (0.9999, 1.0001):
        clock = FrameClock()
        clock.frame, clock.monotonic_s = 0, 100.0
        assert abs(offset_s(clock, late_s=[0.0] * 5000, rate=rate)) < 0.0005
    assert abs(offset_s(clock, late_s=[0.0058] * 25, rate=rate, first=5000) - 0.0058) < 0.0005


def test_the_callback_makes_no_array() -> None:
    rig = Rig()
    rig.engine.arrivals.extend(Take(number, noise()) for number in range(8))
    rig.send(*[Play(1 + number, number, loop=True) for number in range(8)])
    out = np.zeros((256, 2), np.float32)
    for _ in range(10):
        rig.engine.render(out, underflow=False)
    rig.send(StopSlot(1), Play(2, 3, loop=True), SetMasterGain(-6.0), Panic())
    tracemalloc.start()
    rig.engine.render(out, underflow=False)
    rig.events()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    rig.engine.render(out, underflow=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 8192
    assert rig.status.read() != AudioStatus()
