"""One set of laws for every generator: the stand-in without a model and tiny checkpoints."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.api import MAX_SEED, GenerationRequest, Generator
from generator.loading import load_generator
from tests.generator.stable_audio.published import publish
from tests.models import tiny_checkpoint

REQUESTS = st.builds(
    GenerationRequest,
    prompt=st.text(max_size=20),
    seed=st.integers(0, MAX_SEED),
    seconds=st.floats(0.1, 1.5),
    steps=st.integers(1, 8),
    tempo_bpm=st.none() | st.floats(60, 200),
    key=st.sampled_from([None, "C", "F#m"]),
    loop=st.booleans(),
)


@pytest.fixture(scope="module", params=["tone", "onnx", "stable-audio"])
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Generator]:
    if request.param == "tone":
        return lambda: load_generator("tone")
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    if request.param == "onnx":
        tiny_checkpoint(folder)
    else:
        publish(folder)
    return lambda: load_generator(folder, threads=1)


@pytest.fixture(scope="module")
def generator(make: Callable[[], Generator]) -> Generator:
    return make()


@settings(max_examples=20)
@given(request=REQUESTS)
def test_a_take_is_exactly_as_long_as_asked_finite_and_safe(
    generator: Generator, request: GenerationRequest
) -> None:
    audio = generator.generate(request).audio
    assert audio.shape == (request.frames, 2)
    assert audio.dtype == np.float32
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() <= 10 ** (-1 / 20) + 1e-6


@settings(max_examples=10)
@given(request=REQUESTS)
def test_the_whole_is_the_concatenation_of_the_stream(
    generator: Generator, request: GenerationRequest
) -> None:
    chunks = list(generator.stream(request))
    np.testing.assert_array_equal(np.concatenate(chunks), generator.generate(request).audio)


def requests() -> list[GenerationRequest]:
    return [
        GenerationRequest("deep 808 kick", 1, 0.4),
        GenerationRequest("warm pad", 2, 1.2, steps=3, key="Am"),
        GenerationRequest("techno loop", 3, tempo_bpm=140, bars=1, loop=True),
        GenerationRequest("", 4, 0.1),
        GenerationRequest("🥁🔥", 5, 0.3),
    ]


def test_a_seed_is_a_take_whatever_came_before(make: Callable[[], Generator]) -> None:
    one, other = make(), make()
    forth = [one.generate(request).audio for request in requests()]
    back = [other.generate(request).audio for request in reversed(requests())]
    for a, b in zip(forth, reversed(back), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_abandoned_take_leaves_no_trace(make: Callable[[], Generator]) -> None:
    one, other = make(), make()
    first, second = requests()[:2]
    next(iter(one.stream(first)))
    np.testing.assert_array_equal(one.generate(second).audio, other.generate(second).audio)


@pytest.mark.parametrize("prompt", ["", " ", "🥁🔥", "é" * 1000, "a\x00b", "\n\t", "kick " * 400])
def test_odd_prompts_make_sound(generator: Generator, prompt: str) -> None:
    audio = generator.generate(GenerationRequest(prompt, 7, 0.2)).audio
    assert np.abs(audio).max() > 1e-3


def test_the_prompt_and_the_seed_change_the_take(generator: Generator) -> None:
    base = generator.generate(GenerationRequest("deep kick", 1, 0.3)).audio
    for prompt, seed in (("bright bell", 1), ("deep kick", 2)):
        other = generator.generate(GenerationRequest(prompt, seed, 0.3)).audio
        assert np.abs(other - base).max() > 1e-3


def test_a_generator_has_a_name(generator: Generator) -> None:
    assert isinstance(generator, Generator)
    assert generator.name in {"tone", "tiny"}
