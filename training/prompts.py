"""Held-out prompts: captions of test clips, each of another kind of sound, and their requests.

The choice depends on the clips' keys alone, so it is the same on every machine and for every
model. Knows no model.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from generator.api import MAX_SECONDS, MAX_TEMPO_BPM, MIN_SECONDS, MIN_TEMPO_BPM, GenerationRequest
from generator.errors import RequestError
from generator.keys import parse_key
from training.corpus.shards import Corpus, Entry
from training.errors import TrainingError

EXCERPT_FRAMES = 2048
Place = tuple[Corpus, int]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A prompt and the clip that it was written for."""

    prompt: str
    corpus: Corpus
    index: int

    @property
    def entry(self) -> Entry:
        """The clip's record."""
        return self.corpus.entries[self.index]

    def request(self, seed: int, *, steps: int = 1) -> GenerationRequest:
        """Return the request for a take like the clip: its words, length, tempo and key."""
        return request_like(self.entry, self.prompt, seed, steps=steps)


def place(key: str) -> int:
    """Return where a key stands in a shuffled order that is everywhere the same."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def kind_of(entry: Entry) -> str:
    """Return what a clip is, as far as it says: its instrument or family, else a caption."""
    named = entry.facts.get("program") or entry.facts.get("instrument") or entry.facts.get("family")
    if named in (None, "", "general midi", "general midi drum"):
        return entry.captions[0].lower()
    return str(named)


def group_of(entry: Entry) -> str:
    """Return the kind of sound that a clip belongs to: drum, pad, loop…, or recording."""
    return str(entry.facts.get("group") or "recording")


def leaks(held_out: Sequence[Place], seen: Sequence[Place]) -> list[int]:
    """Return which of the seen clips are held out: of the same stem, or the very same sound.

    Corpora that were made apart may still hold the same hit of the same drum.

    Args:
        held_out: Clips that prompts and distances come from.
        seen: Clips that something learns from.

    Returns:
        Places in ``seen``.
    """
    stems = {(c.entries[i].source, c.entries[i].stem) for c, i in held_out}
    sounds = {excerpt(corpus, index) for corpus, index in held_out}
    return [
        number
        for number, (corpus, index) in enumerate(seen)
        if (corpus.entries[index].source, corpus.entries[index].stem) in stems
        or excerpt(corpus, index) in sounds
    ]


def excerpt(corpus: Corpus, index: int) -> tuple[int, bytes]:
    """Return a clip's length and a hash of its middle, the same for the same sound."""
    frames = corpus.entries[index].frames
    middle = corpus.audio(index, max(0, frames // 2 - EXCERPT_FRAMES // 2), EXCERPT_FRAMES)
    return frames, hashlib.sha256(middle.tobytes()).digest()


def choose_prompts(corpora: Sequence[Corpus], count: int) -> list[HeldOut]:
    """Choose test clips with captions, no two of a kind as long as kinds last.

    Args:
        corpora: Where the test clips lie.
        count: How many prompts.

    Returns:
        The prompts, in an order that the clips' keys decide.

    Raises:
        TrainingError: There are fewer different captions among the test clips.
    """
    candidates = [
        HeldOut(captions[place(key + "/caption") % len(captions)], corpus, int(index))
        for corpus in corpora
        for index in corpus.indices("test")
        if (captions := corpus.entries[index].captions) and (key := corpus.entries[index].key)
    ]
    candidates.sort(key=lambda held: place(held.entry.key))
    kinds: set[str] = set()
    words: set[str] = set()
    first: list[HeldOut] = []
    later: list[HeldOut] = []
    for held in candidates:
        if held.prompt.lower() in words:
            continue
        words.add(held.prompt.lower())
        (later if kind_of(held.entry) in kinds else first).append(held)
        kinds.add(kind_of(held.entry))
    chosen = (first + later)[:count]
    if len(chosen) < count:
        raise TrainingError(
            f"{len(chosen)} different held-out prompts found, {count} needed: give more corpora"
        )
    return chosen


def request_like(entry: Entry, prompt: str, seed: int, *, steps: int = 1) -> GenerationRequest:
    """Return a request for a take of a clip's length, tempo, key and, where it has them, bars."""
    tempo = entry.tempo_bpm
    if tempo is not None and not MIN_TEMPO_BPM <= tempo <= MAX_TEMPO_BPM:
        tempo = None
    seconds = min(max(entry.seconds, MIN_SECONDS), MAX_SECONDS)
    plain = GenerationRequest(prompt, seed, seconds, steps, tempo, key=known_key(entry.musical_key))
    if tempo is None or entry.bars is None:
        return plain
    try:
        return GenerationRequest(
            prompt, seed, seconds, steps, tempo, bars=entry.bars, key=plain.key, loop=True
        )
    except RequestError:
        return plain


def known_key(key: str | None) -> str | None:
    """Return a clip's key when it is a major or minor one."""
    try:
        return None if key is None else parse_key(key)
    except RequestError:
        return None
