"""Batches of latents with their conditions, from the cache that `training/latents.py` wrote.

All clips of a batch have the same number of latent frames, so no padding is computed. A clip that
has died away may be drawn with more silence behind it, so that the model learns sounds shorter than
their canvas. Knows neither networks nor losses.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ
from generator.backbone import Conditions
from training.errors import TrainingError

FloatArray = npt.NDArray[np.float32]
MAX_BATCH = 128
LONGEST_SILENCE = 16
PADDED_SHARE = 0.4
TOKEN_GRID = 8


@dataclass(frozen=True, slots=True)
class LatentBatch:
    """What one training step sees.

    Shapes:
        x0: [batch, latent_channels, n] standardised latents, absent where there are only captions;
        caption_ids: [batch], equal where the captions are.
    """

    x0: Tensor | None
    conditions: Conditions
    caption_ids: Tensor
    latent_frames: int


@dataclass(frozen=True, slots=True)
class Labels:
    """The conditions of each item of a bank but its words."""

    seconds: FloatArray
    tempo_bpm: FloatArray
    key: npt.NDArray[np.int64]
    note: FloatArray


class CaptionStates:
    """Token states of all captions, packed end to end in float16."""

    def __init__(self, folder: Path) -> None:
        """Open ``states.npy`` and ``starts.npy`` of a cache folder.

        Args:
            folder: Where they lie.

        Raises:
            TrainingError: They are not there.
        """
        try:
            self._states = np.load(folder / "states.npy", mmap_mode="r")
            self._starts = np.load(folder / "starts.npy")
        except OSError as error:
            raise TrainingError(
                f"no caption cache in {folder}: run `python -m training latents` first"
            ) from error

    def __len__(self) -> int:
        return len(self._starts) - 1

    def gather(self, ids: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return states [batch, tokens, width] and mask [batch, tokens]; id -1 has no words."""
        rows = [
            self._states[self._starts[i] : self._starts[i + 1]] if i >= 0 else self._states[:0]
            for i in ids
        ]
        longest = -(-max(1, *(len(row) for row in rows)) // TOKEN_GRID) * TOKEN_GRID
        states = np.zeros((len(rows), longest, self._states.shape[1]), np.float32)
        mask = np.zeros((len(rows), longest), np.float32)
        for place, row in enumerate(rows):
            states[place, : len(row)] = row
            mask[place, : len(row)] = 1.0
        return torch.from_numpy(states), torch.from_numpy(mask)


class LatentCorpus:
    """The cached latents of all training clips."""

    def __init__(self, folder: Path) -> None:
        """Open a cache folder.

        Args:
            folder: What the latents stage wrote.

        Raises:
            TrainingError: The folder holds no cache.
        """
        self.words = CaptionStates(folder)
        try:
            self._latents = np.load(folder / "latents.npy", mmap_mode="r")
            table = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise TrainingError(
                f"no latents in {folder}: run `python -m training latents` first"
            ) from error
        self.silence: FloatArray = np.asarray(table["silence"], np.float32)
        clips = table["clips"]
        self._starts = np.array([c["start"] for c in clips], np.int64)
        self._lengths = np.array([c["frames"] for c in clips], np.int64)
        self._fades = np.array([c["fades"] for c in clips], bool)
        self._captions = [np.array(c["captions"], np.int64) for c in clips]
        self._tempo = np.array([c["tempo_bpm"] for c in clips], np.float32)
        self._key = np.array([c["key"] for c in clips], np.int64)
        self._note = np.array([c["note"] for c in clips], np.float32)
        self._seconds = np.array([c["seconds"] for c in clips], np.float32)
        shares = np.array([c["share"] for c in clips], np.float64)
        self._shares = shares / shares.sum()
        self._order = np.argsort(self._lengths, kind="stable")

    def __len__(self) -> int:
        return len(self._lengths)

    def draw(
        self, rng: np.random.Generator, tokens: int, *, drop_text: float = 0.1, inpaint: float = 0.0
    ) -> LatentBatch:
        """Draw a batch of about ``tokens`` latent frames.

        Args:
            rng: Source of every draw.
            tokens: Latent frames in the batch, at most MAX_BATCH clips.
            drop_text: How often a clip loses its words, for guidance.
            inpaint: How often a part of the clip is given as known.

        Returns:
            Clips of one length, with their words.
        """
        count = int(self._lengths[rng.choice(len(self), p=self._shares)])
        if rng.random() < PADDED_SHARE:
            longer = count + int(rng.integers(1, LONGEST_SILENCE))
            # Of a few clips there may be none that has died away by then.
            count = longer if self._fitting(longer).any() else count
        chosen = self._choose(rng, count, min(MAX_BATCH, max(2, tokens // count)))
        x0 = torch.from_numpy(np.stack([self._fill(clip, count) for clip in chosen]))
        ids = np.array([rng.choice(self._captions[clip]) for clip in chosen], np.int64)
        wordless = rng.random(len(ids)) < drop_text
        ids = np.where(wordless, -1, ids)
        text, mask = self.words.gather(ids)
        told = rng.random((3, len(ids))) < 0.8
        labels = Labels(
            np.full(len(ids), self._canvas_seconds(chosen, count), np.float32),
            np.where(told[0], self._tempo[chosen], 0.0).astype(np.float32),
            np.where(told[1] & ~wordless, self._key[chosen], 0),
            np.where(told[2] & ~wordless, self._note[chosen], 0.0).astype(np.float32),
        )
        known = known_part(rng, x0, inpaint)
        conditions = with_labels(text, mask, labels, known)
        return LatentBatch(x0, conditions, torch.from_numpy(ids), count)

    def _canvas_seconds(self, chosen: npt.NDArray[np.int64], count: int) -> FloatArray:
        canvas = np.float32(count * LATENT_SECONDS)
        return np.where(self._lengths[chosen] == count, self._seconds[chosen], canvas).astype(
            np.float32
        )

    def _choose(self, rng: np.random.Generator, count: int, size: int) -> npt.NDArray[np.int64]:
        """Return clips that fill ``count`` frames."""
        shares = np.where(self._fitting(count), self._shares, 0.0)
        return rng.choice(len(self), size=size, p=shares / shares.sum())

    def _fitting(self, count: int) -> npt.NDArray[np.bool_]:
        """Return which clips fill ``count`` frames: those that long, and shorter faded ones."""
        near = (self._lengths < count) & (self._lengths >= count - LONGEST_SILENCE)
        fits: npt.NDArray[np.bool_] = (self._lengths == count) | (near & self._fades)
        return fits

    def _fill(self, clip: int, count: int) -> FloatArray:
        start, length = self._starts[clip], self._lengths[clip]
        x = np.repeat(self.silence[:, None], count, axis=1)
        x[:, :length] = self._latents[start : start + length].T
        return x


LATENT_SECONDS = LATENT_HOP_FRAMES / SAMPLE_RATE_HZ


def with_labels(
    text: Tensor, mask: Tensor, labels: Labels, known: tuple[Tensor, Tensor]
) -> Conditions:
    """Return conditions from words, labels and the known part."""
    return Conditions(
        text,
        mask,
        torch.from_numpy(labels.seconds),
        torch.from_numpy(labels.tempo_bpm),
        torch.from_numpy(np.ascontiguousarray(labels.key)),
        torch.from_numpy(labels.note),
        # Every clip begins on its first beat.
        torch.zeros(len(text)),
        *known,
    )


def known_part(rng: np.random.Generator, x0: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Return the given latents and their mask: none, a beginning, or all but a middle.

    Shapes:
        x0: [batch, channels, n]  ->  [batch, channels, n], [batch, 1, n]
    """
    batch, _, count = x0.shape
    mask = torch.zeros(batch, 1, count)
    for row in np.flatnonzero(rng.random(batch) < share):
        low, high = sorted(int(edge) for edge in rng.integers(0, count + 1, size=2))
        mask[row, :, :low] = 1.0
        if rng.random() < 0.5:
            mask[row, :, high:] = 1.0
    return x0 * mask, mask


class CaptionBank:
    """Captions with no sound behind them, for caption-only distillation."""

    def __init__(self, folder: Path, latent_channels: int) -> None:
        """Open a cache folder of imagined captions.

        Args:
            folder: What the latents stage wrote.
            latent_channels: Width of the latents that belong to the captions.

        Raises:
            TrainingError: The folder holds no such cache.
        """
        self._words = CaptionStates(folder)
        try:
            table = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise TrainingError(
                f"no captions in {folder}: run `python -m training latents` first"
            ) from error
        self._channels = latent_channels
        self._seconds = np.array([c["seconds"] for c in table], np.float32)
        self._tempo = np.array([c["tempo_bpm"] for c in table], np.float32)
        self._key = np.array([c["key"] for c in table], np.int64)
        self._note = np.array([c["note"] for c in table], np.float32)
        self._counts = np.ceil(self._seconds / LATENT_SECONDS).astype(np.int64)

    def __len__(self) -> int:
        return len(self._seconds)

    def draw(self, rng: np.random.Generator, tokens: int) -> LatentBatch:
        """Draw captions that want sounds of about the same length, and that length."""
        count = int(rng.choice(self._counts))
        near = np.flatnonzero(np.abs(self._counts - count) <= 1 + count // 12)
        ids = rng.choice(near, size=min(MAX_BATCH, max(2, tokens // count)))
        text, mask = self._words.gather(ids)
        seconds = np.minimum(self._seconds[ids], count * LATENT_SECONDS).astype(np.float32)
        labels = Labels(seconds, self._tempo[ids], self._key[ids], self._note[ids])
        known = torch.zeros(len(ids), self._channels, count), torch.zeros(len(ids), 1, count)
        return LatentBatch(
            None, with_labels(text, mask, labels, known), torch.from_numpy(ids), count
        )
