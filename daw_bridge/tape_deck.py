"""Captures and the recording: from the ring of what was heard into files of the captures folder.

Runs in the file thread, which drains the recording while it waits for jobs. Knows nothing of the
jobs. Flow: file_worker.py → here → recorder.py → a file.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from daw_bridge import __version__
from daw_bridge.capture_ring import CaptureReader
from daw_bridge.disk import what_the_disk_says
from daw_bridge.errors import AudioError, CommandError, Fault
from daw_bridge.recorder import Recorder
from daw_bridge.shelf import check_name
from daw_bridge.sound_files import OTHER_SUFFIXES, SUFFIXES
from daw_bridge.sound_tags import SoundTags


class TapeDeck:
    """What was heard, into files; one recording at a time."""

    def __init__(self, folder: Path, ring: Callable[[], CaptureReader | None]) -> None:
        """Record nothing yet.

        Args:
            folder: Where files go; made when it is needed.
            ring: Gives what was heard, None where nothing is kept.
        """
        self._folder, self._ring = folder, ring
        self._recorder: Recorder | None = None

    @property
    def is_recording(self) -> bool:
        """Whether `drain` must be called now and then."""
        return self._recorder is not None

    def capture(
        self, name: str, first_frame: int, end_frame: int, pair: int, tags: SoundTags
    ) -> Path:
        """Write what was heard.

        Args:
            name: What the file is to be called; the time where it is empty.
            first_frame: From this frame on.
            end_frame: Up to this one.
            pair: Which pair of the output.
            tags: What is known of it.

        Returns:
            The file.

        Raises:
            CommandError: Nothing is kept, or there can be no such file.
        """
        return self._open(name, first_frame, pair).finish(end_frame, _signed(tags))

    def begin(self, name: str, first_frame: int, pair: int) -> Path:
        """Begin to record.

        Args:
            name: What the file is to be called; the time where it is empty.
            first_frame: From this frame on.
            pair: Which pair of the output.

        Returns:
            The file.

        Raises:
            CommandError: A recording is on, nothing is kept, or there can be no such file.
        """
        if self._recorder is not None:
            raise CommandError(Fault.NOT_READY, "A recording is on already: stop it first.")
        self._recorder = self._open(name, first_frame, pair)
        return self._recorder.path

    def drain(self) -> None:
        """Write what has come since the last time.

        Raises:
            CommandError: The recording has ended because it could not be written.
        """
        if self._recorder is None:
            return
        try:
            self._recorder.drain()
        except (AudioError, OSError) as error:
            recorder, self._recorder = self._recorder, None
            why = what_the_disk_says(error) if isinstance(error, OSError) else str(error)
            text = f"The recording has ended too early and lies in {recorder.keep()}. {why}"
            raise CommandError(Fault.DISK, text) from error

    def end(self, end_frame: int, tags: SoundTags) -> Path:
        """End the recording.

        Args:
            end_frame: Up to this frame.
            tags: What is known of it.

        Returns:
            The file.

        Raises:
            CommandError: There is none.
        """
        return self._finish(end_frame, _signed(tags))

    def end_at_once(self) -> None:
        """End a recording with what there is, if one is on."""
        ring = self._ring()
        if self._recorder is not None and ring is not None:
            self._finish(ring.end_frame, None)

    def _finish(self, end_frame: int, tags: SoundTags | None) -> Path:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            raise CommandError(Fault.NOT_READY, "Nothing is being recorded.")
        return recorder.finish(end_frame, tags)

    def _open(self, name: str, first_frame: int, pair: int) -> Recorder:
        ring = self._ring()
        if ring is None:
            raise CommandError(Fault.NOT_READY, "Nothing is kept of what is heard: capture_s is 0.")
        self._folder.mkdir(parents=True, exist_ok=True)
        return Recorder(ring, self._path(name), first_frame, pair)

    def _path(self, name: str) -> Path:
        name = name or time.strftime("%Y-%m-%d %H.%M.%S")
        check_name(name, "file")
        path = self._folder / with_suffix(name)
        if path.exists():
            text = f"There is a recording {path.name!r} already. Take another name."
            raise CommandError(Fault.BAD_VALUE, text)
        return path


def with_suffix(name: str) -> str:
    """The name of a sound file, with an ending that says how it is written.

    >>> with_suffix("take 1.2"), with_suffix("solo.FLAC")
    ('take 1.2.wav', 'solo.flac')

    Args:
        name: As somebody wrote it.

    Returns:
        The name.

    Raises:
        CommandError: It ends as a kind of sound file does that we do not write.
    """
    ending = Path(name).suffix
    if ending.lower() in OTHER_SUFFIXES:
        text = f"Recordings are {' or '.join(SUFFIXES)}, not {ending}. Leave the ending out."
        raise CommandError(Fault.BAD_VALUE, text)
    if ending.lower() in SUFFIXES:
        return name.removesuffix(ending) + ending.lower()
    return name + SUFFIXES[0]


def _signed(tags: SoundTags) -> SoundTags:
    now = time.strftime("%Y-%m-%dT%H:%M:%S")
    return replace(tags, software=f"daw-bridge {__version__}", date=now)
