"""Laws of chunks: any partition is the same sound, and a second thread changes nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.api import GenerationRequest
from generator.checkpoint import read_checkpoint
from generator.loading import load_generator
from generator.onnx_backend import OnnxNetworks
from generator.speaking import FIRST_CHUNK_FRAMES, Speaker, chunk_edges, loudness
from generator.spectral import HOP_FRAMES, SpectralFrames
from generator.synthesis import SpectralStream
from tests.models import LATENT_CHANNELS, tiny_checkpoint

COUNT = 150


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> OnnxNetworks:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("tiny")).folder
    return OnnxNetworks(read_checkpoint(folder), threads=1)


@pytest.fixture(scope="module")
def helper() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def hidden(seed: int, count: int = COUNT) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, LATENT_CHANNELS)).astype(np.float32)


def spoken(speaker: Speaker, seed: int) -> np.ndarray:
    stream = SpectralStream(seed)
    return np.concatenate([*speaker.raw(stream), stream.flush()])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 99), cuts=st.sets(st.integers(1, COUNT - 1), max_size=6))
def test_any_partition_into_chunks_is_the_same_sound(
    networks: OnnxNetworks, helper: ThreadPoolExecutor, seed: int, cuts: set[int]
) -> None:
    whole = spoken(Speaker(networks, hidden(seed), None, (0, COUNT)), seed)
    assert whole.shape == (COUNT * HOP_FRAMES, 2)
    edges = (0, *sorted(cuts), COUNT)
    for second in (None, helper):
        chunked = spoken(Speaker(networks, hidden(seed), second, edges), seed)
        np.testing.assert_array_equal(chunked, whole)


@given(st.integers(1, 3000))
def test_chunks_cover_the_take_and_the_first_is_small(count: int) -> None:
    edges = chunk_edges(count)
    assert edges[0] == 0
    assert edges[-1] == count
    assert edges == sorted(set(edges))
    assert edges[1] <= FIRST_CHUNK_FRAMES


@pytest.mark.parametrize("seconds", [0.1, 0.35, 1.0, 3.0])
def test_one_thread_and_two_make_the_same_take(tmp_path: Path, seconds: float) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny").folder
    request = GenerationRequest("pad", 3, seconds)
    one, two = (load_generator(folder, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.generate(request).audio, two.generate(request).audio)


def test_the_first_chunk_comes_long_before_the_end(networks: OnnxNetworks) -> None:
    speaker = Speaker(networks, hidden(0, 800), None)
    chunks = speaker.speak(GenerationRequest("pad", 1, 9.0), None)
    assert 0 < len(next(chunks)) <= FIRST_CHUNK_FRAMES * HOP_FRAMES


def test_loudness_is_that_of_the_sound() -> None:
    """Noise of a known level, analysed by the window that the decoder learnt."""
    noise = np.random.default_rng(1).standard_normal((40, 2048)).astype(np.float32) * 0.1
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    mid = np.log(np.abs(np.fft.rfft(noise * window)))
    both = np.stack((mid, np.full_like(mid, -40.0)), axis=1).astype(np.float32)
    assert abs(loudness(both).mean() / 0.1 - 1.0) < 0.03


def test_the_head_is_named_as_in_training() -> None:
    torch = pytest.importorskip("torch")
    from generator.autoencoder import AutoencoderConfig, Decoder

    sizes = AutoencoderConfig(head_width=16)
    decoder = Decoder(sizes, 44_100.0).eval()
    x = torch.randn(1, 12, sizes.hidden) * 5.0
    with torch.no_grad():
        wanted = decoder.name_bins(x)
        found = SpectralFrames.named(decoder.head(x)[0].numpy())
    for name, value in zip(SpectralFrames.__slots__, wanted, strict=True):
        np.testing.assert_allclose(getattr(found, name), value[0].numpy(), rtol=1e-5, atol=1e-5)
