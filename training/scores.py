"""What a set of takes is worth: its scores against held-out sound and against its own prompts.

Works on vectors alone. A score that was not computed is absent. `training/evaluate.py` makes the
takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.api import FloatArray
from training.heads import Couples, Heads
from training.measures import diversity, frechet_distance, ranks, recall

DEPTHS = (1, 5, 10)
Scores = dict[str, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """What takes are compared with.

    Shapes:
        words: [prompts, text_width], of the prompts.
    """

    held_out: Couples
    heads: Heads
    words: FloatArray

    def quality(self, sounds: FloatArray, words: FloatArray) -> Scores:
        """Return the Fréchet distances to held-out sound: of sounds alone, and with their words.

        Only the second can see that a sound does not fit its words.

        Shapes:
            sounds: [n, width]; words: [n, text_width]
        """
        real = self.held_out
        real_words = real.words[first_of(real.clip_of)]
        real_sounds = real.sounds[np.unique(real.clip_of)]
        gain = spread(real_sounds) / spread(real_words)
        made_pairs = np.concatenate((sounds, gain * words), axis=1)
        real_pairs = np.concatenate((real_sounds, gain * real_words), axis=1)
        return {
            "fad": frechet_distance(sounds, real.sounds),
            "fad_with_words": frechet_distance(made_pairs, real_pairs),
        }

    def adherence(self, takes: FloatArray) -> Scores:
        """Return how well each take finds its own prompt among all prompts.

        Shapes:
            takes: [prompts, takes, width]
        """
        prompts, count, width = takes.shape
        cosines = self.heads.cosines(takes.reshape(-1, width), self.words)
        right = np.repeat(np.arange(prompts), count)
        found = ranks(cosines, right)
        own = cosines[np.arange(len(cosines)), right]
        table = {f"r_at_{depth}": recall(found, depth) for depth in DEPTHS}
        return table | {"text_audio_cosine": float(own.mean())}

    def recall_of(
        self, takes: FloatArray, depth: int, kinds: Sequence[Sequence[int]]
    ) -> list[float]:
        """Return the share of takes whose prompt is among the first, for each kind of prompt.

        Shapes:
            takes: [prompts, takes, width]
        """
        count, width = takes.shape[1:]
        cosines = self.heads.cosines(takes.reshape(-1, width), self.words)
        found = ranks(cosines, np.repeat(np.arange(len(takes)), count)).reshape(-1, count)
        return [recall(found[list(own)], depth) for own in kinds]

    def of_takes(self, takes: FloatArray) -> Scores:
        """Return all scores of a system's takes.

        Shapes:
            takes: [prompts, takes, width]
        """
        count, width = takes.shape[1:]
        words = np.repeat(self.words, count, axis=0)
        table = self.quality(takes.reshape(-1, width), words) | self.adherence(takes)
        return table | ({"diversity": diversity(takes)} if count > 1 else {})


def first_of(clip_of: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the place of each clip's first caption."""
    return np.unique(clip_of, return_index=True)[1].astype(np.int64)


def spread(vectors: FloatArray) -> float:
    """Return the root of the total variance."""
    return float(np.sqrt(vectors.var(0).sum()))


def chance(prompts: int) -> Scores:
    """Return what guessing scores."""
    return {f"r_at_{depth}": min(1.0, depth / prompts) for depth in DEPTHS}


def ratios(systems: dict[str, Scores], student: str, teacher: str) -> Scores:
    """Return student to teacher, for what both have."""
    made, taught = systems.get(student, {}), systems.get(teacher, {})
    names = [
        n for n in ("fad", "fad_with_words", "diversity") if n in made and taught.get(n, 0.0) > 0
    ]
    return {name: made[name] / taught[name] for name in names}
