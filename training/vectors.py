"""Embeddings of sounds and words for evaluation, kept on disk because they are dear.

A file is valid for exactly the items that it was made of; anything else is computed anew. Knows
neither scores nor models that make sound.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.api import FloatArray
from generator.text import STATE_WIDTH, TextEncoder
from training.corpus.shards import Corpus
from training.heads import Couples

Progress = Callable[[Sequence[int], str], Iterable[int]]
Embed = Callable[[FloatArray], FloatArray]
CAPTIONS_A_CLIP = 3


@dataclass(frozen=True, slots=True)
class ClipSet:
    """Some clips of a corpus."""

    corpus: Corpus
    indices: tuple[int, ...]

    @property
    def pairs(self) -> list[tuple[Corpus, int]]:
        """Each clip with its corpus."""
        return [(self.corpus, index) for index in self.indices]

    @property
    def name(self) -> str:
        """A name that tells these clips from all others."""
        entries = (self.corpus.entries[i] for i in self.indices)
        return fingerprint(*(f"{e.key}:{e.frames}:{e.captions}" for e in entries))


def fingerprint(*parts: object) -> str:
    """Return a short hash of what the parts print as."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode())
    return digest.hexdigest()[:16]


class Vectors:
    """Embeds through a cache folder.

    Args:
        folder: Where the cache lies.
        embed: A sound [frames, 2] to its vector.
        words: The text encoder.
        progress: Shown while it works.
    """

    def __init__(self, folder: Path, embed: Embed, words: TextEncoder, progress: Progress) -> None:
        self._folder = folder
        self._embed = embed
        self._words = words
        self._progress = progress
        folder.mkdir(parents=True, exist_ok=True)

    def kept(self, name: str, make: Callable[[], FloatArray]) -> FloatArray:
        """Return an array of the cache, made first where it is missing."""
        path = self._folder / f"{name}.npy"
        if not path.exists():
            partial = path.with_suffix(".partial.npy")
            np.save(partial, make())
            partial.replace(path)
        array: FloatArray = np.load(path)
        return array

    def of_sound(self, sound: FloatArray) -> FloatArray:
        """Return the vector of one sound, [width], not kept."""
        return self._embed(sound)

    def of_sounds(self, sounds: Sequence[FloatArray]) -> FloatArray:
        """Return the vectors of sounds, not kept.

        Shapes:
            sounds: each [frames, 2]  ->  [sounds, width]
        """
        return np.stack([self._embed(sound) for sound in sounds])

    def of_clips(self, clips: ClipSet) -> FloatArray:
        """Return the vectors of clips.

        Shapes:
            returns: [clips, width]
        """

        def make() -> FloatArray:
            numbers = self._progress(clips.indices, "embedding clips")
            return np.stack([self._embed(clips.corpus.audio(i)) for i in numbers])

        return self.kept(f"sounds-{clips.name}", make)

    def of_texts(self, texts: Sequence[str]) -> FloatArray:
        """Return the mean token state of each text.

        Shapes:
            returns: [texts, STATE_WIDTH]
        """

        def make() -> FloatArray:
            made = np.zeros((len(texts), STATE_WIDTH), np.float32)
            for i in self._progress(range(len(texts)), "embedding captions"):
                made[i] = self._words.states_of(texts[i]).mean(0)
            return made

        return self.kept(f"words-{fingerprint(*texts)}", make)

    def couples(self, sets: Sequence[ClipSet]) -> Couples:
        """Return clips with some of their captions, to train or to compare with."""
        texts: list[str] = []
        clip_of: list[int] = []
        count = 0
        for clips in sets:
            for index in clips.indices:
                captions = clips.corpus.entries[index].captions[:CAPTIONS_A_CLIP]
                texts += captions
                clip_of += [count] * len(captions)
                count += 1
        sounds = np.concatenate([self.of_clips(clips) for clips in sets])
        return Couples(sounds, self.of_texts(texts), np.array(clip_of, np.int64))
