"""A corpus on disk: one file of int16 samples, one JSON line a clip; read without decoding.

``write_corpus`` stores clips as they come, ``Corpus`` opens the folder and gives audio as float32.
Knows no models and no sources.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from generator.api import FloatArray
from training.corpus.clip import Clip, Split
from training.errors import TrainingError

AUDIO_NAME = "audio.i16"
INDEX_NAME = "clips.jsonl"
_SCALE = 32767.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one clip lies in the sample file, and everything about it but its audio."""

    key: str
    source: str
    stem: str
    licence: str
    author: str
    split: Split
    captions: tuple[str, ...]
    tempo_bpm: float | None
    bars: int | None
    musical_key: str | None
    facts: dict[str, Any]
    offset: int
    frames: int
    channels: int
    seconds: float


class CorpusWriter:
    """Appends clips to a corpus folder; the index is there once ``close`` has run."""

    def __init__(self, folder: Path) -> None:
        """Create the folder and open its files.

        Args:
            folder: Where the corpus goes; must not hold one already.

        Raises:
            TrainingError: The folder already holds a corpus.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / INDEX_NAME
        if self._path.exists():
            raise TrainingError(f"{folder} already holds a corpus; choose another folder")
        self._audio = (folder / AUDIO_NAME).open("wb")
        self._partial = self._path.with_suffix(".partial")
        self._index = self._partial.open("w", encoding="utf-8")
        self._offset = 0

    def add(self, clip: Clip) -> None:
        """Append one clip; two equal channels are stored as one."""
        audio = clip.audio
        if audio.shape[1] == 2 and np.array_equal(audio[:, 0], audio[:, 1]):
            audio = audio[:, :1]
        samples = np.round(np.clip(audio, -1.0, 1.0) * _SCALE).astype("<i2")
        self._audio.write(samples.tobytes())
        line = {
            "key": clip.key,
            "source": clip.source,
            "stem": clip.stem,
            "licence": clip.licence,
            "author": clip.author,
            "split": clip.split,
            "captions": list(clip.captions),
            "tempo_bpm": clip.tempo_bpm,
            "bars": clip.bars,
            "musical_key": clip.musical_key,
            "facts": dict(clip.facts),
            "offset": self._offset,
            "frames": int(samples.shape[0]),
            "channels": int(samples.shape[1]),
            "seconds": round(clip.seconds, 5),
        }
        self._index.write(json.dumps(line) + "\n")
        self._offset += samples.size

    def close(self) -> None:
        """Finish both files; only now there is a corpus."""
        self._audio.close()
        self._index.close()
        self._partial.replace(self._path)

    def abandon(self) -> None:
        """Leave no corpus: the next one may be written here."""
        self._audio.close()
        self._index.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> CorpusWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


class Corpus:
    """An opened corpus folder: entries, and audio on demand.

    ``Corpus(folder)`` maps the samples (the system's file cache holds them); ``in_memory=True``
    reads them all at once.
    """

    def __init__(self, folder: str | Path, in_memory: bool = False) -> None:
        """Open a corpus.

        Args:
            folder: Folder written by ``CorpusWriter``.
            in_memory: Read all samples now.

        Raises:
            TrainingError: The folder holds no corpus.
        """
        path = Path(folder)
        if not (path / INDEX_NAME).is_file():
            raise TrainingError(
                f"no corpus in {path}: {INDEX_NAME} is missing; run `python -m training corpus`"
            )
        self.entries = tuple(_entries(path / INDEX_NAME))
        mapped = (
            np.memmap(path / AUDIO_NAME, dtype="<i2", mode="r")
            if self.entries
            else np.zeros(0, "<i2")
        )
        self.samples: npt.NDArray[np.int16] = np.array(mapped) if in_memory else mapped

    def __len__(self) -> int:
        return len(self.entries)

    def audio(self, index: int, start: int = 0, frames: int | None = None) -> FloatArray:
        """Sound of one clip, always stereo.

        Args:
            index: Number of the clip.
            start: First frame.
            frames: How many frames; to the end if None.

        Returns:
            Float32 [frames, 2].
        """
        entry = self.entries[index]
        stop = entry.frames if frames is None else min(entry.frames, start + frames)
        begin = entry.offset + start * entry.channels
        flat = self.samples[begin : entry.offset + stop * entry.channels]
        audio = flat.reshape(-1, entry.channels).astype(np.float32) / _SCALE
        return np.repeat(audio, 2, 1) if entry.channels == 1 else audio

    def clip(self, index: int) -> Clip:
        """One clip with all that is known about it."""
        e = self.entries[index]
        return Clip(
            key=e.key,
            source=e.source,
            stem=e.stem,
            licence=e.licence,
            author=e.author,
            audio=self.audio(index),
            captions=e.captions,
            tempo_bpm=e.tempo_bpm,
            bars=e.bars,
            musical_key=e.musical_key,
            facts=e.facts,
        )

    def indices(self, split: Split) -> npt.NDArray[np.int64]:
        """Numbers of the clips of one split."""
        return np.array([i for i, e in enumerate(self.entries) if e.split == split], np.int64)

    @property
    def hours(self) -> float:
        """Length of everything in hours."""
        return sum(e.seconds for e in self.entries) / 3600.0


def _entries(path: Path) -> Iterator[Entry]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            fields = json.loads(line)
            fields["captions"] = tuple(fields["captions"])
            yield Entry(**fields)


def write_corpus(clips: Iterable[Clip], folder: str | Path) -> int:
    """Store clips in a new corpus folder.

    Args:
        clips: Clips in any order.
        folder: New folder.

    Returns:
        How many clips were written.
    """
    count = 0
    with CorpusWriter(Path(folder)) as writer:
        for clip in clips:
            writer.add(clip)
            count += 1
    return count
