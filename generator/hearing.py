"""What is heard of a sound, in numpy: bands of mid and side frame by frame, and tones.

The twin of `generator.autoencoder.Encoder.features`, which shares the filters. Pure; knows nothing
of checkpoints. generator/sound_encoder.py makes latents of it.
"""

import math

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ, FloatArray
from generator.spectral import HOP_FRAMES, N_FFT, hann

LONG_N_FFT = 8192
TONES = 48
TONE_OCTAVES = 3
LOWEST_TONE_HZ = 440.0
TONE_WEIGHT = 3.0
# Magnitudes at -80 dB of a full-scale sine, and at -90 dB in the long window.
FLOOR = 1e-4 * N_FFT / 4
QUIET_POWER = (3e-5 * LONG_N_FFT / 4) ** 2
# Latents that are heard at once: more would not stay in a core's own cache.
WORK_LATENTS = 8


class Ear:
    """Hears stereo sound.

    Args:
        mid_bands: Number of bands of the mid signal.
        side_bands: Number of bands of the side signal.
    """

    def __init__(self, mid_bands: int, side_bands: int) -> None:
        self._mid = mel_filters(mid_bands, N_FFT, SAMPLE_RATE_HZ)
        self._side = mel_filters(side_bands, N_FFT, SAMPLE_RATE_HZ)
        self._tones, self._around = tone_filters(SAMPLE_RATE_HZ)
        self._windows = {N_FFT: hann(), LONG_N_FFT: hann(LONG_N_FFT)}

    def features(self, audio: FloatArray) -> FloatArray:
        """Return what is coded of each latent frame: the twin of `autoencoder.Encoder.features`.

        Shapes:
            audio: [n * LATENT_HOP_FRAMES, 2]  ->  [n, FRAMES_PER_LATENT * bands + TONES]
        """
        left, right = audio[:, 0], audio[:, 1]
        mid, side = np.float32(0.5) * (left + right), np.float32(0.5) * (left - right)
        half = LATENT_HOP_FRAMES // 2
        counted = [
            self._powers(mid, N_FFT, HOP_FRAMES),
            self._powers(side, N_FFT, HOP_FRAMES),
            self._powers(mid, LONG_N_FFT, half)[1::2],
        ]
        bands = (log_bands(counted[0], self._mid), log_bands(counted[1], self._side))
        patches = np.concatenate(bands, axis=1).reshape(len(counted[2]), -1)
        return np.concatenate((patches, self._salience(counted[2])), axis=1)

    def _powers(self, signal: FloatArray, n_fft: int, hop_frames: int) -> FloatArray:
        """Return the power of each bin, [frames // hop_frames, bins], zeros beyond both ends."""
        padded = np.pad(signal, (n_fft // 2, n_fft // 2 - hop_frames))
        cut = sliding_window_view(padded, n_fft)[::hop_frames]
        powers = np.empty((len(cut), n_fft // 2 + 1), np.float32)
        step = WORK_LATENTS * LATENT_HOP_FRAMES // hop_frames
        for start in range(0, len(cut), step):
            spectrum = np.fft.rfft(cut[start : start + step] * self._windows[n_fft])
            powers[start : start + step] = spectrum.real**2 + spectrum.imag**2
        return powers

    def _salience(self, power: FloatArray) -> FloatArray:
        power = power + np.float32(QUIET_POWER)
        standing = (power @ self._tones) / (power @ self._around)
        octaves = standing.reshape(-1, TONE_OCTAVES, TONES).mean(axis=1)
        salience: FloatArray = np.float32(TONE_WEIGHT) * np.log(octaves + np.float32(0.1))
        return salience


def log_bands(power: FloatArray, filters: FloatArray) -> FloatArray:
    """Return the level of bands in nepers, never below the floor.

    Shapes:
        power: [n, bins]; filters: [bins, bands]  ->  [n, bands]
    """
    levels: FloatArray = np.float32(0.5) * np.log(power @ filters + np.float32(FLOOR**2))
    return levels


def mel_filters(bands: int, n_fft: int, sample_rate_hz: float, low_hz: float = 20.0) -> FloatArray:
    """Return triangular mel filters of unit area, [bins, bands] (HTK's scale)."""

    def to_mel(hz: float) -> float:
        return 2595.0 * math.log10(1.0 + hz / 700.0)

    edges_mel = np.linspace(to_mel(low_hz), to_mel(sample_rate_hz / 2), bands + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    spacing_hz = sample_rate_hz / n_fft
    # A band narrower than a bin would be empty: no slope is steeper than one bin.
    lower, centre, upper = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    bins_hz = np.arange(n_fft // 2 + 1)[:, None] * spacing_hz
    rising = (bins_hz - lower) / np.maximum(centre - lower, spacing_hz)
    falling = (upper - bins_hz) / np.maximum(upper - centre, spacing_hz)
    return _of_unit_area(np.maximum(np.minimum(rising, falling), 0.0))


def tone_filters(sample_rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Return the bins of each quarter of a semitone, and those of a fifth of an octave around it.

    Shapes:
        both [bins, TONE_OCTAVES * TONES], each column sums to 1.
    """
    hz = np.maximum(np.arange(LONG_N_FFT // 2 + 1) * (sample_rate_hz / LONG_N_FFT), 1.0)
    place = TONES * np.log2(hz / LOWEST_TONE_HZ)
    away = np.abs(place[:, None] - np.arange(TONE_OCTAVES * TONES))
    # A tone narrower than a bin would be empty: no slope is steeper than one bin.
    reach = TONES * sample_rate_hz / LONG_N_FFT / hz / math.log(2.0)
    near = np.maximum(1.0 - away / np.maximum(reach, 1.0)[:, None], 0.0)
    return _of_unit_area(near), _of_unit_area((away < TONES / 5).astype(np.float64))


def _of_unit_area(filters: npt.NDArray[np.float64]) -> FloatArray:
    scaled: FloatArray = (filters / np.maximum(filters.sum(0), 1e-6)).astype(np.float32)
    return scaled
