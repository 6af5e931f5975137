"""The law of export: a graph says what its torch module says, at lengths it was not traced at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ, GenerationRequest
from generator.autoencoder import AutoencoderConfig, Decoder, Encoder
from generator.backbone import Backbone, BackboneConfig
from generator.checkpoint import WEIGHTS_FILE, Checkpoint, Manifest, write_checkpoint
from generator.errors import CheckpointError
from generator.loading import load_generator
from generator.sound_encoder import SoundEncoder
from generator.text import ENCODER_FILE, TOKENIZER_FILE
from generator.torch_backend import open_torch
from tests.models import tiny_checkpoint
from training.export import (
    UNEVEN,
    Trained,
    architecture_of,
    export_checkpoint,
    export_weights,
    measure_parity,
    quantise,
)
from training.onnx_graphs import (
    matrix_groups,
    read_weights,
    signal_to_noise_db,
)

MANIFEST = Manifest(
    name="exported", objective="none", text_encoder="tiny", precision="-", latent_channels=1
)
REQUEST = GenerationRequest("warm pad", 3, 0.6, tempo_bpm=120, key="Am", steps=2)


@dataclass(frozen=True)
class Exported:
    trained: Trained
    checkpoint: Checkpoint
    weights: Checkpoint


def small_networks() -> Trained:
    torch.manual_seed(5)
    backbone_sizes = BackboneConfig(latent_channels=4, width=32, blocks=1, heads=2)
    decoder_sizes = AutoencoderConfig(
        latent_channels=4, latent_width=16, latent_blocks=1, decoder_width=16, decoder_blocks=1
    )
    backbone, decoder = Backbone(backbone_sizes), Decoder(decoder_sizes, SAMPLE_RATE_HZ)
    for weight in backbone.parameters():
        # Layers that begin at zero would hide a wrong graph.
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.2)
    encoder = Encoder(decoder_sizes, SAMPLE_RATE_HZ).eval()
    torch.nn.init.normal_(encoder.get_buffer("mean"))
    torch.nn.init.normal_(encoder.get_buffer("projection"), std=0.05)
    return Trained(backbone.eval(), backbone_sizes, decoder.eval(), decoder_sizes, encoder)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    text = tiny_checkpoint(tmp_path_factory.mktemp("text")).folder
    folders = [tmp_path_factory.mktemp(name) for name in ("edge", "weights")]
    for folder in folders:
        for name in (ENCODER_FILE, TOKENIZER_FILE):
            (folder / name).write_bytes((text / name).read_bytes())
    trained = small_networks()
    return Exported(
        trained,
        export_checkpoint(folders[0], trained, MANIFEST, quantised=False),
        export_weights(folders[1], trained, MANIFEST),
    )


def test_fp32_graphs_equal_their_modules(exported: Exported) -> None:
    for parity in measure_parity(exported.checkpoint.folder, exported.trained).values():
        # Both round in fp32; 90 dB is four and a half digits.
        assert min(parity.snr_db.values()) > 90.0


def test_int8_graphs_are_near_and_smaller(exported: Exported, tmp_path: Path) -> None:
    for name in ("transformer.onnx", "decoder.onnx", "head.onnx"):
        quantise(exported.checkpoint.path(name), tmp_path / name)
        before = exported.checkpoint.path(name).stat().st_size
        assert (tmp_path / name).stat().st_size < before
    for parity in measure_parity(tmp_path, exported.trained).values():
        # Eight bits with one scale per channel give about 30 dB; networks this small some less.
        assert min(parity.snr_db.values()) > 20.0


def test_weights_that_are_only_stored_as_int8_are_read_again(
    exported: Exported, tmp_path: Path
) -> None:
    full, small = exported.checkpoint.path("transformer.onnx"), tmp_path / "small.onnx"
    assert set(UNEVEN) <= set(matrix_groups(full))
    quantise(full, small)
    wanted, found = read_weights(full), read_weights(small)
    assert wanted.biased.keys() == found.biased.keys()
    pairs = [(wanted.biased[name], found.biased[name]) for name in wanted.biased]
    pairs += zip(wanted.unbiased, found.unbiased, strict=True)
    for before, after in pairs:
        # Half a step of the scale of each column.
        steps = np.abs(before).max(axis=0) / 127.0
        assert (np.abs(before - after) <= 0.51 * steps + 1e-6).all()


def test_the_manifest_tells_sizes_and_parity(exported: Exported) -> None:
    manifest = exported.checkpoint.manifest
    assert manifest.architecture == architecture_of(exported.trained)
    assert manifest.latent_channels == 4
    assert manifest.metrics["transformer v SNR dB"] > 90.0


def test_a_take_is_the_same_from_torch_and_from_onnx(exported: Exported) -> None:
    edge = load_generator(exported.checkpoint.folder, threads=1).generate(REQUEST).audio
    whole = open_torch(exported.weights, device="cpu").generate(REQUEST).audio
    assert np.abs(edge).max() > 1e-3
    # Weights in bfloat16 have eight bits; phases add their errors up.
    assert signal_to_noise_db(edge, whole) > 10.0


def test_weights_alone_open_in_torch(exported: Exported) -> None:
    assert load_generator(exported.weights.folder, threads=1).name == "exported"


def test_weights_that_do_not_fit_are_refused(exported: Exported, tmp_path: Path) -> None:
    folder = exported.weights.folder
    for name in (ENCODER_FILE, TOKENIZER_FILE, WEIGHTS_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    files = [ENCODER_FILE, TOKENIZER_FILE, WEIGHTS_FILE]
    without_sizes = write_checkpoint(tmp_path, MANIFEST, files)
    with pytest.raises(CheckpointError, match="sizes"):
        open_torch(without_sizes, device="cpu")
    (tmp_path / WEIGHTS_FILE).write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match="no weights"):
        open_torch(write_checkpoint(tmp_path, exported.weights.manifest, files), device="cpu")


@settings(max_examples=10, deadline=None)
@given(
    latents=st.integers(1, 12),
    level_db=st.floats(-90.0, 0.0),
    pitch_hz=st.floats(30.0, 15_000.0),
    seed=st.integers(0, 2**31),
)
def test_the_edge_hears_what_the_encoder_heard(
    exported: Exported, latents: int, level_db: float, pitch_hz: float, seed: int
) -> None:
    frames = latents * LATENT_HOP_FRAMES
    source = np.random.default_rng(seed)
    tone = np.sin(2.0 * np.pi * pitch_hz * np.arange(frames) / SAMPLE_RATE_HZ)
    stereo = tone[:, None] * [1.0, 0.5] + 0.3 * source.standard_normal((frames, 2))
    audio = (0.5 * 10.0 ** (level_db / 20.0) * stereo).astype(np.float32)
    with torch.no_grad():
        wanted = exported.trained.encoder(torch.from_numpy(audio.T)[None]).numpy()
    for checkpoint in (exported.checkpoint, exported.weights):
        found = SoundEncoder(checkpoint).encode(audio)
        np.testing.assert_allclose(found, wanted, atol=1e-4 * max(1.0, np.abs(wanted).max()))
