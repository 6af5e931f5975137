"""The seed's architecture on the same cores: Stable Audio Open Small with random weights.

How fast a network is does not depend on what it learnt, so the sizes of the published
configuration, filled with noise, tell what the house model is compared with. Runs in torch (fp32)
and, exported, in onnxruntime (int8 matrices). Alone: `python -m bench.seed_architecture`.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bench.row import Row
from generator.api import SAMPLE_RATE_HZ, seeded_noise
from generator.checkpoint import Manifest, write_checkpoint
from generator.stable_audio.config import (
    AutoencoderSizes,
    NumberRange,
    StableAudioConfig,
    TextSizes,
    TransformerSizes,
)
from generator.stable_audio.files import FAMILY
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.onnx_networks import FACES, OnnxNetworks
from generator.stable_audio.pipeline import Networks
from generator.stable_audio.torch_networks import TorchNetworks
from training.export_stable_audio import QUANTISED, write_graphs
from training.onnx_graphs import quantise_matmuls

THREADS = 2
TEXT_WIDTH = 768
PIECES = 12
RUNS = 3
# A stage that takes longer than this is timed once.
LONG_S = 5.0
SECONDS = 11.9

# Novack et al. 2025, arXiv 2505.08175, and the published model_config.json; T5-base.
OPEN_SMALL = StableAudioConfig(
    TransformerSizes(64, 1024, 16, 8, TEXT_WIDTH, TEXT_WIDTH, qk_norm=True),
    AutoencoderSizes(128, (1, 2, 4, 8, 16), (2, 4, 4, 8, 8), 64, final_tanh=False),
    text_id="prompt",
    text_model="t5-base",
    text_tokens=64,
    condition_width=TEXT_WIDTH,
    numbers={"seconds_total": NumberRange(0.0, 256.0)},
    cross_ids=("prompt", "seconds_total"),
    global_ids=("seconds_total",),
    clip_frames=524_288,
)
T5_BASE = TextSizes(32_128, TEXT_WIDTH, 64, 12, 3072, 12)


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Medians of each stage in milliseconds."""

    text_ms: float
    transformer_ms: float
    decoder_ms: float

    @property
    def total_ms(self) -> float:
        """The whole take, one step."""
        return self.text_ms + self.transformer_ms + self.decoder_ms

    def describe(self) -> str:
        """Return one line."""
        return (
            f"{self.total_ms / 1e3:.2f} s (text {self.text_ms:.0f} ms, transformer "
            f"{self.transformer_ms / 1e3:.2f} s, decoder {self.decoder_ms / 1e3:.2f} s)"
        )


def measure(config: StableAudioConfig = OPEN_SMALL, text: TextSizes = T5_BASE) -> list[Row]:
    """Time one whole clip on both runtimes.

    Args:
        config: The sizes, by default those that were published.
        text: Those of the text encoder.

    Returns:
        A row for each runtime.
    """
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    model = StableAudioModel(config, text).eval().requires_grad_(requires_grad=False)
    seconds = config.clip_frames / SAMPLE_RATE_HZ
    rows = [_row("torch fp32", seconds, time_stages(TorchNetworks(model, device="cpu"), config))]
    with tempfile.TemporaryDirectory() as scratch:
        edge = edge_networks(model, Path(scratch))
        del model
        rows.append(_row("onnxruntime int8", seconds, time_stages(edge, config)))
    return rows


def time_stages(networks: Networks, config: StableAudioConfig) -> StageTimes:
    """Time each stage of one clip in one step.

    Args:
        networks: What runs them.
        config: Their sizes.

    Returns:
        The medians.
    """
    sizes = config.clip
    noise = seeded_noise(0, sizes.latent_frames, sizes.channels)[None]
    text = np.zeros((1, sizes.text_tokens, config.condition_width), np.float32)
    ids = np.arange(PIECES, dtype=np.int64)
    text[0, :PIECES] = networks.encode(ids)
    return StageTimes(
        _median_ms(lambda: networks.encode(ids)),
        _median_ms(lambda: networks.velocity(noise, 1.0, text, SECONDS)),
        _median_ms(lambda: networks.decode(noise)),
    )


def edge_networks(model: StableAudioModel, folder: Path) -> OnnxNetworks:
    """Return the model on onnxruntime with int8 matrices.

    Args:
        model: The model.
        folder: An empty folder for the graphs; it may go once they are open.

    Returns:
        The networks.
    """
    write_graphs(model, folder)
    for name in QUANTISED:
        full = folder / f"full-{name}"
        (folder / name).rename(full)
        quantise_matmuls(full, folder / name)
    manifest = Manifest(
        name="seed's architecture",
        objective="none: random weights",
        text_encoder=model.config.text_model,
        precision="int8 weights of matrices, fp32 elsewhere",
        latent_channels=model.config.transformer.channels,
        family=FAMILY,
        latent_hop_frames=model.config.autoencoder.hop_frames,
    )
    return OnnxNetworks(write_checkpoint(folder, manifest, list(FACES)), threads=THREADS)


def _median_ms(run: Callable[[], object]) -> float:
    times_s: list[float] = []
    while len(times_s) < RUNS and not (times_s and times_s[0] > LONG_S):
        begun_s = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - begun_s)
    return 1e3 * statistics.median(times_s)


def _row(runtime: str, seconds: float, times: StageTimes) -> Row:
    what = f"the seed's architecture, random weights: {seconds:.1f} s, {runtime}, {THREADS} threads"
    return Row(what, "–", times.describe())


def main() -> None:
    """Print the rows of this file alone."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for row in measure():
        print(f"{row.what:80} {row.measured}")


if __name__ == "__main__":
    main()
