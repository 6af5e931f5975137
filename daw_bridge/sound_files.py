"""Sound files: WAV with 32-bit floats, in which nothing is lost, and FLAC with 24 bits.

The one file that knows soundfile, which is imported when it is first needed. WAV is written by
hand: soundfile stamps the time of day into its header, and leaves the header wrong until the end,
so that a recording would be lost with its process. Files of others are read in any format and at
any rate. Knows nothing of takes, bars or the daemon.
"""

import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from daw_bridge.errors import AudioError
from daw_bridge.flac_comments import set_flac_comments
from daw_bridge.interpolation import TAPS, at_speed
from daw_bridge.sound_tags import SoundTags, riff_chunks, vorbis_comments
from generator.api import CHANNELS, SAMPLE_RATE_HZ, FloatArray

SUFFIXES = (".wav", ".flac")
# What a name may end in where somebody thinks that it is written so.
OTHER_SUFFIXES = (".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma")
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
MAX_WAV_FRAMES = (2**32 - 2**20) // (4 * CHANNELS)
_PIECE_BYTES = 2**18
_WAVE_FLOAT = 3


class SoundWriter(Protocol):
    """A sound file that is being written."""

    frames: int

    def write(self, audio: FloatArray) -> None:
        """Append frames [frames, 2]."""

    def finish(self, tags: SoundTags | None) -> None:
        """Write what the file tells about itself, and close it."""

    def close(self) -> None:
        """Close it as it is."""


class WavWriter:
    """A WAV file of 32-bit floats, whole after each write."""

    def __init__(self, path: Path, channels: int = CHANNELS) -> None:
        """Open it.

        Args:
            path: Where to; its folder must exist.
            channels: How many it has.
        """
        self.frames, self._channels = 0, channels
        self._file: IO[bytes] = path.open("wb", buffering=0)
        try:
            self._file.write(_wav_head(0, 0, channels))
        except OSError:
            self._file.close()
            raise

    def write(self, audio: FloatArray) -> None:
        """Append frames.

        Shapes:
            audio: [frames, channels]
        """
        _write_all(self._file, np.ascontiguousarray(audio, "<f4").data.cast("B"))
        self.frames += len(audio)
        self._write_head(0)

    def finish(self, tags: SoundTags | None) -> None:
        """Write what the file tells about itself, and close it.

        Args:
            tags: What that is, None for nothing.
        """
        chunks = riff_chunks(tags, self.frames) if tags is not None else b""
        self._file.seek(0, os.SEEK_END)
        _write_all(self._file, memoryview(chunks))
        self._write_head(len(chunks))
        self.close()

    def close(self) -> None:
        """Close it as it is."""
        self._file.close()

    def _write_head(self, more_bytes: int) -> None:
        self._file.seek(0)
        self._file.write(_wav_head(self.frames, more_bytes, self._channels))
        self._file.seek(0, os.SEEK_END)


class FlacWriter:
    """A FLAC file of 24 bits."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Args:
            path: Where to; its folder must exist.
        """
        import soundfile

        self.frames = 0
        self._path = path
        with _disk_errors():
            self._file = soundfile.SoundFile(
                path, "w", SAMPLE_RATE_HZ, CHANNELS, "PCM_24", format="FLAC"
            )

    def write(self, audio: FloatArray) -> None:
        """Append frames.

        Shapes:
            audio: [frames, 2]
        """
        with _disk_errors():
            self._file.write(audio)
        self.frames += len(audio)

    def finish(self, tags: SoundTags | None) -> None:
        """Close it, and write what it tells about itself.

        Args:
            tags: What that is, None for nothing.
        """
        self.close()
        if tags is not None:
            set_flac_comments(self._path, vorbis_comments(tags))

    def close(self) -> None:
        """Close it as it is."""
        with _disk_errors():
            self._file.close()


def open_sound(path: Path, suffix: str) -> SoundWriter:
    """Begin a sound file.

    Args:
        path: Where to, whatever its name ends in.
        suffix: One of SUFFIXES.

    Returns:
        The open file.
    """
    return FlacWriter(path) if suffix == ".flac" else WavWriter(path)


