"""What an error of the file system means for a musician. Pure."""

import errno


def what_the_disk_says(error: OSError) -> str:
    """The text of a refusal.

    Args:
        error: What the system said.

    Returns:
        What is wrong, and what to do where that is known.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space" in str(error):
        return "The disk is full: make room and try again."
    return f"It could not be written or read: {error}."
