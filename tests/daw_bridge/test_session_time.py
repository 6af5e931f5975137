"""Laws of the rules of time: who leads, who follows, what begins and ends with the transport."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge import audio_commands as audio
from daw_bridge.clock_events import ClockPlaced, ClockStarted, ClockStopped, ClockTold, Pulse
from daw_bridge.errors import Fault
from daw_bridge.requests import (
    ContinueTransport,
    Go,
    HearBeat,
    Play,
    SetValue,
    StartTransport,
    Stop,
    StopTransport,
    Tap,
)
from daw_bridge.session_decision import Show
from daw_bridge.transport import Signature
from generator.api import SAMPLE_RATE_HZ
from tests.daw_bridge.session_world import World

FRAMES_A_MS = SAMPLE_RATE_HZ / 1000
SOURCES = ("internal", "link", "midi", "jack", "osc")


def pulse_frames(tempo_bpm: float) -> float:
    return 60 * SAMPLE_RATE_HZ / tempo_bpm / 24


def following(source: str) -> World:
    world = World()
    world.ask(SetValue(0, "tempo_source", source))
    return world


def looping(*slots: int) -> World:
    world = World()
    for slot in slots:
        world.ask(SetValue(slot, "mode", "loop"))
        world.ask(Go(slot, "pad"))
    world.settle()
    return world


def send_pulses(
    world: World, first: int, count: int, tempo_bpm: float, jitter_ms: float = 0.0
) -> list[float]:
    """Pulses of MIDI clock, from a number on, where they are due or near it; their true frames."""
    source, begin = random.Random(first), float(world.frame)
    true = [begin + number * pulse_frames(tempo_bpm) for number in range(count + 1)]
    for frame in true[:-1]:
        late = frame + source.uniform(-jitter_ms, jitter_ms) * FRAMES_A_MS
        world.frame = round(late)
        world.tell(Pulse(late))
    world.frame = round(true[-1])
    return true[:-1]


def is_playing(world: World) -> bool:
    return world.state.transport.is_playing


# ── our own clock ────────────────────────────────────────────────────────────
@given(st.integers(40, 240), st.integers(2, 8))
def test_taps_set_the_tempo_and_move_no_beat(tempo_bpm: int, taps: int) -> None:
    world = World()
    for _ in range(taps):
        before = world.state.transport.beat_at(world.frame)
        world.ask(Tap())
        assert abs(world.state.transport.beat_at(world.frame) - before) < Fraction(1, 10**9)
        world.frame += round(60 * SAMPLE_RATE_HZ / tempo_bpm)
    assert world.state.transport.tempo_bpm == pytest.approx(tempo_bpm, abs=0.1)


def test_one_tap_changes_nothing() -> None:
    world = World()
    before = world.state.transport
    world.ask(Tap())
    assert world.state.transport == before


@pytest.mark.parametrize("source", SOURCES[1:])
@pytest.mark.parametrize(
    "command", [Tap(), StartTransport(), StopTransport(), SetValue(0, "nudge_pct", 1.0)]
)
def test_who_follows_is_not_moved_by_hand(source: str, command: SetValue) -> None:
    world = following(source)
    before = world.state.transport
    world.ask(command, request_id=3)
    assert world.state.transport == before
    (answer,) = world.replies("/fail")
    assert source in answer[3]


def test_a_source_that_is_missing_is_refused_with_its_reason() -> None:
    world = World()
    world.state = replace(world.state, missing_sources=(("link", "Install it."),))
    world.ask(SetValue(0, "tempo_source", "link"), request_id=1)
    assert world.replies("/fail")[0][2:] == (Fault.BAD_VALUE, "Install it.")
    assert world.state.tempo_source == "internal"


@pytest.mark.parametrize("denominator", range(1, 17))
def test_a_signature_counts_in_halves_of_halves(denominator: int) -> None:
    world = World()
    world.ask(SetValue(0, "signature", (7, denominator)), request_id=1)
    is_refused = bool(world.replies("/fail"))
    assert is_refused == (denominator not in (1, 2, 4, 8, 16))
    assert (world.state.transport.signature == Signature(7, denominator)) != is_refused


# ── the transport ────────────────────────────────────────────────────────────
def test_stop_silences_all_and_play_begins_the_loops_on_one_frame() -> None:
    world = looping(1, 2)
    world.ask(StopTransport())
    world.deliver()
    assert not world.state.transport.is_playing
    assert world.sounding == []
    world.frame += 12_345
    world.ask(StartTransport())
    first, second = world.waiting_plays
    assert first.at_frame == second.at_frame > world.frame
    assert world.state.transport.beat_at(first.at_frame) == 0
    world.settle()
    assert {play.slot for play in world.sounding} == {1, 2}


def test_play_begins_again_what_loops() -> None:
    world = looping(1)
    world.ask(SetValue(0, "quantize", "4bars"))
    world.ask(StartTransport())
    (play,) = world.waiting_plays
    # A loop that takes over enters with its own end, so that its first frame falls on the point.
    lead_frames = world.installed[play.take_id] - play.offset_frames
    assert world.state.transport.beat_at(play.at_frame + lead_frames) == 0


def test_continue_goes_on_in_the_bar_and_loops_come_in_at_the_quantise_point() -> None:
    world = looping(1)
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(StopTransport())
    world.deliver()
    stopped = world.state.transport.beat_at(world.frame)
    world.frame += 99_999
    assert world.state.transport.beat_at(world.frame) == stopped
    world.ask(ContinueTransport())
    (play,) = world.waiting_plays
    beat = world.state.transport.beat_at(play.at_frame)
    assert abs(beat - round(beat)) < Fraction(1, 10_000)
    assert round(beat) % 4 == 0
    assert beat > stopped


def test_what_was_stopped_by_hand_does_not_come_back() -> None:
    world = looping(1, 2)
    world.ask(StopTransport())
    world.deliver()
    world.ask(Stop(1, 10.0))
    world.ask(StartTransport())
    assert [play.slot for play in world.waiting_plays] == [2]


def test_while_time_stands_a_play_begins_at_once() -> None:
    world = looping(1)
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(StopTransport())
    world.deliver()
    world.ask(Play(1, 1.0))
    (play,) = world.waiting_plays
    assert play.at_frame <= world.frame


def test_the_lamps_show_what_time_does() -> None:
    world = World()
    shown = [
        (action.field, action.value)
        for command in (StopTransport(), StartTransport())
        for action in world.ask(command)
        if isinstance(action, Show)
    ]
    assert shown == [("is_playing", 0), ("is_stopped", 1), ("is_playing", 1), ("is_stopped", 0)]


# ── MIDI clock ───────────────────────────────────────────────────────────────
@given(st.floats(50.0, 200.0), st.integers(0, 10**6))
@settings(max_examples=20)
def test_midi_clock_with_2_ms_of_jitter_is_followed_within_3_ms_after_two_bars(
    tempo_bpm: float, begin: int
) -> None:
    world = following("midi")
    world.frame += begin
    world.tell(ClockStarted(Fraction(0)))
    true = send_pulses(world, 0, 16 * 24, tempo_bpm, jitter_ms=2.0)
    transport = world.state.transport
    assert abs(transport.tempo_bpm - tempo_bpm) <= 0.1
    for number in range(12 * 24, 16 * 24):
        frame = transport.frame_at(Fraction(number, 24))
        assert abs(frame - true[number]) <= 3.0 * FRAMES_A_MS


def test_the_first_pulse_after_start_is_the_first_beat() -> None:
    world = following("midi")
    send_pulses(world, 0, 100, 120.0)
    world.tell(ClockStarted(Fraction(0)))
    (first, *_) = send_pulses(world, 0, 48, 120.0)
    assert world.state.transport.beat_at(round(first)) == pytest.approx(0, abs=1e-3)
    assert world.state.transport.bar_and_beat(Fraction(0)) == (0, 0)


def test_stop_place_and_continue_go_on_from_the_place() -> None:
    world = following("midi")
    world.tell(ClockStarted(Fraction(0)))
    send_pulses(world, 0, 48, 120.0)
    world.tell(ClockStopped())
    assert not is_playing(world)
    send_pulses(world, 0, 31, 120.0)  # clocks may come while it stands
    assert world.state.transport.beat_at(world.frame) == pytest.approx(2, abs=0.05)
    world.tell(ClockPlaced(Fraction(16)))
    world.tell(ClockStarted(None))
    (first, *_) = send_pulses(world, 0, 24, 120.0)
    assert is_playing(world)
    assert world.state.transport.beat_at(round(first)) == pytest.approx(16, abs=1e-3)


def test_a_clock_without_a_start_lends_its_tempo_and_the_bars_go_on() -> None:
    world = following("midi")
    world.frame = 44_100 * 7
    before = world.state.transport.beat_at(world.frame)
    send_pulses(world, 0, 96, 140.0)
    assert world.state.transport.tempo_bpm == 140.0
    assert world.state.transport.beat_at(world.frame) == pytest.approx(before + 4, abs=0.05)


def test_loops_begin_again_with_the_start_of_another_program() -> None:
    world = looping(1)
    world.ask(SetValue(0, "tempo_source", "midi"))
    send_pulses(world, 0, 24, 120.0)
    world.tell(ClockStopped())
    world.deliver()
    assert world.sounding == []
    world.tell(ClockStarted(Fraction(0)))
    send_pulses(world, 0, 3, 120.0)
    (play,) = world.waiting_plays
    assert play.slot == 1


@pytest.mark.parametrize("tempo_bpm", [119.0, 120.0, 121.0])
def test_a_loop_of_bars_turns_on_the_beat_of_the_clock_that_is_followed(tempo_bpm: float) -> None:
    world = World()
    world.ask(SetValue(1, "mode", "loop"))
    world.ask(SetValue(1, "bars", 1))
    world.ask(Go(1, "drums"))
    world.settle()
    world.ask(SetValue(0, "tempo_source", "midi"))
    world.tell(ClockStarted(Fraction(0)))
    send_pulses(world, 0, 6, tempo_bpm)
    points = []
    for _ in range(6 * 24):
        for play in world.waiting_plays:
            if play.at_frame <= world.frame:
                if play.at_frame >= 0:  # not the one that begins at once, with the start
                    lead_frames = play.offset_frames and 88_200 - play.offset_frames
                    points.append(world.state.transport.beat_at(play.at_frame + lead_frames))
                now, world.frame = world.frame, max(play.at_frame, 0) or world.frame
                world.start_waiting()
                world.deliver()
                world.frame = now
        send_pulses(world, 0, 4, tempo_bpm)  # at 120 bpm whole frames
    assert points
    for beat in points:
        assert abs(beat - round(beat)) < 0.01
    # The first turn sets right what the start came late; then only another tempo needs it.
    assert (len(points) > 1) == (tempo_bpm != 120.0)


# ── others ───────────────────────────────────────────────────────────────────
def test_beats_by_osc_lead_the_transport() -> None:
    world = following("osc")
    for beat in range(32):
        world.due_frame = round(world.frame + 100)
        world.ask(HearBeat(float(beat), None))
        last = world.due_frame
        world.frame += round(60 * SAMPLE_RATE_HZ / 97.0)
    assert world.state.transport.tempo_bpm == pytest.approx(97.0, abs=0.05)
    assert world.state.transport.beat_at(last) == pytest.approx(31, abs=1e-2)


@pytest.mark.parametrize("source", ["link", "jack"])
def test_who_tells_its_beat_is_believed(source: str) -> None:
    world = following(source)
    told = ClockTold(
        source, world.frame + 0.5, True, beat=9.25, tempo_bpm=91.5, signature=Signature(3, 4)
    )
    world.tell(told)
    transport = world.state.transport
    assert transport.tempo_bpm == 91.5
    assert transport.beat_at(world.frame) == pytest.approx(9.25, abs=1e-3)
    assert transport.signature == Signature(3, 4)
    world.tell(ClockTold(source, world.frame, False, beat=9.25, tempo_bpm=91.5))
    assert not world.state.transport.is_playing


@pytest.mark.parametrize("source", SOURCES)
def test_a_clock_that_is_not_followed_is_not_heard(source: str) -> None:
    world = following(source)
    before = world.state
    for event in (
        ClockTold("nobody", 1.0, False, beat=5.0),
        ClockTold("", 1.0, True, tempo_bpm=90.0),
    ):
        world.tell(event)
    if source != "midi":
        world.tell(ClockStarted(Fraction(0)))
        world.tell(Pulse(500.0))
        world.tell(ClockStopped())
    assert world.state == before


def test_the_audio_process_hears_a_fade_for_each_slot_that_sounds() -> None:
    world = looping(1, 2)
    world.actions.clear()
    world.ask(StopTransport())
    assert {one.slot for one in world.told(audio.StopSlot)} == {1, 2}  # type: ignore[union-attr]


# ── what waits moves with the clock ──────────────────────────────────────────
@given(st.floats(60.0, 200.0), st.integers(0, 80_000))
def test_a_play_that_waits_for_the_bar_moves_with_the_tempo(tempo_bpm: float, later: int) -> None:
    world = looping(1)
    world.ask(Stop(1, 10.0))
    world.deliver()
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(Play(1, 1.0))
    (before,) = world.waiting_plays
    world.frame = min(world.frame + later, before.at_frame - 2000)
    world.ask(SetValue(0, "tempo_bpm", tempo_bpm))
    (after,) = world.waiting_plays
    due = world.state.transport.next_point(world.frame, "bar")
    assert abs(after.at_frame - due) <= SAMPLE_RATE_HZ // 2000
    (armed,) = world.state.slots[0].armed
    assert armed.play == after


def test_what_is_about_to_begin_is_left_alone() -> None:
    world = looping(1)
    world.ask(Stop(1, 10.0))
    world.deliver()
    world.ask(SetValue(0, "quantize", "bar"))
    world.ask(Play(1, 1.0))
    (before,) = world.waiting_plays
    world.frame = before.at_frame - 500
    world.ask(SetValue(0, "tempo_bpm", 60.0))
    assert world.waiting_plays == [before]


def test_a_stop_takes_effect_at_the_quantise_point() -> None:
    world = looping(1)
    world.ask(SetValue(0, "quantize", "bar"))
    world.actions.clear()
    world.ask(Stop(1, 10.0))
    (stop,) = world.told(audio.StopSlot)
    assert isinstance(stop, audio.StopSlot)
    assert stop.at_frame == world.state.transport.next_point(world.frame, "bar")
