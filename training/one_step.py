"""The three one-step stages ready to run: teacher, start, and what they draw from.

The one place that brings caches and stages together; the stages themselves know only a function
that draws. `training/__main__.py` calls it.
"""

from dataclasses import replace

import numpy as np
import torch

from generator.backbone import Backbone
from training.arc import ArcStage
from training.batches import CaptionBank, LatentBatch, LatentCorpus
from training.loop import Stage
from training.place import HERE, Place
from training.stage_config import ArcRun, StudentRun, VsdRun, WarmUpRun
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


def start_of(run: StudentRun, teacher: Backbone) -> Backbone | None:
    """Return the student to begin from, where the run names one.

    Args:
        run: Names it, and the teacher that it learnt from where that was another than this.
        teacher: The run's own.

    Returns:
        The student, on the teacher's device.
    """
    if run.start is None:
        return None
    start = load_backbone(run.start, run.model)
    if run.start_teacher is not None:
        move(start, load_backbone(run.start_teacher, run.model), teacher)
    return start.to(next(teacher.parameters()).device)


@torch.no_grad()
def move(student: Backbone, before: Backbone, after: Backbone) -> None:
    """Add to a student what its teacher has learnt since.

    References:
        Ilharco et al. 2023, "Editing models with task arithmetic", arXiv 2212.04089.
    """
    old, new = before.state_dict(), after.state_dict()
    for name, weight in student.state_dict().items():
        weight += (new[name] - old[name]).to(weight.device)


def teacher_of(run: StudentRun, place: Place) -> Backbone:
    """Return the run's frozen teacher."""
    return load_backbone(run.teacher, run.model).to(place.device)


def caption_draw(
    run: WarmUpRun | VsdRun, teacher: Backbone, *, drop_text: float, inpaint: float
) -> Draw:
    """Return draws of conditions, partly imagined and partly those of real clips."""
    bank = CaptionBank(run.run_dir / IMAGINED_FOLDER, teacher.config.latent_channels)
    corpus = LatentCorpus(run.run_dir / LATENTS_FOLDER)
    real = corpus_draw(corpus, drop_text=drop_text, inpaint=inpaint)
    return mixed(bank.draw, words_only(real), run.imagined)


def make_warm_up(run: WarmUpRun, place: Place = HERE) -> Stage:
    """Return the ODE warm-up."""
    teacher = teacher_of(run, place)
    draw = caption_draw(run, teacher, drop_text=run.drop_text, inpaint=run.inpaint)
    return WarmUpStage(run, draw, teacher, start_of(run, teacher), place)


def make_arc(run: ArcRun, place: Place = HERE) -> Stage:
    """Return ARC."""
    corpus = LatentCorpus(run.run_dir / LATENTS_FOLDER)
    draw = corpus_draw(corpus, drop_text=run.drop_text, inpaint=run.inpaint)
    teacher = teacher_of(run, place)
    return ArcStage(run, draw, teacher, start_of(run, teacher), place)


def make_vsd(run: VsdRun, place: Place = HERE) -> Stage:
    """Return SwiftAudio's distillation: captions alone, wherever from."""
    teacher = teacher_of(run, place)
    draw = caption_draw(run, teacher, drop_text=0.0, inpaint=0.0)
    return VsdStage(run, draw, teacher, start_of(run, teacher), place)
