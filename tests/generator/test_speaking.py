"""Laws of chunks: any partition is the same sound, and a second thread changes nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
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
from generator.spectral import BINS, HEAD_WIDTH, HOP_FRAMES, N_FFT, SpectralFrames
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


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 99), cuts=st.sets(st.integers(1, COUNT - 1), max_size=6))
def test_what_cannot_be_heard_is_left_out_alike_whatever_the_partition(
    seed: int, cuts: set[int]
) -> None:
    head = _falling_head(seed)
    whole = SpectralStream(seed).push(SpectralFrames.audible(head))
    stream, edges = SpectralStream(seed), (0, *sorted(cuts), COUNT)
    parts = [stream.push(SpectralFrames.audible(head[a:b])) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_what_is_left_out_cannot_be_heard() -> None:
    head = _falling_head(5)
    heard, all_bins = SpectralFrames.audible(head), SpectralFrames.named(head)
    assert heard.log_magnitude.shape < all_bins.log_magnitude.shape
    left = all_bins.log_magnitude.copy()
    left[:, : heard.log_magnitude.shape[1], : heard.log_magnitude.shape[2]][
        np.isfinite(heard.log_magnitude)
    ] = -np.inf
    full_scale_sine = np.log(N_FFT / 4)
    assert left.max() < full_scale_sine - 100.0 * np.log(10.0) / 20.0
    # Far from silent, and with a frame of mid alone now and then.
    assert np.isfinite(heard.log_magnitude[:, 1]).any()
    assert np.isneginf(heard.log_magnitude[:, 1]).all(axis=1).any()


def _falling_head(seed: int) -> np.ndarray:
    """What a decoder might say of a sound that falls silent at other bins in each frame."""
    rng = np.random.default_rng(seed)
    head = rng.standard_normal((COUNT, HEAD_WIDTH)).astype(np.float32)
    slope = np.linspace(0.0, 1.0, BINS) * rng.uniform(5.0, 40.0, (COUNT, 1))
    head[:, :BINS] -= slope
    head[:, BINS : 2 * BINS] -= slope + rng.choice([0.0, 30.0], (COUNT, 1))
    head[:, -1] -= 2.0
    head[:, 900:BINS] -= 40.0
    head[:, BINS + 900 : 2 * BINS] -= 40.0
    return head


def test_the_head_is_named_as_in_training() -> None:
    torch = pytest.importorskip("torch")
    from generator.autoencoder import AutoencoderConfig, Decoder

    sizes = AutoencoderConfig(head_width=16)
    decoder = Decoder(sizes, 44_100.0).eval()
    x = torch.randn(1, 12, sizes.hidden) * 5.0
    with torch.no_grad():
        wanted = decoder.name_bins(x)
        found = SpectralFrames.named(decoder.head(x)[0].numpy())
    for name, value in zip(SpectralFrames.__slots__, wanted, strict=False):
        np.testing.assert_allclose(getattr(found, name), value[0].numpy(), rtol=1e-5, atol=1e-5)
