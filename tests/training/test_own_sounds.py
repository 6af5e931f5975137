"""Own sounds: a folder becomes a checkpoint, and what cannot be used is told."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ, GenerationRequest
from generator.backbone import Backbone, BackboneConfig
from generator.checkpoint import (
    SOUND_ENCODER_FILE,
    TRANSFORMER_FILE,
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from generator.loading import load_generator
from generator.sound_encoder import SoundEncoder
from tests.models import tiny_checkpoint
from training.checkpoints import STATE_FILE, load_state
from training.errors import TrainingError
from training.export import TRANSFORMER_SHAPE, FlatBackbone, transformer_inputs
from training.loop import learning_rate
from training.onnx_graphs import export_graph, quantise_matmuls
from training.own_sounds import STAGE, encode, gather, in_time, learn_own_sounds
from training.place import HERE
from training.screen import Screen
from training.stage_config import OwnSoundsRun
from training.thaw import thaw, thaw_encoder

# Exporting takes half a minute on a quiet machine, many times that on a busy one.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    torch.manual_seed(5)
    made = Backbone(BackboneConfig(latent_channels=4, width=32, blocks=1, heads=2))
    with torch.no_grad():
        for weight in made.parameters():
            # Weights that begin at zero or one would hide a wrong place.
            weight.add_(0.1 * torch.randn_like(weight))
    return made.eval()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, backbone: Backbone) -> Checkpoint:
    """A checkpoint whose transformer is a real one, exported, in a tiny one's place."""
    tiny = tiny_checkpoint(tmp_path_factory.mktemp("base"))
    graph = tmp_path_factory.mktemp("graph") / TRANSFORMER_FILE
    traced = transformer_inputs(4, batch=2, latents=7, tokens=5)
    export_graph(FlatBackbone(backbone), traced, TRANSFORMER_SHAPE, graph)
    quantise_matmuls(graph, tiny.folder / TRANSFORMER_FILE)
    sizes = {"transformer": asdict(backbone.config)}
    manifest = replace(tiny.manifest, architecture={**tiny.manifest.architecture, **sizes})
    return write_checkpoint(tiny.folder, manifest, sorted(tiny.manifest.files))


@pytest.fixture
def run(tmp_path: Path, base: Checkpoint) -> OwnSoundsRun:
    return OwnSoundsRun(
        run_dir=tmp_path / "run",
        folder=tmp_path / "sounds",
        checkpoint=base.folder,
        made=tmp_path / "made",
        name="mine",
        steps=2,
        tokens=16,
        imagined=20,
        lora_rank=2,
        threads=1,
        score=False,
    )


def write_sounds(folder: Path, count: int = 3) -> None:
    folder.mkdir()
    for number in range(count):
        t = np.arange(12_000 + 3000 * number) / SAMPLE_RATE_HZ
        tone = 0.5 * np.sin(2 * np.pi * 200 * (number + 1) * t) * np.exp(-6 * t)
        soundfile.write(folder / f"robot_{number}.wav", tone, SAMPLE_RATE_HZ)


def test_a_thawed_transformer_has_the_weights_that_were_exported(
    base: Checkpoint, backbone: Backbone
) -> None:
    back = thaw(base).state_dict()
    for name, weight in backbone.state_dict().items():
        largest = float(weight.abs().max())
        torch.testing.assert_close(back[name], weight, atol=0.01 * largest, rtol=0.0, msg=name)


def test_a_graph_that_computes_something_else_is_refused(base: Checkpoint) -> None:
    sizes = dict(base.manifest.architecture["transformer"])
    for changed in ({"heads": 1}, {"blocks": 2}):
        architecture = {"transformer": sizes | changed}
        wrong = replace(base, manifest=replace(base.manifest, architecture=architecture))
        with pytest.raises(TrainingError, match=r"other weights|does not compute"):
            thaw(wrong)


def test_a_thawed_encoder_hears_what_the_checkpoint_hears(base: Checkpoint) -> None:
    audio = np.random.default_rng(0).standard_normal((3 * LATENT_HOP_FRAMES, 2)).astype(np.float32)
    latents = thaw_encoder(base)(torch.from_numpy(audio.T)[None])
    torch.testing.assert_close(
        latents, torch.from_numpy(SoundEncoder(base).encode(audio)), atol=1e-3, rtol=1e-3
    )


