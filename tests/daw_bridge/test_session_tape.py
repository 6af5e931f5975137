"""Laws of capturing: bars end at a bar line, seconds end now, and credit goes to what sounded."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.errors import Fault
from daw_bridge.file_jobs import (
    BeginRecording,
    EndRecording,
    FileFailed,
    SoundWritten,
    WriteCapture,
)
from daw_bridge.output_events import Device, OutputOpened
from daw_bridge.requests import (
    Capture,
    Go,
    SetValue,
    StartRecording,
    StartTransport,
    Stop,
    StopRecording,
    StopTransport,
)
from daw_bridge.session_library import Tape
from generator.api import SAMPLE_RATE_HZ
from tests.daw_bridge.session_world import World
from tests.daw_bridge.test_session_recall import jobs_of, last_job

KEPT_S = 60


def world_with_tape() -> World:
    world = World()
    object.__setattr__(world.state, "tape", Tape(KEPT_S * SAMPLE_RATE_HZ))
    return world


def is_recording(world: World) -> bool:
    return world.state.tape.is_recording


def captured(world: World) -> WriteCapture:
    _, job = last_job(world)
    assert isinstance(job, WriteCapture)
    return job


@given(
    tempo_bpm=st.sampled_from([87.3, 120.0, 174.07]),
    bars=st.integers(1, 8),
    numerator=st.sampled_from([3, 4, 7]),
    elapsed_s=st.floats(35.0, 3600.0),
)
def test_bars_are_whole_and_the_last_ones(
    tempo_bpm: float, bars: int, numerator: int, elapsed_s: float
) -> None:
    world = world_with_tape()
    world.ask(SetValue(0, "tempo_bpm", tempo_bpm))
    world.ask(SetValue(0, "signature", (numerator, 4)))
    world.ask(StartTransport())
    world.frame += round(elapsed_s * SAMPLE_RATE_HZ)
    world.ask(Capture(bars, ""))
    job, transport = captured(world), world.state.transport
    assert job.tags.beats == bars * numerator
    for frame, bars_on in ((job.first_frame, bars), (job.end_frame, 0)):
        line = round((transport.beat_at(frame) - transport.bar_beat) / numerator)
        assert transport.frame_at(transport.bar_beat + line * numerator) == frame
        assert transport.next_point(frame, "bar") == frame
        exact = Fraction(bars_on * numerator * 60 * SAMPLE_RATE_HZ) / Fraction(tempo_bpm)
        assert abs(job.end_frame - frame - exact) <= 1
    assert 0 <= world.frame - job.end_frame < transport.next_point(job.end_frame + 1, "bar")
    assert transport.next_point(job.end_frame + 1, "bar") > world.frame


@given(st.floats(0.1, KEPT_S - 1))
def test_seconds_end_now_and_are_exact(seconds: float) -> None:
    world = world_with_tape()
    world.frame = 100 * SAMPLE_RATE_HZ
    world.ask(Capture(seconds, "x.flac"))
    job = captured(world)
    assert (job.name, job.end_frame) == ("x.flac", world.frame)
    assert job.end_frame - job.first_frame == round(seconds * SAMPLE_RATE_HZ)
    assert job.tags.beats == 0
    world.due_frame = world.frame + 500  # of a bundle
    world.ask(Capture(seconds, "y"))
    assert captured(world).end_frame == world.frame + 500


def test_what_is_not_kept_not_yet_heard_or_senseless_is_refused() -> None:
    world = world_with_tape()
    world.frame = 10 * SAMPLE_RATE_HZ
    for length, fault in (
        (KEPT_S + 1.0, Fault.TOO_LARGE),
        (32, Fault.TOO_LARGE),
        (11.0, Fault.NOT_READY),
        (0, Fault.BAD_VALUE),
        (65, Fault.BAD_VALUE),
    ):
        world.ask(Capture(length, ""))
        assert world.replies("/fail")[-1][2] == fault, length
    world.ask(StopTransport())
    world.ask(Capture(1, ""))
    assert "Time stands" in world.replies("/fail")[-1][3]
    assert jobs_of(world) == []


def play_for(world: World, slot: int, prompt: str, seconds: float) -> None:
    """A loop that sounds from now on for a while."""
    world.ask(SetValue(slot, "mode", "loop"))
    world.ask(Go(slot, prompt))
    world.settle()
    world.frame += round(seconds * SAMPLE_RATE_HZ)
    world.ask(Stop(slot, 10.0))
    world.settle()


def test_credit_goes_to_what_sounded_in_these_frames_and_to_nothing_else() -> None:
    world = world_with_tape()
    world.frame = 100 * SAMPLE_RATE_HZ
    world.ask(SetValue(2, "key", "F# minor"))
    play_for(world, 1, "long ago", 1.0)
    world.frame += 2 * SAMPLE_RATE_HZ
    play_for(world, 2, "just now", 1.0)
    world.frame += SAMPLE_RATE_HZ // 2
    for seconds, prompts in ((0.25, []), (1.0, ["just now"]), (5.0, ["long ago", "just now"])):
        world.ask(Capture(seconds, ""))
        tags = captured(world).tags
        assert [credit.prompt for credit in tags.credits] == prompts
        assert tags.key == ("F# minor" if prompts else "")
    assert [credit.slot for credit in captured(world).tags.credits] == [1, 2]
    assert captured(world).tags.credits[1].seed == world.state.slots[1].shown_seed


def test_what_sounded_before_all_that_is_kept_is_forgotten() -> None:
    world = world_with_tape()
    for _ in range(20):
        play_for(world, 1, "pad", KEPT_S / 4)
    assert len(world.state.tape.heard) < 10


def test_a_recording_runs_from_its_frame_to_its_frame_and_shows_it() -> None:
    world = world_with_tape()
    world.ask(StartRecording("set"), request_id=1)
    first_frame = world.frame
    start_id, start = last_job(world)
    assert start == BeginRecording("set", first_frame)
    world.tell(SoundWritten(start_id, "/set.wav"))
    assert is_recording(world)
    world.ask(StartRecording("other"))
    assert world.replies("/fail")[-1][2] == Fault.NOT_READY
    play_for(world, 1, "pad", 2.0 * KEPT_S)
    world.frame += 2 * KEPT_S * SAMPLE_RATE_HZ
    play_for(world, 2, "kick", 1.0)
    world.due_frame = world.frame + 77
    world.ask(StopRecording(), request_id=2)
    end_id, end = last_job(world)
    assert isinstance(end, EndRecording)
    assert end.end_frame == world.frame + 77
    assert [credit.prompt for credit in end.tags.credits] == ["pad", "kick"]
    world.tell(SoundWritten(end_id, "/set.wav"))
    assert not is_recording(world)
    done = [reply for reply in world.replies("/done") if reply[1]]
    assert done == [("StartRecording", 1, "/set.wav"), ("StopRecording", 2, "/set.wav")]


@pytest.mark.parametrize("job_id", [0, None])
def test_a_recording_that_fails_is_over(job_id: int | None) -> None:
    world = world_with_tape()
    world.ask(StartRecording("set"))
    started = last_job(world)[0]
    if job_id == 0:  # the disk is full in the middle of it
        world.tell(SoundWritten(started, "/set.wav"))
    world.tell(FileFailed(started if job_id is None else 0, Fault.DISK, "full"))
    assert not is_recording(world)
    world.ask(StopRecording())
    assert "Nothing is being recorded" in world.replies("/fail")[-1][3]


def test_ends_are_those_of_the_right_voice() -> None:
    world = world_with_tape()
    world.ask(Go(1, "hit"))
    world.settle()
    take = world.state.slots[0].take
    assert take is not None
    world.finish_oneshots()
    world.deliver()
    for frame in (2000, 3000):
        world.tell(audio.Started(1, take.take_id, frame, frame))
    world.tell(audio.Ended(1, take.take_id, 4000, 1, 2000))
    assert [one.end_frame for one in world.state.tape.heard][-2:] == [4000, None]


def world_with_pairs(wanted: int, has: int) -> World:
    world = world_with_tape()
    object.__setattr__(world.state, "output_pairs", wanted)
    world.tell(OutputOpened(Device("Card", "ALSA", pairs=has)))
    world.frame = 100 * SAMPLE_RATE_HZ
    return world


@pytest.mark.parametrize("command", [Capture(1.0, "", 3), Capture(1, "", 3), StartRecording("", 3)])
def test_a_pair_that_is_not_there_is_refused_with_what_to_do(
    command: Capture | StartRecording,
) -> None:
    for wanted, has, word in ((2, 2, "output_pairs"), (4, 2, "heard on pair 1")):
        world = world_with_pairs(wanted, has)
        world.ask(command, request_id=1)
        ((_, number, code, text),) = world.replies("/fail")
        assert (number, code) == (1, Fault.BAD_VALUE)
        assert word in text
        assert not is_recording(world)


def test_a_pair_is_credited_with_what_went_there_and_the_main_mix_with_all() -> None:
    world = world_with_pairs(2, 2)
    world.ask(SetValue(2, "out", 2))
    for slot, prompt in ((1, "main"), (2, "second")):
        world.ask(SetValue(slot, "mode", "loop"))
        world.ask(Go(slot, prompt))
        world.settle()
    world.frame += SAMPLE_RATE_HZ
    for pair, prompts in ((1, ["main", "second"]), (2, ["second"])):
        world.ask(Capture(1.0, "", pair))
        job = captured(world)
        assert job.pair == pair
        assert [credit.prompt for credit in job.tags.credits] == prompts
    world.ask(StartRecording("", 2))
    world.ask(SetValue(1, "out", 2))
    world.ask(SetValue(2, "out", 1))
    world.ask(StopRecording())
    _, end = last_job(world)
    assert isinstance(end, EndRecording)
    assert [credit.prompt for credit in end.tags.credits] == ["main", "second"]
