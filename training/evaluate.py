"""`python -m training evaluate`: an honest score of a checkpoint, with its baselines beside it.

The checkpoint is loaded as the daemon loads it and answers the same held-out prompts with the same
seeds every time. Noise, shuffled prompts, real sound and the teacher's long way are measured
alike. What was not run is absent. Writes one folder with the numbers and a page
(`training/report.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest, Generator
from generator.loading import load_generator
from generator.text import TextEncoder
from training.adherence import CLAIMS, Verdict, judge
from training.autoencoder import load_encoder
from training.config import EvaluationRun
from training.corpus.shards import Corpus
from training.embedding import SoundEmbedder
from training.errors import TrainingError
from training.heads import train_heads
from training.prompts import HeldOut, choose_prompts, place
from training.reconstruction import Rebuilt, mean_distance, rebuild, rebuild_all
from training.report import Exhibit, write_page
from training.scores import Reference, Scores, chance, ratios
from training.states import OdeGenerator, StateNetworks, load_decoder
from training.student import load_backbone
from training.vectors import ClipSet, Progress, Vectors, fingerprint

METRICS_FILE = "metrics.json"
PAGE_FILE = "index.html"
NOISE, SHUFFLED, REAL = "noise", "shuffled prompts", "real held-out sound"
REBUILT = "real sound through the autoencoder"
LONGEST_REBUILT_S = 6.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A generator under test and how many steps it may take."""

    name: str
    generator: Generator
    steps: int = 1

    def take(self, request: GenerationRequest) -> FloatArray:
        """Return the sound of a request."""
        return self.generator.generate(request).audio


