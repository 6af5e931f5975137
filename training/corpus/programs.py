"""Commands of others that render sound: found, run to their end, and their failure told.

Knows no program.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from training.errors import TrainingError

PATIENCE_S = 60.0
_TOLD_CHARACTERS = 400


def find_program(name: str, *, package: str, share: str) -> str:
    """Look for a command.

    Args:
        name: The command.
        package: What to install in Debian to have it.
        share: The setting that makes it needed.

    Returns:
        Its path.

    Raises:
        TrainingError: It is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise TrainingError(
            f"no {name} here: install {package} (Debian: apt install {package}), or set {share} = 0"
        )
    return found


def run_program(command: Sequence[str]) -> str:
    """Run a command to its end.

    Args:
        command: The program and its arguments.

    Returns:
        What it wrote on both outputs.

    Raises:
        TrainingError: It failed, or took longer than a minute.
    """
    try:
        run = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingError(f"{command[0]} did not end within {PATIENCE_S:.0f} s") from error
    if run.returncode:
        raise TrainingError(
            f"{command[0]} ended with {run.returncode}: {run.stdout[-_TOLD_CHARACTERS:]}"
        )
    return run.stdout
