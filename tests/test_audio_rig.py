"""The judges are judged: what they find is what was put there."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.audio_rig import COUNTER_FRAMES, counted, counter, counter_breaks, loop_breaks, onsets

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
