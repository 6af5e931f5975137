"""`python -m training evaluate`: an honest score of a checkpoint, with its baselines beside it.

The checkpoint is loaded as the daemon loads it and answers the same held-out prompts with the same
seeds every time. Noise, shuffled prompts, real sound, real sound after the autoencoder and the
teacher's long way are measured alike. What was not run is absent. Writes one folder with the
numbers and a page (`training/report.py`).
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ, FloatArray
from generator.loading import load_generator
from generator.text import TextEncoder
from training.adherence import Fairness, Verdict, held
from training.autoencoder import load_encoder
from training.comparison import Comparison, Takes
from training.config import EvaluationRun
from training.prompts import HeldOut, place
from training.reconstruction import Rebuilt, mean_distance, rebuild_all
from training.report import COLUMNS, Exhibit, write_page
from training.scores import chance, ratios
from training.signals import summary
from training.states import load_decoder
from training.systems import Subject, of_checkpoint, of_states, step_name, teacher_of
from training.vectors import Progress

METRICS_FILE = "metrics.json"
PAGE_FILE = "index.html"
LONGEST_REBUILT_S = 6.0


@dataclass(slots=True)
class Clock:
    """How long each part took, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time within under a name."""
        begun = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the numbers and the page lie, and what each part cost in seconds."""

    folder: Path
    metrics: dict[str, Any]
    seconds: dict[str, float]


def quick(run: EvaluationRun) -> EvaluationRun:
    """Return a run for comparing candidates: fewer takes of the same prompts, one step alone."""
    changes = {
        "seeds": run.seeds[:2], "steps": run.steps[:1], "teacher": None, "student": None,
        "rebuilt": min(run.rebuilt, 16), "shown": min(run.shown, 4),
    }  # fmt: skip
    return run.model_copy(update=changes)


def evaluate(checkpoint: Path, run: EvaluationRun, progress: Progress) -> Outcome:
    """Score a checkpoint and write its page.

    Args:
        checkpoint: A folder that the daemon could load.
        run: Prompts, seeds and baselines.
        progress: Shown while it works.

    Returns:
        The folder with METRICS_FILE and PAGE_FILE, the numbers, and what they cost.
    """
    torch.set_num_threads(run.threads)
    clock = Clock()
    with clock.part("prompts and text–audio score"):
        words = TextEncoder(checkpoint, threads=run.threads)
        comparison = Comparison(run, words, progress)
    generator = load_generator(checkpoint, threads=run.threads)
    own = of_checkpoint(generator, run.steps)
    teacher = teacher_of(run, words)
    subjects = [*own, *of_states(run, words), *([] if teacher is None else [teacher])]
    takes: dict[str, Takes] = {}
    for subject in subjects:
        with clock.part(subject.name):
            takes[subject.name] = comparison.takes(subject)
    with clock.part("baselines"):
        takes |= comparison.baselines(takes[own[0].name])
    with clock.part("claims"):
        verdicts = comparison.verdicts(own[0])
    with clock.part("claims of real sound"):
        fairness = comparison.fairness()
    with clock.part("claims of the teacher"):
        taught = None if teacher is None else comparison.verdicts(teacher)
    with clock.part("autoencoder"):
        back = rebuilt(run, comparison.prompts)
    systems = {name: comparison.scores(made) for name, made in takes.items()}
    metrics = {
        "model": generator.name,
        "prompts": run.prompts,
        "seeds": list(run.seeds),
        "systems": systems,
        "chance": chance(run.prompts),
        "score_clips_left_out": len(comparison.leaked),
        "signals": {n: summary(t.signals) for n, t in takes.items() if t.signals is not None},
        "r_at_5_by_kind": comparison.by_kind(takes),
        "claims": claims_table(verdicts, fairness, taught),
        "reconstruction": {} if back is None else distances_table(back),
    }
    if teacher is not None:
        metrics["to_teacher"] = ratios(systems, own[0].name, teacher.name)
    if run.student is not None:
        metrics["to_fp32"] = ratios(systems, own[0].name, f"{step_name(run.steps[0])}, fp32")
    folder = run.run_dir / "evaluation" / checkpoint.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METRICS_FILE).write_text(json.dumps(metrics, indent=2), encoding="utf-8")
    with clock.part("page"):
        shown = [own[0]] + ([] if teacher is None else [teacher])
        page = exhibits(comparison, shown, run.shown)
        write_page(folder / PAGE_FILE, metrics, page, back, clock.seconds)
    return Outcome(folder, metrics, clock.seconds)


