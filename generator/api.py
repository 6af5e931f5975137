"""What a generator is: the request, the clip and the protocol.

Everybody may import this file; of others it imports only numpy. It does not know how audio is made,
which checkpoint makes it, or who asked. Flow: a `GenerationRequest` goes into `Generator.stream`,
chunks of float32 stereo come out, and `collect_clip` joins them into an `AudioClip`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from generator.errors import GeneratorError, RequestError
from generator.keys import parse_key

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

SAMPLE_RATE_HZ = 44_100
CHANNELS = 2
LATENT_HOP_FRAMES = 4096
MIN_SECONDS = 0.1
MAX_SECONDS = 24.0
MAX_SEED = 2**31 - 1
MAX_STEPS = 8
LEAST_LOOP_STEPS = 2
MAX_PROMPT_BYTES = 2000
MIN_TEMPO_BPM = 20.0
MAX_TEMPO_BPM = 999.0
MAX_BARS = 64
MAX_BEATS_PER_BAR = 16
MIN_CHANGE = 0.01
MAX_KEPT_STRETCHES = 16
MAX_BLEND = 4
MIN_RMS_DBFS = -60.0
MAX_RMS_DBFS = -12.0
IDENTITY_DIGITS = 32
MAX_SOUNDS = 16
MAX_AT_ONCE = 8


def _check_integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestError(f"The {name} is {value!r}; give a whole number from {low} to {high}.")
    if not low <= value <= high:
        raise RequestError(f"The {name} is {value}; it must be from {low} to {high}.")


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestError(f"The {name} is {value!r}; give a number from {low:g} to {high:g}.")
    if not low <= value <= high:
        raise RequestError(f"The {name} is {value:g}; it must be from {low:g} to {high:g}.")


def _check_identity(name: str, value: object) -> None:
    if not (isinstance(value, str) and len(value) == IDENTITY_DIGITS):
        raise RequestError(
            f"The {name} is {value!r}; give the identity of a take, {IDENTITY_DIGITS} digits."
        )


def _check_prompt(prompt: object) -> None:
    if not isinstance(prompt, str):
        raise RequestError(f"The prompt is a {type(prompt).__name__}; give words in a string.")
    try:
        length_bytes = len(prompt.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise RequestError("The prompt holds broken characters; give plain UTF-8 text.") from error
    if length_bytes > MAX_PROMPT_BYTES:
        raise RequestError(
            f"The prompt is {length_bytes} bytes long; at most {MAX_PROMPT_BYTES} are read. "
            "Describe the sound in a sentence or two."
        )


def steps_to_play(steps: int, *, loop: bool) -> int:
    """Return in how many steps an instrument makes a take for which so many are asked.

    A loop, which waits for its bar anyway, has at least two: its onsets are nearer to the grid.

    >>> steps_to_play(1, loop=False), steps_to_play(1, loop=True), steps_to_play(4, loop=True)
    (1, 2, 4)
    """
    return max(steps, LEAST_LOOP_STEPS) if loop else steps


@dataclass(frozen=True, slots=True)
class Base:
    """What a new take is made from: a variation, an in-painting, an extension.

    Attributes:
        source: The `identity` of the request that made it, or the `sound_identity` of a sound that
            the generator was given to `hear`; both begin at the same moment.
        change: How new the rest is: at 1 nothing of the source is heard outside of `keep_s`, less
            is a variation, 0.1 a faint one.
        keep_s: Stretches of the new take, (start, stop) in seconds, that stay as they are in the
            source; whole latent frames (93 ms) are kept. (0, length of the source) and a longer
            new take extend the source.

    Raises:
        RequestError: A value is of the wrong kind or out of range.
    """

    source: str
    change: float = 1.0
    keep_s: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        _check_identity("source of the base", self.source)
        _check_number("change", self.change, MIN_CHANGE, 1.0)
        if len(self.keep_s) > MAX_KEPT_STRETCHES:
            raise RequestError(
                f"{len(self.keep_s)} stretches are to be kept; give at most {MAX_KEPT_STRETCHES}."
            )
        for start_s, stop_s in self.keep_s:
            _check_number("start of a kept stretch in seconds", start_s, 0.0, MAX_SECONDS)
            _check_number("end of a kept stretch in seconds", stop_s, start_s, MAX_SECONDS)
        kept_s = tuple((float(start_s), float(stop_s)) for start_s, stop_s in self.keep_s)
        object.__setattr__(self, "keep_s", kept_s)
        object.__setattr__(self, "change", float(self.change))


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One sound to make: what it is, how long it lasts, which of its many takes is meant.

    `bars` decides the length where it is given (with `tempo_bpm`); otherwise `seconds` does. An
    open take (`is_open`) has whole latent frames and no faded end, because another take may follow
    it (`follows`, its `identity`): the first frame of that one is the next after its last, without
    a seam, at the same level. Words, key and seed may differ from take to take.

    `blend`, where it is given, has words and their weights, which are mixed in place of the prompt.
    `variation` leads the noise from the seed's own (0) to that of `variation_seed` (1).

    `rms_dbfs`, where it is given, is the root mean square that a loop is brought to, its peaks held
    below full scale; otherwise its peak decides about its level.

    Raises:
        RequestError: A value is of the wrong kind or out of range; the text says what is allowed.
    """

    prompt: str
    seed: int
    seconds: float = 2.0
    steps: int = 1
    tempo_bpm: float | None = None
    bars: int | None = None
    beats_per_bar: int = 4
    key: str | None = None
    loop: bool = False
    base: Base | None = None
    follows: str = ""
    is_open: bool = False
    blend: tuple[tuple[str, float], ...] = ()
    variation: float = 0.0
    variation_seed: int = 0
    rms_dbfs: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no generator could make and bring the key into its one spelling."""
        _check_prompt(self.prompt)
        self._check_blend()
        _check_number("variation", self.variation, 0.0, 1.0)
        _check_integer("seed of the variation", self.variation_seed, 0, MAX_SEED)
        _check_integer("seed", self.seed, 0, MAX_SEED)
        _check_integer("number of steps", self.steps, 1, MAX_STEPS)
        _check_integer("number of beats per bar", self.beats_per_bar, 1, MAX_BEATS_PER_BAR)
        _check_number("length in seconds", self.seconds, MIN_SECONDS, MAX_SECONDS)
        if self.tempo_bpm is not None:
            _check_number("tempo in bpm", self.tempo_bpm, MIN_TEMPO_BPM, MAX_TEMPO_BPM)
        for name, switch in (("loop", self.loop), ("open", self.is_open)):
            if not isinstance(switch, bool):
                raise RequestError(f"The {name} switch is {switch!r}; give true or false.")
        self._check_origin()
        if self.bars is not None:
            self._check_bars(self.bars)
        if self.key is not None:
            if not isinstance(self.key, str):
                raise RequestError(f'The key is {self.key!r}; give a name such as "F#m".')
            object.__setattr__(self, "key", parse_key(self.key))
        object.__setattr__(self, "seconds", float(self.seconds))
        self._check_loudness()
        if self.tempo_bpm is not None:
            object.__setattr__(self, "tempo_bpm", float(self.tempo_bpm))

    def _check_blend(self) -> None:
        if len(self.blend) > MAX_BLEND:
            raise RequestError(f"{len(self.blend)} prompts are blended; give at most {MAX_BLEND}.")
        for prompt, weight in self.blend:
            _check_prompt(prompt)
            _check_number("weight of a prompt", weight, 0.0, 1.0)
        if self.blend and not any(weight for _, weight in self.blend):
            raise RequestError("No prompt has a weight; give one at least more than 0.")
        # As it comes out of JSON, so that equal requests have one identity.
        blend = tuple((prompt, float(weight)) for prompt, weight in self.blend)
        object.__setattr__(self, "blend", blend)
        object.__setattr__(self, "variation", float(self.variation))

    def _check_loudness(self) -> None:
        if self.rms_dbfs is None:
            return
        _check_number("loudness in dBFS", self.rms_dbfs, MIN_RMS_DBFS, MAX_RMS_DBFS)
        object.__setattr__(self, "rms_dbfs", float(self.rms_dbfs))
        if not self.loop:
            raise RequestError(
                "A loudness is given for what is no loop: other takes begin to play before their "
                "end is made. Make it a loop, or leave its loudness to its peak."
            )

    def _check_origin(self) -> None:
        if self.follows:
            _check_identity("take to follow", self.follows)
        if self.follows and self.base is not None:
            raise RequestError("A take either follows another or has a base; give one of them.")
        if self.loop and (self.follows or self.is_open):
            raise RequestError("A loop runs into itself: it neither follows nor stays open.")

    def _check_bars(self, bars: int) -> None:
        _check_integer("number of bars", bars, 1, MAX_BARS)
        if self.tempo_bpm is None:
            raise RequestError("A length in bars needs a tempo; give tempo_bpm as well.")
        if not MIN_SECONDS <= self.duration_s <= MAX_SECONDS:
            raise RequestError(
                f"{bars} bars at {self.tempo_bpm:g} bpm last {self.duration_s:.2f} seconds; a take "
                f"may last {MIN_SECONDS:g} to {MAX_SECONDS:g}. Ask for fewer bars."
            )

    @property
    def frames(self) -> int:
        """The exact length of the take in frames."""
        seconds = self.seconds
        if self.bars is not None and self.tempo_bpm is not None:
            seconds = self.bars * self.beats_per_bar * 60.0 / self.tempo_bpm
        frames = round(seconds * SAMPLE_RATE_HZ)
        if self.is_open:
            return max(1, round(frames / LATENT_HOP_FRAMES)) * LATENT_HOP_FRAMES
        return frames

    @property
    def duration_s(self) -> float:
        """The exact length of the take in seconds."""
        return self.frames / SAMPLE_RATE_HZ

    @property
    def identity(self) -> str:
        """A name that equal requests share and others do not: what a later take may refer to."""
        return hashlib.sha256(repr(self).encode("utf-8")).hexdigest()[:IDENTITY_DIGITS]


@dataclass(frozen=True, slots=True)
class AudioClip:
    """A finished take and the request that it answers.

    Shapes:
        audio: [frames, 2], full scale 1.0

    Raises:
        GeneratorError: The audio is not float32 of exactly the length that was asked for.
    """

    audio: FloatArray
    request: GenerationRequest

    def __post_init__(self) -> None:
        """Hold every backend to the length and type that it promised."""
        expected = (self.request.frames, CHANNELS)
        if self.audio.shape != expected or self.audio.dtype != np.float32:
            raise GeneratorError(
                f"A generator made {self.audio.dtype} audio of shape {self.audio.shape}; float32 "
                f"of shape {expected} was asked for. This is a fault of the generator."
            )


def sound_identity(audio: FloatArray) -> str:
    """Return the name under which a take may begin from a sound: equal sounds share it.

    Shapes:
        audio: [frames, 2]
    """
    return hashlib.sha256(np.ascontiguousarray(audio).data).hexdigest()[:IDENTITY_DIGITS]


@runtime_checkable
class Generator(Protocol):
    """Something that makes takes; the stream is the primitive, the take its concatenation."""

    @property
    def name(self) -> str:
        """The identity of the model, as shown to people."""

    def stream(self, request: GenerationRequest) -> Iterator[FloatArray]:
        """Make a take chunk by chunk.

        Shapes:
            yields: [chunk_frames, 2]; together exactly `request.frames` long
        """

    def generate(self, request: GenerationRequest) -> AudioClip:
        """Make a whole take."""


@runtime_checkable
class Listener(Protocol):
    """A generator whose takes can begin from sounds."""

    def hear(self, audio: FloatArray) -> str:
        """Take in a sound; the last MAX_SOUNDS are remembered.

        Shapes:
            audio: [frames, 2] at SAMPLE_RATE_HZ

        Args:
            audio: Any sound.

        Returns:
            Its `sound_identity`, which a `Base` may name.

        Raises:
            RequestError: The model holds no encoder, or there is nothing to be heard.
        """


@runtime_checkable
class Batching(Protocol):
    """A generator that makes up to MAX_AT_ONCE takes in about the time of one."""

    def generate_many(self, requests: Sequence[GenerationRequest]) -> list[AudioClip]:
        """Make several takes at once."""

    def keep_warm(self) -> None:
        """Do a little work, so that the device does not fall asleep between takes."""


def hear(generator: Generator, audio: FloatArray) -> str:
    """Give a generator a sound that takes can begin from.

    Shapes:
        audio: [frames, 2] at SAMPLE_RATE_HZ

    Args:
        generator: Any generator.
        audio: The sound.

    Returns:
        Its `sound_identity`, which a `Base` may name.

    Raises:
        RequestError: The generator cannot hear, or there is nothing to be heard.
    """
    if not isinstance(generator, Listener):
        raise RequestError(
            f"The model {generator.name} cannot begin from a sound; one such as house can."
        )
    return generator.hear(audio)


def collect_clip(request: GenerationRequest, chunks: Iterable[FloatArray]) -> AudioClip:
    """Join the chunks of a stream.

    Shapes:
        chunks: [chunk_frames, 2] each  ->  audio [request.frames, 2]

    Args:
        request: What was asked for; a clip of another length is refused.
        chunks: What a generator streamed.

    Returns:
        The take.
    """
    return AudioClip(np.concatenate([np.zeros((0, CHANNELS), np.float32), *chunks]), request)
