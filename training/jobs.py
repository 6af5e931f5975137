"""The steps between the trained stages: render a corpus, cache latents, export a checkpoint.

Each is done whole or not at all, and needs no state of its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from generator.api import SAMPLE_RATE_HZ
from generator.text import TextEncoder
from training.autoencoder import load_encoder
from training.checkpoints import STATE_FILE
from training.config import LatentsRun, ReleaseRun
from training.corpus.render import CorpusRun, CorpusSummary, iterate_corpus
from training.corpus.shards import INDEX_NAME
from training.latents import write_imagined, write_latents
from training.place import choose_device
from training.quantisation import HEADING, measure, row
from training.release import load_trained, release
from training.run import stage_folder
from training.screen import Screen
from training.stages import open_corpora

TOLD_EVERY = 500


def make_corpus(run: CorpusRun, screen: Screen) -> None:
    """Render and read what a corpus is made of, unless the folder holds it already."""
    if (run.folder / INDEX_NAME).exists():
        screen.tell(f"{run.folder} holds a corpus: kept")
        return
    torch.set_num_threads(run.threads)
    summary = CorpusSummary()
    for summary in iterate_corpus(run, screen.tell):
        if summary.clips % TOLD_EVERY == 0:
            screen.tell(summary.text())
    screen.tell(summary.text())


def cache_latents(run: LatentsRun, screen: Screen) -> None:
    """Write the caches that the transformer stages read."""
    torch.set_num_threads(run.threads)
    encoder = load_encoder(stage_folder(run, "autoencoder") / STATE_FILE, SAMPLE_RATE_HZ)
    words = TextEncoder(run.text_encoder, threads=run.threads)
    sources = [replace(source, loops=run.loops) for source in open_corpora(run)]
    encoder = encoder.to(choose_device(run.device))
    write_latents(sources, encoder, words, run.run_dir / "latents", screen.items)
    write_imagined(run.imagined, run.seed, words, run.run_dir / "imagined", screen.items)


def quantise(run: ReleaseRun) -> Iterator[str]:
    """Tell what int8 costs in each group of layers, as the lines of a table."""
    torch.set_num_threads(run.threads)
    yield HEADING
    for group in measure(run, load_trained(run)):
        yield row(group)


def export(run: ReleaseRun, screen: Screen) -> Path:
    """Make a checkpoint, tell what was made of what, and return its folder."""
    checkpoint = release(run)
    manifest = checkpoint.manifest
    size_mb = sum(record.size_bytes for record in manifest.files.values()) / 1e6
    lines = [f"{manifest.name}: {manifest.precision}, {size_mb:.1f} MB in {checkpoint.folder}"]
    lines += [f"  {name}: {value}" for name, value in manifest.metrics.items()]
    lines += [f"  learnt from {source}" for source in manifest.training_data]
    screen.tell("\n".join(lines))
    return checkpoint.folder
