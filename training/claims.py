"""What prompts promise that a signal can settle: the list of claims.

A ``Pair`` names two prompts and a measure that must be higher for the first. A ``Target`` asks for
a pitch, a tempo or a key and tells how near a take must come. Measures are pure functions of sound;
nothing here knows a model. A word that only some sounds of that name keep is no fair claim: the
evaluation prints beside each claim how often real sound of the same words keeps it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from generator.api import FloatArray, GenerationRequest
from training.corpus.shards import Entry
from training.descriptors import (
    attack,
    brightness,
    crest,
    depth,
    lateness,
    length,
    noisiness,
    onsets,
    width,
)
from training.pitch import cents_between, key_number, note_hz, pitch_hz, same_notes
from training.prompts import known_key
from training.rhythm import octave_error, tempo_bpm

Measure = Callable[[FloatArray], float]
NEAREST_CENTS = 50.0
NEAREST_TEMPO = 0.02
# A shorter passage may do with two chords, which many keys have.
KEY_SECONDS = 3.5


@dataclass(frozen=True, slots=True)
class Pair:
    """The measure is higher for one prompt than for another, both in takes of the same length."""

    kind: ClassVar[str] = "pairs"
    measure: Measure
    higher: str
    lower: str
    seconds: float = 2.0

    @property
    def text(self) -> str:
        """The claim in words."""
        return f"{self.measure.__name__}: {self.higher} > {self.lower}"

    def requests(self, seed: int, steps: int) -> tuple[GenerationRequest, ...]:
        """Return the two takes that the claim is about."""
        return tuple(
            GenerationRequest(prompt, seed, self.seconds, steps)
            for prompt in (self.higher, self.lower)
        )

    def agrees(self, values: Sequence[float]) -> bool:
        """Return whether the measures of the two takes keep the claim."""
        return values[0] > values[1]


@dataclass(frozen=True, slots=True)
class Pitched:
    """A prompt that names a note gives that pitch, within NEAREST_CENTS."""

    kind: ClassVar[str] = "pitches"
    prompt: str
    note: str
    seconds: float = 2.0
    measure: Measure = pitch_hz

    @property
    def text(self) -> str:
        """The claim in words."""
        return f"pitch: {self.prompt}, {self.note}"

    def requests(self, seed: int, steps: int) -> tuple[GenerationRequest, ...]:
        """Return the take that the claim is about."""
        return (GenerationRequest(f"{self.prompt}, {self.note}", seed, self.seconds, steps),)

    def agrees(self, values: Sequence[float]) -> bool:
        """Return whether the measured pitch keeps the claim."""
        return cents_between(values[0], note_hz(self.note)) <= NEAREST_CENTS

    def own(self, entry: Entry) -> "Pitched | None":
        """Return what the claim would be of a real clip, None where it names no note."""
        note = entry.facts.get("note")
        return None if note is None else replace(self, note=note)


@dataclass(frozen=True, slots=True)
class Timed:
    """A loop that is asked for at a tempo has it, within NEAREST_TEMPO; halves and doubles count.

    The length tells nothing: the tempo is measured from the onsets alone.
    """

    kind: ClassVar[str] = "tempi"
    prompt: str
    bpm: float
    bars: int = 2
    measure: Measure = tempo_bpm

    @property
    def text(self) -> str:
        """The claim in words."""
        return f"tempo: {self.prompt}, {self.bpm:g} bpm"

    def requests(self, seed: int, steps: int) -> tuple[GenerationRequest, ...]:
        """Return the take that the claim is about."""
        return (
            GenerationRequest(
                f"{self.prompt} at {self.bpm:g} bpm", seed, steps=steps, tempo_bpm=self.bpm,
                bars=self.bars, loop=True,
            ),
        )  # fmt: skip

    def agrees(self, values: Sequence[float]) -> bool:
        """Return whether the measured tempo keeps the claim."""
        return octave_error(values[0], self.bpm) <= NEAREST_TEMPO

    def own(self, entry: Entry) -> "Timed | None":
        """Return what the claim would be of a real clip, None where it names no tempo."""
        return None if entry.tempo_bpm is None else replace(self, bpm=entry.tempo_bpm)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A passage that is asked for in a key has its notes: that key, or its relative."""

    kind: ClassVar[str] = "keys"
    prompt: str
    key: str
    bpm: float = 120.0
    bars: int = 2
    measure: Measure = key_number

    @property
    def text(self) -> str:
        """The claim in words."""
        return f"key: {self.prompt} in {self.key}"

    def requests(self, seed: int, steps: int) -> tuple[GenerationRequest, ...]:
        """Return the take that the claim is about."""
        return (
            GenerationRequest(
                f"{self.prompt} in {self.key}", seed, steps=steps, tempo_bpm=self.bpm,
                bars=self.bars, key=self.key, loop=True,
            ),
        )  # fmt: skip

    def agrees(self, values: Sequence[float]) -> bool:
        """Return whether the measured key keeps the claim."""
        return same_notes(values[0], self.key)

    def own(self, entry: Entry) -> "Keyed | None":
        """Return what the claim would be of a real clip, None where it names no key."""
        key = known_key(entry.musical_key) if entry.seconds >= KEY_SECONDS else None
        return None if key is None else replace(self, key=key)


