"""What the generator process tells control: facts, as frozen dataclasses.

This file knows nothing of pipes or models. Flow: generator_process.py makes them, session.py
decides what follows.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GeneratorReady:
    """A model is loaded and warm; it can make so many takes at once."""

    model: str
    load_ms: float
    at_once: int = 1


@dataclass(frozen=True, slots=True)
class TakeProgress:
    """A part of a take is made; the first one says that it was begun."""

    request_id: int
    fraction: float


@dataclass(frozen=True, slots=True)
class TakeBegun:
    """The first part of a take lies in shared memory and may be played while the rest is made.

    Its memory stays the generator's until it is whole: should it not come to its end, the name
    goes, and whoever has mapped it keeps what was made.
    """

    request_id: int
    shm_name: str
    frames: int
    seed: int


@dataclass(frozen=True, slots=True)
class TakeReady:
    """A whole take lies in shared memory, and belongs to control from now on.

    `level_db` is the root of its mean square, full scale 0; None for silence.
    """

    request_id: int
    shm_name: str
    frames: int
    seed: int
    generate_ms: float
    level_db: float | None = None


@dataclass(frozen=True, slots=True)
class TakeFailed:
    """A take will not come; the code is one of `errors.Fault`."""

    request_id: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class GeneratorDied:
    """The process has ended by itself; another one is being started."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """Another model, which was `asked` for by name or folder, plays from now on."""

    job_id: int
    asked: str
    model: str
    load_ms: float


@dataclass(frozen=True, slots=True)
class ModelRefused:
    """Another model will not play; nothing has changed."""

    job_id: int
    text: str


GeneratorEvent = (
    GeneratorReady
    | TakeProgress
    | TakeBegun
    | TakeReady
    | TakeFailed
    | GeneratorDied
    | ModelLoaded
    | ModelRefused
)
