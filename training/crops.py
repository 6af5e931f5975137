"""Random crops of sound for the autoencoder, from several corpora by their shares.

Knows neither losses nor words.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from training.corpus.shards import Corpus
from training.errors import TrainingError

QUIETEST_DB = -15.0
FROM_START = 0.4


class Crops:
    """Draws stereo crops of training clips; louder and softer, left and right swapped at random."""

    def __init__(self, corpora: Sequence[Corpus], shares: Sequence[float]) -> None:
        """Take the training part of each corpus.

        Args:
            corpora: Where the clips lie.
            shares: How often each corpus is drawn from, relative to the others.

        Raises:
            TrainingError: No corpus, one without training clips, or not a share for each.
        """
        if not corpora or len(corpora) != len(shares):
            raise TrainingError(
                f"found {len(corpora)} corpora and {len(shares)} shares: give one share each"
            )
        self._corpora = tuple(corpora)
        self._indices = tuple(corpus.indices("train") for corpus in corpora)
        if any(len(indices) == 0 for indices in self._indices):
            raise TrainingError("a corpus has no training clips: render or import more")
        self._shares = np.asarray(shares, np.float64) / np.sum(shares)

    def __call__(self, rng: np.random.Generator, batch: int, frames: int) -> Tensor:
        """Return [batch, 2, frames] float32, zero where a clip has ended."""
        crops = np.zeros((batch, 2, frames), np.float32)
        for crop in crops:
            self._fill(crop, rng)
        return torch.from_numpy(crops)

    def _fill(
        self, crop: np.ndarray[tuple[int, int], np.dtype[np.float32]], rng: np.random.Generator
    ) -> None:
        which = rng.choice(len(self._corpora), p=self._shares)
        index = int(rng.choice(self._indices[which]))
        length = self._corpora[which].entries[index].frames
        latest = max(0, length - crop.shape[1] // 2)
        start = 0 if rng.random() < FROM_START else int(rng.integers(latest + 1))
        audio = self._corpora[which].audio(index, start, crop.shape[1])
        gain = 10.0 ** (QUIETEST_DB * rng.random() / 20.0)
        channels = [0, 1] if rng.random() < 0.5 else [1, 0]
        crop[:, : len(audio)] = gain * audio[:, channels].T