def outcome_lines(outcome: Outcome) -> str:
    """Return the main numbers, what each part cost, and where the page is, for a terminal."""
    metrics = outcome.metrics
    lines = [f"{'':36s}" + "".join(f"{key:>18s}" for key, _ in COLUMNS)]
    for name, scores in metrics["systems"].items():
        cells = (f"{scores[key]:.3f}" if key in scores else "" for key, _ in COLUMNS)
        lines.append(f"{name:36s}" + "".join(f"{cell:>18s}" for cell in cells))
    claims = metrics["claims"]
    kinds = (f"{kind} {told(row)}" for kind, row in claims["by_kind"].items())
    lines.append(f"claims that hold: {told(claims)}: {', '.join(kinds)}")
    lines += [f"{seconds:7.1f} s  {name}" for name, seconds in outcome.seconds.items()]
    return "\n".join([*lines, str(outcome.folder / PAGE_FILE), ""])


def told(claims: Mapping[str, Any]) -> str:
    """Return how many claims hold, and of the teacher's where it was asked."""
    taught = f" (teacher {claims['teacher_right']})" if "teacher_right" in claims else ""
    return f"{claims['right']}{taught} of {claims['of']}"


def rebuilt(run: EvaluationRun, prompts: Sequence[HeldOut]) -> Rebuilt | None:
    """Return held-out sounds after the autoencoder and after Vorbis, when the run has one."""
    if run.autoencoder is None:
        return None
    encoder = load_encoder(run.autoencoder, SAMPLE_RATE_HZ)
    decoder = load_decoder(run.autoencoder)
    longest = int(LONGEST_REBUILT_S * SAMPLE_RATE_HZ)
    chosen = sorted(prompts, key=lambda prompt: place(prompt.entry.key))[: run.rebuilt]
    sounds = [prompt.corpus.audio(prompt.index, 0, longest) for prompt in chosen]
    return rebuild_all(sounds, encoder, decoder)


def exhibits(comparison: Comparison, subjects: Sequence[Subject], count: int) -> list[Exhibit]:
    """Return sounds to look at and to hear: the real clip and each subject's first take."""
    shown = []
    for prompt in comparison.prompts[:count]:
        request = prompt.request(comparison.run.seeds[0])
        sounds = {"real": prompt.corpus.audio(prompt.index)}
        shown.append(Exhibit(prompt.prompt, sounds | {s.name: s.take(request) for s in subjects}))
    return shown


def claims_table(
    verdicts: Sequence[Verdict],
    fairness: Sequence[Fairness],
    taught: Sequence[Verdict] | None,
) -> dict[str, Any]:
    """Return the claims as JSON knows them; what was not asked, or could not be, is absent."""
    rows = []
    for number, verdict in enumerate(verdicts):
        row: dict[str, Any] = {
            "claim": verdict.claim.text,
            "agreeing": verdict.agreeing,
            "holds": verdict.holds,
            "values": finite(verdict.values),
        }
        fair = fairness[number]
        if fair.known:
            row |= {"real_rate": fair.rate, "real_clips": fair.clips}
        if taught is not None:
            row |= {
                "teacher": taught[number].agreeing,
                "teacher_holds": taught[number].holds,
                "teacher_values": finite(taught[number].values),
            }
        rows.append(row)
    table: dict[str, Any] = {"right": sum(v.holds for v in verdicts), "of": len(verdicts)}
    kinds = {kind: {"right": right, "of": of} for kind, (right, of) in held(verdicts).items()}
    if taught is not None:
        table["teacher_right"] = sum(v.holds for v in taught)
        for kind, (right, _) in held(taught).items():
            kinds[kind]["teacher_right"] = right
    return table | {"by_kind": kinds, "rows": rows}


def finite(values: FloatArray) -> list[list[float]]:
    """Return the values of each seed, without those that were not asked for.

    Shapes:
        values: [seeds, 2], see `training.adherence.Answers.values`
    """
    return [[value for value in seed if np.isfinite(value)] for seed in values.tolist()]


def distances_table(back: Rebuilt) -> dict[str, Any]:
    """Return the autoencoder's distances beside those of Vorbis."""
    return {
        "autoencoder": asdict(mean_distance(back.autoencoder, back.real)),
        "vorbis": asdict(mean_distance(back.vorbis, back.real)),
        "vorbis_kilobits_per_s": back.vorbis_kilobits_per_s,
        "clips": len(back.real),
    }
