"""The three one-step stages ready to run: config, teacher, start, and what they draw from.

The one place that brings caches and stages together; the stages themselves know only a function
that draws. `training/__main__.py` calls it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from generator.backbone import Backbone
from training.arc import ArcStage
from training.batches import CaptionBank, LatentBatch, LatentCorpus
from training.config import ArcRun, StudentRun, VsdRun, WarmUpRun, read_config
from training.loop import Stage
from training.student import Draw, load_backbone
from training.vsd import VsdStage
from training.warmup import WarmUpStage

LATENTS_FOLDER = "latents"
IMAGINED_FOLDER = "imagined"


def corpus_draw(corpus: LatentCorpus, *, drop_text: float, inpaint: float) -> Draw:
    """Return a function that draws latents with their conditions."""

    def draw(rng: np.random.Generator, tokens: int) -> LatentBatch:
        return corpus.draw(rng, tokens, drop_text=drop_text, inpaint=inpaint)

    return draw


def words_only(draw: Draw) -> Draw:
    """Return the same draws without latents."""

    def worded(rng: np.random.Generator, tokens: int) -> LatentBatch:
        return replace(draw(rng, tokens), x0=None)

    return worded


def mixed(often: Draw, else_draw: Draw, share: float) -> Draw:
    """Return draws of which a share comes from the first and the others from the second."""

    def draw(rng: np.random.Generator, tokens: int) -> LatentBatch:
        return often(rng, tokens) if rng.random() < share else else_draw(rng, tokens)

    return draw


def start_of(run: StudentRun) -> Backbone | None:
    """Return the student to begin from, where the run names one."""
    return None if run.start is None else load_backbone(run.start, run.model)


def caption_draw(
    run: WarmUpRun | VsdRun, teacher: Backbone, *, drop_text: float, inpaint: float
) -> Draw:
    """Return draws of conditions, partly imagined and partly those of real clips."""
    bank = CaptionBank(run.run_dir / IMAGINED_FOLDER, teacher.config.latent_channels)
    corpus = LatentCorpus(run.run_dir / LATENTS_FOLDER)
    real = corpus_draw(corpus, drop_text=drop_text, inpaint=inpaint)
    return mixed(bank.draw, words_only(real), run.imagined)


def make_warm_up(path: Path) -> tuple[WarmUpRun, Stage]:
    """Return the run and the stage of the ODE warm-up."""
    run = read_config(path, WarmUpRun)
    teacher = load_backbone(run.teacher, run.model)
    draw = caption_draw(run, teacher, drop_text=run.drop_text, inpaint=run.inpaint)
    return run, WarmUpStage(run, draw, teacher, start_of(run))


def make_arc(path: Path) -> tuple[ArcRun, Stage]:
    """Return the run and the stage of ARC."""
    run = read_config(path, ArcRun)
    corpus = LatentCorpus(run.run_dir / LATENTS_FOLDER)
    draw = corpus_draw(corpus, drop_text=run.drop_text, inpaint=run.inpaint)
    return run, ArcStage(run, draw, load_backbone(run.teacher, run.model), start_of(run))


def make_vsd(path: Path) -> tuple[VsdRun, Stage]:
    """Return the run and the stage of SwiftAudio's distillation: captions alone, wherever from."""
    run = read_config(path, VsdRun)
    teacher = load_backbone(run.teacher, run.model)
    draw = caption_draw(run, teacher, drop_text=0.0, inpaint=0.0)
    return run, VsdStage(run, draw, teacher, start_of(run))
