"""The seed's architecture on the same cores: Stable Audio Open Small with random weights.

How fast a network is does not depend on what it learnt, so the sizes of the published
configuration, filled with noise, tell what a model is compared with, in the same run. Runs in torch
(fp32). Exported, in onnxruntime with int8 matrices, it needs 5 GB of disk and a quarter of an hour
more: `python -m bench.seed_architecture --int8`.
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
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from generator.checkpoint import Manifest, write_checkpoint
from generator.loading import load_generator
from generator.noise import seeded_noise
from generator.stable_audio.files import FAMILY
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.onnx_networks import FACES, OnnxNetworks
from generator.stable_audio.pipeline import Networks
from generator.stable_audio.sizes import (
    AutoencoderSizes,
    NumberRange,
    StableAudioConfig,
    TextSizes,
    TransformerSizes,
)
from generator.stable_audio.torch_networks import TorchNetworks
from training.export_stable_audio import QUANTISED, write_graphs
from training.onnx_graphs import quantise_matmuls

THREADS = 2
TEXT_WIDTH = 768
PIECES = 12
RUNS = 3
OUR_RUNS = 7
LEAST_RATIO, GOAL_RATIO = 100, 300
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


def measure(
    model: str,
    config: StableAudioConfig = OPEN_SMALL,
    text: TextSizes = T5_BASE,
    *,
    with_int8: bool = False,
) -> list[Row]:
    """Time one whole clip, and a take of the same length by a model of ours.

    Args:
        model: Name or folder of ours.
        config: The sizes, by default those that were published.
        text: Those of the text encoder.
        with_int8: Whether it is exported, too.

    Returns:
        A row for each runtime.
    """
    ours_ms = _take_ms(model, config.clip_frames / SAMPLE_RATE_HZ)
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    seed = StableAudioModel(config, text).eval().requires_grad_(requires_grad=False)
    seconds = config.clip_frames / SAMPLE_RATE_HZ
    full = time_stages(TorchNetworks(seed, device="cpu"), config)
    rows = [_row("torch fp32", seconds, full, ours_ms)]
    if with_int8:
        with tempfile.TemporaryDirectory() as scratch:
            edge = edge_networks(seed, Path(scratch))
            del seed
            rows.append(_row("onnxruntime int8", seconds, time_stages(edge, config), ours_ms))
    return rows


def _take_ms(model: str, seconds: float) -> float:
    ours = load_generator(model, threads=THREADS)
    requests = [GenerationRequest(f"warm pad {n}", n, seconds) for n in range(OUR_RUNS + 1)]
    ours.generate(requests[0])
    times_s = []
    for request in requests[1:]:
        begun_s = time.perf_counter()
        ours.generate(request)
        times_s.append(time.perf_counter() - begun_s)
    return 1e3 * statistics.median(times_s)


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


def _row(runtime: str, seconds: float, times: StageTimes, ours_ms: float) -> Row:
    what = f"the seed's architecture, random weights: {seconds:.1f} s, {runtime}, {THREADS} threads"
    ratio = times.total_ms / ours_ms
    return Row(
        what,
        f"ours ≥ {LEAST_RATIO} × as fast, goal {GOAL_RATIO}",
        f"{times.describe()}; ours {ours_ms:.0f} ms, {ratio:.0f} × as fast",
        passed=ratio >= LEAST_RATIO,
    )


def main() -> None:
    """Print the rows of this file alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="house", help="ours")
    parser.add_argument("--int8", action="store_true", help="export it, too")
    options = parser.parse_args()
    for row in measure(options.model, with_int8=options.int8):
        print(f"{row.what:80} {row.measured}")


if __name__ == "__main__":
    main()
