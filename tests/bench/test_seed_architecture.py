"""The law of the seed's rows: the published sizes are those of the paper, and both runtimes run."""

from dataclasses import replace

import pytest
import torch

from bench.seed_architecture import OPEN_SMALL, T5_BASE, measure
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.sizes import AutoencoderSizes, TransformerSizes


def millions(module: torch.nn.Module) -> int:
    return round(sum(value.numel() for value in module.parameters()) / 1e6)


def test_the_sizes_are_the_published_ones() -> None:
    """341 M and 156 M parameters, as the model's page says; T5-base's encoder 110 M."""
    with torch.device("meta"):
        model = StableAudioModel(OPEN_SMALL, T5_BASE)
    assert millions(model.velocity) == 341
    assert millions(model.encoder) + millions(model.decoder) == 156
    assert millions(model.text) == 110
    assert OPEN_SMALL.clip.latent_frames == 256
    assert OPEN_SMALL.clip.hop_frames == 2048


@pytest.mark.slow
def test_both_runtimes_are_timed() -> None:
    threads = torch.get_num_threads()
    small = replace(
        OPEN_SMALL,
        transformer=TransformerSizes(4, 64, 1, 1, 32, 32, qk_norm=True),
        autoencoder=AutoencoderSizes(2, (1, 2), (2, 4), 4, final_tanh=False),
        condition_width=32,
        clip_frames=8_000,
    )
    text = replace(T5_BASE, vocabulary=40, width=32, hidden_width=16, layers=1)
    rows = measure("tone", small, text, with_int8=True)
    torch.set_num_threads(threads)
    assert [("torch" in row.what, "int8" in row.what) for row in rows] == [
        (True, False),
        (False, True),
    ]
    assert all("transformer" in row.measured for row in rows)
