"""Sounds that takes begin from: what a slot's `init` names, and where such a sound lies.

Pure; sound_folders.py reads files. A sound is known by what it is (`generator.api.sound_identity`),
so a request that begins from it means the same take for ever.
"""

from dataclasses import dataclass

INPUT = "input"
SLOT_PREFIX = "slot:"


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound in shared memory: its identity, where it lies, and its length."""

    identity: str
    shm_name: str
    frames: int


def names_file(init: str) -> bool:
    """Whether a slot's `init` names a sound file.

    >>> [names_file(init) for init in ("", "slot:3", "input", "kick.wav", "/sounds/a b.flac")]
    [False, False, False, True, True]
    """
    return bool(init) and init != INPUT and not init.startswith(SLOT_PREFIX)
