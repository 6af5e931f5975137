"""What a session knows of presets, scenes and what was heard, as values.

Frozen, without rules (session_recall.py, session_shelf.py and session_tape.py have them). A take is
of whatever type the session has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic

from daw_bridge.arguments import Held
from daw_bridge.requests import Request
from daw_bridge.rig import Rig, TakeT
from daw_bridge.sound_tags import Credit
from daw_bridge.sounds import INPUT, Sound
from daw_bridge.table_rows import Row
from generator.api import GenerationRequest
from generator.errors import RequestError


class Origin(StrEnum):
    """Where a rig that is recalled comes from."""

    PRESET = "preset"
    SCENE = "scene"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Recall(Generic[TakeT]):
    """A rig on its way: it is heard at its quantise point, once all its takes are there.

    Attributes:
        operation_id: Its number.
        request: Who is answered when it is done, None for nobody.
        origin: Where it comes from.
        name: The preset's or state's name; of a scene its number.
        rig: All of it.
        morph_s: How long its numbers take to get there, from the point on.
        missing: Jobs of the generator for takes that are not there yet: their slots and recipes.
        due_frame: The point, once it is known.
    """

    operation_id: int
    request: Request | None
    origin: Origin
    name: str
    rig: Rig[TakeT]
    morph_s: float = 0.0
    missing: Mapping[int, tuple[int, GenerationRequest]] = field(default_factory=dict)
    due_frame: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One value that a morph leads from here to there."""

    slot: int
    row: Row
    start: Held
    end: Held


@dataclass(frozen=True, slots=True)
class Morph:
    """Values on their way, all for the same time."""

    operation_id: int
    request: Request | None
    begun_frame: int
    frames: int
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Library(Generic[TakeT]):
    """Presets and scenes.

    Attributes:
        presets: Names of all presets, in their order.
        preset: The preset that was loaded or saved last.
        wanted: The preset that is being loaded; next and prev count from it.
        scenes: Stored rigs by number.
        scene: The scene that was stored or recalled last, 0 for none.
        asked: Jobs of the file thread that somebody waits for, by number.
        recall: The rig that is being recalled.
        morph: The values that are on their way.
        revision: Grows with every change of what is kept.
        clean_revision: What it was when the preset was loaded or saved.
    """

    presets: tuple[str, ...] = ()
    preset: str = ""
    wanted: str = ""
    scenes: Mapping[int, Rig[TakeT]] = field(default_factory=dict)
    scene: int = 0
    asked: Mapping[int, Request] = field(default_factory=dict)
    recall: Recall[TakeT] | None = None
    morph: Morph | None = None
    revision: int = 0
    clean_revision: int = 0

    @property
    def is_dirty(self) -> bool:
        """Whether something has changed since the preset was loaded or saved."""
        return bool(self.preset) and self.revision != self.clean_revision

    @property
    def takes(self) -> set[TakeT]:
        """The takes that a scene or a recall cannot do without."""
        rigs = [*self.scenes.values(), *([self.recall.rig] if self.recall else [])]
        takes = (slot.take for rig in rigs for slot in rig.slots.values())
        return {take for take in takes if take is not None}

    @property
    def operations(self) -> set[int]:
        """What was asked and has not ended."""
        ended_later = (self.recall, self.morph)
        return {*self.asked, *(one.operation_id for one in ended_later if one is not None)}

    @property
    def is_moving(self) -> bool:
        """Whether it must be told how time goes."""
        return self.morph is not None or (
            self.recall is not None and self.recall.due_frame is not None
        )


@dataclass(frozen=True, slots=True)
class Sounds:
    """The sound files, and what came in at the input, that slots' takes begin from.

    Attributes:
        read: What has been read, by its name.
        unread: Why what could not be read could not, by its name.
        reading: Which name a job of the file thread reads.
        held: Requests that wait for such a job, in their order.
        hearing: For which slot a job of the file thread copies what came in at the input.
        heard: What was copied last for a slot.
        memory: Every sound that has not been given back: a take may be in the making from one.
    """

    read: Mapping[str, Sound] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    reading: Mapping[int, str] = field(default_factory=dict)
    held: tuple[tuple[int, Request], ...] = ()
    hearing: Mapping[int, int] = field(default_factory=dict)
    heard: Mapping[int, Sound] = field(default_factory=dict)
    memory: frozenset[Sound] = frozenset()

    @property
    def operations(self) -> set[int]:
        """What somebody waits for."""
        return {job_id for job_id, _ in self.held}

    def source(self, number: int, name: str) -> str:
        """The identity of a sound.

        Args:
            number: The slot that begins from it.
            name: Of its file, or INPUT.

        Returns:
            What a request may begin from.

        Raises:
            RequestError: It has not been read or heard.
        """
        if name == INPUT:
            if number in self.heard and number not in self.hearing.values():
                return self.heard[number].identity
            raise RequestError(
                f"Nothing has been taken from the input for slot {number} yet: send it /generate."
            )
        if name not in self.read:
            raise RequestError(self.unread.get(name, f"The sound {name!r} is still being read."))
        return self.read[name].identity

    def of(self, recipe: GenerationRequest) -> Sound | None:
        """The sound that a take begins from, None where it begins from none."""
        source = recipe.base.source if recipe.base is not None else ""
        return next((sound for sound in self.memory if sound.identity == source), None)


@dataclass(frozen=True, slots=True)
class Heard:
    """A take that sounds or has sounded: from a frame, and up to one once it has ended.

    `pairs` are those of the output that its slot went to meanwhile.
    """

    credit: Credit
    key: str
    take_id: int
    first_frame: int
    end_frame: int | None = None
    pairs: frozenset[int] = frozenset({1})


@dataclass(frozen=True, slots=True)
class Tape:
    """What was heard lately, and whether it is being written down.

    Attributes:
        kept_frames: How far back what was heard can be had.
        heard: What sounded in that time, and since a recording began.
        first_frame: Where the recording began, None for no recording.
        pair: Which pair of the output it is of.
    """

    kept_frames: int = 0
    heard: tuple[Heard, ...] = ()
    first_frame: int | None = None
    pair: int = 1

    @property
    def is_recording(self) -> bool:
        """Whether a recording is on."""
        return self.first_frame is not None
