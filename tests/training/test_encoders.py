"""The shipped encoder: it comes back as it was, and only to the checkpoint that it belongs to."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Encoder
from generator.checkpoint import Checkpoint
from tests.models import tiny_checkpoint
from training.checkpoints import save_state
from training.encoders import open_encoder, ship_encoder
from training.errors import TrainingError

SIZES = {"latent_channels": 4, "mel_bands": 8, "side_mel_bands": 8}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return tiny_checkpoint(tmp_path / "tiny")


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    made = Encoder(AutoencoderConfig(**SIZES), SAMPLE_RATE_HZ)
    torch.nn.init.normal_(made.get_buffer("projection"))
    save_state(tmp_path / "state.pt", {"step": 1, "sizes": SIZES, "encoder": made.state_dict()})
    return made.eval()


def test_a_shipped_encoder_codes_as_before(
    tmp_path: Path, checkpoint: Checkpoint, encoder: Encoder
) -> None:
    ship_encoder(tmp_path / "e.safetensors", tmp_path / "state.pt", checkpoint)
    again = open_encoder(tmp_path / "e.safetensors", checkpoint)
    audio = torch.randn(1, 2, 3 * LATENT_HOP_FRAMES)
    assert torch.equal(again(audio), encoder(audio))


def test_an_encoder_of_another_checkpoint_is_refused(
    tmp_path: Path, checkpoint: Checkpoint, encoder: Encoder
) -> None:
    ship_encoder(tmp_path / "e.safetensors", tmp_path / "state.pt", checkpoint)
    other = tiny_checkpoint(tmp_path / "other", seed=1)
    with pytest.raises(TrainingError, match="another checkpoint than 'tiny'"):
        open_encoder(tmp_path / "e.safetensors", other)
    # Another transformer over the same decoder has the same latents.
    tuned = replace(checkpoint, manifest=replace(checkpoint.manifest, name="tuned"))
    open_encoder(tmp_path / "e.safetensors", tuned)


@pytest.mark.parametrize("content", [None, b"", b"no tensors at all"])
def test_what_is_no_encoder_is_refused(
    tmp_path: Path, checkpoint: Checkpoint, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "e.safetensors").write_bytes(content)
    with pytest.raises(TrainingError, match="holds no encoder"):
        open_encoder(tmp_path / "e.safetensors", checkpoint)
