"""What all systems are compared on: the held-out prompts, the reference, the baselines, the claims.

Takes of every system go through the same measures; what is dear and does not change is kept on
disk. `training/evaluate.py` says what is run.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest
from generator.text import TextEncoder
from training import adherence, artefacts, claims, descriptors, pitch, rhythm, signals
from training.adherence import Answers, Fairness, RealSound, Verdict
from training.autoencoder import load_encoder
from training.claims import CLAIMS, Claim
from training.config import ScoredRun
from training.corpus.shards import Corpus
from training.embedding import SoundEmbedder
from training.errors import TrainingError
from training.heads import train_heads
from training.prompts import choose_prompts, group_of, leaks, request_like
from training.reconstruction import rebuild
from training.scores import Reference, Scores
from training.signals import SIGNALS, signals_of
from training.states import load_decoder
from training.systems import Subject, file_stamp
from training.vectors import ClipSet, Progress, Vectors, fingerprint

NOISE, SHUFFLED, REAL = "noise", "shuffled prompts", "real held-out sound"
REBUILT = "real sound through the autoencoder"
MEASURES = (adherence, artefacts, claims, descriptors, pitch, rhythm, signals)
DEPTH_BY_KIND = 5
Clips = Sequence[tuple[Corpus, int]]


@dataclass(frozen=True, slots=True)
class Takes:
    """What was measured of a system's answers.

    ``many`` are further sounds of the same system with their words, for distances that want more
    than one sound a prompt; without them the takes themselves serve.

    Shapes:
        vectors: [prompts, takes, width]; signals: [prompts, takes, signals] or None; many: [n,
        width] and [n, text_width]
    """

    vectors: FloatArray
    signals: FloatArray | None = None
    many: tuple[FloatArray, FloatArray] | None = None


class Comparison:
    """The held-out prompts, the reference and the tools that all systems share."""

    def __init__(self, run: ScoredRun, words: TextEncoder, progress: Progress) -> None:
        """Choose the prompts and train the text–audio score.

        Args:
            run: What to compare with.
            words: The text encoder of the checkpoint.
            progress: Shown while it works.
        """
        self.run = run
        self.progress = progress
        self.corpora = [open_corpus(path) for path in run.corpora]
        self.prompts = choose_prompts(self.corpora, run.prompts)
        self.vectors = Vectors(
            run.run_dir / "evaluation" / "vectors", SoundEmbedder().embed, words, progress
        )
        self.valid = [captioned(corpus, "valid") for corpus in self.corpora]
        tests = [captioned(corpus, "test") for corpus in self.corpora]
        seen = self.valid + [captioned(open_corpus(path), None) for path in run.score_corpora]
        self.leaked = leaks(
            [clip for clips in tests for clip in clips.pairs],
            [clip for clips in seen for clip in clips.pairs],
        )
        apart = self.vectors.couples(seen).without(self.leaked)
        heads = train_heads(apart, steps=run.score_steps, seed=0)
        prompt_words = self.vectors.of_texts([held.prompt for held in self.prompts])
        self.reference = Reference(self.vectors.couples(tests), heads, prompt_words)
        self.stamp = fingerprint(*(Path(str(m.__file__)).read_text("utf-8") for m in MEASURES))

    def scores(self, takes: Takes) -> Scores:
        """Return all scores of a system's takes."""
        if takes.many is None:
            return self.reference.of_takes(takes.vectors)
        return self.reference.quality(*takes.many) | self.reference.adherence(takes.vectors)

    def takes(self, subject: Subject) -> Takes:
        """Let a subject answer all prompts, from the cache where its takes are kept."""
        rows = [
            [held.request(seed, steps=subject.steps) for seed in self.run.seeds]
            for held in self.prompts
        ]
        requests = [request for row in rows for request in row]

        def make() -> FloatArray:
            found: dict[int, FloatArray] = {}
            for number, sound in self.heard(subject, requests, subject.name):
                found[number] = self.measured(sound, requests[number])
            table = np.stack([found[number] for number in range(len(requests))])
            return table.reshape(len(rows), len(self.run.seeds), -1)

        return Takes(
            *split(make() if subject.kept_as is None else self.kept(subject.kept_as, rows, make))
        )

    def heard(
        self, subject: Subject, requests: Sequence[GenerationRequest], name: str
    ) -> Iterator[tuple[int, FloatArray]]:
        """Yield a subject's takes with their numbers, and show how many are left."""
        left = self.progress(range(len(requests)), name)
        for _, take in zip(left, subject.takes(requests), strict=True):
            yield take

    def kept(self, name: str, items: object, make: Callable[[], FloatArray]) -> FloatArray:
        """Return an array of the cache, valid for these items and these measures."""
        return self.vectors.kept(f"{name}-{fingerprint(items, self.stamp)}", make)

    def measured(self, sound: FloatArray, request: GenerationRequest) -> FloatArray:
        """Return the vector of a sound and its signals in one row."""
        return np.concatenate((self.vectors.of_sound(sound), signals_of(sound, request)))

    def baselines(self, first: Takes) -> dict[str, Takes]:
        """Return noise, takes under wrong prompts, real sound, and that after the autoencoder.

        The last is the ceiling that the autoencoder sets to every generator behind it. Distances of
        real sound are of as many validation clips as a system has takes, since they fall with the
        number.
        """
        made = first.vectors
        rng = np.random.default_rng(0)
        requests = [held.request(self.run.seeds[0]) for held in self.prompts]
        noises = [self.vectors.of_sound(white_noise(r.frames, rng)) for r in requests]
        couples = self.vectors.couples(self.valid)
        words = couples.words[np.unique(couples.clip_of, return_index=True)[1]]
        clips = [clip for valid in self.valid for clip in valid.pairs]
        few = np.sort(rng.permutation(len(clips))[: made.shape[0] * made.shape[1]])
        table = {
            NOISE: Takes(np.stack(noises)[:, None]),
            SHUFFLED: Takes(np.roll(made, len(made) // 2, axis=0)),
            REAL: self.of_clips(None, [clips[i] for i in few], words[few]),
        }
        if self.run.autoencoder is not None:
            chosen = [clips[i] for i in few]
            table[REBUILT] = self.of_clips(self.run.autoencoder, chosen, words[few])
        return table

    def of_clips(self, autoencoder: Path | None, clips: Clips, words: FloatArray) -> Takes:
        """Return the prompts' own clips, and others for distances, maybe after an autoencoder."""
        everything = [*((held.corpus, held.index) for held in self.prompts), *clips]
        name = "real" if autoencoder is None else f"rebuilt-{fingerprint(*file_stamp(autoencoder))}"
        change = unchanged if autoencoder is None else through(autoencoder)

        def make() -> FloatArray:
            rows = []
            for number in self.progress(range(len(everything)), name.partition("-")[0]):
                corpus, index = everything[number]
                request = request_like(corpus.entries[index], "", 0)
                rows.append(self.measured(change(corpus.audio(index)), request))
            return np.stack(rows)

        keys = [f"{c.entries[i].key}:{c.entries[i].frames}" for c, i in everything]
        vectors, signals = split(self.kept(name, keys, make)[:, None])
        own, others = np.split(vectors, [len(self.prompts)])
        return Takes(own, signals[: len(own)], (others[:, 0], words))

    def verdicts(self, subject: Subject) -> list[Verdict]:
        """Return what a subject's takes say of every claim."""

        def make() -> FloatArray:
            answers = Answers(self.claims, self.run.seeds, subject.steps)
            for number, sound in self.heard(subject, answers.requests, f"claims, {subject.name}"):
                answers.hear(number, sound)
            return answers.values()

        asked = [claim.text for claim in self.claims], self.run.seeds, subject.steps
        name = subject.kept_as
        values = make() if name is None else self.kept(f"claims-{name}", asked, make)
        return [Verdict(claim, row) for claim, row in zip(self.claims, values, strict=True)]

    @property
    def claims(self) -> Sequence[Claim]:
        """The claims of this run."""
        return CLAIMS[: self.run.claims]

    def fairness(self) -> list[Fairness]:
        """Return how often real sound of all corpora keeps each claim."""

        def make() -> FloatArray:
            real = RealSound(self.corpora)
            numbers = self.progress(range(len(self.claims)), "claims, real sound")
            rows = [real.fairness(self.claims[number]) for number in numbers]
            return np.array([(row.rate, row.clips) for row in rows], np.float32)

        sizes = [(len(corpus), len(corpus.samples)) for corpus in self.corpora]
        table = self.kept("fairness", ([claim.text for claim in self.claims], sizes), make)
        return [Fairness(float(rate), int(clips)) for rate, clips in table]

    def by_kind(self, takes: Mapping[str, Takes]) -> dict[str, dict[str, float]]:
        """Return the share of takes that find their prompt among the first few, by kind of sound.

        Systems by kind; ``prompts`` says how many prompts each kind has.
        """
        kinds: dict[str, list[int]] = defaultdict(list)
        for number, held in enumerate(self.prompts):
            kinds[group_of(held.entry)].append(number)
        table = {
            name: self.reference.recall_of(made.vectors, DEPTH_BY_KIND, list(kinds.values()))
            for name, made in takes.items()
        }
        rows = {name: dict(zip(kinds, row, strict=True)) for name, row in table.items()}
        return {"prompts": {kind: float(len(own)) for kind, own in kinds.items()}} | rows


def split(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rows of `Comparison.measured` as vectors and signals.

    Shapes:
        rows: [..., width + signals]
    """
    return rows[..., : -len(SIGNALS)], rows[..., -len(SIGNALS) :]


def unchanged(sound: FloatArray) -> FloatArray:
    """Return a sound as it is."""
    return sound


def through(autoencoder: Path) -> Callable[[FloatArray], FloatArray]:
    """Return what sends a sound through an autoencoder's state."""
    encoder = load_encoder(autoencoder, SAMPLE_RATE_HZ)
    decoder = load_decoder(autoencoder)
    return lambda sound: rebuild(sound, encoder, decoder)


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
