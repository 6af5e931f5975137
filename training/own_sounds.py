"""`python -m training own`: a user's folder of sounds in, a checkpoint that has learnt them out.

Reads and encodes the folder, tunes the checkpoint's transformer (`training/fine_tune.py`), writes a
checkpoint with all other files as they were, and tells how much nearer its takes have come.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest
from generator.backbone import Backbone
from generator.checkpoint import (
    TRANSFORMER_FILE,
    Checkpoint,
    Licence,
    read_checkpoint,
    write_checkpoint,
)
from generator.loading import load_generator
from generator.text import TextEncoder
from training.batches import CaptionBank, LatentCorpus
from training.checkpoints import STATE_FILE
from training.corpus.captions import captions_of
from training.corpus.clip import Clip
from training.corpus.recorded import Refusal, read_folder
from training.corpus.shards import INDEX_NAME, Corpus, write_corpus
from training.embedding import SoundEmbedder
from training.errors import TrainingError
from training.export import TRANSFORMER_SHAPE, FlatBackbone, quantise, transformer_inputs
from training.fine_tune import FineTuneStage
from training.fitting import fitting_steps, shortened
from training.latents import Source, write_imagined, write_latents
from training.measures import frechet_distance
from training.one_step import IMAGINED_FOLDER, LATENTS_FOLDER, corpus_draw
from training.onnx_graphs import export_graph
from training.place import Place, open_place
from training.prompts import request_like
from training.run import Outing, train
from training.screen import Screen
from training.stage_config import OwnSoundsRun
from training.thaw import thaw, thaw_encoder

STAGE = "tuned"
SCHEDULE_FILE = "schedule.json"
SCORED_SEEDS = (1, 2)
OTHER_PROMPTS = ("deep 808 kick, short", "warm pad, slow", "closed hi-hat, bright", "bell, long")


@dataclass(frozen=True, slots=True)
class Nearness:
    """Takes against the own sounds and against what other prompts gave before.

    ``own`` is the Fréchet distance of takes of the own captions to the own sounds, ``others`` the
    mean cosine of takes of other prompts with those of the first checkpoint.
    """

    own: float
    others: float


def learn_own_sounds(
    run: OwnSoundsRun, screen: Screen, *, max_minutes: float | None = None, resume: bool = False
) -> Checkpoint:
    """Tune a checkpoint on a folder of sounds.

    Args:
        run: The folder, the checkpoint and how to learn.
        screen: What a person sees.
        max_minutes: For the training itself, whose schedule is cut to what fits, so that its rate
            ends low; what was not done of it is done later with ``resume``.
        resume: Whether an earlier call's work may be gone on with.

    Returns:
        The tuned checkpoint.
    """
    torch.set_num_threads(run.threads)
    place = open_place(run.device)
    base = read_checkpoint(run.checkpoint)
    corpus = gather(run, screen, resume=resume)
    encode(run, base, corpus, screen)
    begun_s = time.monotonic()
    run = in_time(run, base, place, screen, max_minutes=max_minutes)
    stage = make_stage(run, base, place)
    left = None if max_minutes is None else max_minutes - (time.monotonic() - begun_s) / 60.0
    outing = Outing(run.run_dir / STAGE, resume, left, place, tell=screen.tell)
    train(stage, run, outing, screen.reports)
    made = refit(run, base, stage.generator.cpu(), corpus)
    screen.tell(f"{made.manifest.name}: {made.folder}")
    if run.score:
        tell_nearness(base, made, corpus, screen)
    return made


def gather(run: OwnSoundsRun, screen: Screen, *, resume: bool) -> Corpus:
    """Read the folder into a corpus, telling each file that is left out and why.

    Args:
        run: Names the folder.
        screen: Hears the refusals.
        resume: Whether a corpus that was made before is kept.

    Returns:
        The corpus.

    Raises:
        TrainingError: No file could be used, or an earlier call's work is there unasked.
    """
    folder = run.run_dir / "corpus"
    if (folder / INDEX_NAME).exists():
        if not resume:
            raise TrainingError(
                f"{folder} holds what an earlier call read: add --resume to go on with it, or name "
                "another run_dir"
            )
        return Corpus(folder)
    longest = int(run.longest_s * SAMPLE_RATE_HZ)
    clips: list[Clip] = []
    for made in read_folder(run.folder):
        if isinstance(made, Refusal):
            screen.tell(f"left out: {made.name}: {made.reason}")
        else:
            short = replace(made, audio=made.audio[:longest])
            clips.append(replace(short, captions=captions_of(short)))
    if not clips:
        raise TrainingError(f"no file in {run.folder} could be used: see why above")
    write_corpus(clips, folder)
    screen.tell(f"{len(clips)} clips, {sum(clip.seconds for clip in clips):.0f} s")
    return Corpus(folder)


def encode(run: OwnSoundsRun, base: Checkpoint, corpus: Corpus, screen: Screen) -> None:
    """Write the caches of the own sounds, all of them, and of prompts that should stay."""
    words = TextEncoder(base.folder, threads=run.threads)
    encoder = thaw_encoder(base)
    latents = run.run_dir / LATENTS_FOLDER
    write_latents([Source(corpus, 1.0, split=None)], encoder, words, latents, screen.items)
    write_imagined(run.imagined, run.seed, words, run.run_dir / IMAGINED_FOLDER, screen.items)


def make_stage(run: OwnSoundsRun, base: Checkpoint, place: Place) -> FineTuneStage:
    """Return the stage, its student out of the checkpoint."""
    start = thaw(base).to(place.device)
    own = corpus_draw(LatentCorpus(run.run_dir / LATENTS_FOLDER), drop_text=0.0, inpaint=0.0)
    bank = CaptionBank(run.run_dir / IMAGINED_FOLDER, start.config.latent_channels)
    return FineTuneStage(run, own, bank.draw, start, place)


def in_time(
    run: OwnSoundsRun, base: Checkpoint, place: Place, screen: Screen, *, max_minutes: float | None
) -> OwnSoundsRun:
    """Return the run with as many steps as fit into its time, or as were found to fit before.

    The number stands beside the state: a run that is gone on with keeps its schedule.
    """
    record = run.run_dir / STAGE / SCHEDULE_FILE
    if not record.exists():
        if max_minutes is None or (record.parent / STATE_FILE).exists():
            return run
        steps = fitting_steps(
            lambda tried, there: make_stage(tried, base, there), run, max_minutes, place
        )
        screen.tell(f"{steps} of {run.steps} steps fit into {max_minutes:.1f} minutes")
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({"steps": steps}), encoding="utf-8")
    return shortened(run, int(json.loads(record.read_text(encoding="utf-8"))["steps"]))


def refit(run: OwnSoundsRun, base: Checkpoint, backbone: Backbone, corpus: Corpus) -> Checkpoint:
    """Write a checkpoint with another transformer and all other files as they were.

    Args:
        run: Its name, folder and form.
        base: The checkpoint that gives the rest.
        backbone: The transformer.
        corpus: What it has learnt.

    Returns:
        The verified checkpoint.
    """
    folder = run.made
    folder.mkdir(parents=True, exist_ok=True)
    for name in set(base.manifest.files) - {TRANSFORMER_FILE}:
        (folder / name).write_bytes(base.read(name))
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / TRANSFORMER_FILE
        channels = backbone.config.latent_channels
        traced = transformer_inputs(channels, batch=2, latents=7, tokens=5)
        export_graph(FlatBackbone(backbone), traced, TRANSFORMER_SHAPE, full)
        if run.form == "int8":
            quantise(full, folder / TRANSFORMER_FILE)
        else:
            (folder / TRANSFORMER_FILE).write_bytes(full.read_bytes())
    told = f"own sounds: {len(corpus)} clips, {corpus.hours:.2f} h, {', '.join(licences(corpus))}"
    thanks = tuple(Licence("training data", name, "own sounds") for name in licences(corpus))
    manifest = replace(
        base.manifest,
        name=run.name,
        objective=f"{base.manifest.objective}; tuned on own sounds",
        training_data=(*base.manifest.training_data, told),
        licences=(*base.manifest.licences, *thanks),
        metrics={},
    )
    return write_checkpoint(folder, manifest, sorted(base.manifest.files))


def licences(corpus: Corpus) -> list[str]:
    """Return the licences that the clips came with."""
    return sorted({entry.licence for entry in corpus.entries})


def tell_nearness(base: Checkpoint, made: Checkpoint, corpus: Corpus, screen: Screen) -> None:
    """Measure both checkpoints and tell the difference."""
    embedder = SoundEmbedder()
    before, after = nearness(base, base, corpus, embedder), nearness(made, base, corpus, embedder)
    fall = 1.0 - after.own / before.own
    screen.tell(
        f"distance to the own sounds: {before.own:.1f} before, {after.own:.1f} now "
        f"({100.0 * fall:+.0f} % nearer); other prompts: cosine {after.others:.2f} with before"
    )


def nearness(
    made: Checkpoint, base: Checkpoint, corpus: Corpus, embedder: SoundEmbedder
) -> Nearness:
    """Measure a checkpoint's takes of the own captions and of other prompts.

    Args:
        made: The checkpoint.
        base: The one it came from.
        corpus: The own sounds.
        embedder: The space in which it is measured.

    Returns:
        The distances.
    """
    own = [
        request_like(entry, entry.captions[0], seed)
        for entry in corpus.entries
        for seed in SCORED_SEEDS
    ]
    others = [GenerationRequest(prompt, seed, 2.0) for prompt in OTHER_PROMPTS for seed in (1, 2)]
    real = np.stack([embedder.embed(corpus.audio(i)) for i in range(len(corpus))])
    mine, old = takes(made, others, embedder), takes(base, others, embedder)
    cosines = (mine * old).sum(1) / np.linalg.norm(mine, axis=1) / np.linalg.norm(old, axis=1)
    distance = frechet_distance(takes(made, own, embedder), real)
    return Nearness(distance, float(cosines.mean()))


def takes(
    checkpoint: Checkpoint, requests: Sequence[GenerationRequest], embedder: SoundEmbedder
) -> FloatArray:
    """Return the embeddings of a checkpoint's takes, [requests, width]."""
    generator = load_generator(checkpoint.folder, threads=1)
    return np.stack([embedder.embed(generator.generate(r).audio) for r in requests])
