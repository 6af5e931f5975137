"""Resumable training state on disk: written whole or not at all, read without running any code.

Knows nothing of what a state holds. A state that cannot be read or does not fit is refused, and the
last good one stays where it was.
"""

import pickle
from pathlib import Path
from typing import TypeAlias

import torch

from training.errors import TrainingError

State: TypeAlias = dict[str, object]
STATE_FILE = "state.pt"


def save_state(path: Path, state: State) -> None:
    """Write a state beside its place, then move it there in one step.

    Args:
        path: Its place.
        state: Tensors and plain values by name.

    Raises:
        TrainingError: The disk refuses; the state that was there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        torch.save(state, partial)
        Path(partial).replace(path)
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        raise TrainingError(
            f"cannot write {path} ({error}): free some space; {path.name} is kept"
        ) from error


def load_state(path: Path) -> State:
    """Read a state that `save_state` wrote.

    Args:
        path: Its place.

    Returns:
        The state, all tensors on the processor.

    Raises:
        TrainingError: The file is missing, damaged, or no training state.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TrainingError(
            f"no training state at {path}: run the stage that writes it first"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"{path} is no readable training state ({error}): remove it to start anew"
        ) from error
    if not isinstance(state, dict) or "step" not in state:
        raise TrainingError(f"{path} holds no training state: expected a table with a step")
    return state
