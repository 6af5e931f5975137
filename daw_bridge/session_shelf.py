"""The rules of presets, scenes and states: what is stored and fetched, and who is answered.

Pure. Files are asked for by jobs and heard of by events; a scene needs none. What is loaded goes
the way of session_recall.py.
"""

from collections.abc import Sequence

from daw_bridge.errors import Fault
from daw_bridge.file_jobs import (
    DeletePreset,
    FileEvent,
    FileFailed,
    FileJob,
    ListPresets,
    PresetsListed,
    ReadRig,
    RigRead,
    RigWritten,
    Shelf,
    SoundWritten,
    StoredTake,
    WriteRig,
)
from daw_bridge.osc import TaggedValue
from daw_bridge.presets import Document, takes_of, with_takes
from daw_bridge.replacing import replace
from daw_bridge.requests import (
    AskPresets,
    ErasePreset,
    LibraryCommand,
    LoadPreset,
    LoadState,
    NextPreset,
    PreviousPreset,
    RecallScene,
    Request,
    SavePreset,
    SaveState,
    StoreScene,
)
from daw_bridge.rig import Rig
from daw_bridge.session_decision import DoFiles, FreeTake, Reply
from daw_bridge.session_kept import snapshot
from daw_bridge.session_library import Origin, Recall
from daw_bridge.session_recall import Recalling
from daw_bridge.session_slot import Take
from daw_bridge.session_state import SessionState
from generator.errors import RequestError

# What fits into one packet beside the address.
_LIST_BYTES = 1200
_ORIGINS = {Shelf.PRESETS: Origin.PRESET, Shelf.STATES: Origin.STATE}


def stored(take: Take) -> StoredTake:
    """A take as the file thread knows it."""
    return StoredTake(take.recipe, take.shm_name, take.frames)


def state_document(state: SessionState) -> Document[StoredTake]:
    """Everything that is kept between runs: the rig, the scenes, and which preset it was."""
    library = state.library
    document = Document(
        snapshot(state),
        library.scenes,
        preset=library.preset,
        preset_dirty=library.is_dirty,
    )
    return with_takes(document, stored)


