"""`python -m training chain`: every stage after the other from one config, each in its time.

The config's common part goes into each stage's own config; a one-step stage begins from the student
before it. What is done is kept in the run folder, so that a chain that was cut short goes on where
it was. Trains nothing itself: `training/stages.py` and `training/jobs.py` do.

Flow: corpus → autoencoder → latents → teacher → warmup → vsd and arc, in either order → export.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from training.checkpoints import STATE_FILE
from training.config import (
    BackboneSizes,
    Count,
    Device,
    LatentsRun,
    Positive,
    ReleaseRun,
    Run,
    Strict,
    Weight,
    checked_config,
)
from training.corpus.render import CorpusRun
from training.errors import TrainingError
from training.fitting import fitting_steps
from training.fitting import shortened as shortened
from training.jobs import cache_latents, export, make_corpus
from training.place import open_place
from training.run import Outing, stage_folder, train
from training.screen import Screen
from training.stages import STAGES, with_a_look

Name = Literal[
    "corpus", "autoencoder", "latents", "teacher", "warmup", "arc", "vsd", "export"
]  # fmt: skip
JOBS: Mapping[str, type[Strict]] = {
    "corpus": CorpusRun,
    "latents": LatentsRun,
    "export": ReleaseRun,
}
ONE_STEP = ("warmup", "arc", "vsd")
CHAIN_FILE = "chain.json"


class ChainRun(Strict):
    """`python -m training chain`: the common part of all stages, their order and their own parts.

    ``minutes`` are the stages' parts of ``--max-minutes``; with ``fit`` the steps of a stage, and
    with them its schedule, are cut to what its part allows. ``stages`` has a table for each stage
    that differs from its defaults.
    """

    run_dir: Path
    corpora: tuple[Path, ...] = ()
    shares: tuple[Weight, ...] = ()
    text_encoder: Path
    order: tuple[Name, ...]
    minutes: dict[Name, Positive]
    fit: bool = True
    model: BackboneSizes = BackboneSizes()
    seed: int = 0
    device: Device = "auto"
    threads: Count = 2
    bfloat16: bool = True
    compile: bool = False
    stages: dict[Name, dict[str, Any]]


@dataclass(slots=True)
class Done:
    """What is known of a stage: how many steps were found to fit, and whether it is done."""

    steps: int | None = None
    done: bool = False


def config_of(chain: ChainRun, name: Name) -> Strict:
    """Return a stage's own config.

    Args:
        chain: The whole.
        name: The stage.

    Returns:
        The common part under the stage's own.

    Raises:
        TrainingError: The stage's table has an unknown key or a wrong value.
    """
    kind = STAGES[name].config if name in STAGES else JOBS[name]
    place = chain.order.index(name)
    common = chain.model_dump(exclude={"order", "minutes", "fit", "stages", "model"})
    common["seed"] = chain.seed + place
    if "model" in kind.model_fields and name != "autoencoder":
        common["model"] = chain.model.model_dump()
    common |= states_of(chain, name)
    fitting = {key: value for key, value in common.items() if key in kind.model_fields}
    return checked_config(fitting | chain.stages.get(name, {}), kind, f"stages.{name}")


def states_of(chain: ChainRun, name: Name) -> dict[str, Path]:
    """Return the states that a stage reads, as the order gives them."""

    def state(stage: str) -> Path:
        return chain.run_dir / stage / STATE_FILE

    before = [stage for stage in chain.order[: chain.order.index(name)] if stage in ONE_STEP]
    states = {"teacher": state("teacher"), "autoencoder": state("autoencoder")}
    if before:
        states |= {"start": state(before[-1]), "student": state(before[-1])}
    return states


class Record:
    """What a chain has done, in its run folder."""

    def __init__(self, chain: ChainRun) -> None:
        """Read what is there."""
        self._path = chain.run_dir / CHAIN_FILE
        table = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}
        self.stages: dict[str, Done] = {
            name: Done(**table[name]) if name in table else Done() for name in chain.order
        }

    @property
    def begun(self) -> bool:
        """Whether anything is done."""
        return any(stage != Done() for stage in self.stages.values())

    def write(self) -> None:
        """Write it, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        table = {name: asdict(done) for name, done in self.stages.items()}
        partial.write_text(json.dumps(table, indent=1), encoding="utf-8")
        partial.replace(self._path)


