"""The file thread: presets, states, captures and recordings, one job after another.

The event loop hands in jobs and takes out events; disks may be slow, so it never waits for them.
Knows nothing of what a job is good for. Flow: engine.py → `submit` → shelf.py and recorder.py →
`poll` → engine.py.
"""

import errno
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from daw_bridge import __version__
from daw_bridge.capture_ring import CaptureReader
from daw_bridge.errors import AudioError, CommandError, DawBridgeError, Fault
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
    StoredTake,
    WriteCapture,
    WriteRig,
)
from daw_bridge.presets import Document, FiledTake, takes_of, with_takes
from daw_bridge.realtime import FILES_PRIORITY, ask_for_real_time
from daw_bridge.recorder import Recorder
from daw_bridge.shelf import Shelf as Folder
from daw_bridge.shelf import check_name, folder_of_takes
from daw_bridge.sound_files import OTHER_SUFFIXES, SUFFIXES, read_sound
from daw_bridge.sound_folders import SoundFolders, in_memory
from daw_bridge.sound_tags import SoundTags
from daw_bridge.state_folder import STATE_FILE
from daw_bridge.takes import TakeBuffer, create_take, open_take, remove_take
from generator.api import MAX_SECONDS, SAMPLE_RATE_HZ, FloatArray
from generator.loading import fingerprint