def write_sound(path: Path, audio: FloatArray, suffix: str, tags: SoundTags | None = None) -> None:
    """Write a whole sound file.

    Shapes:
        audio: [frames, 2]

    Args:
        path: Where to; its folder must exist.
        audio: At SAMPLE_RATE_HZ.
        suffix: One of SUFFIXES.
        tags: What the file tells about itself.
    """
    writer = open_sound(path, suffix)
    try:
        writer.write(audio)
        writer.finish(tags)
    finally:
        writer.close()


def write_wav(path: Path, audio: FloatArray) -> None:
    """Write a clip as 32-bit floats; equal clips make equal files.

    Shapes:
        audio: [frames, 2]

    Args:
        path: Where to; its folder must exist.
        audio: The clip at SAMPLE_RATE_HZ.

    Raises:
        AudioError: The file cannot be written.
    """
    try:
        write_sound(path, audio, ".wav")
    except OSError as error:
        raise AudioError(f"{path} cannot be written: {error}") from error


def read_sound(path: Path, most_frames: int) -> FloatArray:
    """Read a sound file of ours.

    Shapes:
        returns: [frames, 2]

    Args:
        path: The file.
        most_frames: How long it may be.

    Returns:
        Its frames.

    Raises:
        AudioError: It is not there, no sound file, or not in stereo at 44,100 Hz.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if (file.samplerate, file.channels) != (SAMPLE_RATE_HZ, CHANNELS):
                raise AudioError(
                    f"{path.name} has {file.channels} channels at {file.samplerate} Hz; a take is "
                    f"in stereo at {SAMPLE_RATE_HZ} Hz."
                )
            if not 0 < file.frames <= most_frames:
                raise AudioError(
                    f"{path.name} has {file.frames} frames; a take has 1 to {most_frames}."
                )
            audio: FloatArray = file.read(dtype="float32", always_2d=True)
            return audio
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"{path.name} cannot be read: {error}") from error


def read_foreign_sound(path: Path, most_frames: int) -> FloatArray:
    """Read a sound file of anybody's: any format and rate that libsndfile knows, mono or stereo.

    Shapes:
        returns: [frames, 2] at SAMPLE_RATE_HZ

    Args:
        path: The file.
        most_frames: How much of it is wanted.

    Returns:
        Its beginning; mono on both sides.

    Raises:
        AudioError: It is no such file, or has nothing to be heard.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if file.channels > CHANNELS:
                raise AudioError(f"{path.name} has {file.channels} channels; give 1 or 2.")
            if not MIN_RATE_HZ <= file.samplerate <= MAX_RATE_HZ:
                raise AudioError(
                    f"{path.name} has {file.samplerate} frames a second; {MIN_RATE_HZ} to "
                    f"{MAX_RATE_HZ} can be read."
                )
            speed = file.samplerate / SAMPLE_RATE_HZ
            most = math.ceil(most_frames * speed) + TAPS
            found: FloatArray = file.read(most, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"{path.name} cannot be read as sound: {error}") from error
    if not len(found):
        raise AudioError(f"{path.name} has no sound in it.")
    stereo = np.repeat(found, CHANNELS, axis=1) if found.shape[1] == 1 else found
    return (stereo if speed == 1.0 else at_speed(stereo, speed))[:most_frames]


def _wav_head(frames: int, more_bytes: int, channels: int) -> bytes:
    frame_bytes = 4 * channels
    kind = (_WAVE_FLOAT, channels, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * frame_bytes, frame_bytes)
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, *kind, 32, 0)
    fact = struct.pack("<4sII", b"fact", 4, frames)
    data = struct.pack("<4sI", b"data", frames * frame_bytes)
    body = b"WAVE" + form + fact + data
    return struct.pack("<4sI", b"RIFF", len(body) + frames * frame_bytes + more_bytes) + body


def _write_all(file: IO[bytes], data: memoryview) -> None:
    """Write all of it, in pieces: a full disk may take a part before it refuses.

    Some kernels let not even a real-time thread run on a core until a write is over.
    """
    while data:
        data = data[file.write(data[:_PIECE_BYTES]) :]


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Have what libsndfile could not write be an error of the disk, as with any file."""
    import soundfile

    try:
        yield
    except soundfile.LibsndfileError as error:
        raise OSError(str(error)) from error
