"""Laws of a release: the checkpoint opens, thanks everyone, and refuses what is no state."""

import copy
from pathlib import Path

import pytest
import torch

from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from generator.autoencoder import AutoencoderConfig, Decoder, Encoder
from generator.backbone import Backbone, BackboneConfig
from generator.loading import load_generator
from generator.text import ENCODER_FILE, TOKENIZER_FILE
from tests.models import tiny_checkpoint
from tests.training.small import SIZES, small_corpus
from training.checkpoints import save_state
from training.config import ReleaseRun
from training.errors import TrainingError
from training.release import CREDITS_FILE, release

TINY = {
    "latent_channels": 4, "mel_bands": 8, "side_mel_bands": 8,
    "latent_width": 8, "latent_blocks": 1,
    "decoder_width": 8, "decoder_blocks": 1, "head_width": 8,
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> ReleaseRun:
    torch.manual_seed(0)
    small_corpus(tmp_path / "corpus", clips=30)
    words = tmp_path / "words"
    tiny_checkpoint(words)
    backbone = Backbone(BackboneConfig(latent_channels=4, **SIZES.model_dump()))
    torch.nn.init.normal_(backbone.leave.weight)  # a fresh one says nothing that could be compared
    decoder = Decoder(AutoencoderConfig(**TINY), SAMPLE_RATE_HZ)
    save_state(
        tmp_path / "student.pt", {"step": 1, "average": copy.deepcopy(backbone.state_dict())}
    )
    encoder = Encoder(AutoencoderConfig(**TINY), SAMPLE_RATE_HZ)
    state = {
        "step": 1,
        "sizes": TINY,
        "encoder": encoder.state_dict(),
        "average": decoder.state_dict(),
    }
    save_state(tmp_path / "autoencoder.pt", state)
    return ReleaseRun(
        name="tiny",
        folder=tmp_path / "made",
        objective="none",
        student=tmp_path / "student.pt",
        autoencoder=tmp_path / "autoencoder.pt",
        text_encoder=words,
        corpora=(tmp_path / "corpus",),
        model=SIZES,
    )


def test_a_released_checkpoint_plays_and_thanks(run: ReleaseRun) -> None:
    made = release(run)
    assert made.manifest.name == "tiny"
    assert any("CC0-1.0" in line for line in made.manifest.training_data)
    assert "## test (CC0-1.0)" in (run.folder / CREDITS_FILE).read_text(encoding="utf-8")
    for name in (ENCODER_FILE, TOKENIZER_FILE):
        assert (run.folder / name).read_bytes() == (run.text_encoder / name).read_bytes()
    clip = load_generator(run.folder, threads=1).generate(GenerationRequest("kick", 1, seconds=0.2))
    assert clip.audio.shape == (8820, 2)


def test_a_state_of_another_stage_is_refused(run: ReleaseRun) -> None:
    swapped = run.model_copy(update={"autoencoder": run.student})
    with pytest.raises(TrainingError, match="holds no autoencoder"):
        release(swapped)
    assert not (run.folder / "manifest.json").exists()
