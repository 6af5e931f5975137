"""The checkpoint format: a folder with `manifest.json` and the files that it names, never pickle.

Knows nothing of networks or sound; it says which files belong together, what they are, and proves
that they are the ones that were written. Stands between the exporter, which writes folders, and
the backends, which open them.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ
from generator.errors import CheckpointError

FORMAT = "daw-bridge-checkpoint"
FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
TRANSFORMER_FILE = "transformer.onnx"
DECODER_FILE = "decoder.onnx"
HEAD_FILE = "head.onnx"
SOUND_ENCODER_FILE = "encoder.onnx"
WEIGHTS_FILE = "weights.safetensors"
HOUSE_FAMILY = "house"
MAX_MANIFEST_BYTES = 1_000_000
# It is shown to people and sent to controllers.
MAX_NAME = 100
# Far above any autoencoder's; a manifest may not make us fill the memory with noise.
MAX_LATENT_CHANNELS = 4096
PIECE_BYTES = 2**18

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\.(onnx|json|safetensors)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a file must be: its size and its hash."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Licence:
    """What a part of the checkpoint may be used for, and whom to thank."""

    part: str
    licence: str
    source: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything a stranger must know about a checkpoint.

    `family` says which networks these are: those of HOUSE_FAMILY, trained here, or those of an
    imported model. `latent_mean` and `latent_std` tell, per channel, how training latents were
    standardised; they are empty where the autoencoder standardises by itself. `architecture` holds
    the sizes that rebuild the torch modules, `metrics` what was measured on held-out data.
    """

    name: str
    objective: str
    text_encoder: str
    precision: str
    latent_channels: int
    family: str = HOUSE_FAMILY
    steps: int = 1
    latent_hop_frames: int = LATENT_HOP_FRAMES
    sample_rate_hz: int = SAMPLE_RATE_HZ
    latent_mean: tuple[float, ...] = ()
    latent_std: tuple[float, ...] = ()
    architecture: Mapping[str, Mapping[str, int | float]] = field(default_factory=dict)
    training_data: tuple[str, ...] = ()
    licences: tuple[Licence, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, FileRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified folder."""

    folder: Path
    manifest: Manifest

    def path(self, file_name: str) -> Path:
        """Return where a file of the checkpoint lies.

        Args:
            file_name: One of the names in the manifest.

        Returns:
            Its path.

        Raises:
            CheckpointError: The checkpoint has no such file.
        """
        if file_name not in self.manifest.files:
            raise CheckpointError(
                f"The checkpoint {self.manifest.name!r} has no {file_name}; it holds "
                f"{', '.join(sorted(self.manifest.files))}."
            )
        return self.folder / file_name

    def read(self, file_name: str) -> bytes:
        """Return the bytes of a file of the checkpoint.

        Args:
            file_name: Its name in the manifest.

        Returns:
            All of it.

        Raises:
            CheckpointError: The checkpoint has no such file, or it cannot be read any more.
        """
        try:
            return read_in_pieces(self.path(file_name))
        except OSError as error:
            raise CheckpointError(
                f"The file {file_name} of the checkpoint {self.manifest.name!r} cannot be read: "
                f"{error.strerror}. Put it back and load the checkpoint again."
            ) from error


def write_checkpoint(folder: Path, manifest: Manifest, file_names: Sequence[str]) -> Checkpoint:
    """Seal a folder: measure the named files and write the manifest.

    Args:
        folder: The folder in which the files lie already.
        manifest: What to say of them; its `files` are replaced.
        file_names: The files that belong to the checkpoint.

    Returns:
        The checkpoint as a reader would get it.
    """
    records = {name: _measure(_safe_path(folder, name)) for name in file_names}
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(manifest)}
    content["files"] = {name: asdict(record) for name, record in records.items()}
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")
    return read_checkpoint(folder)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Open a folder and verify every file that its manifest names.

    Args:
        folder: A checkpoint folder.

    Returns:
        The verified checkpoint.

    Raises:
        CheckpointError: The folder is no checkpoint of this version, or a file is missing, of an
            unsafe kind or place, or not the one that was written.
    """
    manifest = parse_manifest(_read_manifest_text(folder))
    for name, record in manifest.files.items():
        found = _measure(_safe_path(folder, name))
        if found != record:
            difference = (
                "as long, with other content"
                if found.size_bytes == record.size_bytes
                else f"{found.size_bytes} bytes found, {record.size_bytes} expected"
            )
            raise CheckpointError(
                f"The file {name} of the checkpoint {manifest.name!r} is not the one that was "
                f"written ({difference}). Fetch the checkpoint again."
            )
    return Checkpoint(folder, manifest)


def _read_manifest_text(folder: Path) -> str:
    path = folder / MANIFEST_FILE
    try:
        # A pipe or a device could keep us reading for ever.
        if not path.is_file():
            raise CheckpointError(f"{folder} is no checkpoint: it holds no file {MANIFEST_FILE}.")
        with path.open("rb") as stream:
            content = stream.read(MAX_MANIFEST_BYTES + 1)
        if len(content) > MAX_MANIFEST_BYTES:
            raise CheckpointError(f"{path} is no manifest: it is over {MAX_MANIFEST_BYTES} bytes.")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{folder} is no checkpoint: {MANIFEST_FILE} cannot be read ({error})."
        ) from error