class Shelving(Recalling):
    """A turn with the rules of presets, scenes and states."""

    def obey_library(self, request: Request, command: LibraryCommand) -> None:  # noqa: C901 - one case for each command
        """Obey a command about presets, scenes or states."""
        match command:
            case AskPresets():
                self.ask_files(request, ListPresets())
            case LoadPreset(int(number)):
                self._load_numbered(request, number)
            case LoadPreset(str(name)):
                self._load_preset(request, name)
            case NextPreset():
                self._step(request, 1)
            case PreviousPreset():
                self._step(request, -1)
            case SavePreset(name, takes):
                self._save_preset(request, name, with_takes_too=takes)
            case ErasePreset(name):
                self.ask_files(request, DeletePreset(name))
            case StoreScene(scene):
                scenes = {**self.library.scenes, scene: snapshot(self.state)}
                self.keep_library(replace(self.library, scenes=scenes, scene=scene))
                self.done(request)
            case RecallScene(scene, morph_s):
                self._recall_scene(request, scene, morph_s)
            case SaveState(name):
                self.ask_files(request, WriteRig(Shelf.STATES, name, state_document(self.state)))
            case LoadState(name):
                self.ask_files(request, ReadRig(Shelf.STATES, name))

    def ask_files(self, request: Request, job: FileJob) -> None:
        """Hand a job to the file thread, and keep in mind who waits for it."""
        job_id = self.new_id()
        asked = {**self.library.asked, job_id: request}
        self.keep_library(replace(self.library, asked=asked))
        self.actions.append(DoFiles(job_id, job))

    # ── presets ──────────────────────────────────────────────────────────────
    def _load_preset(self, request: Request, name: str) -> None:
        self.keep_library(replace(self.library, wanted=name))
        self.ask_files(request, ReadRig(Shelf.PRESETS, name))

    def _load_numbered(self, request: Request, number: int) -> None:
        names = self.library.presets
        if 1 <= number <= len(names):
            self._load_preset(request, names[number - 1])
        else:
            text = f"There is no preset {number}: they are numbered from 1 to {len(names)}."
            self.fail(request, Fault.BAD_VALUE, text)

    def _step(self, request: Request, step: int) -> None:
        names, here = self.library.presets, self.library.wanted or self.library.preset
        if not names:
            self.fail(request, Fault.NOT_READY, "There are no presets.")
        elif here in names:
            self._load_preset(request, names[(names.index(here) + step) % len(names)])
        else:
            self._load_preset(request, names[0 if step > 0 else -1])

    def _save_preset(self, request: Request, name: str, *, with_takes_too: bool) -> None:
        rig = snapshot(self.state)
        slots = {number: replace(slot, plays=False) for number, slot in rig.slots.items()}
        document = with_takes(Document(replace(rig, slots=slots)), stored)
        self.ask_files(request, WriteRig(Shelf.PRESETS, name, document, with_takes_too))

    # ── scenes ───────────────────────────────────────────────────────────────
    def _recall_scene(self, request: Request, scene: int, morph_s: float) -> None:
        rig = self.library.scenes.get(scene)
        if rig is None:
            known = ", ".join(map(str, sorted(self.library.scenes))) or "none"
            text = f"Scene {scene} is empty; stored are: {known}. First send it /store."
            self.fail(request, Fault.NOT_READY, text)
            return
        recall = Recall(self.new_id(), request, Origin.SCENE, str(scene), rig, morph_s)
        self.recall(recall, {})

    # ── what the files say ───────────────────────────────────────────────────
    def hear_files(self, event: FileEvent) -> None:
        """Take note of what the file thread has done, and answer."""
        request = self.library.asked.get(event.job_id)
        left = {job: one for job, one in self.library.asked.items() if job != event.job_id}
        if request is not None:
            self.keep_library(replace(self.library, asked=left))
        match event:
            case PresetsListed(_, names):
                self._presets_listed(request, names)
            case RigRead():
                self._rig_read(request, event)
            case RigWritten(_, shelf, name):
                self._rig_written(request, shelf, name)
            case SoundWritten(_, path) if request is not None:
                self.done(request, ("s", path))
            case FileFailed(_, code, text):
                self._files_failed(request, code, text)

    def _presets_listed(self, request: Request | None, names: tuple[str, ...]) -> None:
        self.keep_library(replace(self.library, presets=names))
        if request is not None and isinstance(request.command, AskPresets):
            self._answer_list(request, names)
        elif request is not None:
            self.done(request)

    def _files_failed(self, request: Request | None, code: int, text: str) -> None:
        self.keep_library(replace(self.library, wanted=""))
        if request is not None:
            self.fail(request, code, text)

    def _answer_list(self, request: Request, names: Sequence[str]) -> None:
        room, chunk = _LIST_BYTES, list[TaggedValue]()
        for name in names:
            size = len(name.encode()) + 5
            if chunk and size > room:
                self.actions.append(Reply(request.client, request.address, tuple(chunk)))
                room, chunk = _LIST_BYTES, []
            room -= size
            chunk.append(("s", name))
        if chunk:
            self.actions.append(Reply(request.client, request.address, tuple(chunk)))
        self.done(request, ("i", len(names)))

    def _rig_written(self, request: Request | None, shelf: Shelf, name: str) -> None:
        if shelf is Shelf.PRESETS:
            self.keep_library(replace(self.library, preset=name))
            self.is_clean = True
            self.actions.append(DoFiles(self.new_id(), ListPresets()))
        if request is not None:
            self.done(request, ("s", name))

    def _rig_read(self, request: Request | None, event: RigRead) -> None:
        refusal = self._too_many_slots(event.document)
        try:
            recipes = self.recipes(event.document.rig)
        except RequestError as error:
            refusal = str(error)
        if request is None or refusal:
            self._refuse(request, event.document, refusal)
            return
        document = self._adopted(event.document)
        if event.shelf is Shelf.STATES:
            self.keep_library(replace(self.library, scenes=document.scenes))
        origin = _ORIGINS[event.shelf]
        # The number stays the same, so that a /sync goes on waiting.
        self.recall(Recall(event.job_id, request, origin, event.name, document.rig), recipes)

    def _too_many_slots(self, document: Document[StoredTake]) -> str:
        rigs = (document.rig, *document.scenes.values())
        last, here = max((n for rig in rigs for n in rig.slots), default=0), len(self.state.slots)
        if last <= here:
            return ""
        return f"It uses slot {last}, and there are {here}: start the daemon with slots = {last}."

    def _refuse(self, request: Request | None, document: Document[StoredTake], text: str) -> None:
        """Refuse a document, and give the memory of its takes back."""
        for name in sorted({take.shm_name for take in takes_of(document)} - {""}):
            self.actions.append(FreeTake(name))
        self.keep_library(replace(self.library, wanted=""))
        if request is not None:
            self.fail(request, Fault.BAD_VALUE, text)

    def _adopted(self, document: Document[StoredTake]) -> Document[Take]:
        """The document with its takes in the session's keeping."""
        known: dict[str, Take] = {}

        def adopted(take: StoredTake) -> Take | None:
            if take.shm_name and take.shm_name not in known:
                number, recipe = self.state.takes_made + 1, take.recipe
                made = (take.shm_name, take.frames, recipe.seed, recipe)
                known[take.shm_name] = self.adopt(Take(number, *made))
            return known.get(take.shm_name)

        return with_takes(document, adopted)

    def restore(self, document: Document[StoredTake]) -> None:
        """Begin where the last run ended, without a sound; slots that are no more are left out."""
        kept, here = self._adopted(document), len(self.state.slots)

        def quiet(rig: Rig[Take], *, keeps_playing: bool) -> Rig[Take]:
            slots = {
                number: replace(slot, plays=slot.plays and keeps_playing)
                for number, slot in rig.slots.items()
                if number <= here
            }
            return replace(rig, slots=slots)

        scenes = {number: quiet(rig, keeps_playing=True) for number, rig in kept.scenes.items()}
        self.keep_library(replace(self.library, scenes=scenes, preset=document.preset))
        self.is_clean = bool(document.preset) and not document.preset_dirty
        rig = quiet(kept.rig, keeps_playing=False)
        self.carry_out(Recall(self.new_id(), None, Origin.STATE, "", rig), self.moment.frame)