class Evaluation:
    """The held-out prompts, the reference and the tools that all systems share."""

    def __init__(self, run: EvaluationRun, words: TextEncoder, progress: Progress) -> None:
        """Choose the prompts and train the text–audio score.

        Args:
            run: What to compare with.
            words: The text encoder of the checkpoint.
            progress: Shown while it works.
        """
        self.run = run
        self.words = words
        self.progress = progress
        corpora = [open_corpus(path) for path in run.corpora]
        self.prompts = choose_prompts(corpora, run.prompts)
        self.vectors = Vectors(
            run.run_dir / "evaluation" / "vectors", SoundEmbedder().embed, words, progress
        )
        self.valid = [captioned(corpus, "valid") for corpus in corpora]
        seen = self.valid + [captioned(open_corpus(path), None) for path in run.score_corpora]
        heads = train_heads(self.vectors.couples(seen), steps=run.score_steps, seed=0)
        held_out = self.vectors.couples([captioned(corpus, "test") for corpus in corpora])
        self.own = np.stack([self.vector_of(held) for held in self.prompts])
        prompt_words = self.vectors.of_texts([held.prompt for held in self.prompts])
        self.reference = Reference(held_out, heads, prompt_words)

    def vector_of(self, held: HeldOut) -> FloatArray:
        """Return the vector of a prompt's own clip, [width]."""
        clips = captioned(held.corpus, "test")
        vector: FloatArray = self.vectors.of_clips(clips)[clips.indices.index(held.index)]
        return vector

    def requests(self, steps: int) -> list[list[GenerationRequest]]:
        """Return the requests, [prompts][seeds]."""
        return [[h.request(s, steps=steps) for s in self.run.seeds] for h in self.prompts]

    def takes(self, subject: Subject) -> FloatArray:
        """Return the vectors of a subject's takes, [prompts, seeds, width]."""
        rows = self.requests(subject.steps)
        numbers = self.progress(range(len(rows)), subject.name)
        return np.stack(
            [self.vectors.of_sounds([subject.take(r) for r in rows[i]]) for i in numbers]
        )

    def baselines(self, made: FloatArray) -> dict[str, Scores]:
        """Return the scores of noise, of takes under wrong prompts, and of real sound."""
        rng = np.random.default_rng(0)
        requests = [row[0] for row in self.requests(1)]
        noises = [white_noise(request.frames, rng) for request in requests]
        table = {
            NOISE: self.reference.of_takes(self.vectors.of_sounds(noises)[:, None]),
            SHUFFLED: self.reference.of_takes(np.roll(made, len(made) // 2, axis=0)),
        }
        return table | self.real_sound(made.shape[0] * made.shape[1], rng)

    def real_sound(self, count: int, rng: np.random.Generator) -> dict[str, Scores]:
        """Return the scores of real sound, and of the same after the autoencoder, if there is one.

        The second is the ceiling that the autoencoder sets to every generator behind it. Distances
        are of as many validation clips as a system has takes, since they fall with the number.
        """
        clips = [(c.corpus, index) for c in self.valid for index in c.indices]
        real = self.vectors.couples(self.valid)
        first = np.unique(real.clip_of, return_index=True)[1]
        few = np.sort(rng.permutation(len(clips))[:count])
        words = real.words[first[few]]

        def scores(clips_made: FloatArray, own_made: FloatArray) -> Scores:
            adherence = self.reference.adherence(own_made[:, None])
            return self.reference.quality(clips_made, words) | adherence

        table = {REAL: scores(real.sounds[few], self.own)}
        if self.run.autoencoder is not None:
            own = [(held.corpus, held.index) for held in self.prompts]
            path = self.run.autoencoder
            after = self.rebuilt(path, [clips[i] for i in few])
            table[REBUILT] = scores(after, self.rebuilt(path, own))
        return table

    def rebuilt(self, path: Path, clips: Sequence[tuple[Corpus, int]]) -> FloatArray:
        """Return the vectors of clips after an autoencoder, [clips, width]."""

        def make() -> FloatArray:
            encoder, decoder = load_encoder(path.parent, SAMPLE_RATE_HZ), load_decoder(path)
            numbers = self.progress(range(len(clips)), "autoencoder")
            sounds = (clips[i][0].audio(clips[i][1]) for i in numbers)
            return np.stack([self.vectors.of_sound(rebuild(x, encoder, decoder)) for x in sounds])

        keys = (f"{c.entries[i].key}:{c.entries[i].frames}" for c, i in clips)
        return self.vectors.kept(f"rebuilt-{fingerprint(*file_stamp(path), *keys)}", make)

    def claims(self, subject: Subject) -> list[Verdict]:
        """Return what a subject's takes say of every claim."""
        verdicts = []
        for number in self.progress(range(len(CLAIMS[: self.run.claims])), "claims"):
            claim = CLAIMS[number]
            higher, lower = (
                [
                    subject.take(GenerationRequest(prompt, seed, claim.seconds, subject.steps))
                    for seed in self.run.seeds
                ]
                for prompt in (claim.higher, claim.lower)
            )
            verdicts.append(judge(claim, higher, lower))
        return verdicts


def open_corpus(path: Path) -> Corpus:
    """Open a corpus.

    Args:
        path: Its folder.

    Returns:
        The corpus.

    Raises:
        TrainingError: There is none.
    """
    try:
        return Corpus(path)
    except OSError as error:
        raise TrainingError(str(error)) from error


def captioned(corpus: Corpus, split: str | None) -> ClipSet:
    """Return the clips of a split, or all, that have captions."""
    chosen = [i for i, e in enumerate(corpus.entries) if e.captions and split in (None, e.split)]
    return ClipSet(corpus, tuple(chosen))


def white_noise(frames: int, rng: np.random.Generator) -> FloatArray:
    """Return stereo noise, [frames, 2]."""
    return 0.2 * rng.standard_normal((frames, 2), dtype=np.float32)


def teacher_of(run: EvaluationRun, words: TextEncoder) -> tuple[Subject, str] | None:
    """Return the teacher along its whole flow, with a name for the cache, when the run has one."""
    if run.teacher is None or run.autoencoder is None:
        return None
    networks = StateNetworks(load_backbone(run.teacher, run.model), load_decoder(run.autoencoder))
    generator = OdeGenerator(
        networks, words, steps=run.teacher_steps, guidance=run.teacher_guidance
    )
    files = [file_stamp(path) for path in (run.teacher, run.autoencoder)]
    return Subject(generator.name, generator), fingerprint(
        files, run.teacher_steps, run.teacher_guidance
    )


def file_stamp(path: Path) -> tuple[int, int]:
    """Return what tells a file from an earlier one of the same name: its size and its time."""
    return path.stat().st_size, path.stat().st_mtime_ns


def rebuilt(run: EvaluationRun, prompts: Sequence[HeldOut]) -> Rebuilt | None:
    """Return held-out sounds after the autoencoder and after Vorbis, when the run has one."""
    if run.autoencoder is None:
        return None
    encoder = load_encoder(run.autoencoder.parent, SAMPLE_RATE_HZ)
    decoder = load_decoder(run.autoencoder)
    longest = int(LONGEST_REBUILT_S * SAMPLE_RATE_HZ)
    chosen = sorted(prompts, key=lambda held: place(held.entry.key))[: run.rebuilt]
    sounds = [held.corpus.audio(held.index, 0, longest) for held in chosen]
    return rebuild_all(sounds, encoder, decoder)


def evaluate(checkpoint: Path, run: EvaluationRun, progress: Progress) -> Path:
    """Score a checkpoint and write its page.

    Args:
        checkpoint: A folder that the daemon could load.
        run: Prompts, seeds and baselines.
        progress: Shown while it works.

    Returns:
        The folder with METRICS_FILE and PAGE_FILE.
    """
    torch.set_num_threads(run.threads)
    words = TextEncoder(checkpoint, threads=run.threads)
    evaluation = Evaluation(run, words, progress)
    generator = load_generator(checkpoint, threads=run.threads)
    subjects = [Subject(step_name(steps), generator, steps) for steps in run.steps]
    systems: dict[str, Scores] = {}
    for subject in subjects:
        made = evaluation.takes(subject)
        systems[subject.name] = evaluation.reference.of_takes(made)
        if subject is subjects[0]:
            baselines = evaluation.baselines(made)
    teacher = teacher_of(run, words)
    if teacher is not None:
        systems[teacher[0].name] = teacher_scores(evaluation, *teacher)
    verdicts = evaluation.claims(subjects[0])
    back = rebuilt(run, evaluation.prompts)
    metrics = {
        "model": generator.name,
        "prompts": run.prompts,
        "seeds": list(run.seeds),
        "systems": systems | baselines,
        "chance": chance(run.prompts),
        "claims": claims_table(verdicts),
        "reconstruction": {} if back is None else distances_table(back),
    }
    if teacher is not None:
        metrics["to_teacher"] = ratios(systems, subjects[0].name, teacher[0].name)
    folder = run.run_dir / "evaluation" / checkpoint.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METRICS_FILE).write_text(json.dumps(metrics, indent=2), encoding="utf-8")
    shown = [subjects[0]] + ([teacher[0]] if teacher is not None else [])
    write_page(folder / PAGE_FILE, metrics, exhibits(evaluation, shown), back)
    return folder


def step_name(steps: int) -> str:
    """Return what the page calls a number of steps."""
    return "1 step" if steps == 1 else f"{steps} steps"


def teacher_scores(evaluation: Evaluation, teacher: Subject, name: str) -> Scores:
    """Return the teacher's scores, its takes from the cache where they lie there."""
    prompts = fingerprint(*(held.prompt for held in evaluation.prompts), evaluation.run.seeds)
    made = evaluation.vectors.kept(f"teacher-{name}-{prompts}", lambda: evaluation.takes(teacher))
    return evaluation.reference.of_takes(made)


def exhibits(evaluation: Evaluation, subjects: Sequence[Subject]) -> list[Exhibit]:
    """Return sounds to look at and to hear: the real clip and each subject's first take."""
    shown = []
    for number in evaluation.progress(
        range(min(evaluation.run.shown, evaluation.run.prompts)), "page"
    ):
        held = evaluation.prompts[number]
        request = held.request(evaluation.run.seeds[0])
        sounds = {"real": held.corpus.audio(held.index)}
        shown.append(Exhibit(held.prompt, sounds | {s.name: s.take(request) for s in subjects}))
    return shown


def claims_table(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the claims as JSON knows them."""
    rows = [
        {
            "claim": v.claim.text,
            "agreeing": v.agreeing,
            "holds": v.holds,
            "higher": v.higher,
            "lower": v.lower,
        }
        for v in verdicts
    ]
    return {"right": sum(v.holds for v in verdicts), "of": len(verdicts), "rows": rows}


def distances_table(back: Rebuilt) -> dict[str, Any]:
    """Return the autoencoder's distances beside those of Vorbis."""
    return {
        "autoencoder": asdict(mean_distance(back.autoencoder, back.real)),
        "vorbis": asdict(mean_distance(back.vorbis, back.real)),
        "vorbis_kilobits_per_s": back.vorbis_kilobits_per_s,
        "clips": len(back.real),
    }
