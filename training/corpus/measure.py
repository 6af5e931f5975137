"""What can be read off a sound: attack, decay, brightness, noisiness, crest, width, pitch height.

Pure functions of audio; the same fields as the sidecars of the recorded corpus. ``captions`` turns
the numbers into words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from generator.api import SAMPLE_RATE_HZ, FloatArray

_BLOCK = 64
_FFT = 4096


def envelope(mono: npt.NDArray[np.float32], block: int = _BLOCK) -> npt.NDArray[np.float32]:
    """Largest magnitude in each block of frames: [blocks]."""
    usable = mono[: max(1, len(mono) // block) * block]
    peaks: npt.NDArray[np.float32] = np.abs(usable.reshape(-1, min(block, len(usable)))).max(1)
    return peaks


def power_spectrum(mono: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean power over the whole sound in 2049 bins: windows of 4096 frames, at most 24 of them."""
    length = max(len(mono), _FFT)
    padded = np.pad(mono, (0, max(0, _FFT - len(mono))))
    count = min(24, 1 + (length - _FFT) // (_FFT // 2))
    starts = np.linspace(0, length - _FFT, count).astype(int)
    frames = np.stack([padded[s : s + _FFT] for s in starts])
    window = np.ones(_FFT, np.float32) if count == 1 else np.hanning(_FFT).astype(np.float32)
    power: npt.NDArray[np.float32] = (np.abs(np.fft.rfft(frames * window)) ** 2).mean(0)
    return power.astype(np.float32)


def measure(audio: FloatArray) -> dict[str, Any]:
    """Measure a clip.

    Args:
        audio: [frames, channels] at 44.1 kHz.

    Returns:
        attack_s (10 to 90 % of the peak), decay_s (peak to the last point above -40 dB),
        spectral_centroid_hz, spectral_flatness (50 Hz to 16 kHz), low_share (power below 150 Hz),
        crest_db, stereo_width (side share, 0 = mono).
    """
    mono = audio.mean(1, dtype=np.float32)
    side = audio.std(1).astype(np.float32) if audio.shape[1] > 1 else np.zeros_like(mono)
    level = envelope(mono if np.abs(mono).max() > 1e-3 else side)
    peak = int(level.argmax())
    top = float(level[peak])
    reached = int(np.argmax(level >= 0.9 * top))
    begun = int(np.argmax(level >= 0.1 * top))
    last = int(np.nonzero(level >= 0.01 * top)[0][-1])
    power = power_spectrum(mono)
    hertz = np.arange(len(power)) * SAMPLE_RATE_HZ / _FFT
    total = float(power.sum()) + 1e-20
    amplitude = np.sqrt(power)
    band = power[(hertz >= 50.0) & (hertz <= 16_000.0)] + 1e-12 * total
    rms = float(np.sqrt(np.mean(mono**2))) + 1e-9
    width = float(
        np.sqrt((side**2).sum()) / (np.sqrt((side**2).sum()) + np.sqrt((mono**2).sum()) + 1e-9)
    )
    return {
        "attack_s": (reached - begun) * _BLOCK / SAMPLE_RATE_HZ,
        "decay_s": max(0, last - peak) * _BLOCK / SAMPLE_RATE_HZ,
        "spectral_centroid_hz": float((hertz * amplitude).sum() / (amplitude.sum() + 1e-12)),
        "spectral_flatness": float(np.exp(np.log(band).mean()) / band.mean()),
        "low_share": float(power[hertz < 150.0].sum()) / total,
        "crest_db": float(20.0 * np.log10(np.abs(mono).max() / rms + 1e-9)),
        "stereo_width": width,
    }
