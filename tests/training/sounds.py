"""Sounds of known pitch, tempo and colour, to try measures on."""

import numpy as np

from generator.api import SAMPLE_RATE_HZ, FloatArray


def tone(
    hz: float, *, seconds: float = 2.0, decay_s: float = 9.0, rise_s: float = 0.0, partials: int = 1
) -> FloatArray:
    """A sine, or a sum of partials, that rises, then dies away, equal on both sides."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    level = np.exp(-t / decay_s) * np.clip(t / rise_s, 0.0, 1.0) if rise_s else np.exp(-t / decay_s)
    wave = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, partials + 1))
    return np.repeat((0.5 * level * wave).astype(np.float32)[:, None], 2, axis=1)


def hiss(seconds: float = 2.0, channels: int = 1) -> FloatArray:
    """White noise, equal on both sides with one channel."""
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((round(seconds * SAMPLE_RATE_HZ), channels), dtype=np.float32)
    return np.repeat(noise, 2 // channels, axis=1)


def clicks(per_second: float, seconds: float = 2.0) -> FloatArray:
    """Short beeps from the start on."""
    sound = np.zeros((round(seconds * SAMPLE_RATE_HZ) + 900, 2), np.float32)
    for i in range(int(seconds * per_second)):
        start = round(i / per_second * SAMPLE_RATE_HZ)
        sound[start : start + 900] = tone(900.0, seconds=1.0)[:900]
    return sound[: round(seconds * SAMPLE_RATE_HZ)]


def midi_hz(note: int) -> float:
    """The frequency of a MIDI note."""
    return float(440.0 * 2.0 ** ((note - 69) / 12.0))
