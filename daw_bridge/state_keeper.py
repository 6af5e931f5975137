"""Keeps the state: restores it at the start, saves it soon after each change, and at the end.

What a state holds is the session's affair, and how it lies on the disk that of the file thread.
Flow: daemon.py → here → engine.py and file_worker.py.
"""

import asyncio
import logging

from daw_bridge.engine import AUTOSAVE, Engine
from daw_bridge.errors import DawBridgeError, PresetError
from daw_bridge.file_jobs import ListPresets
from daw_bridge.file_worker import FileWorker
from daw_bridge.state_folder import StateFolder

_AUTOSAVE_S = 0.5
_LAST_SAVE_S = 5.0
_LOG = logging.getLogger(__name__)


class StateKeeper:
    """The state of one daemon, between its runs."""

    def __init__(self, folder: StateFolder, files: FileWorker, engine: Engine) -> None:
        """Touch nothing yet.

        Args:
            folder: Where the state lies.
            files: Who reads and writes it.
            engine: Whose state it is.
        """
        self._folder, self._files, self._engine = folder, files, engine
        self._saved_revision = 0

    async def restore(self) -> str:
        """Take hold of the folder, and begin where the last run ended.

        Returns:
            What the user should know; empty where all is well.
        """
        self._files.start()
        self._files.submit(AUTOSAVE, ListPresets())
        told = self._folder.take()
        if told:
            self._files.rigs.state_refusal = told
            return told
        try:
            path = self._folder.begin_loading()
            if path is not None:
                loop = asyncio.get_running_loop()
                read = await loop.run_in_executor(None, self._files.restore, path)
                self._engine.restore(read.document)
        except PresetError as error:
            told = str(error)
            if (self._folder.path / "session.toml").exists():
                told = f"{error} It lies now in {self._folder.set_aside()}."
        except (DawBridgeError, OSError) as error:
            told = f"{error} The state lies now in {self._folder.set_aside()}."
        self._saved_revision = self._engine.revision
        return told

    def is_well(self) -> None:
        """The daemon has started: the state that it began with did no harm."""
        self._folder.end_loading()

    async def watch(self) -> None:
        """Save what has changed, soon but not too often."""
        while self._folder.owns:
            await asyncio.sleep(_AUTOSAVE_S)
            self._save_if_changed()

    def close(self) -> None:
        """Save what has changed, have all files finished, and let go of the folder."""
        self._save_if_changed()
        self._files.close(timeout_s=_LAST_SAVE_S)
        self._folder.end_loading()
        self._folder.release()

    def _save_if_changed(self) -> None:
        revision = self._engine.revision
        if self._folder.owns and revision != self._saved_revision:
            self._saved_revision = revision
            try:
                self._engine.save_state()
            except DawBridgeError:
                _LOG.exception("The state was not saved")
