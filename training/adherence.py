"""How often takes, and real sound of the same words, keep the claims of `training/claims.py`.

Knows corpora and requests, no model: what makes a take is given.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest
from training.claims import Claim, Measure, Pair
from training.corpus.shards import Corpus, Entry
from training.prompts import place

MOST_REAL = 16
FEWEST_REAL = 3
UNSAID = frozenset({"a", "an", "the", "of", "in", "at", "with", "bpm", "to", "and"})
Take = Callable[[GenerationRequest], FloatArray]


@dataclass(frozen=True, slots=True)
class RealClip:
    """A clip in its corpus."""

    corpus: Corpus
    index: int

    @property
    def entry(self) -> Entry:
        """Its record."""
        return self.corpus.entries[self.index]

    def audio(self, longest: int | None = None) -> FloatArray:
        """Return its sound, cut where a take would end."""
        return self.corpus.audio(self.index, 0, longest)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the takes of all seeds said of one claim: the measures of each seed's takes."""

    claim: Claim
    values: tuple[tuple[float, ...], ...]

    @property
    def agreeing(self) -> int:
        """How many seeds agree."""
        return sum(self.claim.agrees(values) for values in self.values)

    @property
    def holds(self) -> bool:
        """Whether more than half of the seeds agree."""
        return 2 * self.agreeing > len(self.values)


@dataclass(frozen=True, slots=True)
class Fairness:
    """How often real sound keeps a claim: of how many clips, or pairs of clips, which share."""

    rate: float
    clips: int


def judge(claims: Sequence[Claim], seeds: Sequence[int], steps: int, take: Take) -> list[Verdict]:
    """Let a system answer the prompts of all claims; the same request is made once.

    Args:
        claims: What to ask.
        seeds: A take for each.
        steps: How many steps a take may have.
        take: Makes a take.
    """
    wanted: dict[GenerationRequest, set[Measure]] = {}
    for claim in claims:
        for seed in seeds:
            for request in claim.requests(seed, steps):
                wanted.setdefault(request, set()).add(claim.measure)
    found: dict[tuple[GenerationRequest, Measure], float] = {}
    for request, measures in wanted.items():
        sound = take(request)
        found |= {(request, measure): measure(sound) for measure in measures}

    def values(claim: Claim, seed: int) -> tuple[float, ...]:
        return tuple(found[request, claim.measure] for request in claim.requests(seed, steps))

    return [Verdict(claim, tuple(values(claim, seed) for seed in seeds)) for claim in claims]


def words_of(text: str) -> frozenset[str]:
    """Return the words of a caption or prompt that say what the sound is; numbers of a tempo not.

    >>> sorted(words_of("Hi-hat loop, 120 bpm"))
    ['hat', 'hi', 'loop']
    """
    found = re.findall(r"[a-z0-9#']+", re.sub(r"[0-9]+ bpm", "", text.lower()))
    return frozenset(found) - UNSAID


class RealSound:
    """The clips of some corpora by the words of their captions."""

    def __init__(self, corpora: Iterable[Corpus]) -> None:
        """Read the words of all captions."""
        self._clips = [
            (corpus, index, [words_of(text) for text in entry.captions])
            for corpus in corpora
            for index, entry in enumerate(corpus.entries)
            if entry.captions
        ]
        self._clips.sort(key=lambda clip: place(clip[0].entries[clip[1]].key))

    def of_words(self, prompt: str, fits: Callable[[Entry], bool]) -> list[RealClip]:
        """Return clips that fit and one of whose captions has all words of a prompt.

        At most MOST_REAL; only a prompt that asks for a loop finds loops.
        """
        wanted = words_of(prompt)
        found = (
            RealClip(corpus, index)
            for corpus, index, captions in self._clips
            if (corpus.entries[index].bars is not None) == ("loop" in wanted)
            and any(wanted <= words for words in captions)
            and fits(corpus.entries[index])
        )
        return list(islice(found, MOST_REAL))

    def fairness(self, claim: Claim) -> Fairness | None:
        """Return how often real sound of a claim's words keeps it, None with too few such clips.

        A pair is tried on all pairs of its clips; a note, tempo or key on clips of the same words,
        each against its own.
        """
        if isinstance(claim, Pair):
            return self._of_pair(claim)
        clips = self.of_words(claim.prompt, lambda entry: claim.own(entry) is not None)
        kept = [
            own.agrees((claim.measure(clip.audio()),))
            for clip in clips
            if (own := claim.own(clip.entry)) is not None
        ]
        return Fairness(float(np.mean(kept)), len(kept)) if len(kept) >= FEWEST_REAL else None

    def _of_pair(self, claim: Pair) -> Fairness | None:
        longest = round(claim.seconds * SAMPLE_RATE_HZ)
        higher, lower = (
            [claim.measure(clip.audio(longest)) for clip in self.of_words(prompt, lambda _: True)]
            for prompt in (claim.higher, claim.lower)
        )
        count = min(len(higher), len(lower))
        if count < FEWEST_REAL:
            return None
        kept = [claim.agrees((a, b)) for a in higher for b in lower]
        return Fairness(float(np.mean(kept)), count)
