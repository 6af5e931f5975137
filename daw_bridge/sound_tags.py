"""What a sound file tells about itself: words for people, and loop marks for samplers, as bytes.

Pure. WAV: `LIST INFO` for the words; `smpl` and `acid` for a loop of whole bars. FLAC: Vorbis
comments, under the names that players and DAWs read. Knows nothing of samples or files.

References:
    Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991): `LIST`
    `INFO`; the `smpl` chunk is of Microsoft's later update. Sony's `acid` chunk is not published;
    its fields are those that libsndfile reads. Vorbis comments: RFC 9639, section 8.6.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from generator.api import SAMPLE_RATE_HZ
from generator.keys import KEYS

_ROOT_NOTE = 60
_ACID_ROOT_IS_SET, _ACID_STRETCH = 2, 4
_ACID_UNKNOWN = 0x8000
_NANOSECONDS_A_FRAME = round(1e9 / SAMPLE_RATE_HZ)


@dataclass(frozen=True, slots=True)
class Credit:
    """A take that is heard in a file: its slot, its words and its seed."""

    slot: int
    prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class SoundTags:
    """What is known of a file.

    `beats` is how many the file has where it is a loop of whole bars, 0 where it is none.
    """

    software: str
    date: str
    model: str
    tempo_bpm: float
    key: str = ""
    credits: tuple[Credit, ...] = ()
    beats: int = 0
    beats_per_bar: int = 4
    beat_unit: int = 4

    @property
    def title(self) -> str:
        """The words of what is heard, in short."""
        return " + ".join(dict.fromkeys(credit.prompt for credit in self.credits)) or "silence"

    @property
    def comment(self) -> str:
        """Everything, a line each."""
        lines = [f"tempo {self.tempo_bpm:.10g} bpm", f"model {self.model}"]
        lines += [f"key {self.key}"] if self.key else []
        lines += [f"slot {one.slot} seed {one.seed}: {one.prompt}" for one in self.credits]
        return "\n".join(lines)


def riff_chunks(tags: SoundTags, frames: int) -> bytes:
    """The chunks that stand after the samples of a WAV file.

    Args:
        tags: What to say.
        frames: How many frames the file has.

    Returns:
        `LIST INFO`, and for a loop `smpl` and `acid`.
    """
    texts = (
        (b"INAM", tags.title),
        (b"ICMT", tags.comment),
        (b"ICRD", tags.date),
        (b"ISFT", tags.software),
    )
    info = b"".join(_chunk(name, text.encode("utf-8", "replace") + b"\0") for name, text in texts)
    chunks = _chunk(b"LIST", b"INFO" + info)
    return chunks + (_smpl(tags, frames) + _acid(tags) if tags.beats else b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


def _root_note(tags: SoundTags) -> int:
    return _ROOT_NOTE + KEYS.index(tags.key) % 12 if tags.key in KEYS else _ROOT_NOTE


def _smpl(tags: SoundTags, frames: int) -> bytes:
    head = struct.pack("<9I", 0, 0, _NANOSECONDS_A_FRAME, _root_note(tags), 0, 0, 0, 1, 0)
    forward_for_ever = (0, 0, 0, frames - 1, 0, 0)
    return _chunk(b"smpl", head + struct.pack("<6I", *forward_for_ever))


def _acid(tags: SoundTags) -> bytes:
    flags = _ACID_STRETCH | (_ACID_ROOT_IS_SET if tags.key in KEYS else 0)
    root = (_root_note(tags), _ACID_UNKNOWN, 0.0)
    meter = (tags.beats, tags.beat_unit, tags.beats_per_bar)
    return _chunk(b"acid", struct.pack("<IHHfIHHf", flags, *root, *meter, tags.tempo_bpm))


def vorbis_comments(tags: SoundTags) -> bytes:
    """The body of a FLAC file's block of Vorbis comments.

    Args:
        tags: What to say.

    Returns:
        The block without its header.
    """
    comments = [f"{name}={text}".encode("utf-8", "replace") for name, text in _vorbis_pairs(tags)]
    vendor = tags.software.encode("utf-8", "replace")
    head = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(comments))
    return head + b"".join(struct.pack("<I", len(one)) + one for one in comments)


def _vorbis_pairs(tags: SoundTags) -> Iterator[tuple[str, str]]:
    yield "TITLE", tags.title
    yield "DATE", tags.date
    yield "BPM", f"{tags.tempo_bpm:.10g}"
    if tags.key:
        yield "KEY", tags.key
    yield "MODEL", tags.model
    for credit in tags.credits:
        yield "PROMPT", credit.prompt
        yield "SEED", str(credit.seed)
    if tags.beats:
        yield "BEATS", str(tags.beats)
    yield "COMMENT", tags.comment
