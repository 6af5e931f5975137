"""Documents on disk: each a TOML file, with the takes that it keeps in a folder of its name.

A take's file is named by its content and never written over, and a document is replaced as a whole
last of all; so whoever looks finds the old document with its takes or the new one with its own,
also after a loss of power. Knows nothing of sessions, threads or shared memory.
"""

import contextlib
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from daw_bridge.errors import CommandError, Fault, PresetError
from daw_bridge.preset_reading import read_document
from daw_bridge.presets import (
    MAX_TEXT_BYTES,
    Document,
    FiledTake,
    is_plain_name,
    print_document,
    takes_of,
)
from daw_bridge.sound_files import write_sound
from daw_bridge.state_folder import write_whole, written_whole
from generator.api import FloatArray

_SUFFIX = ".toml"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of documents.

    Attributes:
        kind: What the documents are called in texts: "preset", "state".
        folder: Where they lie, made when the first one is written.
        shipped: Where those lie that cannot be changed, if there are any.
        takes: What takes are written as: ".wav" loses nothing, ".flac" is a third of the size.
    """

    kind: str
    folder: Path
    shipped: Path | None = None
    takes: str = ".flac"

    def names(self) -> tuple[str, ...]:
        """What there is: the shipped ones first, each part by the alphabet."""
        return tuple(
            one.stem for one in (*_documents_of(self.shipped), *_documents_of(self.folder))
        )

    def path_of(self, name: str) -> Path:
        """Where a document lies.

        Args:
            name: Its name, as `names` tells it.

        Returns:
            Its file.

        Raises:
            CommandError: The name leads out of the folder, or there is no such document.
        """
        check_name(name, self.kind)
        for folder in (self.shipped, self.folder):
            if folder is not None and (path := folder / f"{name}{_SUFFIX}").is_file():
                return path
        known = ", ".join(self.names()[:40]) or "none yet"
        raise CommandError(Fault.BAD_VALUE, f"There is no {self.kind} {name!r}. There is: {known}.")

    def read(self, path: Path) -> Document[FiledTake]:
        """Read a document.

        Args:
            path: What `path_of` gave.

        Returns:
            The document; its takes' files are in `folder_of_takes`.

        Raises:
            PresetError: It cannot be read; the text names the file and everything that is wrong.
        """
        try:
            with path.open("rb") as file:
                return read_document(file.read(MAX_TEXT_BYTES + 1).decode("utf-8"))
        except (OSError, UnicodeDecodeError, PresetError) as error:
            raise PresetError(f"The {self.kind} {path.name} cannot be used: {error}") from error

    def write(self, path: Path, document: Document[FiledTake]) -> None:
        """Write a document whose takes have been kept, and forget the files it needs no more.

        Args:
            path: Its file, in this folder.
            document: The document.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, print_document(document).encode("utf-8", "replace"))
        needed = {take.file for take in takes_of(document)}
        for one in folder_of_takes(path).glob("*"):
            if one.name not in needed:
                one.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # takes lie there
            folder_of_takes(path).rmdir()

    def keep_take(self, path: Path, audio: FloatArray) -> str:
        """Keep a take beside a document that is to be written.

        Shapes:
            audio: [frames, 2]

        Args:
            path: The document's file.
            audio: The take.

        Returns:
            The name of its file.
        """
        name = f"{hashlib.sha256(audio.data).hexdigest()[:24]}{self.takes}"
        folder = folder_of_takes(path)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            with written_whole(folder / name) as draft:
                write_sound(draft, audio, self.takes)
        return name

    def own_path(self, name: str) -> Path:
        """Where a document of the user's is to be written.

        Args:
            name: What it is to be called.

        Returns:
            Its file.

        Raises:
            CommandError: The name leads out of the folder, or belongs to a shipped one.
        """
        check_name(name, self.kind)
        if self.shipped is not None and (self.shipped / f"{name}{_SUFFIX}").exists():
            text = (
                f"The {self.kind} {name!r} came with daw-bridge and stays as it is; take another."
            )
            raise CommandError(Fault.FORBIDDEN, text)
        return self.folder / f"{name}{_SUFFIX}"

    def delete(self, name: str) -> None:
        """Remove a document of the user's and its takes.

        Args:
            name: Its name.
        """
        path = self.own_path(name)
        self.path_of(name)
        path.unlink()
        shutil.rmtree(folder_of_takes(path), ignore_errors=True)


def folder_of_takes(path: Path) -> Path:
    """Where the takes of a document lie.

    Args:
        path: The document's file.

    Returns:
        The folder beside it, which need not exist.
    """
    return path.with_suffix("")


def check_name(name: str, kind: str) -> None:
    """Refuse a name that is more than one.

    Args:
        name: What a client sent.
        kind: What it is the name of.

    Raises:
        CommandError: It leads into another folder, or no file can be called so everywhere.
    """
    if not is_plain_name(name):
        raise CommandError(
            Fault.FORBIDDEN if "/" in name or "\\" in name or ".." in name else Fault.BAD_VALUE,
            f"The {kind} name {name[:60]!r} cannot be used: a name has letters, digits, spaces, "
            "- and _, and no folder, because everything stays in the daemon's own folder.",
        )


def _documents_of(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    found = (one for one in folder.glob(f"*{_SUFFIX}") if is_plain_name(one.name))
    return sorted(found, key=lambda path: path.name.casefold())
