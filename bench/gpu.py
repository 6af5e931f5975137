"""The accelerator backend: how long a take takes, by model and length, beside the counted floor.

``python -m bench.gpu`` needs a CUDA device and no checkpoint: how fast a network is does not depend
on what it learnt, so weights of the house model's and of the seed's size are filled with noise.
``--device cpu --small`` runs the same lines with small networks, to see that they run.

The floor of a take is the larger of two times: the operations of its networks (counted by torch,
in matrix products and convolutions) over the rate of a large matrix product on this device, and
its weights' bytes over the rate at which this device copies memory.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.page import render_table
from bench.row import Row
from bench.seed_architecture import OPEN_SMALL, T5_BASE
from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Decoder
from generator.backbone import Backbone, BackboneConfig
from generator.cuda_graph import Recording
from generator.minilm import MiniLm
from generator.noise import seeded_noise
from generator.phase_walk import blur_noise
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.recorded import Shelf as SeedShelf
from generator.stable_audio.recorded import WholeTake
from generator.stable_audio.sizes import AutoencoderSizes, StableAudioConfig, TransformerSizes
from generator.take_program import Bucket, Making, Sounding
from generator.torch_generator import Shelf

LENGTHS_S = (0.5, 1.0, 2.0, 4.0, 12.0, 17.0)
BATCHES = (1, 8)
RUNS, WARM_RUNS = 50, 5
LONGEST_S = 12.0
HOUSE_MOST_MS, SEED_MOST_MS = 5.0, 15.0
VOCABULARY = 12_000
PIECES = 12
MATRIX, SMALL_MATRIX = 8192, 256
COPIED_BYTES, SMALL_COPIED_BYTES = 2**30, 2**20

# The sizes of the house checkpoint; those of the seed are in bench/seed_architecture.py.
HOUSE = (
    BackboneConfig(latent_channels=96, width=256, blocks=8, heads=4),
    AutoencoderConfig(latent_channels=96),
)
SMALL_SEED = replace(
    OPEN_SMALL,
    transformer=TransformerSizes(4, 64, 1, 1, 32, 32, qk_norm=True),
    autoencoder=AutoencoderSizes(2, (1, 2), (2, 4), 4, final_tanh=False),
    condition_width=32,
    clip_frames=400,
)
SMALL_T5 = replace(T5_BASE, vocabulary=40, width=32, hidden_width=16, layers=1)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the device can do, measured: operations and bytes in a second."""

    name: str
    operations_per_s: float
    bytes_per_s: float

    def floor_ms(self, operations: float, weight_bytes: float) -> float:
        """Return the least time for so much work."""
        return 1e3 * max(operations / self.operations_per_s, weight_bytes / self.bytes_per_s)

    def describe(self) -> str:
        """Return one line."""
        return (
            f"{self.name}: {self.operations_per_s / 1e12:.1f} T operations/s in a large matrix "
            f"product, {self.bytes_per_s / 1e9:.0f} GB/s copied (read and written)"
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how precisely is measured, and how long."""

    device: torch.device
    dtype: torch.dtype
    is_small: bool

    def times_ms(self, run: Callable[[], object]) -> list[float]:
        """Time something that waits for the device itself."""
        times = []
        warm_runs, runs = (1, 2) if self.is_small else (WARM_RUNS, RUNS)
        for _ in range(warm_runs + runs):
            self.wait()
            begun_s = time.perf_counter()
            run()
            self.wait()
            times.append(1e3 * (time.perf_counter() - begun_s))
        return times[warm_runs:]

    def wait(self) -> None:
        """Wait until the device has done all its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def measure_machine(bench: Bench) -> Machine:
    """Measure the two rates that the floor is counted in."""
    side = SMALL_MATRIX if bench.is_small else MATRIX
    a = torch.randn(side, side, device=bench.device).to(bench.dtype)
    product = Recording(lambda: (a @ a,), bench.device)
    product_s = min(bench.times_ms(product.replay)) / 1e3
    source = torch.zeros(
        SMALL_COPIED_BYTES if bench.is_small else COPIED_BYTES,
        dtype=torch.uint8,
        device=bench.device,
    )
    target = torch.empty_like(source)
    copy_s = min(bench.times_ms(lambda: target.copy_(source))) / 1e3
    is_cuda = bench.device.type == "cuda"
    name = torch.cuda.get_device_name(bench.device) if is_cuda else "cpu"
    return Machine(name, 2.0 * side**3 / product_s, 2.0 * source.numel() / copy_s)


def measure_house(bench: Bench, machine: Machine) -> list[Row]:
    """Time takes of the house model's size: text, transformer, decoder and sound."""
    torch.manual_seed(0)
    text, backbone, decoder = (
        MiniLm(VOCABULARY),
        Backbone(HOUSE[0]),
        Decoder(HOUSE[1], SAMPLE_RATE_HZ),
    )
    for module in (text, backbone, decoder):
        module.eval().requires_grad_(requires_grad=False).to(bench.device, bench.dtype)
    decoder.head.float()
    making, sounding = Making(text, backbone, decoder), Sounding(decoder)
    weight_bytes = float(sum(map(bytes_of, (text, backbone, decoder))))

    def row(seconds: float, batch: int) -> Row:
        latents = -(-round(seconds * SAMPLE_RATE_HZ) // LATENT_HOP_FRAMES)
        bucket = Bucket(batch, latents, 1)
        shelf = Shelf(making, sounding, bucket, bench.device)
        operations = count_operations(
            lambda: making(shelf.inputs, bucket.margin)
        ) + count_operations(lambda: sounding(shelf.making.outputs[1], shelf.blur))
        take = _house_take(shelf, bucket, backbone.config.latent_channels)
        label = f"house size, {seconds:g} s" + (f" × {batch} at once" if batch > 1 else "")
        most_ms = HOUSE_MOST_MS if (seconds, batch) == (LONGEST_S, 1) else None
        floor_ms = machine.floor_ms(operations, weight_bytes)
        return _row(label, bench.times_ms(take), floor_ms, most_ms)

    lengths = LENGTHS_S[:1] if bench.is_small else LENGTHS_S
    return [row(seconds, batch) for seconds in lengths for batch in BATCHES]


def _house_take(shelf: Shelf, bucket: Bucket, channels: int) -> Callable[[], object]:
    """Return what makes takes as generator/torch_generator.py does, its host's work included."""

    def take() -> object:
        noise = [seeded_noise(row, bucket.latents, channels) for row in range(bucket.batch)]
        shelf.inputs.noise.copy_(torch.from_numpy(np.stack(noise)[None]), non_blocking=True)
        shelf.making.replay()
        blur = np.stack([blur_noise(row, bucket.frames) for row in range(bucket.batch)])
        shelf.blur.copy_(torch.from_numpy(blur), non_blocking=True)
        return shelf.sounding.replay()[0].cpu()

    return take


def measure_seed(bench: Bench, machine: Machine) -> list[Row]:
    """Time one whole clip of the seed's architecture."""
    torch.manual_seed(0)
    config: StableAudioConfig = SMALL_SEED if bench.is_small else OPEN_SMALL
    model = StableAudioModel(config, SMALL_T5 if bench.is_small else T5_BASE).eval()
    model.requires_grad_(requires_grad=False).to(bench.device, bench.dtype)
    sizes = config.clip
    whole = WholeTake(model, sizes.latent_frames)
    shelf = SeedShelf(whole, sizes, 1, bench.device)
    operations = count_operations(lambda: whole(shelf.ids, shelf.mask, shelf.seconds, shelf.noise))
    weight_bytes = float(sum(map(bytes_of, (model.text, model.velocity, model.decoder))))
    ids = np.arange(PIECES, dtype=np.int64)
    seconds = config.clip_frames / SAMPLE_RATE_HZ

    def take() -> object:
        noise = seeded_noise(0, sizes.latent_frames, sizes.channels)[None, None]
        return shelf.make(ids, seconds, noise)

    floor_ms = machine.floor_ms(operations, weight_bytes)
    return [_row(f"seed's size, {seconds:.1f} s", bench.times_ms(take), floor_ms, SEED_MOST_MS)]


def count_operations(run: Callable[[], object]) -> float:
    """Return the operations of the matrix products and convolutions of a computation."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


def bytes_of(module: torch.nn.Module) -> int:
    """Return how much memory a module's weights take."""
    return sum(value.numel() * value.element_size() for value in module.state_dict().values())


def _row(label: str, times_ms: Sequence[float], floor_ms: float, most_ms: float | None) -> Row:
    half_ms = statistics.median(times_ms)
    last_ms = float(np.percentile(times_ms, 99))
    text = (
        f"p50 {half_ms:.2f} ms, p99 {last_ms:.2f} ms; floor {floor_ms:.3f} ms, "
        f"{half_ms / floor_ms:.1f} × it"
    )
    if most_ms is None:
        return Row(f"one step, {label}", "–", text)
    return Row(f"one step, {label}", f"≤ {most_ms:g} ms", text, half_ms <= most_ms)


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey the command line; the exit status is 1 where there is no such device."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", help="where to run, as torch names it")
    parser.add_argument("--small", action="store_true", help="small networks, few runs: a dry run")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print(
            "bench.gpu: torch finds no CUDA device here; try --device cpu --small", file=sys.stderr
        )
        return 1
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    bench = Bench(device, dtype, options.small)
    machine = measure_machine(bench)
    rows = [*measure_house(bench, machine), *measure_seed(bench, machine)]
    print(machine.describe())
    print(render_table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
