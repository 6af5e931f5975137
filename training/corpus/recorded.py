"""Recordings as clips: WebDataset shards (audio and JSON in tar files) and folders with captions.

Yields clips like the renderers do; what is not fit for training comes back as a ``Refusal`` with
its reason.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.corpus.clip import Clip, levelled
from training.corpus.patch import NOTE_NAMES
from training.errors import TrainingError
from training.sound_files import read_sound

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
CAPTIONS_NAME = "captions.csv"
_CHORD = re.compile(r"[A-G][#b]? (major|minor)")
_DRUM_WORDS = re.compile(r"drum|percussion|cymbal|hi-hat|snare|kick")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recording that was left out, and why."""

    name: str
    reason: str


def shard_files(path: Path) -> list[Path]:
    """Find the tar files of a setting that names one, or a folder of them.

    Args:
        path: A file, which need not be there, or a folder.

    Returns:
        The files, sorted.

    Raises:
        TrainingError: The folder holds no tar file.
    """
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.tar"))
    if not found:
        raise TrainingError(f"no shards in {path}: put .tar files there")
    return found


def read_shards(paths: Iterable[Path]) -> Iterator[Clip | Refusal]:
    """Read WebDataset shards: each clip is an audio member and a JSON member of the same name.

    Args:
        paths: Tar files.

    Yields:
        A clip, or what was left out.

    Raises:
        TrainingError: A path is not a tar file.
    """
    for path in paths:
        try:
            with tarfile.open(path) as archive:
                yield from _read_archive(archive)
        except (tarfile.TarError, OSError) as error:
            raise TrainingError(f"{path} is not a readable tar file: {error}") from error


def _read_archive(archive: tarfile.TarFile) -> Iterator[Clip | Refusal]:
    halves: dict[str, dict[str, bytes]] = {}
    for member in archive:
        stream = archive.extractfile(member)
        if stream is None:
            continue
        path = Path(member.name)
        key = str(path.with_suffix(""))
        pair = halves.setdefault(key, {})
        pair["facts" if path.suffix == ".json" else "audio"] = stream.read()
        if len(pair) == 2:
            del halves[key]
            yield _shard_clip(path.stem, pair["audio"], pair["facts"])
    for name, pair in halves.items():
        yield Refusal(name, f"only {next(iter(pair))} in the shard")


def _shard_clip(name: str, audio: bytes, sidecar: bytes) -> Clip | Refusal:
    try:
        row = json.loads(sidecar)
    except ValueError as error:
        return Refusal(name, f"its JSON cannot be read: {error}")
    facts = dict(row.get("facts", {}))
    told = f"{facts.get('family', '')} {row.get('base_name', '')}"
    facts["group"] = "drum" if _DRUM_WORDS.search(told) else "instrument"
    facts["nouns"] = [row.get("base_name", name.replace("_", " "))]
    extra = (facts.get("dynamic"), facts.get("articulation"))
    facts["extra"] = [word for word in extra if isinstance(word, str)]
    facts["family"] = row.get("source", "recorded")
    meta = {**row, "facts": facts, "musical_key": row.get("musical_key") or _tonic(facts)}
    return _clip(name, io.BytesIO(audio), meta)


def _tonic(facts: Mapping[str, Any]) -> str | None:
    """A key that a chord names, or a note fits: major and minor by turns, so both are learnt."""
    chord = facts.get("chord")
    if isinstance(chord, str) and _CHORD.fullmatch(chord):
        return chord
    midi = facts.get("midi")
    if not isinstance(midi, int):
        return None
    return f"{NOTE_NAMES[midi % 12]} {'major' if (midi // 12 + midi) % 2 else 'minor'}"


