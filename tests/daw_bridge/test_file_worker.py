"""Laws of the file thread: each job has one answer, sounds are exact, nothing leaves its place."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.capture_ring import CaptureReader, CaptureWriter, create_capture_block
from daw_bridge.errors import AudioError, Fault
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
    RigRead,
    RigWritten,
    Shelf,
    SoundRead,
    SoundWritten,
    StoredTake,
    WriteCapture,
    WriteRig,
)
from daw_bridge.file_places import FilePlaces
from daw_bridge.file_worker import FileWorker
from daw_bridge.presets import Document
from daw_bridge.rig import Rig, SlotRig
from daw_bridge.shared_memory import remove_block
from daw_bridge.sound_tags import Credit, SoundTags
from daw_bridge.takes import create_take, open_take, remove_take
from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest, sound_identity

RING_FRAMES = 4 * SAMPLE_RATE_HZ
KICK = GenerationRequest("kick", 7)
TAGS = SoundTags("", "", "", 120.0, credits=(Credit(1, "kick", 7),))


@dataclass
class Desk:
    """A worker with a ring of numbered frames, and what it said."""

    folder: Path
    woken: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        block = create_capture_block(RING_FRAMES)
        remove_block(block.name)
        self.writer = CaptureWriter(block, RING_FRAMES)
        self.ring: CaptureReader | None = CaptureReader(block, RING_FRAMES)
        places = FilePlaces(self.folder / "state", self.folder / "shipped")
        self.captures = places.captures
        self.worker = FileWorker(places, lambda: self.ring, self.listen, self.woken.set)
        self.worker.start()
        self.heard = 0
        self.jobs = 0

    def listen(self, end_frame: int | None, frames: int) -> FloatArray:
        """Give what came in up to a frame, which tells that frame; before 0 nothing did."""
        if end_frame is None:
            raise AudioError("It was silent.")
        return np.full((frames, 2), end_frame, np.float32)

    def hear(self, frames: int) -> None:
        """Have frames that tell their own numbers be heard."""
        for first in range(self.heard, self.heard + frames, SAMPLE_RATE_HZ):
            end = min(first + SAMPLE_RATE_HZ, self.heard + frames)
            numbers = np.arange(first, end, dtype=np.float32) / 2**20
            self.writer.write(first, np.stack([numbers, -numbers], axis=1))
        self.heard += frames

    def do(self, job: FileJob) -> FileEvent:
        self.jobs += 1
        self.worker.submit(self.jobs, job)
        event = self.wait()
        assert event.job_id == self.jobs
        return event

    def wait(self) -> FileEvent:
        assert self.woken.wait(10.0)
        self.woken.clear()
        (event,) = self.worker.poll()
        return event

    def fail(self, job: FileJob) -> FileFailed:
        event = self.do(job)
        assert isinstance(event, FileFailed)
        return event

    def sound(self, event: FileEvent) -> FloatArray:
        """The numbers of the frames in the file that was written [frames]."""
        assert isinstance(event, SoundWritten), event
        audio, _ = soundfile.read(event.path, dtype="float32")
        numbers: FloatArray = np.rint(audio[:, 0] * 2**20)
        return numbers


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path)
    yield one
    one.worker.close(timeout_s=5.0)


def rig_of(take: StoredTake | None) -> Document[StoredTake]:
    return Document(Rig({"tempo_bpm": 99.0}, {2: SlotRig({"prompt": "kick"}, take)}))


def make_take() -> tuple[StoredTake, FloatArray]:
    memory = create_take(5000)
    memory.audio[:] = np.random.default_rng(1).uniform(-1.0, 1.0, (5000, 2))
    return StoredTake(KICK, memory.name, 5000), memory.audio.copy()


@pytest.mark.parametrize("shelf", Shelf)
def test_a_rig_is_read_again_with_its_takes(desk: Desk, shelf: Shelf) -> None:
    take, audio = make_take()
    desk.jobs += 1
    desk.worker.submit(desk.jobs, WriteRig(shelf, "one", rig_of(take)))
    remove_take(take.shm_name)  # freed while the thread may not have begun
    assert desk.wait() == RigWritten(1, shelf, "one")
    read = desk.do(ReadRig(shelf, "one"))
    assert isinstance(read, RigRead)
    loaded = read.document.rig.slots[2].take
    assert loaded is not None
    assert (loaded.recipe, loaded.frames) == (KICK, 5000)
    atol = 0.0 if shelf is Shelf.STATES else 2.0**-23
    again = open_take(loaded.shm_name, 5000).audio
    np.testing.assert_allclose(again, audio, rtol=0.0, atol=atol)
    remove_take(loaded.shm_name)


def test_a_take_that_is_being_made_is_kept_once_it_is_whole(desk: Desk) -> None:
    memory = create_take(5000)
    audio = np.random.default_rng(2).uniform(-1.0, 1.0, (5000, 2)).astype(np.float32)
    memory.await_frames()
    memory.append(audio[:1000])
    desk.jobs += 1
    take = StoredTake(KICK, memory.name, 5000)
    desk.worker.submit(desk.jobs, WriteRig(Shelf.STATES, "", rig_of(take)))
    memory.append(audio[1000:])
    assert isinstance(desk.wait(), RigWritten)
    remove_take(memory.name)
    (file,) = (desk.folder / "state" / "session").iterdir()
    np.testing.assert_array_equal(soundfile.read(file, dtype="float32")[0], audio)


def test_a_preset_without_takes_tells_how_they_are_made(desk: Desk) -> None:
    take, _ = make_take()
    desk.do(WriteRig(Shelf.PRESETS, "one", rig_of(take), with_takes=False))
    remove_take(take.shm_name)
    read = desk.do(ReadRig(Shelf.PRESETS, "one"))
    assert isinstance(read, RigRead)
    assert read.document.rig.slots[2].take == StoredTake(KICK)


def test_an_autosave_writes_only_what_is_new_and_is_what_the_next_start_reads(desk: Desk) -> None:
    take, audio = make_take()
    assert isinstance(desk.do(WriteRig(Shelf.STATES, "", rig_of(take))), RigWritten)
    (file,) = (desk.folder / "state" / "session").iterdir()
    before = file.stat().st_mtime_ns
    remove_take(take.shm_name)  # it is on the disk, so its memory is not needed again
    assert isinstance(desk.do(WriteRig(Shelf.STATES, "", rig_of(take))), RigWritten)
    assert file.stat().st_mtime_ns == before
    read = desk.worker.restore(desk.folder / "state" / "session.toml")
    loaded = read.document.rig.slots[2].take
    assert loaded is not None
    np.testing.assert_array_equal(open_take(loaded.shm_name, 5000).audio, audio)
    remove_take(loaded.shm_name)


def test_a_take_that_cannot_be_read_leaves_nothing_in_memory(desk: Desk) -> None:
    take, _ = make_take()
    desk.do(WriteRig(Shelf.PRESETS, "one", rig_of(take)))
    remove_take(take.shm_name)
    (file,) = (desk.folder / "state" / "presets" / "one").iterdir()
    file.write_bytes(b"no sound")
    assert file.name in desk.fail(ReadRig(Shelf.PRESETS, "one")).text


def test_presets_are_listed_and_deleted(desk: Desk) -> None:
    desk.do(WriteRig(Shelf.PRESETS, "b", rig_of(None)))
    desk.do(WriteRig(Shelf.PRESETS, "A", rig_of(None)))
    assert desk.do(ListPresets()) == PresetsListed(3, ("A", "b"))
    assert desk.do(DeletePreset("A")) == PresetsListed(4, ("b",))
    assert "no preset 'A'" in desk.fail(DeletePreset("A")).text


def test_a_capture_is_exact_and_tells_what_it_is(desk: Desk) -> None:
    desk.worker.model = "house"
    desk.hear(3 * SAMPLE_RATE_HZ)
    event = desk.do(WriteCapture("take one", 1000, 101_000, TAGS))
    np.testing.assert_array_equal(desk.sound(event), np.arange(1000, 101_000))
    assert isinstance(event, SoundWritten)
    assert event.path == str(desk.captures / "take one.wav")
    with soundfile.SoundFile(event.path) as file:
        assert file.title == "kick"
        assert "model house" in file.comment


def test_a_capture_waits_for_its_last_frame(desk: Desk) -> None:
    desk.hear(1000)
    desk.jobs += 1
    desk.worker.submit(desk.jobs, WriteCapture("a.flac", 500, 2000, TAGS))
    desk.hear(2000)
    assert len(desk.sound(desk.wait())) == 1500


def test_a_recording_has_every_frame_and_no_other(desk: Desk) -> None:
    desk.hear(700)
    assert isinstance(desk.do(BeginRecording("long", 300)), SoundWritten)
    for _ in range(5):
        desk.hear(10_000)
    assert "already" in desk.fail(BeginRecording("other", 300)).text
    event = desk.do(EndRecording(50_123, TAGS))
    np.testing.assert_array_equal(desk.sound(event), np.arange(300, 50_123))
    assert "Nothing is being recorded" in desk.fail(EndRecording(60_000, TAGS)).text


def test_a_recording_that_is_on_when_the_daemon_ends_is_kept(desk: Desk) -> None:
    desk.do(BeginRecording("last", 0))
    desk.hear(9000)
    desk.worker.close(timeout_s=5.0)
    audio, _ = soundfile.read(desk.captures / "last.wav")
    assert len(audio) == 9000


def test_a_recording_that_fell_behind_is_kept_as_far_as_it_goes(desk: Desk) -> None:
    desk.do(BeginRecording("late", 0))
    desk.hear(RING_FRAMES * 2)  # more at once than the ring can hold
    event = desk.wait()
    assert isinstance(event, FileFailed)
    assert (event.job_id, event.code) == (0, Fault.DISK)
    assert "late.wav" in event.text
    assert (desk.captures / "late.wav").exists()


@pytest.mark.parametrize("name", ["../x", "/root/x", "a/b.wav", ".x"])
def test_no_recording_leaves_its_folder(desk: Desk, name: str) -> None:
    desk.hear(1000)
    for job in (WriteCapture(name, 0, 10, TAGS), BeginRecording(name, 0)):
        assert "cannot be used" in desk.fail(job).text


def test_what_is_gone_stands_still_or_is_there_already_is_refused(desk: Desk) -> None:
    desk.hear(RING_FRAMES + 1000)
    assert "is gone" in desk.fail(WriteCapture("a", 0, 100, TAGS)).text
    assert list(desk.captures.iterdir()) == []
    assert "stands still" in desk.fail(WriteCapture("a", 5000, desk.heard + 1, TAGS)).text
    desk.do(WriteCapture("a", 5000, 6000, TAGS))
    assert "already" in desk.fail(WriteCapture("a", 5000, 6000, TAGS)).text
    desk.ring = None
    assert desk.fail(WriteCapture("b", 0, 100, TAGS)).code == Fault.NOT_READY


def test_a_disk_that_refuses_is_told_and_the_thread_goes_on(desk: Desk) -> None:
    (desk.folder / "state" / "presets").mkdir(parents=True)
    (desk.folder / "state" / "captures").write_text("in the way")
    desk.hear(1000)
    event = desk.fail(WriteCapture("a", 0, 100, TAGS))
    assert event.code == Fault.DISK
    assert isinstance(desk.do(ListPresets()), PresetsListed)


def test_what_came_in_is_a_sound_in_shared_memory(desk: Desk) -> None:
    event = desk.do(HearInput(1000, 7))
    assert isinstance(event, SoundRead)
    sound = event.sound
    audio = open_take(sound.shm_name, sound.frames).audio
    remove_take(sound.shm_name)
    assert audio.shape == (1000, 2)
    assert (audio == 7.0).all()
    assert sound.identity == sound_identity(audio)
    assert desk.fail(HearInput(1000)).text == "It was silent."