Target = Pitched | Timed | Keyed
Claim = Pair | Target

PAIRS = (
    Pair(brightness, "closed hi-hat", "kick drum", 1.0),
    Pair(brightness, "shaker", "tom drum", 1.0),
    Pair(brightness, "bright saw lead", "dark saw lead"),
    Pair(brightness, "bright pad", "dark pad", 3.0),
    Pair(brightness, "bright acid bass", "dark acid bass"),
    Pair(brightness, "glockenspiel", "sub bass"),
    Pair(brightness, "harpsichord", "marimba"),
    Pair(brightness, "sleigh bells", "conga", 1.0),
    Pair(brightness, "steam", "thunder", 3.0),
    Pair(brightness, "hi-hat loop, 120 bpm", "bass loop, 120 bpm", 4.0),
    Pair(brightness, "shaker loop", "kick loop", 4.0),
    Pair(depth, "deep 808 kick", "snare drum", 1.0),
    Pair(depth, "808 sub bass", "plucked string"),
    Pair(depth, "kick drum", "hand clap", 1.0),
    Pair(depth, "explosion", "electric zap", 2.0),
    Pair(depth, "reese bass", "whistle lead"),
    Pair(noisiness, "white noise", "sine bass"),
    Pair(noisiness, "howling wind", "flute", 3.0),
    Pair(noisiness, "rain", "warm drone", 4.0),
    Pair(noisiness, "crash cymbal", "church bell", 3.0),
    Pair(noisiness, "hand clap", "woodblock", 1.0),
    Pair(noisiness, "ocean waves", "choir pad", 4.0),
    Pair(noisiness, "fire", "organ", 3.0),
    Pair(length, "long bell", "short bell", 3.0),
    Pair(length, "long 808 kick", "very short kick", 2.0),
    Pair(length, "open hi-hat", "closed hi-hat", 1.5),
    Pair(length, "crash cymbal", "rimshot", 3.0),
    Pair(length, "warm pad", "woodblock", 3.0),
    Pair(length, "singing bowl", "muted pluck", 4.0),
    Pair(length, "vibraphone", "claves", 3.0),
    Pair(length, "reverberant snare", "very short snare", 3.0),
    Pair(attack, "warm pad", "synth pluck", 3.0),
    Pair(attack, "soft string ensemble", "xylophone", 3.0),
    Pair(attack, "choir pad", "kalimba", 3.0),
    Pair(attack, "reverse cymbal", "crash cymbal", 2.0),
    Pair(lateness, "riser", "impact", 4.0),
    Pair(lateness, "reverse cymbal", "crash cymbal", 2.0),
    Pair(lateness, "noise riser", "downlifter", 4.0),
    Pair(lateness, "cymbal swell", "splash cymbal", 2.0),
    Pair(width, "wide pad", "sub bass", 3.0),
    Pair(width, "wide stereo supersaw", "square bass", 2.0),
    Pair(width, "wide ocean waves", "kick drum", 3.0),
    Pair(onsets, "drum loop, 120 bpm", "warm pad", 4.0),
    Pair(onsets, "hi-hat loop, 140 bpm", "dark drone", 4.0),
    Pair(onsets, "arp loop", "pad loop", 4.0),
    Pair(onsets, "percussion loop", "bright drone", 4.0),
    Pair(crest, "rimshot", "organ", 2.0),
    Pair(crest, "closed hi-hat loop", "dark drone", 4.0),
    Pair(crest, "claves", "saw bass", 1.0),
)
TARGETS = (
    Pitched("sub bass", "C2"),
    Pitched("808 bass", "F1"),
    Pitched("plucked bass", "E2"),
    Pitched("chiptune lead", "A4"),
    Pitched("saw lead", "C4"),
    Pitched("whistle lead", "D5"),
    Pitched("harp", "G4"),
    Pitched("nylon guitar", "E3"),
    Pitched("vibraphone", "A4"),
    Pitched("electric piano", "C4"),
    Pitched("string machine", "A3"),
    Pitched("choir", "D4"),
    Timed("house drum loop", 120.0),
    Timed("techno drum loop", 132.0),
    Timed("trap drum loop", 140.0),
    Timed("hip-hop drum loop", 90.0),
    Timed("hi-hat loop", 126.0),
    Timed("percussion loop", 110.0),
    Timed("arp loop", 128.0),
    Keyed("arp loop", "A minor"),
    Keyed("arp loop", "C major"),
    Keyed("arp loop", "D minor"),
    Keyed("arp loop", "F minor"),
    Keyed("arp loop", "G major"),
)
CLAIMS: tuple[Claim, ...] = (*PAIRS, *TARGETS)
KINDS = tuple(dict.fromkeys(claim.kind for claim in CLAIMS))
