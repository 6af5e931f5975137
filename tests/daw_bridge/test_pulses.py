"""Laws of the MIDI clock that is sent: every pulse once, in time, and starts where time jumps."""

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.pulses import Lead, PulseSender

TEMPOS = st.floats(20.0, 300.0)
CLOCK, START, STOP = b"\xf8", b"\xfa", b"\xfc"


@given(TEMPOS, st.lists(st.floats(0.001, 0.2), min_size=1, max_size=60))
def test_every_pulse_is_sent_once_and_on_its_time(tempo_bpm: float, steps_s: list[float]) -> None:
    sender, now_s, sent = PulseSender(), 100.0, []
    sender.follow(Lead(tempo_bpm, 0.0, now_s, is_playing=True))
    for step_s in steps_s:
        now_s += step_s
        sent += sender.due(now_s)
    assert sent[0] == (100.0, START)
    times_s = [at_s for at_s, message in sent if message == CLOCK]
    for number, at_s in enumerate(times_s):
        assert abs(at_s - 100.0 - number * 60.0 / tempo_bpm / 24) < 1e-6
    assert now_s - times_s[-1] <= 60.0 / tempo_bpm / 24 + 1e-6


@given(TEMPOS, st.lists(st.floats(-0.002, 0.002), max_size=20))
def test_being_set_right_by_a_little_loses_no_pulse_and_starts_nothing(
    tempo_bpm: float, errors_s: list[float]
) -> None:
    sender, sent, now_s = PulseSender(), [], 50.0
    sender.follow(Lead(tempo_bpm, 0.0, now_s, is_playing=True))
    for number, error_s in enumerate(errors_s, 1):
        now_s = 50.0 + number * 0.1
        sent += sender.due(now_s)
        beat = (now_s - 50.0 + error_s) * tempo_bpm / 60.0
        assert sender.follow(Lead(tempo_bpm, beat, now_s, is_playing=True)) == []
    sent += sender.due(now_s + 0.01)
    messages = [message for _, message in sent]
    assert messages[:1] == [START]
    assert set(messages[1:]) <= {CLOCK}
    expected = (now_s + 0.01 - 50.0) * tempo_bpm / 2.5
    assert abs(len(messages) - 1 - expected) < 2 + 0.002 * tempo_bpm / 2.5


@given(TEMPOS, st.integers(1, 4000))
def test_going_on_from_a_place_says_where(tempo_bpm: float, sixteenth: int) -> None:
    sender = PulseSender()
    sender.follow(Lead(tempo_bpm, sixteenth / 4, 7.0, is_playing=True))
    (first_s, place), (_, go_on), (_, pulse) = sender.due(7.0001)
    assert place == bytes([0xF2, sixteenth & 0x7F, sixteenth >> 7])
    assert (go_on, pulse, first_s) == (b"\xfb", CLOCK, 7.0)


@given(TEMPOS, st.floats(0.0, 600.0))
def test_whoever_listens_later_is_told_where_time_is_and_nothing_that_has_passed(
    tempo_bpm: float, later_s: float
) -> None:
    sender, pulse_s = PulseSender(), 2.5 / tempo_bpm
    sender.follow(Lead(tempo_bpm, 0.0, 7.0, is_playing=True))
    sender.begin(7.0 + later_s)
    sent = sender.due(7.0 + later_s + 12 * pulse_s)
    first_s = sent[0][0]
    assert -1e-4 <= first_s - 7.0 - later_s <= 6 * pulse_s + 1e-4
    assert sent[0][1][0] == (0xF2 if first_s > 7.0 else START[0])
    assert 7 <= sum(message == CLOCK for _, message in sent) <= 13


def test_a_stop_is_told_once_and_play_starts_anew() -> None:
    sender, playing = PulseSender(), Lead(120.0, 0.0, 1.0, is_playing=True)
    assert sender.follow(Lead(120.0, 3.0, 0.0, is_playing=False)) == []
    sender.follow(playing)
    assert len(sender.due(2.0)) == 1 + 48
    standing = Lead(120.0, 2.0, 2.0, is_playing=False)
    assert sender.follow(standing) == [STOP]
    assert sender.follow(standing) == []
    assert sender.due(9.0) == []
    sender.follow(Lead(120.0, 0.0, 9.0, is_playing=True))
    assert sender.due(9.001) == [(9.0, START), (9.0, CLOCK)]
