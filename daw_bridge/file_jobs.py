"""What the session asks of the file thread, and what it hears of it: frozen dataclasses.

Frames are absolute ones on the audio clock. Knows nothing of folders, threads or formats.
Flow: session_shelf.py and session_tape.py → engine.py → file_worker.py, and back.
"""

from dataclasses import dataclass
from enum import StrEnum

from daw_bridge.presets import Document
from daw_bridge.sound_tags import SoundTags
from daw_bridge.sounds import Sound
from generator.api import GenerationRequest


class Shelf(StrEnum):
    """Which documents: presets, ours and the user's, or states of this daemon."""

    PRESETS = "preset"
    STATES = "state"


@dataclass(frozen=True, slots=True)
class StoredTake:
    """A take of a document on its way between disk and session.

    `shm_name` is empty where the take was not kept: it can be made again by its recipe.
    """

    recipe: GenerationRequest
    shm_name: str = ""
    frames: int = 0


@dataclass(frozen=True, slots=True)
class ListPresets:
    """Look which presets there are."""


@dataclass(frozen=True, slots=True)
class ReadRig:
    """Read a document, and its takes into shared memory; the autosaved state has no name."""

    shelf: Shelf
    name: str


@dataclass(frozen=True, slots=True)
class WriteRig:
    """Write a document, with its takes if they are wanted."""

    shelf: Shelf
    name: str
    document: Document[StoredTake]
    with_takes: bool = True


@dataclass(frozen=True, slots=True)
class DeletePreset:
    """Remove a preset of the user's."""

    name: str


@dataclass(frozen=True, slots=True)
class WriteCapture:
    """Write frames that were heard; without a name they get one that tells the time."""

    name: str
    first_frame: int
    end_frame: int
    tags: SoundTags
    pair: int = 1


@dataclass(frozen=True, slots=True)
class BeginRecording:
    """Write what is heard from a frame on."""

    name: str
    first_frame: int
    pair: int = 1


@dataclass(frozen=True, slots=True)
class EndRecording:
    """End the recording before a frame."""

    end_frame: int
    tags: SoundTags


@dataclass(frozen=True, slots=True)
class ReadSound:
    """Read a sound file, from a folder that is allowed, into shared memory."""

    name: str


@dataclass(frozen=True, slots=True)
class HearInput:
    """Copy what came in at the input into shared memory, for a take to begin from.

    So many frames, up to what was at the input when a frame was heard; None for up to now.
    """

    frames: int
    end_frame: int | None = None


FileJob = (
    ListPresets
    | ReadRig
    | WriteRig
    | DeletePreset
    | WriteCapture
    | BeginRecording
    | EndRecording
    | ReadSound
    | HearInput
)


@dataclass(frozen=True, slots=True)
class PresetsListed:
    """Which presets there are, in their order; the answer to what may have changed them too."""

    job_id: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RigRead:
    """A document has been read; its takes in shared memory belong to the session now.

    `note` is what a person should know: that another model made it.
    """

    job_id: int
    shelf: Shelf
    name: str
    document: Document[StoredTake]
    note: str = ""


@dataclass(frozen=True, slots=True)
class RigWritten:
    """A document lies on the disk, whole."""

    job_id: int
    shelf: Shelf
    name: str


@dataclass(frozen=True, slots=True)
class SoundWritten:
    """A capture or a recording lies on the disk, whole."""

    job_id: int
    path: str


@dataclass(frozen=True, slots=True)
class SoundRead:
    """A sound lies in shared memory, and belongs to the session now."""

    job_id: int
    sound: Sound


@dataclass(frozen=True, slots=True)
class FileFailed:
    """Nothing was done; the code is one of `errors.Fault`. Job 0 is the recording that runs."""

    job_id: int
    code: int
    text: str


FileEvent = PresetsListed | RigRead | RigWritten | SoundWritten | SoundRead | FileFailed