def read_folder(folder: Path) -> Iterator[Clip | Refusal]:
    """Read a folder of audio with captions, and everything below it.

    Captions come from ``captions.csv`` (columns file and caption, a line for each caption), from a
    JSON beside the audio (captions or caption, and tempo_bpm, bars, musical_key, stem, licence,
    author where known), from a .txt beside it (a caption a line), or else from the file's name.

    Args:
        folder: The folder.

    Yields:
        A clip, or what was left out.

    Raises:
        TrainingError: There is no such folder, or no audio in it.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise TrainingError(f"no audio in {folder}: put {', '.join(SUFFIXES)} files there")
    table = _caption_table(folder / CAPTIONS_NAME)
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            meta = _folder_meta(path, name, table)
        except ValueError as error:
            yield Refusal(name, f"its JSON cannot be read: {error}")
            continue
        yield _clip(name, path, meta)


def _caption_table(path: Path) -> dict[str, list[str]]:
    if not path.is_file():
        return {}
    table: dict[str, list[str]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if not {"file", "caption"} <= set(reader.fieldnames or ()):
            raise TrainingError(f"{path} needs the columns file and caption")
        for row in reader:
            table.setdefault(row["file"], []).append(row["caption"])
    return table


def _folder_meta(path: Path, name: str, table: Mapping[str, list[str]]) -> dict[str, Any]:
    words = re.sub(r"[\s_\-.]+|\d{2,}", " ", path.stem).strip().lower()
    meta: dict[str, Any] = {
        "stem": name,
        "source": "folder",
        "facts": {"nouns": [words or "sound"]},
    }
    sidecar, text = path.with_suffix(".json"), path.with_suffix(".txt")
    if sidecar.is_file():
        told = json.loads(sidecar.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError("an object is needed")
        meta |= told
        meta["captions"] = told.get("captions") or [c for c in (told.get("caption"),) if c]
    elif name in table:
        meta["captions"] = table[name]
    elif text.is_file():
        lines = text.read_text(encoding="utf-8").splitlines()
        meta["captions"] = [line.strip() for line in lines if line.strip()]
    return meta


def _clip(name: str, source: Path | io.BytesIO, meta: Mapping[str, Any]) -> Clip | Refusal:
    """Decode, resample, level; refuse what cannot be used."""
    try:
        decoded = read_sound(source)
    except TrainingError as error:
        return Refusal(name, str(error))
    sound = levelled(resampled(decoded.audio[:, :2], decoded.rate_hz))
    if isinstance(sound, str):
        return Refusal(name, sound)
    return Clip(
        key=str(meta.get("key", name)),
        source=str(meta.get("source", "recorded")),
        stem=str(meta.get("stem", name)),
        licence=str(meta.get("licence") or "unknown"),
        author=str(meta.get("author") or "unknown"),
        audio=sound,
        captions=tuple(str(caption) for caption in meta.get("captions") or ()),
        tempo_bpm=meta.get("tempo_bpm"),
        bars=meta.get("bars"),
        musical_key=meta.get("musical_key"),
        facts=dict(meta.get("facts", {})),
    )


def resampled(audio: FloatArray, rate_hz: int) -> FloatArray:
    """Bring a clip to 44.1 kHz by cutting or padding its spectrum.

    Args:
        audio: [frames, channels].
        rate_hz: Its sampling rate.

    Returns:
        [round(frames * 44100 / rate_hz), channels].
    """
    if rate_hz == SAMPLE_RATE_HZ or len(audio) == 0:
        return audio
    common = math.gcd(rate_hz, SAMPLE_RATE_HZ)
    up, down = SAMPLE_RATE_HZ // common, rate_hz // common
    padded = -(-(len(audio) + 2048) // down) * down
    spectrum = torch.fft.rfft(torch.from_numpy(audio.T.copy()), padded)
    length = padded // down * up
    out = torch.fft.irfft(spectrum[:, : length // 2 + 1], length) * (length / padded)
    wanted = round(len(audio) * SAMPLE_RATE_HZ / rate_hz)
    return np.ascontiguousarray(out[:, :wanted].T.numpy(), dtype=np.float32)