def test_a_checkpoint_without_a_fitting_encoder_is_refused(base: Checkpoint) -> None:
    manifest = base.manifest
    files = {name: one for name, one in manifest.files.items() if name != SOUND_ENCODER_FILE}
    sizes = {"autoencoder": {**manifest.architecture["autoencoder"], "mel_bands": 99}}
    for changed, told in (
        ({"files": files}, f"has no {SOUND_ENCODER_FILE}"),
        ({"architecture": sizes}, "other sizes"),
        ({"architecture": {}}, "does not tell the sizes of its autoencoder"),
    ):
        with pytest.raises(TrainingError, match=told):
            thaw_encoder(replace(base, manifest=replace(manifest, **changed)))


def test_a_folder_becomes_a_checkpoint_and_the_rest_stays(
    run: OwnSoundsRun, base: Checkpoint
) -> None:
    write_sounds(run.folder)
    (run.folder / "broken.wav").write_bytes(b"RIFF no sound")
    told: list[str] = []
    made = learn_own_sounds(run, Screen(tell=told.append))
    assert any("left out: broken.wav: cannot be decoded" in text for text in told)
    assert read_checkpoint(run.made).manifest.name == "mine"
    assert any("own sounds: 3 clips" in line for line in made.manifest.training_data)
    for name, record in base.manifest.files.items():
        assert (made.manifest.files[name] == record) == (name != TRANSFORMER_FILE)
    clip = load_generator(run.made, threads=1).generate(GenerationRequest("robot", 1, 0.3))
    assert clip.audio.any()
    with pytest.raises(TrainingError, match="--resume"):
        learn_own_sounds(run, Screen())
    longer = run.model_copy(update={"steps": 3})
    learn_own_sounds(longer, Screen(), resume=True)
    assert load_state(run.run_dir / STAGE / STATE_FILE)["step"] == 3


def test_a_schedule_is_cut_to_its_time_and_stays_so_when_it_is_gone_on_with(
    run: OwnSoundsRun, base: Checkpoint
) -> None:
    write_sounds(run.folder)
    told: list[str] = []
    screen = Screen(tell=told.append)
    encode(run, base, gather(run, screen, resume=False), screen)
    long, tried = run.model_copy(update={"steps": 10**6}), 0.02
    cut = in_time(long, base, HERE, screen, max_minutes=tried)
    assert 1 <= cut.steps < 10**5
    assert any(f"{cut.steps} of 1000000 steps fit" in line for line in told)
    last = learning_rate(cut.rate, cut.steps - 1, steps=cut.steps, warm_up=cut.warm_up)
    assert cut.steps < 20 or last == pytest.approx(0.1 * cut.rate, rel=0.1)
    assert in_time(long, base, HERE, screen, max_minutes=None) == cut
    assert in_time(long, base, HERE, screen, max_minutes=5.0) == cut


def empty(folder: Path) -> None:
    folder.mkdir()


def corrupt(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"RIFF no sound")
    soundfile.write(folder / "silent.wav", np.zeros(9000), SAMPLE_RATE_HZ)


def nothing(folder: Path) -> None:
    del folder


@pytest.mark.parametrize(
    ("prepare", "told"),
    [(empty, "no audio in"), (nothing, "no audio in"), (corrupt, "could be used")],
)
def test_a_folder_without_sounds_is_refused(
    run: OwnSoundsRun, prepare: Callable[[Path], None], told: str
) -> None:
    prepare(run.folder)
    with pytest.raises(TrainingError, match=told):
        learn_own_sounds(run, Screen())
    assert not run.made.exists()


def test_words_come_from_the_name_and_long_files_are_cut(run: OwnSoundsRun) -> None:
    write_sounds(run.folder, 1)
    corpus = gather(run.model_copy(update={"longest_s": 0.1}), Screen(), resume=False)
    assert any("robot" in caption.lower() for caption in corpus.entries[0].captions)
    assert corpus.entries[0].seconds == pytest.approx(0.1)