_DRAIN_S = 0.2
_PATIENCE_S = 3.0
_POLL_S = 0.01
_MAX_TAKE_FRAMES = round(MAX_SECONDS * SAMPLE_RATE_HZ) * 2
Listen = Callable[[int | None, int], FloatArray]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FilePlaces:
    """Where everything lies: the state folder, the presets that came with the daemon, and sounds.

    `sound_dirs` are folders of the user's, beside our own, whose sounds takes may begin from.
    """

    state: Path
    shipped: Path
    sound_dirs: tuple[Path, ...] = ()

    @property
    def sounds(self) -> SoundFolders:
        """Where sounds lie that takes may begin from."""
        return SoundFolders((self.state / "sounds", self.captures, *self.sound_dirs))

    @property
    def captures(self) -> Path:
        """Where captures and recordings go."""
        return self.state / "captures"

    def shelf(self, shelf: Shelf) -> Folder:
        """The folder of documents of a kind."""
        if shelf is Shelf.PRESETS:
            return Folder("preset", self.state / "presets", self.shipped)
        return Folder("state", self.state / "states", takes=".wav")


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
        self.model, self.state_refusal = "", ""
        self._places, self._ring, self._listen, self._wake = places, ring, listen, wake
        self._jobs: queue.SimpleQueue[tuple[int, FileJob | None, _Mapped]] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[FileEvent] = queue.SimpleQueue()
        # The file that keeps a take of a document, so that an autosave writes only new ones.
        self._kept: dict[tuple[Path, str], str] = {}
        self._recorder: Recorder | None = None
        self._thread = threading.Thread(target=self._run, name="files", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, job_id: int, job: FileJob) -> None:
        """Hand in a job.

        Args:
            job_id: What its event will carry.
            job: What to do. Its takes are mapped here, so that they may be freed at once.
        """
        mapped = self._map_takes(job) if isinstance(job, WriteRig) and job.with_takes else {}
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

    # ── the thread ───────────────────────────────────────────────────────────
    def _run(self) -> None:
        # It shares Python's lock with the thread that answers messages, which waits while this one,
        # lock in hand, waits for a core that the model burns.
        ask_for_real_time(FILES_PRIORITY)
        while True:
            try:
                timeout_s = None if self._recorder is None else _DRAIN_S
                job_id, job, mapped = self._jobs.get(timeout=timeout_s)
            except queue.Empty:
                self._guard(0, self._drain)
                continue
            if job is None:
                self._guard(0, self._end_at_once)
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
            event = FileFailed(job_id, Fault.DISK, _what_the_disk_says(error))
        except Exception as error:
            _LOG.exception("A file job failed; this is a fault of ours")
            event = FileFailed(job_id, Fault.INTERNAL, f"A fault inside the daemon: {error}.")
        if event is not None:
            self._events.put(event)
            self._wake()

    def _do(self, job_id: int, job: FileJob, mapped: "_Mapped") -> FileEvent | None:  # noqa: C901 - one case for each job
        presets = self._places.shelf(Shelf.PRESETS)
        match job:
            case ListPresets():
                return PresetsListed(job_id, presets.names())
            case ReadRig(shelf, name):
                return self._read(job_id, job, self._path(shelf, name))
            case WriteRig():
                return self._write(job_id, job, mapped)
            case DeletePreset(name):
                presets.delete(name)
                return PresetsListed(job_id, presets.names())
            case WriteCapture(name, first_frame, end_frame, tags, pair):
                recorder = self._open(name, first_frame, pair)
                path = recorder.finish(end_frame, self._signed(tags))
                return SoundWritten(job_id, str(path))
            case BeginRecording(name, first_frame, pair):
                return SoundWritten(job_id, str(self._begin(name, first_frame, pair)))
            case EndRecording(end_frame, tags):
                path = self._finish(end_frame, self._signed(tags))
                return SoundWritten(job_id, str(path))
            case ReadSound(name):
                return SoundRead(job_id, self._places.sounds.read(name))
            case HearInput(frames, end_frame):
                return SoundRead(job_id, in_memory(self._listen(end_frame, frames)))

    # ── documents ────────────────────────────────────────────────────────────
    def _path(self, shelf: Shelf, name: str) -> Path:
        if shelf is Shelf.STATES and not name:
            path = self._places.state / STATE_FILE
            if not path.is_file():
                raise CommandError(Fault.NOT_READY, "No state has been saved yet.")
            return path
        return self._places.shelf(shelf).path_of(name)

    def _read(self, job_id: int, job: ReadRig, path: Path) -> RigRead:
        filed = self._places.shelf(job.shelf).read(path)
        made: dict[str, StoredTake] = {}

        def load(take: FiledTake) -> StoredTake:
            if not take.file:
                return StoredTake(take.request)
            if take.file in made:  # the same take in a slot and in a scene
                return made[take.file]
            audio = read_sound(folder_of_takes(path) / take.file, _MAX_TAKE_FRAMES)
            memory = create_take(len(audio))
            made[take.file] = StoredTake(take.request, memory.name, memory.frames)
            memory.audio[:] = audio
            self._kept[path, memory.name] = take.file
            return made[take.file]

        try:
            document = with_takes(filed, load)
        except (AudioError, OSError):
            for loaded in made.values():
                remove_take(loaded.shm_name)
            raise
        return RigRead(job_id, job.shelf, job.name, document, self._other_model(filed))

    def _other_model(self, document: Document[FiledTake]) -> str:
        if document.model_sha256 in ("", fingerprint(self.model)):
            return ""
        return (
            f"It was made with the model {document.model!r}, and {self.model!r} is loaded: "
            "takes that were not kept with it will sound different."
        )

    def _map_takes(self, job: WriteRig) -> "_Mapped":
        """Map the takes that are not there yet, in the caller's thread: each is looked at once."""
        path = None if job.name else self._places.state / STATE_FILE
        there = set[str]() if path is None else _names_in(folder_of_takes(path))
        mapped = {}
        for name, take in {take.shm_name: take for take in takes_of(job.document)}.items():
            if path is not None and self._kept.get((path, name)) in there:
                continue
            try:
                mapped[name] = open_take(name, take.frames)
            except AudioError as error:
                _LOG.warning("A take is not saved: %s", error)
        return mapped

    def _target(self, shelf: Shelf, name: str) -> Path:
        if shelf is Shelf.STATES and self.state_refusal:
            raise CommandError(Fault.NOT_READY, self.state_refusal)
        if shelf is Shelf.STATES and not name:
            return self._places.state / STATE_FILE
        return self._places.shelf(shelf).own_path(name)

    def _write(self, job_id: int, job: WriteRig, mapped: "_Mapped") -> RigWritten:
        folder, path = self._places.shelf(job.shelf), self._target(job.shelf, job.name)

        def keep(take: StoredTake) -> FiledTake | None:
            if not job.with_takes:
                return FiledTake(take.recipe)
            memory = mapped.get(take.shm_name)
            if memory is not None and _becomes_whole(memory):
                self._kept[path, take.shm_name] = folder.keep_take(path, memory.audio)
            return FiledTake(take.recipe, self._kept.get((path, take.shm_name), ""))

        filed = replace(
            with_takes(job.document, keep),
            model=self.model,
            model_sha256=fingerprint(self.model),
        )
        folder.write(path, filed)
        live = {take.shm_name for take in takes_of(job.document)}
        self._kept = {
            key: file for key, file in self._kept.items() if key[0] != path or key[1] in live
        }
        return RigWritten(job_id, job.shelf, job.name)

    # ── sound ────────────────────────────────────────────────────────────────
    def _open(self, name: str, first_frame: int, pair: int) -> Recorder:
        ring = self._ring()
        if ring is None:
            raise CommandError(Fault.NOT_READY, "Nothing is kept of what is heard: capture_s is 0.")
        self._places.captures.mkdir(parents=True, exist_ok=True)
        return Recorder(ring, self._sound_path(name), first_frame, pair)

    def _begin(self, name: str, first_frame: int, pair: int) -> Path:
        if self._recorder is not None:
            raise CommandError(Fault.NOT_READY, "A recording is on already: stop it first.")
        self._recorder = self._open(name, first_frame, pair)
        return self._recorder.path

    def _sound_path(self, name: str) -> Path:
        name = name or time.strftime("%Y-%m-%d %H.%M.%S")
        check_name(name, "file")
        suffix = Path(name).suffix.lower()
        if suffix in OTHER_SUFFIXES:
            text = f"Recordings are {' or '.join(SUFFIXES)}, not {suffix}. Leave the ending out."
            raise CommandError(Fault.BAD_VALUE, text)
        name = (
            name.removesuffix(Path(name).suffix) + suffix
            if suffix in SUFFIXES
            else name + SUFFIXES[0]
        )
        path = self._places.captures / name
        if path.exists():
            text = f"There is a recording {name!r} already. Take another name."
            raise CommandError(Fault.BAD_VALUE, text)
        return path

    def _signed(self, tags: SoundTags) -> SoundTags:
        now = time.strftime("%Y-%m-%dT%H:%M:%S")
        return replace(tags, software=f"daw-bridge {__version__}", date=now, model=self.model)

    def _drain(self) -> None:
        if self._recorder is None:
            return
        try:
            self._recorder.drain()
        except (AudioError, OSError) as error:
            recorder, self._recorder = self._recorder, None
            why = _what_the_disk_says(error) if isinstance(error, OSError) else str(error)
            text = f"The recording has ended too early and lies in {recorder.keep()}. {why}"
            raise CommandError(Fault.DISK, text) from error

    def _finish(self, end_frame: int, tags: SoundTags | None) -> Path:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            raise CommandError(Fault.NOT_READY, "Nothing is being recorded.")
        return recorder.finish(end_frame, tags)

    def _end_at_once(self) -> None:
        ring = self._ring()
        if self._recorder is not None and ring is not None:
            self._finish(ring.end_frame, None)


_Mapped = Mapping[str, TakeBuffer]


def _names_in(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as found:
            return {one.name for one in found}
    except FileNotFoundError:
        return set()


def _becomes_whole(take: TakeBuffer) -> bool:
    """Wait for a take that is still being made; tells whether it came to its end."""
    give_up_s = time.monotonic() + _PATIENCE_S
    while not take.is_whole and time.monotonic() < give_up_s:
        time.sleep(_POLL_S)
    return take.is_whole


def _what_the_disk_says(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space" in str(error):
        return "The disk is full: make room and try again."
    return f"It could not be written or read: {error}."
