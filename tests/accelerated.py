"""A small checkpoint for the accelerator backend: random weights, the text encoder among them."""

import json
from pathlib import Path

import torch

from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Decoder, Encoder
from generator.backbone import Backbone, BackboneConfig
from generator.checkpoint import Checkpoint, Manifest
from generator.minilm import MiniLm
from generator.text import ENCODER_FILE, TOKENIZER_FILE
from tests.models import tiny_checkpoint
from training.export import Trained, export_weights

MANIFEST = Manifest(
    name="small", objective="none", text_encoder="random", precision="-", latent_channels=4
)


def small_networks() -> Trained:
    """Networks with random weights, none of them zero."""
    torch.manual_seed(5)
    backbone_sizes = BackboneConfig(latent_channels=4, width=32, blocks=1, heads=2)
    decoder_sizes = AutoencoderConfig(
        latent_channels=4, latent_width=16, latent_blocks=1, decoder_width=16, decoder_blocks=1
    )
    backbone, decoder = Backbone(backbone_sizes), Decoder(decoder_sizes, SAMPLE_RATE_HZ)
    for weight in backbone.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.2)
    encoder = Encoder(decoder_sizes, SAMPLE_RATE_HZ).eval()
    torch.nn.init.normal_(encoder.get_buffer("mean"))
    torch.nn.init.normal_(encoder.get_buffer("projection"), std=0.05)
    return Trained(backbone.eval(), backbone_sizes, decoder.eval(), decoder_sizes, encoder)


def small_accelerated(folder: Path) -> Checkpoint:
    """Write a small checkpoint that makes takes by recordings, on a processor too.

    Args:
        folder: Where the files go.

    Returns:
        The verified checkpoint.
    """
    words = tiny_checkpoint(folder / "words").folder
    for name in (ENCODER_FILE, TOKENIZER_FILE):
        (folder / name).write_bytes((words / name).read_bytes())
    trained = small_networks()
    torch.manual_seed(6)
    text = MiniLm(len(json.loads((folder / TOKENIZER_FILE).read_text())["model"]["vocab"]))
    text.words.rows.random_(-127, 128)
    text.words.scale.fill_(2.0**-7)
    return export_weights(folder, trained, MANIFEST, text.eval())
