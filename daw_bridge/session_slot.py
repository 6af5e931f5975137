"""One slot of a session as values: what was set, the takes that it has, what it is about to do.

Everything here is frozen: it can be held, compared and passed. It does not decide anything
(session.py does) and knows neither addresses nor sockets nor processes.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from daw_bridge import audio_commands as audio
from daw_bridge.requests import Request
from generator.api import GenerationRequest


@dataclass(frozen=True, slots=True)
class Take:
    """A take in shared memory, which may still be made to its end, and the words that made it."""

    take_id: int
    shm_name: str
    frames: int
    seed: int
    recipe: GenerationRequest

    def __hash__(self) -> int:
        """Its number: no two takes have one, and recipes are long."""
        return self.take_id


class Purpose(StrEnum):
    """What a take is made for: because it was asked for, ahead for a fresh pad, or to follow."""

    ASKED = "asked"
    SPARE = "spare"
    NEXT = "next"


@dataclass(frozen=True, slots=True)
class Cue:
    """The wish to play: at the quantise point after `due_frame` (NOW for none).

    `request` is answered when the sound starts, where it asked for an answer. `note` is the MIDI
    note that is played, -1 for none; a note does not wait for the quantise point if `is_at_once`.
    What nobody asked for because it follows of itself is marked by `is_own`.
    """

    operation_id: int
    velocity: float
    due_frame: int
    request: Request | None = None
    note: int = -1
    is_at_once: bool = False
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A generation on its way.

    `take` is set as soon as a part of it can be played, `generate_ms` when it is made to its end;
    it has ended well when it `is_installed` besides.
    """

    job_id: int
    request: Request | None
    recipe: GenerationRequest
    purpose: Purpose = Purpose.ASKED
    is_begun: bool = False
    cue: Cue | None = None
    take: Take | None = None
    generate_ms: float | None = None
    is_installed: bool = False

    @property
    def is_ahead(self) -> bool:
        """Whether nobody waits for it before it is whole."""
        return self.request is None and (self.cue is None or self.cue.is_own)


@dataclass(frozen=True, slots=True)
class Armed:
    """A play that the audio process was sent and has not started yet."""

    cue: Cue
    take: Take
    play: audio.Play

    @property
    def loop(self) -> bool:
        """Whether it goes round until it is stopped."""
        return self.play.loop


@dataclass(frozen=True, slots=True)
class Voice:
    """A sound that is heard: the play that began it, and the frame at which that was.

    `velocity` is what was asked for; the play's own brings a stream's take to the level of others.
    """

    take: Take
    play: audio.Play
    start_frame: int
    is_fading: bool = False
    velocity: float = 1.0

    @property
    def voice_id(self) -> int:
        """Its number."""
        return self.play.play_id

    @property
    def loop(self) -> bool:
        """Whether it goes round until it is stopped."""
        return self.play.loop

    @property
    def is_endless(self) -> bool:
        """Whether it goes on until it is stopped, round and round or by beginning anew."""
        return self.play.loop or self.play.repeats

    @property
    def zero_frame(self) -> int:
        """Where the first frame of the take is, or would have been, for one at its own speed."""
        return self.start_frame - self.play.offset_frames

    def next_end(self, frame: int) -> int:
        """The first end of a round of the take, from a frame on; for a take at its own speed."""
        rounds = max(1, -(-(frame - self.zero_frame) // self.take.frames))
        return self.zero_frame + rounds * self.take.frames

    def position(self, frame: int) -> float:
        """How far in the take a frame is, from 0 to 1."""
        passed = (frame - self.start_frame) * self.play.speed + self.play.offset_frames
        share = max(0.0, passed / self.take.frames)
        return share % 1.0 if self.loop else min(share, 1.0)


@dataclass(frozen=True)  # copied with every note: replacing.py
class SlotState:
    """One slot: what was set, what it has, what it is doing."""

    prompt: str = ""
    text_2: str = ""
    text_3: str = ""
    text_4: str = ""
    weight_1: float = 1.0
    weight_2: float = 0.0
    weight_3: float = 0.0
    weight_4: float = 0.0
    seed: int = -1
    seed_lock: bool = False
    variation: float = 0.0
    duration_s: float = 2.0
    bars: int = 0
    key: str = ""
    steps: int = 1
    mode: str = "oneshot"
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    choke: int = 0
    out: int = 1
    crossfade_ms: float = 10.0
    root: int = 60
    send_delay_db: float = -math.inf
    send_reverb_db: float = -math.inf
    send_chorus_db: float = -math.inf
    fresh: bool = False
    init: str = ""
    init_strength: float = 0.5
    shown_seed: int = -1
    take: Take | None = None
    history: tuple[Take, ...] = ()
    marked: frozenset[int] = frozenset()
    heard: int = 0
    spares: tuple[Take, ...] = ()
    hungry: Cue | None = None
    bend_frame: int | None = None
    job: Job | None = None
    armed: tuple[Armed, ...] = ()
    voices: tuple[Voice, ...] = ()
    has_failed: bool = False

    @property
    def state(self) -> str:
        """What the slot is doing, in one word; what sounds is named first."""
        words = (
            ("armed", any(not armed.cue.is_own for armed in self.armed)),
            ("fading", self.is_fading),
            ("playing", self.voices),
            ("generating", self.job and self.job.is_begun and self.job.request),
            ("queued", self.job and self.job.request),
            ("error", self.has_failed),
            ("ready", self.take),
        )
        return next((word for word, holds in words if holds), "empty")

    @property
    def is_looping(self) -> bool:
        """Whether a loop sounds, or is about to, and was not told to end."""
        about_to = any(armed.loop for armed in self.armed)
        return about_to or any(one.is_endless and not one.is_fading for one in self.voices)

    @property
    def is_fading(self) -> bool:
        """Whether all that sounds was told to end."""
        return bool(self.voices) and all(voice.is_fading for voice in self.voices)

    @property
    def operations(self) -> set[int]:
        """What was asked of the slot and has not ended."""
        found = {armed.cue.operation_id for armed in self.armed if not armed.cue.is_own}
        if self.job is not None and self.job.request is not None:
            found.add(self.job.job_id)
        for cue in (self.job.cue if self.job else None, self.hungry):
            if cue is not None and not cue.is_own:
                found.add(cue.operation_id)
        return found

    @property
    def takes(self) -> set[Take]:
        """The takes that the slot cannot do without."""
        held = {voice.take for voice in self.voices} | {armed.take for armed in self.armed}
        last = (self.take, self.job.take if self.job else None, *self.history, *self.spares)
        return held | {take for take in last if take is not None}
