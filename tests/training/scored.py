"""What an evaluation or a comparison scores: a corpus of sines, and states with random weights."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Decoder, Encoder
from generator.backbone import Backbone, BackboneConfig
from tests.models import LATENT_CHANNELS
from tests.training.small import SIZES
from training.checkpoints import save_state
from training.corpus.clip import Clip
from training.corpus.shards import write_corpus

SMALL = AutoencoderConfig(
    latent_channels=LATENT_CHANNELS, latent_width=8,
    latent_blocks=1, decoder_width=8, decoder_blocks=1,
)  # fmt: skip


def corpus_of_sines(folder: Path, clips: int, prefix: str = "") -> Path:
    """Write a corpus of decaying sines, all of them held out."""
    rng = np.random.default_rng(5)

    def made(i: int) -> Clip:
        t = np.arange(int(SAMPLE_RATE_HZ * rng.uniform(0.1, 0.3))) / SAMPLE_RATE_HZ
        wave = 0.8 * np.exp(-t / 0.05) * np.sin(2 * np.pi * rng.uniform(100, 4000) * t)
        audio = np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)
        name = f"{prefix}{i}"
        return Clip(name, "test", name, "CC0-1.0", "us", audio, (f"sine {i}", f"tone {i}"))

    write_corpus((made(i) for i in range(clips)), folder)
    return folder


def states(folder: Path) -> tuple[Path, Path]:
    """Write a teacher's and an autoencoder's state with random weights."""
    torch.manual_seed(0)
    config = BackboneConfig(latent_channels=LATENT_CHANNELS, **SIZES.model_dump())
    teacher, autoencoder = folder / "teacher" / "state.pt", folder / "autoencoder" / "state.pt"
    save_state(teacher, {"step": 1, "average": Backbone(config).state_dict()})
    parts = {
        "encoder": Encoder(SMALL, SAMPLE_RATE_HZ).state_dict(),
        "average": Decoder(SMALL, SAMPLE_RATE_HZ).state_dict(),
        "sizes": asdict(SMALL),
    }
    save_state(autoencoder, {"step": 1, **parts})
    return teacher, autoencoder
