"""What a linear code keeps of held-out sound, by latent rate and width: how the sizes were chosen.

Run as ``python -m training.sizes CONFIG.toml`` with the autoencoder's config. Nothing is trained,
nothing is written.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Encoder
from generator.hearing import TONES
from generator.spectral import FRAMES_PER_LATENT
from training.config import AutoencoderRun, read_config
from training.corpus.clip import Split
from training.corpus.shards import Corpus
from training.linear_code import LinearCode, principal_components

WIDTHS = (16, 32, 48, 64, 96, 128, 192)
TRAINED_CLIPS, HELD_OUT_CLIPS = 1000, 160
LONGEST_S = 3
NEPER_DB = 8.685889638
HEAD = """| latents a second | width | numbers a second | bands, mean error | loudest | tones |
|---|---|---|---|---|---|
"""
HEARD_DB, LOUD_DB = 60.0, 20.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What a code makes of held-out sound: band errors in dB, and the share of tones' variance."""

    band_error_db: float
    loudest_db: float
    tones: float


def clip_features(
    encoder: Encoder, corpus: Corpus, split: Split, count: int, grid_latents: int
) -> list[Tensor]:
    """Return the features of some clips, filled up to whole grids, [latents, features] each."""
    chosen = np.random.default_rng(0).permutation(corpus.indices(split))[:count]
    grid = grid_latents * LATENT_HOP_FRAMES
    found = []
    for index in chosen:
        audio = corpus.audio(int(index), 0, LONGEST_S * SAMPLE_RATE_HZ)
        canvas = np.pad(audio, ((0, -len(audio) % grid), (0, 0)))
        found.append(encoder.features(torch.from_numpy(np.ascontiguousarray(canvas.T))[None])[0])
    return found


def regroup(features: Tensor, bands: int, latents: float) -> Tensor:
    """Return features as they would be with one latent for ``latents`` of ours: 1/2, 1 or 2.

    Shapes:
        features: [n, FRAMES_PER_LATENT * bands + TONES]
    """
    patch = FRAMES_PER_LATENT * bands
    count = round(len(features) / latents)
    patches = features[:, :patch].reshape(count, -1)
    if latents < 1:
        tones = features[:, patch:].repeat_interleave(round(1 / latents), dim=0)
    else:
        tones = features[:, patch:].reshape(count, -1)
    return torch.cat((patches, tones), dim=1)


def measure(code: LinearCode, width: int, clips: list[Tensor], sizes: AutoencoderConfig) -> Kept:
    """Return what the first ``width`` components keep of some clips' mid bands and tones."""
    axes, rows = code.axes[:, :width], []
    for clip in clips:
        centred = clip - code.mean
        error = centred @ axes @ axes.T - centred
        patches = error.shape[1] // (FRAMES_PER_LATENT * sizes.bands + TONES)
        split = error.shape[1] - max(patches, 1) * TONES
        level = clip[:, :split].reshape(-1, sizes.bands)[:, : sizes.mel_bands]
        wrong = NEPER_DB * error[:, :split].reshape(-1, sizes.bands)[:, : sizes.mel_bands]
        below_db = NEPER_DB * (level.max() - level)
        spread = centred[:, split:].square().sum().clamp_min(1e-3)
        rows.append(
            (
                wrong[below_db < HEARD_DB].abs().mean(),
                wrong[below_db < LOUD_DB].mean(),
                1.0 - error[:, split:].square().sum() / spread,
            )
        )
    return Kept(*(float(torch.stack(column).mean()) for column in zip(*rows, strict=True)))


def main(path: Path) -> None:
    """Print the table."""
    run = read_config(path, AutoencoderRun)
    torch.set_num_threads(run.threads)
    sizes = AutoencoderConfig(**run.model.model_dump())
    encoder = Encoder(sizes, SAMPLE_RATE_HZ)
    corpora = [Corpus(folder) for folder in run.corpora]
    seen = [f for c in corpora for f in clip_features(encoder, c, "train", TRAINED_CLIPS, 2)]
    held = [f for c in corpora for f in clip_features(encoder, c, "test", HELD_OUT_CLIPS, 2)]
    sys.stdout.write(HEAD)
    for latents in (0.5, 1, 2):
        rate_hz = SAMPLE_RATE_HZ / LATENT_HOP_FRAMES / latents
        code = principal_components(
            torch.cat([regroup(f, sizes.bands, latents) for f in seen]), max(WIDTHS)
        )
        grouped = [regroup(f, sizes.bands, latents) for f in held]
        for width in WIDTHS:
            kept = measure(code, width, grouped, sizes)
            sys.stdout.write(
                f"| {rate_hz:.2f} | {width} | {rate_hz * width:.0f} | {kept.band_error_db:.2f} dB "
                f"| {kept.loudest_db:+.2f} dB | {kept.tones:.0%} |\n"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