def parse_manifest(text: str) -> Manifest:
    """Read the text of a manifest.

    Args:
        text: JSON.

    Returns:
        The manifest.

    Raises:
        CheckpointError: It is not JSON, of another version, or a field is missing, unknown or of
            the wrong kind.
    """
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{MANIFEST_FILE} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise CheckpointError(f'{MANIFEST_FILE} does not begin with "format": "{FORMAT}".')
    version = content.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"The checkpoint has format version {version!r}; this program reads {FORMAT_VERSION}. "
            "Update the program or export the checkpoint again."
        )
    unknown = sorted(set(content) - {part.name for part in fields(Manifest)})
    if unknown:
        raise CheckpointError(f"{MANIFEST_FILE} has unknown fields: {', '.join(unknown)}.")
    return _manifest_of(content)


def _manifest_of(content: dict[str, Any]) -> Manifest:
    try:
        manifest = Manifest(
            **content
            | {
                "latent_mean": _numbers(content.get("latent_mean", [])),
                "latent_std": _numbers(content.get("latent_std", [])),
                "training_data": tuple(map(_text, content.get("training_data", []))),
                "licences": tuple(Licence(**entry) for entry in content.get("licences", [])),
                "files": {
                    name: FileRecord(**entry) for name, entry in content.get("files", {}).items()
                },
            }
        )
        _check_manifest(manifest)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{MANIFEST_FILE} is damaged: {error}") from error
    return manifest


def _check_manifest(manifest: Manifest) -> None:
    for name in ("name", "objective", "text_encoder", "precision", "family"):
        _name(getattr(manifest, name))
    for name in ("latent_channels", "steps", "latent_hop_frames", "sample_rate_hz"):
        _count(getattr(manifest, name))
    for statistic in (manifest.latent_mean, manifest.latent_std):
        if len(statistic) not in {0, manifest.latent_channels}:
            raise ValueError(f"latent statistics of {len(statistic)} channels")
    for sizes in manifest.architecture.values():
        _numbers(list(sizes.values()))
    _numbers(list(manifest.metrics.values()))
    for record in manifest.files.values():
        _count(record.size_bytes)
        if not _SHA256.fullmatch(_text(record.sha256)):
            raise ValueError("a sha256 that is none")
    _check_layout(manifest)


def _check_layout(manifest: Manifest) -> None:
    if manifest.latent_channels > MAX_LATENT_CHANNELS:
        raise CheckpointError(
            f"The checkpoint {manifest.name!r} has more than {MAX_LATENT_CHANNELS} latent "
            "channels; no more are taken."
        )
    found = (manifest.sample_rate_hz, manifest.latent_hop_frames)
    hop_frames = LATENT_HOP_FRAMES if manifest.family == HOUSE_FAMILY else found[1]
    if found != (SAMPLE_RATE_HZ, hop_frames):
        raise CheckpointError(
            f"The checkpoint {manifest.name!r} works at {found[0]} Hz with a latent hop of "
            f"{found[1]} frames; this program works at {SAMPLE_RATE_HZ} and {LATENT_HOP_FRAMES}."
        )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} where a text should be")
    return value


def _name(value: object) -> str:
    name = _text(value)
    if len(name) > MAX_NAME or not name.isprintable():
        raise ValueError(
            f"{name[:MAX_NAME]!a} where at most {MAX_NAME} printable letters should be"
        )
    return name


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TypeError(f"{value!r} where a positive whole number should be")
    return value


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} where a list of numbers should be")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value):
            raise TypeError(f"{value!r} where a number should be")
    return tuple(values)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")


def _safe_path(folder: Path, name: str) -> Path:
    """Return where a file lies; only plain names of known kinds are allowed."""
    if not _FILE_NAME.fullmatch(name) or name == MANIFEST_FILE:
        raise CheckpointError(
            f"The checkpoint names the file {name[:80]!r}; only .onnx, .json and .safetensors "
            "files in the folder itself are opened."
        )
    path = folder / name
    if path.is_symlink():
        raise CheckpointError(
            f"The file {name} of the checkpoint in {folder} is a link; only files in the folder "
            "itself are opened. Put the file there."
        )
    if not path.is_file():
        raise CheckpointError(f"The file {name} of the checkpoint in {folder} is missing.")
    return path


def read_in_pieces(path: Path) -> bytes:
    """Return the bytes of a file, read so that sound goes on meanwhile.

    Some kernels let nothing else run on a core until a read is over, not even a thread of real-time
    priority: 18 MB at once held an audio callback for 7 ms.
    """
    with path.open("rb", buffering=0) as stream:
        return b"".join(iter(lambda: stream.read(PIECE_BYTES), b""))


def _measure(path: Path) -> FileRecord:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileRecord(path.stat().st_size, digest)
