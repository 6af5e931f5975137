"""Laws of the request, the clip and the seeded noise."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import api
from generator.api import (
    AudioClip,
    GenerationRequest,
    GeneratorError,
    RequestError,
    seeded_noise,
    varied_noise,
)

SEEDS = st.integers(0, api.MAX_SEED)


@given(st.floats(api.MIN_SECONDS, api.MAX_SECONDS))
def test_frames_are_the_nearest_to_the_seconds(seconds: float) -> None:
    request = GenerationRequest("kick", 1, seconds)
    assert abs(request.frames / api.SAMPLE_RATE_HZ - seconds) <= 0.5 / api.SAMPLE_RATE_HZ + 1e-12


@given(st.integers(1, 8), st.floats(80, 200), st.integers(2, 7))
def test_bars_decide_the_length_where_they_are_given(
    bars: int, tempo_bpm: float, beats: int
) -> None:
    exact = bars * beats * 60 / tempo_bpm * api.SAMPLE_RATE_HZ
    if exact > api.MAX_SECONDS * api.SAMPLE_RATE_HZ:
        return
    request = GenerationRequest("loop", 1, 5.0, tempo_bpm=tempo_bpm, bars=bars, beats_per_bar=beats)
    assert abs(request.frames - exact) <= 0.5 + 1e-6


@given(st.sampled_from(api.KEYS))
def test_every_key_is_its_own_spelling(key: str) -> None:
    assert api.parse_key(key) == key
    assert api.KEYS[api.key_index(key) - 1] == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("F#m", "F# minor"),
        ("Bb", "Bb major"),
        ("C major", "C major"),
        ("a", "A major"),
        ("am", "A minor"),
        ("AM", "A major"),
        ("E♭ min", "Eb minor"),
        ("d#maj", "Eb major"),
        ("Cb", "B major"),
        ("B#m", "C minor"),
        (" g  minor ", "G minor"),
        ("bbm", "Bb minor"),
        ("b minor", "B minor"),
    ],
)
def test_a_key_is_read_as_musicians_write_it(text: str, key: str) -> None:
    assert api.parse_key(text) == key
    assert GenerationRequest("pad", 0, key=text).key == key


@pytest.mark.parametrize("text", ["", "H", "C dorian", "F##", "🎹", "#", "mm", "C major major"])
def test_an_unknown_key_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="key"):
        api.parse_key(text)


@given(st.text(max_size=20))
def test_any_text_is_a_key_or_a_request_error(text: str) -> None:
    with contextlib.suppress(RequestError):
        assert api.parse_key(text) in api.KEYS


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": 3},
        {"prompt": b"kick"},
        {"prompt": "é" * 1001},
        {"prompt": "\ud800"},
        {"seed": -1},
        {"seed": 2**31},
        {"seed": True},
        {"seed": 1.0},
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"seconds": 0.05},
        {"seconds": 25},
        {"seconds": "2"},
        {"steps": 0},
        {"steps": 9},
        {"tempo_bpm": math.nan},
        {"tempo_bpm": 0.0},
        {"bars": 2},
        {"bars": 0, "tempo_bpm": 120.0},
        {"bars": 64, "tempo_bpm": 60.0},
        {"bars": 1.5, "tempo_bpm": 60.0},
        {"beats_per_bar": 0},
        {"key": "H"},
        {"key": 3},
        {"loop": 1},
    ],
)
def test_what_cannot_be_made_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RequestError) as caught:
        GenerationRequest(**({"prompt": "kick", "seed": 1} | changes))  # type: ignore[arg-type]
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("prompt", ["", "🥁🔥", "é" * 1000, "a\x00b", "\n"])
def test_odd_prompts_are_allowed(prompt: str) -> None:
    assert GenerationRequest(prompt, 0).prompt == prompt


@given(SEEDS, st.integers(1, 40), st.integers(0, 40), st.integers(1, 8))
def test_noise_does_not_depend_on_what_follows(
    seed: int, frames: int, more: int, width: int
) -> None:
    short = api.seeded_noise(seed, frames, width)
    long = api.seeded_noise(seed, frames + more, width)
    assert short.shape == (width, frames)
    assert short.dtype == np.float32
    np.testing.assert_array_equal(long[:, :frames], short)


def test_noise_is_gaussian_and_differs_between_seeds_and_draws() -> None:
    base = api.seeded_noise(7, 2000, 16)
    assert abs(base.mean()) < 0.02
    assert abs(base.std() - 1.0) < 0.02
    for other in (api.seeded_noise(8, 2000, 16), api.seeded_noise(7, 2000, 16, draw=1)):
        assert abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 0.02


def test_a_clip_of_another_length_or_type_is_refused() -> None:
    request = GenerationRequest("kick", 1, 0.1)
    AudioClip(np.zeros((4410, 2), np.float32), request)
    with pytest.raises(GeneratorError, match="asked for"):
        AudioClip(np.zeros((4411, 2), np.float32), request)
    with pytest.raises(GeneratorError, match="float64"):
        AudioClip(np.zeros((4410, 2), np.float64), request)


def test_chunks_are_joined_in_order() -> None:
    request = GenerationRequest("kick", 1, 0.1)
    whole = np.arange(8820, dtype=np.float32).reshape(4410, 2)
    clip = api.collect_clip(request, [whole[:100], whole[100:101], whole[101:]])
    np.testing.assert_array_equal(clip.audio, whole)
    with pytest.raises(GeneratorError):
        api.collect_clip(request, [])


@given(variation=st.floats(0.0, 1.0), draw=st.integers(0, 3))
def test_a_variation_is_noise_as_far_from_its_seed_as_it_says(variation: float, draw: int) -> None:
    request = GenerationRequest("x", 5, variation=variation, variation_seed=6)
    noise = varied_noise(request, 500, 16, draw=draw)
    own, other = seeded_noise(5, 500, 16, draw=draw), seeded_noise(6, 500, 16, draw=draw)
    angle = np.pi / 2 * variation
    assert abs(np.corrcoef(noise.ravel(), own.ravel())[0, 1] - np.cos(angle)) < 0.05
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1] - np.sin(angle)) < 0.05
    assert abs(noise.std() - 1.0) < 0.03


def test_no_variation_is_the_seed_itself() -> None:
    request = GenerationRequest("x", 5, variation_seed=6)
    np.testing.assert_array_equal(varied_noise(request, 9, 4), seeded_noise(5, 9, 4))


@pytest.mark.parametrize(
    "blend", [(("a", 1.0),) * 5, (("a", 0.0),), (("a", 2.0),), (("x" * 2001, 1.0),)]
)
def test_a_blend_that_means_nothing_is_refused(blend: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(RequestError):
        GenerationRequest("x", 5, blend=blend)
