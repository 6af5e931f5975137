"""The table of trainable stages: which config each reads, how it is built, what is looked at.

Puts caches, networks and stages together for `training/__main__.py` and `training/chain.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from generator.api import SAMPLE_RATE_HZ
from generator.backbone import Backbone
from generator.spectral import SpectralFrames
from training.autoencoder import AutoencoderStage
from training.batches import LatentCorpus
from training.checkpoints import STATE_FILE
from training.config import AutoencoderRun, Run
from training.corpus.shards import Corpus
from training.crops import Crops
from training.errors import TrainingError
from training.latents import Source
from training.loop import Stage
from training.one_step import corpus_draw, make_arc, make_vsd, make_warm_up
from training.place import Place
from training.run import Outing, stage_folder
from training.stage_config import ArcRun, GeneratorRun, StudentRun, TeacherRun, VsdRun, WarmUpRun
from training.states import load_decoder
from training.student import load_backbone
from training.teacher import TeacherStage
from training.watch import Decode, Sight, Watch


@dataclass(frozen=True, slots=True)
class StageKind:
    """One stage: its config's class, and what builds it from a config of that class."""

    config: type[Run]
    make: Callable[[Any, Place], Stage]


def open_corpora(config: Run) -> list[Source]:
    """Open the corpora of a config with their shares.

    Args:
        config: Names the folders and gives a share for each.

    Returns:
        Corpus and share of each.

    Raises:
        TrainingError: A corpus is missing, or there is not one share for each.
    """
    if len(config.shares) != len(config.corpora):
        raise TrainingError(
            f"{len(config.corpora)} corpora and {len(config.shares)} shares: give one share each"
        )
    try:
        corpora = [Corpus(path) for path in config.corpora]
    except OSError as error:
        raise TrainingError(str(error)) from error
    return [Source(corpus, share) for corpus, share in zip(corpora, config.shares, strict=True)]


def make_autoencoder(run: AutoencoderRun, place: Place) -> Stage:
    """Return the autoencoder's stage."""
    sources = open_corpora(run)
    crops = Crops([s.corpus for s in sources], [s.share for s in sources])
    return AutoencoderStage(run, crops, SAMPLE_RATE_HZ, place)


def make_teacher(run: TeacherRun, place: Place) -> Stage:
    """Return the teacher's stage."""
    return TeacherStage(run, LatentCorpus(run.run_dir / "latents"), place)


STAGES: dict[str, StageKind] = {
    "autoencoder": StageKind(AutoencoderRun, make_autoencoder),
    "teacher": StageKind(TeacherRun, make_teacher),
    "warmup": StageKind(WarmUpRun, make_warm_up),
    "arc": StageKind(ArcRun, make_arc),
    "vsd": StageKind(VsdRun, make_vsd),
}


def with_a_look(outing: Outing, run: Run, stage: Stage) -> Outing:
    """Return an outing that looks at the generator in training, where the run asks for it."""
    generator = getattr(stage, "generator", None)
    if not isinstance(run, GeneratorRun) or not isinstance(generator, Backbone):
        return outing
    if run.watch.every == 0 or not outing.place.leads:
        return outing
    watch = make_watch(run, outing.place)

    def look() -> Sight:
        return watch.look(generator)

    return replace(outing, look=look, look_every=run.watch.every)


def make_watch(run: GeneratorRun, place: Place) -> Watch:
    """Return the watch of a stage: prompts of its corpus, and the decoder where there is one."""
    corpus = LatentCorpus(run.run_dir / "latents")
    teacher = None
    if isinstance(run, StudentRun):
        teacher = load_backbone(run.teacher, run.model).to(place.device)
    draw = corpus_draw(corpus, drop_text=0.0, inpaint=0.0)
    decoder = stage_folder(run, "autoencoder") / STATE_FILE
    return Watch(run.watch, draw, teacher=teacher, decode=decode_with(decoder), place=place)


def decode_with(state: Path) -> Decode | None:
    """Return the decoder of an autoencoder's state as a function of latents, where there is one."""
    if not state.exists():
        return None
    decoder = load_decoder(state)

    @torch.no_grad()
    def decode(latents: torch.Tensor) -> SpectralFrames:
        return SpectralFrames(*(part[0].numpy() for part in decoder(latents.float().cpu())))

    return decode
