"""Laws of the accelerator backend: what is recorded is what the general way makes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from generator.api import Base, GenerationRequest, hear, sound_identity
from generator.checkpoint import Checkpoint
from generator.cuda_graph import Recording
from generator.loading import load_generator
from generator.phase_walk import PhaseWalk, blur_noise
from generator.pipeline import LatentGenerator
from generator.spectral import BINS, HEAD_WIDTH, SpectralFrames
from generator.take_program import audible, walk_phases
from generator.text import ENCODER_FILE, TOKENIZER_FILE
from generator.torch_backend import TorchNetworks, TorchText, open_torch
from generator.torch_generator import TorchGenerator
from tests.accelerated import MANIFEST, small_accelerated, small_networks
from training.export import architecture_of, export_weights
from training.onnx_graphs import signal_to_noise_db

REQUESTS = (
    GenerationRequest("deep kick", 1, 0.1),
    GenerationRequest("warm pad", 2, 0.9, steps=3, key="Am", tempo_bpm=120),
    GenerationRequest("", 3, 0.5),
    GenerationRequest("loop of drums", 4, tempo_bpm=140, bars=1, loop=True),
    GenerationRequest("a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6", 5, 0.3),
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return small_accelerated(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def recorded(checkpoint: Checkpoint) -> TorchGenerator:
    generator = open_torch(checkpoint, device="cpu")
    assert isinstance(generator, TorchGenerator)
    return generator


@pytest.fixture(scope="module")
def general(checkpoint: Checkpoint) -> LatentGenerator:
    networks = TorchNetworks(checkpoint, device=torch.device("cpu"), dtype=torch.float32)
    assert networks.text is not None
    text = TorchText(checkpoint.folder, networks.text, networks.device)
    return LatentGenerator(checkpoint.manifest, text, networks)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_recorded_take_is_that_of_the_general_way(
    recorded: TorchGenerator, general: LatentGenerator, request_: GenerationRequest
) -> None:
    wanted = general.generate(request_).audio
    found = recorded.generate(request_).audio
    assert found.shape == wanted.shape
    assert np.abs(wanted).max() > 1e-3
    # Both are float32; an order of sums may move a phase's last unit.
    assert signal_to_noise_db(wanted, found) > 60.0
    np.testing.assert_array_equal(recorded.generate(request_).audio, found)


def test_several_slots_at_once_are_each_alone(recorded: TorchGenerator) -> None:
    many = [replace(REQUESTS[1], seed=seed, prompt=f"pad {seed}") for seed in range(11)]
    mixed = [*REQUESTS, *many, replace(REQUESTS[2], is_open=True)]
    together = recorded.generate_many(mixed)
    assert [clip.request for clip in together] == mixed
    for clip in together[:7]:
        alone = recorded.generate(clip.request).audio
        assert signal_to_noise_db(alone, clip.audio) > 60.0


def test_a_recorded_take_can_be_varied_and_followed(
    recorded: TorchGenerator, general: LatentGenerator
) -> None:
    first = GenerationRequest("warm pad", 2, 0.9)
    opened = replace(first, is_open=True)
    others = (
        replace(first, seed=9, base=Base(first.identity, 0.3, ((0.0, 0.2),))),
        GenerationRequest("pad", 1, 0.5, follows=opened.identity),
    )
    for generator in (recorded, general):
        for request in (first, opened):
            generator.generate(request)
    for request in others:
        wanted = general.generate(request).audio
        assert signal_to_noise_db(wanted, recorded.generate(request).audio) > 60.0


def test_a_recorded_model_knows_blends_variations_and_sounds(
    recorded: TorchGenerator, general: LatentGenerator, checkpoint: Checkpoint
) -> None:
    plain = GenerationRequest("warm pad", 2, 0.5)
    audio = general.generate(replace(plain, seed=8)).audio
    hearing = open_torch(checkpoint, device="cpu")
    others = (
        replace(plain, blend=(("warm pad", 0.5), ("glass bell", 0.5))),
        replace(plain, variation=0.5, variation_seed=77),
        replace(plain, base=Base(hear(recorded, audio), 0.4)),
    )
    assert hear(hearing, audio) == sound_identity(audio)
    before = recorded.generate(plain).audio
    for request in others:
        found = recorded.generate(request).audio
        assert signal_to_noise_db(before, found) < 20.0
        if request.base is None:
            assert signal_to_noise_db(general.generate(request).audio, found) > 60.0
        np.testing.assert_array_equal(hearing.generate(request).audio, found)


def test_bfloat16_runs_the_same_program(checkpoint: Checkpoint, recorded: TorchGenerator) -> None:
    narrow = open_torch(checkpoint, device="cpu", dtype=torch.bfloat16)
    for request in REQUESTS[:4]:
        found = narrow.generate(request).audio
        assert np.isfinite(found).all()
        # Eight bits: phases drift apart, loudness does not.
        wanted = recorded.generate(request).audio
        assert 0.7 < np.linalg.norm(found) / np.linalg.norm(wanted) < 1.4


def test_old_recordings_are_forgotten_and_the_smallest_keeps_warm(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generator.torch_generator.KEPT_RECORDINGS", 3)
    generator = open_torch(checkpoint, device="cpu")
    assert isinstance(generator, TorchGenerator)
    generator.keep_warm()
    before = generator.generate(REQUESTS[0]).audio
    for count in range(2, 7):
        generator.generate(GenerationRequest("x", 1, 4096 / 44_100 * count))
    kept = generator.maker.recorded
    assert [bucket.latents - bucket.margin for bucket in kept] == [4, 5, 6]
    generator.keep_warm()
    np.testing.assert_array_equal(generator.generate(REQUESTS[0]).audio, before)


def test_weights_without_a_text_encoder_go_the_general_way(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    for name in (ENCODER_FILE, TOKENIZER_FILE):
        (tmp_path / name).write_bytes(checkpoint.read(name))
    trained = small_networks()
    manifest = replace(MANIFEST, architecture=architecture_of(trained))
    plain = load_generator(export_weights(tmp_path, trained, manifest).folder)
    assert type(plain) is LatentGenerator
    assert plain.generate(REQUESTS[0]).audio.any()


def test_phases_walk_as_on_the_edge() -> None:
    """To the last unit of the whole numbers, whatever the onsets and however long."""
    rng = np.random.default_rng(3)
    frames = 400
    advance = (np.pi * np.tanh(rng.standard_normal((frames, BINS)))).astype(np.float32)
    spread = rng.random((frames, BINS), np.float32)
    onset = (rng.random(frames) < 0.05).astype(np.float32) - 0.5
    zeros = np.zeros((frames, 2, BINS), np.float32)
    tops = rng.choice([0, 500, BINS], (frames, 2))
    heard = np.arange(BINS) < tops[..., None]
    edge = PhaseWalk(11).push(SpectralFrames(zeros, advance, spread, zeros, onset, ~heard))
    blur = blur_noise(11, frames).copy()
    given = (torch.from_numpy(value)[None] for value in (advance, spread, onset, blur, heard))
    found = walk_phases(*given)[0].numpy()
    # A sum of products may round once otherwise than with a fused multiply-add: a unit a frame.
    assert np.abs(np.sin(found - edge)).max() < 1e-4


def test_a_recording_reads_what_its_inputs_hold_now() -> None:
    x = torch.tensor([1.0])
    recording = Recording(lambda: (x * 2.0,), torch.device("cpu"))
    assert recording.outputs[0].item() == 2.0
    x.fill_(5.0)
    assert recording.replay()[0].item() == 10.0


@pytest.mark.gpu
def test_a_gpu_makes_the_same_takes(checkpoint: Checkpoint, recorded: TorchGenerator) -> None:
    for dtype, least_db in ((torch.float32, 30.0), (torch.bfloat16, -3.0)):
        generator = open_torch(checkpoint, device="cuda", dtype=dtype)
        for request in REQUESTS:
            wanted = recorded.generate(request).audio
            found = generator.generate(request).audio
            assert signal_to_noise_db(wanted, found) > least_db
            np.testing.assert_array_equal(generator.generate(request).audio, found)


def test_what_is_heard_is_what_the_edge_hears() -> None:
    rng = np.random.default_rng(4)
    head = np.zeros((40, HEAD_WIDTH), np.float32)
    slope = np.linspace(0.0, 1.0, BINS) * rng.uniform(0.0, 40.0, (40, 2, 1))
    head[:, : 2 * BINS] = (rng.standard_normal((40, 2, BINS)) - slope).reshape(40, -1)
    frames = SpectralFrames.audible(head)
    assert frames.silent is not None
    found = audible(torch.from_numpy(head[:, : 2 * BINS].reshape(1, 40, 2, BINS)))[0]
    width = frames.silent.shape[2]
    np.testing.assert_array_equal(found[..., :width].numpy(), ~frames.silent)
    assert not found[..., width:].any()
