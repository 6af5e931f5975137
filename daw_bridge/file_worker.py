"""The file thread: presets, states, captures and recordings, one job after another.

The event loop hands in jobs and takes out events; disks may be slow, so it never waits for them.
Knows nothing of what a job is good for, nor how files look. Flow: engine.py → `submit` →
rig_files.py, tape_deck.py and sound_folders.py → `poll` → engine.py.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from daw_bridge.capture_ring import CaptureReader
from daw_bridge.disk import what_the_disk_says
from daw_bridge.errors import CommandError, DawBridgeError, Fault
from daw_bridge.file_jobs import (
    BeginRecording,
    DeletePreset,
    EndRecording,
    FileEvent,
    FileFailed,
    FileJob,
    HearInput,
    ListPresets,
    PresetsListed,
    ReadRig,
    ReadSound,
    RigRead,
    RigWritten,
    Shelf,
    SoundRead,
    SoundWritten,
    WriteCapture,
    WriteRig,
)
from daw_bridge.file_places import FilePlaces
from daw_bridge.realtime import FILES_PRIORITY, ask_for_real_time
from daw_bridge.rig_files import Mapped, RigFiles
from daw_bridge.sound_folders import in_memory
from daw_bridge.sound_tags import SoundTags
from daw_bridge.tape_deck import TapeDeck
from generator.api import FloatArray

_DRAIN_S = 0.2
Listen = Callable[[int | None, int], FloatArray]
_LOG = logging.getLogger(__name__)


class FileWorker:
    """The thread, its jobs and its events."""

    def __init__(
        self,
        places: FilePlaces,
        ring: Callable[[], CaptureReader | None],
        listen: Listen,
        wake: Callable[[], None],
    ) -> None:
        """Start nothing yet.

        Args:
            places: Where everything lies.
            ring: Gives what was heard, None where nothing is kept.
            listen: Gives what came in up to a frame, or up to now: so many frames.
            wake: Called in the thread when there is an event.
        """
        self.rigs = RigFiles(places)
        self._tape = TapeDeck(places.captures, ring)
        self._places, self._listen, self._wake = places, listen, wake
        self._jobs: queue.SimpleQueue[tuple[int, FileJob | None, Mapped]] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[FileEvent] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="files", daemon=True)

    @property
    def model(self) -> str:
        """The name of the model that takes are made by, which files name as theirs."""
        return self.rigs.model

    @model.setter
    def model(self, name: str) -> None:
        self.rigs.model = name

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, job_id: int, job: FileJob) -> None:
        """Hand in a job.

        Args:
            job_id: What its event will carry.
            job: What to do. Its takes are mapped here, so that they may be freed at once.
        """
        mapped = self.rigs.map_takes(job) if isinstance(job, WriteRig) else {}
        self._jobs.put((job_id, job, mapped))

    def poll(self) -> list[FileEvent]:
        """Take the events that have come."""
        events = []
        while not self._events.empty():
            events.append(self._events.get())
        return events

    def close(self, *, timeout_s: float) -> None:
        """Do what was handed in, end a recording, and end.

        Args:
            timeout_s: How long that may take.
        """
        if self._thread.is_alive():
            self._jobs.put((0, None, {}))
            self._thread.join(timeout_s)

    def restore(self, path: Path) -> RigRead:
        """Read the state of the last run, in the calling thread, before the first job.

        Args:
            path: Its file.

        Returns:
            What a job would have given.
        """
        return self._read(0, ReadRig(Shelf.STATES, ""), path)

    def _read(self, job_id: int, job: ReadRig, path: Path | None = None) -> RigRead:
        return RigRead(job_id, job.shelf, job.name, *self.rigs.read(job, path))

    # ── the thread ───────────────────────────────────────────────────────────
    def _run(self) -> None:
        # It shares Python's lock with the thread that answers messages, which waits while this one,
        # lock in hand, waits for a core that the model burns.
        ask_for_real_time(FILES_PRIORITY)
        while True:
            try:
                timeout_s = _DRAIN_S if self._tape.is_recording else None
                job_id, job, mapped = self._jobs.get(timeout=timeout_s)
            except queue.Empty:
                self._guard(0, self._tape.drain)
                continue
            if job is None:
                self._guard(0, self._tape.end_at_once)
                return
            self._guard(job_id, lambda: self._do(job_id, job, mapped))  # noqa: B023 - called now
            del job, mapped  # the memory of takes

    def _guard(self, job_id: int, work: Callable[[], FileEvent | None]) -> None:
        """Do something, and tell how it went: the thread outlives whatever it meets."""
        try:
            event = work()
        except CommandError as error:
            event = FileFailed(job_id, error.fault, error.text)
        except DawBridgeError as error:
            event = FileFailed(job_id, Fault.BAD_VALUE, str(error))
        except OSError as error:
            event = FileFailed(job_id, Fault.DISK, what_the_disk_says(error))
        except Exception as error:
            _LOG.exception("A file job failed; this is a fault of ours")
            event = FileFailed(job_id, Fault.INTERNAL, f"A fault inside the daemon: {error}.")
        if event is not None:
            self._events.put(event)
            self._wake()

    def _do(self, job_id: int, job: FileJob, mapped: Mapped) -> FileEvent | None:  # noqa: C901 - one case for each job
        presets = self._places.shelf(Shelf.PRESETS)
        match job:
            case ListPresets():
                return PresetsListed(job_id, presets.names())
            case ReadRig():
                return self._read(job_id, job)
            case WriteRig(shelf, name):
                self.rigs.write(job, mapped)
                return RigWritten(job_id, shelf, name)
            case DeletePreset(name):
                presets.delete(name)
                return PresetsListed(job_id, presets.names())
            case WriteCapture(name, first_frame, end_frame, tags, pair):
                signed = self._signed(tags)
                path = self._tape.capture(name, first_frame, end_frame, pair, signed)
                return SoundWritten(job_id, str(path))
            case BeginRecording(name, first_frame, pair):
                return SoundWritten(job_id, str(self._tape.begin(name, first_frame, pair)))
            case EndRecording(end_frame, tags):
                return SoundWritten(job_id, str(self._tape.end(end_frame, self._signed(tags))))
            case ReadSound(name):
                return SoundRead(job_id, self._places.sounds.read(name))
            case HearInput(frames, end_frame):
                return SoundRead(job_id, in_memory(self._listen(end_frame, frames)))

    def _signed(self, tags: SoundTags) -> SoundTags:
        return replace(tags, model=self.rigs.model)
