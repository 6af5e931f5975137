"""Spectrograms as PNG pictures, by numpy and the standard library. Knows nothing of reports."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

from generator.api import SAMPLE_RATE_HZ, FloatArray

N_FFT = 2048
ROWS = 96
COLUMNS = 240
LOWEST_HZ = 40.0
HIGHEST_HZ = 18_000.0
DARKEST_DB = -70.0
COLOURS = np.array(
    [[0, 0, 4], [60, 15, 110], [150, 40, 120], [230, 80, 70], [250, 160, 60], [252, 250, 190]]
)


def spectrogram_png(audio: FloatArray, *, seconds: float | None = None) -> bytes:
    """Return `spectrogram` as a PNG file."""
    return png(spectrogram(audio, seconds=seconds))


def spectrogram(audio: FloatArray, *, seconds: float | None = None) -> npt.NDArray[np.uint8]:
    """Draw the middle channel: time to the right, pitch upwards in equal steps, level as colour.

    Shapes:
        audio: [frames, channels]  ->  [ROWS, COLUMNS, 3]

    Args:
        audio: What to draw.
        seconds: Length of the time axis, by default the sound's own.

    Returns:
        The picture.
    """
    frames = len(audio) if seconds is None else max(1, round(seconds * SAMPLE_RATE_HZ))
    mono = np.zeros(frames + N_FFT, np.float32)
    mono[N_FFT // 2 :][: len(audio)] = audio.mean(1)[:frames]
    starts = np.linspace(0, frames - 1, COLUMNS).astype(int)
    windows = mono[starts[:, None] + np.arange(N_FFT)] * np.hanning(N_FFT).astype(np.float32)
    magnitude = np.abs(np.fft.rfft(windows)) * (4.0 / N_FFT)
    pitch_hz = np.geomspace(HIGHEST_HZ, LOWEST_HZ, ROWS)
    bins = np.clip(np.round(pitch_hz * N_FFT / SAMPLE_RATE_HZ).astype(int), 1, N_FFT // 2)
    level_db = 20.0 * np.log10(magnitude[:, bins].T + 1e-6)
    return colour(1.0 - level_db.clip(DARKEST_DB, 0.0) / DARKEST_DB)


def colour(value: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Return colours from dark to light for values from 0 to 1.

    Shapes:
        value: [rows, columns]  ->  [rows, columns, 3]
    """
    stops = np.linspace(0.0, 1.0, len(COLOURS))
    channels = [np.interp(value, stops, COLOURS[:, i]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return the PNG file of a picture.

    Shapes:
        pixels: [rows, columns, 3]
    """
    rows, columns, _ = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in parts)


def chunk(name: bytes, content: bytes) -> bytes:
    """Return one part of a PNG file with its length and its check sum."""
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
