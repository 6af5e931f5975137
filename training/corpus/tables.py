"""Reads the tables of the corpus: laws of sounds, words and styles, as TOML beside this file.

Knows files and keys, not meanings. ``recipes``, ``lexicon`` and ``patterns`` turn tables into
types.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from training.errors import TrainingError

_FOLDER = Path(__file__).with_name("tables")


@cache
def table(name: str) -> dict[str, Any]:
    """Read one table, once.

    Args:
        name: File name without its suffix.

    Returns:
        The table as TOML gives it.

    Raises:
        TrainingError: There is no such table, or it is not TOML.
    """
    path = _FOLDER / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.stem for p in _FOLDER.glob("*.toml")))
        raise TrainingError(f"no table {name!r}; there are {known}") from error
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path.name} is not TOML: {error}") from error
