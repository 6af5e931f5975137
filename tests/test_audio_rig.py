"""The judges are judged: what they find is what was put there."""

import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.api import SAMPLE_RATE_HZ
from tests.audio_rig import COUNTER_FRAMES, counted, counter, counter_breaks, loop_breaks, onsets
from tests.jack import JackServer
from tests.jack_sound import Player, Recorder, UdpTriggers

LOOP_FRAMES = 700


def test_the_counter_counts_and_loops() -> None:
    twice = np.concatenate([counter(), counter()])
    np.testing.assert_array_equal(counted(twice), np.arange(len(twice)) % COUNTER_FRAMES)
    assert len(counter_breaks(twice)) == 0
    assert counter().mean(dtype=np.float64) == 0.0


@given(at=st.integers(1, 4000), lost=st.integers(1, 1000))
def test_lost_frames_are_one_break(at: int, lost: int) -> None:
    played = counter()[:6000]
    heard = np.concatenate([played[:at], played[at + lost :]])
    np.testing.assert_array_equal(counter_breaks(heard), [at - 1])


@given(
    at=st.lists(st.integers(LOOP_FRAMES, 20_000), max_size=3),
    lost=st.integers(1, LOOP_FRAMES - 1),
)
def test_a_loop_that_loses_frames_is_found_out(at: list[int], lost: int) -> None:
    loop = np.random.default_rng(1).standard_normal((LOOP_FRAMES, 2)).astype(np.float32)
    played = np.tile(loop, (40, 1))
    cuts = sorted({place - place % (3 * LOOP_FRAMES) + LOOP_FRAMES for place in at})
    kept = np.ones(len(played), bool)
    for cut in cuts:
        kept[cut : cut + lost] = False
    heard = played[kept]
    expected = [cut - index * lost for index, cut in enumerate(cuts)]
    np.testing.assert_array_equal(loop_breaks(heard, LOOP_FRAMES), expected)


def test_onsets_are_first_frames_after_silence() -> None:
    audio = np.zeros((1000, 2), np.float32)
    audio[0:10, 1] = audio[500:520, 0] = audio[530:540, 0] = 0.1
    np.testing.assert_array_equal(onsets(audio, silence_frames=50), [0, 500])
    assert len(onsets(np.zeros((10, 2), np.float32), silence_frames=5)) == 0


@pytest.mark.jack
def test_packets_cover_the_places_in_a_block_evenly(jack: JackServer) -> None:
    """In two parts that go on where the other ended; at random: so evenly in one of ten tries."""
    places: list[float] = []
    block_s = jack.buffer_frames / SAMPLE_RATE_HZ
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody, Player(jack, counter()):
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        for first in (0, 30):
            packets = UdpTriggers(port, b"x", 30, 8.0, 30.0, first)
            with Recorder(jack, Player.PORTS, seconds=1.0, triggers=packets) as recorder:
                recording = recorder.finish()
            begun_s = recording.cycle_times_s
            cycles = np.searchsorted(begun_s, recording.sent_times_s, side="right") - 1
            places += list((recording.sent_times_s - begun_s[cycles]) / block_s % 1.0)
    share = np.arange(1, len(places) + 1) / len(places)
    assert len(places) == 60
    assert np.max(np.abs(np.sort(places) - share)) < 0.07
