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
    """What the takes of all seeds said of one claim.

    Shapes:
        values: [seeds, 2], as `Answers.values` has them.
    """

    claim: Claim
    values: FloatArray

    @property
    def agreeing(self) -> int:
        """How many seeds agree."""
        return sum(self.claim.agrees(row) for row in self.values.tolist())

    @property
    def holds(self) -> bool:
        """Whether more than half of the seeds agree."""
        return 2 * self.agreeing > len(self.values)


def held(verdicts: Iterable[Verdict]) -> dict[str, tuple[int, int]]:
    """Return how many claims of each kind hold, and of how many; kinds not asked are absent."""
    table: dict[str, tuple[int, int]] = {}
    for verdict in verdicts:
        right, of = table.get(verdict.claim.kind, (0, 0))
        table[verdict.claim.kind] = right + verdict.holds, of + 1
    return table


@dataclass(frozen=True, slots=True)
class Fairness:
    """How often real sound keeps a claim: of how many clips, or pairs of clips, which share."""

    rate: float
    clips: int

    @property
    def known(self) -> bool:
        """Whether there were enough clips to say so."""
        return self.clips >= FEWEST_REAL


class Answers:
    """The measures of all claims' takes; a request that several claims make is answered once."""

    def __init__(self, claims: Sequence[Claim], seeds: Sequence[int], steps: int) -> None:
        """Gather the requests.

        Args:
            claims: What to ask.
            seeds: A take of each prompt for each.
            steps: How many steps a take may have.
        """
        self._claims, self._seeds, self._steps = claims, seeds, steps
        self._measures: dict[GenerationRequest, set[Measure]] = {}
        self._found: dict[tuple[GenerationRequest, Measure], float] = {}
        for claim in claims:
            for seed in seeds:
                for request in claim.requests(seed, steps):
                    self._measures.setdefault(request, set()).add(claim.measure)
        self.requests = list(self._measures)

    def hear(self, number: int, sound: FloatArray) -> None:
        """Measure the take that answers a request of `requests`."""
        request = self.requests[number]
        for measure in self._measures[request]:
            self._found[request, measure] = measure(sound)

    def values(self) -> FloatArray:
        """Return the measures of every claim, seed and take; the second is NaN where one is asked.

        Shapes:
            returns: [claims, seeds, 2]
        """
        table = np.full((len(self._claims), len(self._seeds), 2), np.nan, np.float32)
        for i, claim in enumerate(self._claims):
            for j, seed in enumerate(self._seeds):
                requests = claim.requests(seed, self._steps)
                table[i, j, : len(requests)] = [self._found[r, claim.measure] for r in requests]
        return table


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

    def fairness(self, claim: Claim) -> Fairness:
        """Return how often real sound of a claim's words keeps it; of no clips the rate is NaN.

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
        return Fairness(float(np.mean(kept)) if kept else float("nan"), len(kept))

    def _of_pair(self, claim: Pair) -> Fairness:
        longest = round(claim.seconds * SAMPLE_RATE_HZ)
        higher, lower = (
            [claim.measure(clip.audio(longest)) for clip in self.of_words(prompt, lambda _: True)]
            for prompt in (claim.higher, claim.lower)
        )
        kept = [claim.agrees((a, b)) for a in higher for b in lower]
        rate = float(np.mean(kept)) if kept else float("nan")
        return Fairness(rate, min(len(higher), len(lower)))
