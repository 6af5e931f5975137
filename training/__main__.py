"""The command line of training: ``python -m training STAGE CONFIG.toml``."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from generator.errors import GeneratorError
from training.chain import ChainRun, run_chain
from training.compare import compare, table
from training.config import ComparisonRun, EvaluationRun, LatentsRun, ReleaseRun, read_config
from training.corpus.render import CorpusRun
from training.errors import TrainingError
from training.evaluate import evaluate, outcome_lines, quick
from training.jobs import cache_latents, export, make_corpus, quantise
from training.loop import StepReport
from training.own_sounds import learn_own_sounds
from training.pieces import LARGEST_MB, join, split
from training.place import close_place, open_place
from training.run import Outing, stage_folder, train
from training.screen import Screen
from training.stage_config import OwnSoundsRun
from training.stages import STAGES, with_a_look

HOUSE_EVALUATION = Path(__file__).parent / "configs" / "house-evaluate.toml"


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


def tell(text: str) -> None:
    """Say something beside the progress bar."""
    tqdm.write(text, file=sys.stderr)


def score(given: argparse.Namespace) -> None:
    """Evaluate a checkpoint; say what it scored, what each part cost and where the page is.

    Args:
        given: The command line; what it evaluates is its ``config``, or ``--checkpoint`` of an
            evaluation's configuration.
    """
    checkpoint, path = given.checkpoint or given.config, given.config
    if checkpoint is path:
        path = HOUSE_EVALUATION
    run = read_config(path, EvaluationRun)
    outcome = evaluate(checkpoint, quick(run) if given.quick else run, show_items)
    sys.stdout.write(outcome_lines(outcome))


def score_states(given: argparse.Namespace) -> None:
    """Measure states beside each other, and print the table."""
    rows = compare(read_config(given.config, ComparisonRun), show_items, tell)
    sys.stdout.write(table(rows))


def run_trainable(given: argparse.Namespace) -> None:
    """Train one stage, alone or as one of several processes."""
    kind = STAGES[given.stage]
    config = read_config(given.config, kind.config)
    place = open_place(config.device)
    stage = kind.make(config, place)
    folder = stage_folder(config, given.stage)
    outing = Outing(folder, given.resume, given.max_minutes, place, tell=tell)
    train(stage, config, with_a_look(outing, config, stage), SCREEN.reports)


def run_chained(given: argparse.Namespace) -> None:
    """Run all stages of a chain."""
    config = read_config(given.config, ChainRun)
    run_chain(config, SCREEN, max_minutes=given.max_minutes, resume=given.resume)


def run_own(given: argparse.Namespace) -> None:
    """Tune a checkpoint on own sounds."""
    config = read_config(given.config, OwnSoundsRun)
    learn_own_sounds(config, SCREEN, max_minutes=given.max_minutes, resume=given.resume)


def split_file(given: argparse.Namespace) -> None:
    """Split a file, and name its pieces."""
    for piece in split(given.config, given.megabytes):
        tell(str(piece))


def join_file(given: argparse.Namespace) -> None:
    """Join the pieces of a file, and name it."""
    tell(str(join(given.config)))


def show_quantised(given: argparse.Namespace) -> None:
    """Print what int8 costs, line by line."""
    for line in quantise(read_config(given.config, ReleaseRun)):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


SCREEN = Screen(show_reports, show_items, tell)
OTHERS: dict[str, Callable[[argparse.Namespace], object]] = {
    "corpus": lambda given: make_corpus(read_config(given.config, CorpusRun), SCREEN),
    "latents": lambda given: cache_latents(read_config(given.config, LatentsRun), SCREEN),
    "export": lambda given: export(read_config(given.config, ReleaseRun), SCREEN),
    "quantise": show_quantised,
    "evaluate": score,
    "compare": score_states,
    "chain": run_chained,
    "own": run_own,
    "split": split_file,
    "join": join_file,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    made.add_argument("stage", choices=[*STAGES, *OTHERS])
    made.add_argument(
        "config",
        type=Path,
        help="run configuration, see training/configs; for split the file, for join its index, "
        "for evaluate a checkpoint's folder will do",
    )
    made.add_argument("--max-minutes", type=float, help="stop early, with the state saved")
    made.add_argument("--megabytes", type=float, default=LARGEST_MB, help="size of a piece")
    made.add_argument("--checkpoint", type=Path, help="what to evaluate")
    made.add_argument("--quick", action="store_true", help="evaluate few takes, and no teacher")
    made.add_argument("--resume", action="store_true", help="go on from the run folder's state")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage; return the exit status."""
    given = parser().parse_args(arguments)
    try:
        OTHERS.get(given.stage, run_trainable)(given)
        return 0
    except (TrainingError, GeneratorError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error}: the last good state is kept; mend it and --resume\n")
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        close_place()


if __name__ == "__main__":
    sys.exit(main())
