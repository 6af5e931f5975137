"""The command line of training: ``python -m training STAGE CONFIG.toml``."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from generator.api import SAMPLE_RATE_HZ, GeneratorError
from generator.text import TextEncoder
from training.autoencoder import AutoencoderStage, load_encoder
from training.batches import LatentCorpus
from training.config import AutoencoderRun, LatentsRun, Run, TeacherRun, read_config
from training.corpus.shards import Corpus
from training.crops import Crops
from training.errors import TrainingError
from training.latents import Source, write_imagined, write_latents
from training.loop import Stage, StepReport
from training.run import Outing, stage_folder, train
from training.teacher import TeacherStage


def show_reports(reports: Iterator[StepReport], first: int, last: int) -> Iterator[StepReport]:
    """Pass reports on, with a progress bar of the loss terms."""
    with tqdm(initial=first, total=last, unit="step", mininterval=1.0) as bar:
        for report in reports:
            bar.set_postfix(
                {name: f"{value:.3g}" for name, value in report.terms.items()}, refresh=False
            )
            bar.update()
            yield report


def show_items(items: Sequence[int], name: str) -> Iterable[int]:
    """Pass items on, with a progress bar."""
    bar: Iterable[int] = tqdm(items, desc=name, mininterval=1.0)
    return bar


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


def make_autoencoder(path: Path) -> tuple[AutoencoderRun, Stage]:
    """Return the autoencoder's run and stage."""
    config = read_config(path, AutoencoderRun)
    sources = open_corpora(config)
    crops = Crops([s.corpus for s in sources], [s.share for s in sources])
    return config, AutoencoderStage(config, crops, SAMPLE_RATE_HZ)


def make_teacher(path: Path) -> tuple[TeacherRun, Stage]:
    """Return the teacher's run and stage."""
    config = read_config(path, TeacherRun)
    return config, TeacherStage(config, LatentCorpus(config.run_dir / "latents"))


def cache_latents(path: Path) -> None:
    """Write the caches that the transformer stages read."""
    config = read_config(path, LatentsRun)
    encoder = load_encoder(stage_folder(config, "autoencoder"), SAMPLE_RATE_HZ)
    words = TextEncoder(config.text_encoder)
    write_latents(open_corpora(config), encoder, words, config.run_dir / "latents", show_items)
    write_imagined(config.imagined, config.seed, words, config.run_dir / "imagined", show_items)


STAGES: dict[str, Callable[[Path], tuple[Run, Stage]]] = {
    "autoencoder": make_autoencoder,
    "teacher": make_teacher,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    made.add_argument("stage", choices=["latents", *STAGES])
    made.add_argument("config", type=Path, help="run configuration, see training/configs")
    made.add_argument("--max-minutes", type=float, help="stop early, with the state saved")
    made.add_argument("--resume", action="store_true", help="go on from the run folder's state")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage; return the exit status."""
    given = parser().parse_args(arguments)
    try:
        if given.stage == "latents":
            cache_latents(given.config)
            return 0
        config, stage = STAGES[given.stage](given.config)
        folder = stage_folder(config, given.stage)
        train(stage, config, Outing(folder, given.resume, given.max_minutes), show_reports)
    except (TrainingError, GeneratorError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
