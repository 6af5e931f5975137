"""Where torch computes: on what was asked for, or on the first GPU that is there.

The same choice for checkpoints of our own and for imported ones.
"""

import torch

from generator.errors import CheckpointError

AUTO = "auto"


def choose_device(wanted: str) -> torch.device:
    """Return the device that was asked for.

    Args:
        wanted: AUTO for the first GPU if there is one, else a device as torch names it.

    Returns:
        The device.

    Raises:
        CheckpointError: A GPU is asked for and there is none.
    """
    found = torch.cuda.is_available()
    if wanted == AUTO:
        return torch.device("cuda" if found else "cpu")
    if wanted == "cuda" and not found:
        raise CheckpointError(
            'A GPU is asked for (torch_device is "cuda"), and torch finds none here: see to its '
            'driver, or set torch_device to "auto" or "cpu".'
        )
    return torch.device(wanted)