class Chain:
    """A chain on its way."""

    def __init__(self, run: ChainRun, screen: Screen, *, max_minutes: float | None) -> None:
        """Check every stage's config before anything is done.

        Args:
            run: The whole.
            screen: What a person sees.
            max_minutes: For all stages together; without it each takes its steps.
        """
        self.run = run
        self.screen = screen
        self.configs = {name: config_of(run, name) for name in run.order}
        self.record = Record(run)
        self.ends_at_s = None if max_minutes is None else time.monotonic() + 60.0 * max_minutes
        self.place = open_place(run.device)

    def go(self) -> None:
        """Do what is not done yet, in its order."""
        for name in self.run.order:
            done = self.record.stages[name]
            if done.done:
                self.screen.tell(f"{name}: done before")
                continue
            self.screen.tell(f"{name}:")
            config = self.configs[name]
            if name in STAGES and isinstance(config, Run):
                self.train(name, config)
            elif self.place.leads:
                do_job(config, self.screen)
            # The others wait here for what the leading process writes.
            done.done = bool(self.place.leaders(True))
            self.keep_record()

    def keep_record(self) -> None:
        """Write what is done."""
        if self.place.leads:
            self.record.write()

    def budget(self, name: Name) -> float | None:
        """Return a stage's minutes: its part of what is left, among the stages not done."""
        if self.ends_at_s is None:
            return None
        left = max(0.0, self.ends_at_s - time.monotonic()) / 60.0
        parts = {
            other: self.run.minutes.get(other, 1.0)
            for other in self.run.order
            if other in STAGES and not self.record.stages[other].done
        }
        return left * parts[name] / sum(parts.values())

    def train(self, name: Name, config: Run) -> None:
        """Train one stage for its minutes."""
        minutes, done = self.budget(name), self.record.stages[name]
        begun_s = time.monotonic()
        if minutes is not None and self.run.fit and done.steps is None:
            done.steps = fitting_steps(STAGES[name].make, config, minutes, self.place)
            self.keep_record()
            self.screen.tell(f"{name}: {done.steps} steps fit into {minutes:.1f} minutes")
        if done.steps is not None:
            config = shortened(config, done.steps)
        stage = STAGES[name].make(config, self.place)
        left = None if minutes is None else minutes - (time.monotonic() - begun_s) / 60.0
        folder = stage_folder(config, name)
        outing = Outing(folder, True, left, self.place, tell=self.screen.tell)
        train(stage, config, with_a_look(outing, config, stage), self.screen.reports)


def do_job(config: Strict, screen: Screen) -> None:
    """Do one of the jobs between the trained stages."""
    if isinstance(config, CorpusRun):
        make_corpus(config, screen)
    elif isinstance(config, LatentsRun):
        cache_latents(config, screen)
    elif isinstance(config, ReleaseRun):
        export(config, screen)


def run_chain(
    run: ChainRun, screen: Screen, *, max_minutes: float | None = None, resume: bool = False
) -> None:
    """Do what is not done yet of a chain, in its order, until its minutes are up.

    Args:
        run: The whole.
        screen: What a person sees.
        max_minutes: For all stages together; without it each takes its steps.
        resume: Whether an earlier call's work may be gone on with.

    Raises:
        TrainingError: A stage's config or input is wrong, or an earlier call's work is there
            unasked.
    """
    chain = Chain(run, screen, max_minutes=max_minutes)
    if chain.record.begun and not resume:
        raise TrainingError(
            f"{run.run_dir / CHAIN_FILE} tells of an earlier call: add --resume to go on with it, "
            "or remove the folder"
        )
    chain.go()
