"""Which output and input were chosen while the daemon ran, kept for its next start.

A choice stands in place of a setting, and holds as long as that setting says what it said when the
choice was made: who gives another one at the start gets it. Not part of presets, scenes and states,
which are taken to other machines. Flow: daemon.py asks it at the start; the keepers tell it.
"""

import logging
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daw_bridge.audio_output import OutputSettings
from daw_bridge.settings import Settings, as_toml
from daw_bridge.state_folder import StateFolder, write_whole

FILE = "devices.toml"
# What is chosen together, by the names of the settings.
_OUTPUT = ("output", "hostapi", "buffer_frames")
_INPUT = ("input", "input_hostapi")
_LOG = logging.getLogger(__name__)


class DeviceMemory:
    """The choices of one state folder; only the daemon that owns it writes them down."""

    def __init__(self, folder: StateFolder, settings: Settings) -> None:
        """Touch nothing yet.

        Args:
            folder: Where they are kept.
            settings: What the start was given.
        """
        self._folder, self._settings = folder, settings
        self._path: Path = folder.path / FILE
        self._kept: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()  # an output and an input may be chosen at once

    def recall(self) -> Settings:
        """The settings, with the choices that stand in their place.

        Returns:
            The settings as they are where nothing was chosen, or nothing that can be read.
        """
        try:
            found = tomllib.loads(self._path.read_text(encoding="utf-8"))
            for names in (_OUTPUT, _INPUT):
                chosen = found.get(names[0])
                if chosen is not None and chosen["instead_of"] == self._given(names):
                    self._kept[names[0]] = chosen
            chosen = {name: kept[name] for kept in self._kept.values() for name in _names_of(kept)}
            return Settings(**{**self._settings.model_dump(), **chosen})
        except FileNotFoundError:
            return self._settings
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._kept = {}
            _LOG.warning("The devices chosen last cannot be read (%s): %s", self._path, error)
            return self._settings

    def keep_output(self, output: OutputSettings) -> None:
        """Keep an output that was chosen; for any thread but the event loop's."""
        self._keep(_OUTPUT, (output.output, output.hostapi, output.buffer_frames))

    def keep_input(self, name: str, hostapi: str) -> None:
        """Keep an input that was chosen; for any thread but the event loop's."""
        self._keep(_INPUT, (name, hostapi))

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: getattr(self._settings, name) for name in names}

    def _keep(self, names: tuple[str, ...], values: tuple[object, ...]) -> None:
        chosen = dict(zip(names, values, strict=True))
        with self._lock:
            self._kept[names[0]] = {**chosen, "instead_of": self._given(names)}
            if not self._folder.owns:
                return
            try:
                write_whole(self._path, "".join(map(_table, self._kept.values())).encode())
            except OSError as error:
                _LOG.warning("The choice of a device was not saved: %s", error)


def _names_of(kept: Mapping[str, Any]) -> tuple[str, ...]:
    return _OUTPUT if _OUTPUT[0] in kept else _INPUT


def _table(kept: Mapping[str, Any]) -> str:
    names = _names_of(kept)
    lines = [f"[{names[0]}]", *(f"{name} = {as_toml(kept[name])}" for name in names)]
    lines.append(f"[{names[0]}.instead_of]")
    lines += (f"{name} = {as_toml(kept['instead_of'][name])}" for name in names)
    return "\n".join(lines) + "\n"
