"""Laws of takes that are made from others: followers, variations, in-paintings, extensions."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import pipeline
from generator.api import LATENT_HOP_FRAMES, Base, FloatArray, GenerationRequest
from generator.canvas import ENDING_MARGIN_LATENTS, ENDING_SHARE, LOOP_MARGIN_LATENTS
from generator.checkpoint import read_checkpoint
from generator.errors import RequestError, SourceError
from generator.finishing import Finisher
from generator.memory import REMEMBERED_TAKES, Remembered, TakeMemory
from generator.onnx_backend import OnnxNetworks
from generator.pipeline import LatentGenerator
from generator.speaking import Speaker
from generator.synthesis import SpectralStream
from generator.text import TextEncoder
from tests.models import tiny_checkpoint

HOP_S = LATENT_HOP_FRAMES / 44_100


class Heard(OnnxNetworks):
    """The networks of a checkpoint, and the latents that they were given to decode."""

    decoded: FloatArray

    def hidden(self, latents: FloatArray) -> FloatArray:
        self.decoded = latents
        return super().hidden(latents)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny")).folder


@pytest.fixture(scope="module")
def make(folder: Path) -> Callable[[], tuple[LatentGenerator, Heard]]:
    checkpoint = read_checkpoint(folder)
    text = TextEncoder(folder)

    def open_one() -> tuple[LatentGenerator, Heard]:
        networks = Heard(checkpoint, threads=1)
        return LatentGenerator(checkpoint.manifest, text, networks), networks

    return open_one


Make = Callable[[], tuple[LatentGenerator, Heard]]


def chain(lengths_s: Iterable[float], last_s: float) -> list[GenerationRequest]:
    """Open takes of such lengths, each after the other, and one that ends."""
    requests: list[GenerationRequest] = []
    for number, seconds in enumerate(lengths_s):
        follows = requests[-1].identity if requests else ""
        words = f"pad {number}"
        requests.append(GenerationRequest(words, number, seconds, follows=follows, is_open=True))
    follows = requests[-1].identity
    return [*requests, GenerationRequest("the end", 99, last_s, follows=follows)]


@settings(max_examples=12, deadline=None)
@given(lengths_s=st.lists(st.floats(0.1, 1.2), min_size=1, max_size=4), last_s=st.floats(0.1, 1.0))
def test_a_chain_of_takes_sounds_as_its_latents_in_one_piece(
    make: Make, lengths_s: list[float], last_s: float
) -> None:
    """The seam is none: the same samples as from one decoding, one phase walk, one level."""
    generator, networks = make()
    latents = np.zeros((1, 4, 0), np.float32)
    sounds = []
    for request in chain(lengths_s, last_s):
        sounds.append(generator.generate(request).audio)
        begun = min(latents.shape[2], sum(len(sound) for sound in sounds[:-1]) // 4096)
        new = networks.decoded[..., min(begun, pipeline.REACH_LATENTS) :]
        np.testing.assert_array_equal(latents[..., begun:], new[..., : latents.shape[2] - begun])
        latents = np.concatenate((latents[..., :begun], new), axis=2)
    whole = np.concatenate(sounds)
    speaker = Speaker(networks, networks.hidden(latents), None, (0, 8 * latents.shape[2]))
    stream = SpectralStream(0)
    raw = np.concatenate([*speaker.raw(stream), stream.flush()])
    first = generator.generate(chain(lengths_s, last_s)[0]).audio
    loudest = int(np.abs(first).max(axis=1).argmax())
    gain = np.float32(first[loudest, 0] / raw[loudest, 0])
    end = len(whole) - len(sounds[-1]) // 4  # the rest is faded out
    np.testing.assert_allclose(
        whole[:end], Finisher(gain, None).push(raw)[:end], atol=2e-3 * np.abs(whole).max()
    )


def test_a_take_may_be_followed_twice(make: Make) -> None:
    generator, _ = make()
    opening, ending = chain([0.5], 0.5)
    generator.generate(opening)
    once = generator.generate(ending).audio
    np.testing.assert_array_equal(once, generator.generate(ending).audio)


def test_another_generator_makes_the_same_chain(make: Make) -> None:
    one, other = make()[0], make()[0]
    for request in chain([0.4, 0.6], 0.3):
        np.testing.assert_array_equal(one.generate(request).audio, other.generate(request).audio)


def test_a_small_change_is_near_its_source_and_a_larger_one_further(make: Make) -> None:
    generator, networks = make()
    source = GenerationRequest("bell", 1, 0.8)
    generator.generate(source)
    original = networks.decoded
    far = []
    for change in (0.01, 0.2, 0.9):
        generator.generate(GenerationRequest("bell", 2, 0.8, base=Base(source.identity, change)))
        far.append(np.abs(networks.decoded - original).max())
    assert far[0] < far[1] < far[2]


@pytest.mark.parametrize(
    ("request_", "margin"),
    [
        (GenerationRequest("pad", 1, 1.0, loop=True), LOOP_MARGIN_LATENTS),
        (GenerationRequest("pad", 1, 12.0), ENDING_MARGIN_LATENTS),
        (GenerationRequest("pad", 1, 2.0), 2.0 / HOP_S // ENDING_SHARE),
        (GenerationRequest("kick", 1, 0.3), 0),
    ],
)
def test_a_take_is_cut_out_of_a_longer_sound(
    make: Make, request_: GenerationRequest, margin: int
) -> None:
    """What is named by its words may die away, but behind the end of the take."""
    generator, networks = make()
    told_s = float(generator.conditions(request_)["seconds"][0])
    assert told_s >= request_.duration_s + margin * HOP_S - 1e-5
    made = generator.conditions(request_)["known"].shape[2]
    assert made == generator.latent_frames(request_) + margin
    assert told_s == pytest.approx(made * HOP_S if margin else request_.duration_s)
    generator.generate(request_)
    assert networks.decoded.shape[2] == generator.latent_frames(request_)


@pytest.mark.parametrize("loops", [False, True])
def test_a_loop_may_vary_what_is_no_longer_than_itself(make: Make, loops: bool) -> None:
    generator, networks = make()
    source = GenerationRequest("bell", 1, 1.0, loop=loops)
    generator.generate(source)
    original = networks.decoded
    faint, strong = (
        GenerationRequest("bell", 2, 1.0, loop=True, base=Base(source.identity, change))
        for change in (0.01, 0.9)
    )
    far = []
    for request in (faint, strong):
        generator.generate(request)
        count = min(networks.decoded.shape[2], original.shape[2])
        far.append(np.abs(networks.decoded[..., :count] - original[..., :count]).max())
    assert far[0] < 0.3 * far[1]


@settings(max_examples=10, deadline=None)
@given(
    steps=st.sampled_from([1, 2, 4, 8]),
    start=st.integers(0, 10),
    count=st.integers(1, 8),
    longer_s=st.floats(0.0, 0.5),
)
def test_what_is_kept_stays_as_it_is(
    make: Make, steps: int, start: int, count: int, longer_s: float
) -> None:
    generator, networks = make()
    source = GenerationRequest("rain", 3, 1.0)
    generator.generate(source)
    original = networks.decoded
    kept = slice(start, min(start + count, original.shape[2]))
    kept_s = ((start * HOP_S + 0.001, (start + count) * HOP_S - 0.001),)
    request = GenerationRequest(
        "storm", 4, 1.0 + longer_s, steps, base=Base(source.identity, keep_s=kept_s)
    )
    generator.generate(request)
    np.testing.assert_array_equal(networks.decoded[..., kept], original[..., kept])
    rest = np.delete(np.arange(original.shape[2]), np.arange(kept.start, kept.stop))
    assert (np.abs(networks.decoded[..., rest] - original[..., rest]).max(axis=1) > 1e-3).all()


def test_what_cannot_be_made_is_told(make: Make) -> None:
    generator, _ = make()
    closed = GenerationRequest("kick", 1, 0.3)
    generator.generate(closed)
    with pytest.raises(SourceError, match="not remembered"):
        generator.generate(GenerationRequest("kick", 1, follows="0" * 32))
    with pytest.raises(SourceError, match="ended for good"):
        generator.generate(GenerationRequest("kick", 1, follows=closed.identity))
    with pytest.raises(SourceError, match="too short"):
        generator.generate(GenerationRequest("kick", 1, 2.0, base=Base(closed.identity, 0.5)))
    with pytest.raises(RequestError, match="loop"):
        GenerationRequest("kick", 1, loop=True, is_open=True)
    with pytest.raises(RequestError, match="one of them"):
        GenerationRequest("kick", 1, follows="0" * 32, base=Base("0" * 32))


def test_the_newest_takes_are_remembered() -> None:
    memory: TakeMemory[None] = TakeMemory()
    take: Remembered[None] = Remembered(np.zeros((1, 4, 2), np.float32), 2, None)
    for number in range(REMEMBERED_TAKES + 1):
        memory.keep(str(number), take)
        memory.recall("1" if number else "0")
    with pytest.raises(SourceError):
        memory.recall("0")
    assert memory.recall("1") is take
