"""How far each stage of a take is from the least that this machine could need for its work.

The work is counted: products of the networks from their sizes, operations of the synthesis from
its formulas, bytes that must move. The machine's rates are measured in the same run, on all
threads: the best that the head's int8 product alone reaches at any size, float32 sums of products
by numpy's BLAS, and copies in memory. The floor of a stage is the longest of its three times. Run
alone with `python -m bench.floor`.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.generation import STAGES, Timing, time_takes
from bench.row import Row
from generator.checkpoint import HEAD_FILE, Checkpoint, Manifest, read_checkpoint
from generator.loading import CHECKPOINTS, HOUSE, load_generator
from generator.onnx_backend import OnnxNetworks
from generator.onnx_session import OnnxGraph
from generator.spectral import BINS, FRAMES_PER_LATENT, HEAD_WIDTH, HOP_FRAMES, N_FFT

SECONDS = 12.0
THREADS = 2
RUNS = 15
GOAL = 2.0
# MiniLM-L6: six blocks of width 384, four times as wide inside; the words of the bench are ten.
TEXT_BLOCKS, TEXT_WIDTH, TOKENS = 6, 384, 12
RATE_TRIES = 9
HEAD_ROWS = (16, 32, 64, 128, 256)
BLAS_SIZE = 512
COPY_BYTES = 2**25
# Operations of one bin of one channel: e to the x, sine, cosine (a dozen each by polynomials), two
# products; noise, advance, sum, offset; and of one sample: window, overlap, level, limit.
OPERATIONS_OF_A_BIN = 3 * 12 + 2 + 10
OPERATIONS_OF_A_SAMPLE = 16


@dataclass(frozen=True, slots=True)
class Work:
    """What a stage cannot do without: int8 products, float32 operations, bytes moved."""

    products: float
    operations: float
    bytes_moved: float


@dataclass(frozen=True, slots=True)
class Rates:
    """What the machine does in a second, on all threads together."""

    products: float
    operations: float
    bytes_moved: float

    def least_ms(self, work: Work) -> float:
        """The time that the work needs even where its three kinds overlap."""
        return 1e3 * max(
            work.products / self.products,
            work.operations / self.operations,
            work.bytes_moved / self.bytes_moved,
        )


def work_of_a_take(manifest: Manifest, hidden: int, seconds: float) -> Mapping[str, Work]:
    """Count the work of one step.

    Args:
        manifest: Whose sizes.
        hidden: How many numbers the head reads for each frame.
        seconds: Length of the take.

    Returns:
        The work of each of STAGES.
    """
    b, a = manifest.architecture["transformer"], manifest.architecture["autoencoder"]
    latents = int(np.ceil(seconds * manifest.sample_rate_hz / manifest.latent_hop_frames))
    frames = latents * FRAMES_PER_LATENT
    text = TEXT_BLOCKS * 12 * TEXT_WIDTH**2
    # Each block: four products of self-attention, two and the words' two of reading, and three
    # times three of the gated perceptron.
    block = b["width"] ** 2 * (4 + 2 + 9)
    words = TOKENS * 2 * b["blocks"] * b["width"] ** 2
    attention = 2 * b["blocks"] * b["width"] * latents * (latents + TOKENS)
    slow = a["latent_blocks"] * 6 * a["latent_width"] ** 2
    slow += a["latent_width"] * (a["latent_channels"] + FRAMES_PER_LATENT * a["decoder_width"])
    fast = a["decoder_blocks"] * 6 * a["decoder_width"] ** 2 + a["decoder_width"] * a["head_width"]
    # What the code kept goes past the network as well.
    bands = hidden - a["head_width"]
    slow += a["latent_channels"] * FRAMES_PER_LATENT * bands
    fast += bands * a["decoder_width"]
    transforms = 2 * frames * 2.5 * N_FFT * np.log2(N_FFT)
    bins = 2 * frames * BINS * OPERATIONS_OF_A_BIN
    samples = 2 * frames * HOP_FRAMES * OPERATIONS_OF_A_SAMPLE
    return {
        "text": Work(TOKENS * text, 0, text),
        "transformer": Work(
            latents * b["blocks"] * block + words, 2 * attention, b["blocks"] * block
        ),
        "decoder": Work(latents * slow + frames * fast, 0, slow + fast),
        "sound": Work(
            frames * hidden * HEAD_WIDTH,
            transforms + bins + samples,
            # The bins are written and read once, the samples written.
            frames * (2 * 4 * HEAD_WIDTH + 4 * 2 * HOP_FRAMES),
        ),
    }


def best_rate(count: float, run: Callable[[], object]) -> float:
    """Return how many of something are done in a second, at best, on all threads together."""
    with ThreadPoolExecutor(THREADS) as pool:
        times_s = []
        for _ in range(RATE_TRIES):
            begun_s = time.perf_counter()
            for done in [pool.submit(run) for _ in range(THREADS)]:
                done.result()
            times_s.append(time.perf_counter() - begun_s)
    return THREADS * count / min(times_s)


def measure_rates(checkpoint: Checkpoint, hidden: int) -> Rates:
    """Measure the machine.

    Args:
        checkpoint: Whose head is the int8 product.
        hidden: How many numbers the head reads for each frame.

    Returns:
        Its best rates.
    """
    head = OnnxGraph(checkpoint.read(HEAD_FILE), "head", threads=1)

    def product(rows: int) -> float:
        inputs = {"hidden": np.ones((1, rows, hidden), np.float32)}
        count = 10 * rows * hidden * HEAD_WIDTH
        return best_rate(count, lambda: [head.run(inputs) for _ in range(10)])

    square = np.ones((BLAS_SIZE, BLAS_SIZE), np.float32)
    source = np.ones(COPY_BYTES, np.uint8)
    return Rates(
        max(product(rows) for rows in HEAD_ROWS),
        best_rate(2 * BLAS_SIZE**3, lambda: square @ square),
        best_rate(2 * COPY_BYTES, source.copy),
    )


def measure(model: str = HOUSE) -> list[Row]:
    """Time a take and set it against its floor.

    Args:
        model: A checkpoint for the edge.

    Returns:
        One row.
    """
    folder = CHECKPOINTS / model if (CHECKPOINTS / model).is_dir() else Path(model)
    checkpoint = read_checkpoint(folder)
    manifest = checkpoint.manifest
    silence = np.zeros((1, manifest.latent_channels, 1), np.float32)
    hidden = OnnxNetworks(checkpoint, threads=1).hidden(silence).shape[1]
    rates = measure_rates(checkpoint, hidden)
    timing = time_takes(load_generator(folder, threads=THREADS), SECONDS, runs=RUNS)
    return [floor_row(timing, work_of_a_take(manifest, hidden, SECONDS), rates)]


def floor_row(timing: Timing, work: Mapping[str, Work], rates: Rates) -> Row:
    """Return how many times the floor each stage took."""
    least_ms = {stage: rates.least_ms(work[stage]) for stage in STAGES}
    parts = [
        f"{stage} {timing.stage_ms[stage]:.1f} of {least_ms[stage]:.1f} ms "
        f"({timing.stage_ms[stage] / least_ms[stage]:.1f} ×)"
        for stage in STAGES
    ]
    total = sum(timing.stage_ms.values()) / sum(least_ms.values())
    return Row(
        f"take of {SECONDS:g} s, int8, {THREADS} threads: the counted floor and the distance",
        f"named; goal {GOAL:g} ×",
        f"{total:.1f} × in all; {', '.join(parts)}; rates: {rates.products / 1e9:.0f} G int8 "
        f"products, {rates.operations / 1e9:.0f} G float operations, "
        f"{rates.bytes_moved / 1e9:.0f} GB a second",
        parts_ms=least_ms,
    )


def main() -> None:
    """Print the row of this file alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=HOUSE)
    for row in measure(parser.parse_args().model):
        print(row.what, row.required, row.measured, row.verdict, sep="\n")


if __name__ == "__main__":
    main()
