"""A picture is a valid PNG whose bright line lies at the tone's pitch."""

import struct
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from generator.api import SAMPLE_RATE_HZ
from training.pictures import COLUMNS, HIGHEST_HZ, LOWEST_HZ, ROWS, png, spectrogram_png


def read_png(content: bytes) -> np.ndarray:
    """A second reader, for what `png` writes: one header, one data chunk, no filters."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    place, parts = 8, {}
    while place < len(content):
        (size,) = struct.unpack(">I", content[place : place + 4])
        name, body = content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
        (check,) = struct.unpack(">I", content[place + 8 + size : place + 12 + size])
        assert check == zlib.crc32(name + body)
        parts[name] = body
        place += size + 12
    columns, rows = struct.unpack(">II", parts[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(rows, 1 + 3 * columns)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(rows, columns, 3)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_reader_gets_the_pixels_back(pixels: np.ndarray) -> None:
    np.testing.assert_array_equal(read_png(png(pixels)), pixels)


def test_the_bright_line_lies_at_the_pitch() -> None:
    t = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    sound = np.repeat(np.sin(2 * np.pi * 1000.0 * t).astype(np.float32)[:, None], 2, axis=1)
    picture = read_png(spectrogram_png(sound, seconds=2.0)).astype(int).sum(-1)
    assert picture.shape == (ROWS, COLUMNS)
    row = int(picture[:, COLUMNS // 4].argmax())
    pitch_hz = np.geomspace(HIGHEST_HZ, LOWEST_HZ, ROWS)[row]
    assert abs(np.log2(pitch_hz / 1000.0)) < 0.15
    assert picture[:, 3 * COLUMNS // 4].max() == picture.min()
