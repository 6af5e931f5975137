"""The figures of the model itself, as they stand in its manifest.

They are measured on held-out clips and prompts by the training package, which takes longer than a
benchmark should; here they are only shown beside what was asked.
"""

from bench.row import Row
from generator.api import CheckpointError
from generator.checkpoint import read_checkpoint
from generator.loading import CHECKPOINTS


def measure(model: str) -> list[Row]:
    """Return a row for every metric of a shipped checkpoint.

    Args:
        model: Its name.

    Returns:
        The rows; none for a generator without a checkpoint.
    """
    try:
        manifest = read_checkpoint(CHECKPOINTS / model).manifest
    except CheckpointError:
        return []
    return [Row(name, "–", f"{value:g}") for name, value in manifest.metrics.items()]
