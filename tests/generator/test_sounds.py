"""Laws of takes that begin from sounds: the same everywhere, near them or not at all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.api import (
    LATENT_HOP_FRAMES,
    MAX_SOUNDS,
    SAMPLE_RATE_HZ,
    Base,
    FloatArray,
    GenerationRequest,
    hear,
    sound_identity,
)
from generator.checkpoint import SOUND_ENCODER_FILE, Checkpoint, read_checkpoint, write_checkpoint
from generator.errors import CheckpointError, RequestError, SourceError
from generator.loading import load_generator
from generator.onnx_backend import OnnxNetworks
from generator.pipeline import LatentGenerator
from generator.sound_encoder import SoundEncoder
from generator.text import TextEncoder
from generator.tone import ToneGenerator
from tests.models import tiny_checkpoint


class Heard(OnnxNetworks):
    """The networks of a checkpoint, and the latents that they were given to decode."""

    decoded: FloatArray

    def hidden(self, latents: FloatArray) -> FloatArray:
        self.decoded = latents
        return super().hidden(latents)


Make = Callable[[], tuple[LatentGenerator, Heard]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def make(checkpoint: Checkpoint) -> Make:
    text, encoder = TextEncoder(checkpoint.folder), SoundEncoder(checkpoint)

    def open_one() -> tuple[LatentGenerator, Heard]:
        networks = Heard(checkpoint, threads=1)
        return LatentGenerator(checkpoint.manifest, text, networks, encoder=encoder), networks

    return open_one


def sound(seconds: float, seed: int = 1) -> FloatArray:
    frames = round(seconds * SAMPLE_RATE_HZ)
    noise = np.random.default_rng(seed).standard_normal((frames, 2))
    return (0.2 * noise * np.linspace(1.0, 0.0, frames)[:, None]).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(
    heard_s=st.floats(0.05, 1.5),
    seconds=st.floats(0.1, 1.0),
    steps=st.sampled_from([1, 4]),
    loop=st.booleans(),
)
def test_with_all_of_the_change_nothing_is_left_of_a_sound(
    make: Make, heard_s: float, seconds: float, steps: int, loop: bool
) -> None:
    generator, _ = make()
    base = Base(hear(generator, sound(heard_s)), 1.0)
    plain = GenerationRequest("bell", 1, seconds, steps, loop=loop)
    begun = GenerationRequest("bell", 1, seconds, steps, loop=loop, base=base)
    wanted = generator.generate(plain).audio
    np.testing.assert_array_equal(generator.generate(begun).audio, wanted)


def test_a_small_change_is_near_the_sound_and_a_larger_one_further(
    make: Make, checkpoint: Checkpoint
) -> None:
    generator, networks = make()
    audio = sound(8 * LATENT_HOP_FRAMES / SAMPLE_RATE_HZ)
    # At the level of a corpus's clips and without an offset, as the generator hears it.
    centred = audio - audio.mean(axis=0)
    level = np.float32(10 ** (-1 / 20) / np.abs(centred).max())
    original = SoundEncoder(checkpoint).encode(centred * level)
    identity, far = hear(generator, audio), []
    for change in (0.01, 0.2, 0.9):
        request = GenerationRequest("bell", 2, len(audio) / SAMPLE_RATE_HZ)
        base = Base(identity, change)
        generator.generate(GenerationRequest("bell", 2, request.seconds, base=base))
        far.append(np.abs(networks.decoded - original).max())
    assert far[0] < 0.1 * np.abs(original).max()
    assert far[0] < far[1] < far[2]


@settings(max_examples=10, deadline=None)
@given(gain_db=st.floats(-60.0, 20.0), offset=st.floats(-0.2, 0.2))
def test_neither_its_level_nor_its_offset_matters(
    make: Make, gain_db: float, offset: float
) -> None:
    generator, networks = make()
    audio, found = sound(0.5), []
    for one in (audio, audio * np.float32(10 ** (gain_db / 20)) + np.float32(offset)):
        base = Base(hear(generator, one), 0.05)
        generator.generate(GenerationRequest("bell", 2, 0.5, base=base))
        found.append(networks.decoded)
    np.testing.assert_allclose(found[0], found[1], atol=0.02 * np.abs(found[0]).max())


@pytest.mark.parametrize("loop", [False, True])
def test_what_a_sound_has_after_the_end_of_the_take_does_not_matter(make: Make, loop: bool) -> None:
    """A loop that begins from a longer file has nothing of the next bar under its head."""
    generator, _ = make()
    audio = sound(2.0)
    other = audio.copy()
    request = GenerationRequest("drums", 3, 0.7, loop=loop)
    other[request.frames :] *= -0.5
    takes = [
        generator.generate(
            GenerationRequest("drums", 3, 0.7, loop=loop, base=Base(hear(generator, one), 0.2))
        ).audio
        for one in (audio, other)
    ]
    # The level of all of it is the same: its peak is at the beginning.
    np.testing.assert_allclose(takes[0], takes[1], atol=1e-3)


def test_another_generator_makes_the_same_of_it(make: Make) -> None:
    audio, found = sound(0.6), []
    for generator in (make()[0], make()[0]):
        generator.generate(GenerationRequest("what came before", 5, 0.2))
        base = Base(hear(generator, audio.copy()), 0.4, ((0.0, 0.2),))
        found.append(generator.generate(GenerationRequest("bell", 2, 0.9, base=base)).audio)
    np.testing.assert_array_equal(found[0], found[1])


def test_equal_sounds_and_only_they_share_a_name() -> None:
    audio = sound(0.3)
    assert sound_identity(audio) == sound_identity(audio[::-1][::-1])
    assert sound_identity(audio) != sound_identity(audio[:-1])
    assert sound_identity(audio) != sound_identity(-audio)


def test_the_newest_sounds_are_remembered(make: Make) -> None:
    generator, _ = make()
    names = [hear(generator, sound(0.2, seed)) for seed in range(MAX_SOUNDS + 1)]
    with pytest.raises(SourceError, match="not remembered"):
        generator.generate(GenerationRequest("bell", 1, 0.2, base=Base(names[0], 0.5)))
    for name in names[1:]:
        generator.generate(GenerationRequest("bell", 1, 0.2, base=Base(name, 0.5)))


def test_what_cannot_be_heard_is_told(make: Make) -> None:
    generator, _ = make()
    for audio in (np.zeros((100, 2), np.float32), np.ones((100, 2), np.float32), sound(0.0)):
        with pytest.raises(RequestError, match="silent"):
            hear(generator, audio)
    with pytest.raises(RequestError, match="numbers that are none"):
        hear(generator, np.full((100, 2), np.nan, np.float32))
    with pytest.raises(RequestError, match="house"):
        hear(ToneGenerator(), sound(0.1))


def test_a_checkpoint_without_an_encoder_plays_but_does_not_hear(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    kept = [name for name in checkpoint.manifest.files if name != SOUND_ENCODER_FILE]
    for name in kept:
        (tmp_path / name).write_bytes(checkpoint.read(name))
    generator = load_generator(write_checkpoint(tmp_path, checkpoint.manifest, kept).folder)
    assert generator.generate(GenerationRequest("bell", 1, 0.2)).audio.any()
    with pytest.raises(RequestError, match="no encoder"):
        hear(generator, sound(0.1))


@pytest.mark.parametrize("graph", ["head.onnx", "decoder.onnx"])
def test_another_graph_in_its_place_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, graph: str
) -> None:
    for name in checkpoint.manifest.files:
        source = graph if name == SOUND_ENCODER_FILE else name
        (tmp_path / name).write_bytes(checkpoint.read(source))
    write_checkpoint(tmp_path, checkpoint.manifest, list(checkpoint.manifest.files))
    with pytest.raises(CheckpointError, match="sound encoder goes from"):
        SoundEncoder(read_checkpoint(tmp_path))
