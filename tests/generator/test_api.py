"""Laws of the request and the clip."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import api
from generator.api import AudioClip, GenerationRequest
from generator.errors import GeneratorError, RequestError


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


@pytest.mark.parametrize(
    "blend", [(("a", 1.0),) * 5, (("a", 0.0),), (("a", 2.0),), (("x" * 2001, 1.0),)]
)
def test_a_blend_that_means_nothing_is_refused(blend: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(RequestError):
        GenerationRequest("x", 5, blend=blend)
