"""A file in pieces, to carry it where large files cannot go, and whole again, checked.

Knows nothing of what the file holds.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.errors import TrainingError

INDEX_SUFFIX = ".pieces.json"
LARGEST_MB = 16.0


def split(path: Path, megabytes: float = LARGEST_MB) -> list[Path]:
    """Write a file as pieces beside it, with an index that tells their order and check sums.

    Args:
        path: The file; it stays.
        megabytes: Size of a piece at most, in units of 10^6 bytes.

    Returns:
        The pieces and, last, the index.

    Raises:
        TrainingError: The file is missing or empty, the size is not positive, or the disk refuses.
    """
    size = int(1e6 * megabytes)
    if size < 1:
        raise TrainingError(f"pieces of {megabytes} MB: give a size above 0")
    written: list[Path] = []
    records = []
    try:
        for number, content in enumerate(contents(path, size)):
            piece = path.with_name(f"{path.name}.{number:03d}")
            written.append(piece)
            piece.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            records.append({"file": piece.name, "bytes": len(content), "sha256": digest})
        if not records:
            raise TrainingError(f"{path} is empty: there is nothing to split")
        index = path.with_name(path.name + INDEX_SUFFIX)
        written.append(index)
        index.write_text(json.dumps({"file": path.name, "pieces": records}), encoding="utf-8")
    except OSError as error:
        for piece in written:
            with suppress(OSError):
                piece.unlink(missing_ok=True)
        raise TrainingError(f"cannot split {path} ({error}); no piece is left behind") from error
    return written


def contents(path: Path, size: int) -> Iterator[bytes]:
    """Give a file's content, so many bytes at a time."""
    with path.open("rb") as file:
        while content := file.read(size):
            yield content


def join(index: Path) -> Path:
    """Write the file that pieces came from, beside them.

    Args:
        index: The index of the pieces.

    Returns:
        The whole file; one of its name that was there is replaced only when all is well.

    Raises:
        TrainingError: The index is unreadable, a piece is missing or damaged, or the disk refuses.
    """
    table = read_index(index)
    whole = index.with_name(str(table["file"]))
    partial = whole.with_name(whole.name + ".partial")
    try:
        with partial.open("wb") as file:
            for record in table["pieces"]:
                file.write(checked(index.with_name(record["file"]), record))
        partial.replace(whole)
    except (OSError, TrainingError) as error:
        partial.unlink(missing_ok=True)
        raise TrainingError(f"cannot join {whole.name}: {error}") from error
    return whole


def checked(piece: Path, record: dict[str, Any]) -> bytes:
    """Return a piece's content.

    Args:
        piece: The file.
        record: What the index tells of it.

    Returns:
        The bytes.

    Raises:
        TrainingError: They are not those that were split off.
    """
    content = piece.read_bytes()
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise TrainingError(
            f"{piece.name} has {len(content)} of {record['bytes']} bytes or others than were "
            "split off: copy it again"
        )
    return content


def read_index(index: Path) -> dict[str, Any]:
    """Return what an index tells.

    Args:
        index: The file that `split` wrote last.

    Returns:
        The file's name and its pieces.

    Raises:
        TrainingError: It is missing or no index.
    """
    try:
        table = json.loads(index.read_text(encoding="utf-8"))
        names = [table["file"], *(record["file"] for record in table["pieces"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{index} is no index of pieces ({error})") from error
    if any(Path(name).name != name for name in names):
        raise TrainingError(f"{index} names files outside its folder: refused")
    return dict(table)
