"""Rigs and their takes between files and shared memory: presets, saved states, the state itself.

Runs in the file thread, save for `map_takes`, which must come before the takes may be freed. Knows
nothing of the thread or its jobs' numbers. Flow: file_worker.py → here → shelf.py.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from daw_bridge.errors import AudioError, CommandError, Fault
from daw_bridge.file_jobs import ReadRig, Shelf, StoredTake, WriteRig
from daw_bridge.file_places import FilePlaces
from daw_bridge.presets import Document, FiledTake, takes_of, with_takes
from daw_bridge.shelf import folder_of_takes
from daw_bridge.sound_files import read_sound
from daw_bridge.state_folder import STATE_FILE
from daw_bridge.takes import TakeBuffer, create_take, open_take, remove_take
from generator.api import MAX_SECONDS, SAMPLE_RATE_HZ
from generator.loading import fingerprint

_PATIENCE_S = 3.0
_POLL_S = 0.01
_MAX_TAKE_FRAMES = round(MAX_SECONDS * SAMPLE_RATE_HZ) * 2
_LOG = logging.getLogger(__name__)

Mapped = Mapping[str, TakeBuffer]


class RigFiles:
    """The files of rigs, and which of them keeps which take.

    Attributes:
        model: The name of the model that takes are made by.
        state_refusal: Why no state may be written; empty if it may.
    """

    def __init__(self, places: FilePlaces) -> None:
        """Look at nothing yet.

        Args:
            places: Where files lie.
        """
        self.model, self.state_refusal = "", ""
        self._places = places
        # The file that keeps a take of a document, so that an autosave writes only new ones.
        self._kept: dict[tuple[Path, str], str] = {}

    # ── reading ──────────────────────────────────────────────────────────────
    def read(self, job: ReadRig, path: Path | None = None) -> tuple[Document[StoredTake], str]:
        """Read a rig, its takes into memory of their own.

        Args:
            job: Which.
            path: Its file, where that is known already.

        Returns:
            The rig, and what to say where another model made it.

        Raises:
            CommandError: There is no such file.
        """
        path = path or self._path(job.shelf, job.name)
        filed = self._places.shelf(job.shelf).read(path)
        made: dict[str, StoredTake] = {}

        def load(take: FiledTake) -> StoredTake:
            if not take.file:
                return StoredTake(take.request)
            if take.file in made:  # the same take in a slot and in a scene
                return made[take.file]
            audio = read_sound(folder_of_takes(path) / take.file, _MAX_TAKE_FRAMES)
            memory = create_take(len(audio))
            made[take.file] = StoredTake(take.request, memory.name, memory.frames)
            memory.audio[:] = audio
            self._kept[path, memory.name] = take.file
            return made[take.file]

        try:
            document = with_takes(filed, load)
        except (AudioError, OSError):
            for loaded in made.values():
                remove_take(loaded.shm_name)
            raise
        return document, self._other_model(filed)

    def _path(self, shelf: Shelf, name: str) -> Path:
        if shelf is Shelf.STATES and not name:
            path = self._places.state / STATE_FILE
            if not path.is_file():
                raise CommandError(Fault.NOT_READY, "No state has been saved yet.")
            return path
        return self._places.shelf(shelf).path_of(name)

    def _other_model(self, document: Document[FiledTake]) -> str:
        if document.model_sha256 in ("", fingerprint(self.model)):
            return ""
        return (
            f"It was made with the model {document.model!r}, and {self.model!r} is loaded: "
            "takes that were not kept with it will sound different."
        )

    # ── writing ──────────────────────────────────────────────────────────────
    def map_takes(self, job: WriteRig) -> Mapped:
        """Map the takes that are not there yet, in the caller's thread: each is looked at once."""
        if not job.with_takes:
            return {}
        path = None if job.name else self._places.state / STATE_FILE
        there = set[str]() if path is None else _names_in(folder_of_takes(path))
        mapped = {}
        for name, take in {take.shm_name: take for take in takes_of(job.document)}.items():
            if path is not None and self._kept.get((path, name)) in there:
                continue
            try:
                mapped[name] = open_take(name, take.frames)
            except AudioError as error:
                _LOG.warning("A take is not saved: %s", error)
        return mapped

    def write(self, job: WriteRig, mapped: Mapped) -> None:
        """Write a rig, and its takes where it is to keep them.

        Args:
            job: What.
            mapped: Its takes that are not there yet.

        Raises:
            CommandError: There can be no such file.
        """
        folder, path = self._places.shelf(job.shelf), self._target(job.shelf, job.name)

        def keep(take: StoredTake) -> FiledTake | None:
            if not job.with_takes:
                return FiledTake(take.recipe)
            memory = mapped.get(take.shm_name)
            if memory is not None and _becomes_whole(memory):
                self._kept[path, take.shm_name] = folder.keep_take(path, memory.audio)
            return FiledTake(take.recipe, self._kept.get((path, take.shm_name), ""))

        filed = replace(
            with_takes(job.document, keep),
            model=self.model,
            model_sha256=fingerprint(self.model),
        )
        folder.write(path, filed)
        live = {take.shm_name for take in takes_of(job.document)}
        self._kept = {
            key: file for key, file in self._kept.items() if key[0] != path or key[1] in live
        }

    def _target(self, shelf: Shelf, name: str) -> Path:
        if shelf is Shelf.STATES and self.state_refusal:
            raise CommandError(Fault.NOT_READY, self.state_refusal)
        if shelf is Shelf.STATES and not name:
            return self._places.state / STATE_FILE
        return self._places.shelf(shelf).own_path(name)


def _names_in(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as found:
            return {one.name for one in found}
    except FileNotFoundError:
        return set()


def _becomes_whole(take: TakeBuffer) -> bool:
    """Wait for a take that is still being made; tells whether it came to its end."""
    give_up_s = time.monotonic() + _PATIENCE_S
    while not take.is_whole and time.monotonic() < give_up_s:
        time.sleep(_POLL_S)
    return take.is_whole
