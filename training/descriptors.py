"""Descriptors of a sound's level and spectrum: how bright, long, wide, noisy… it is.

Pure functions of sound, finite for silence and for a single frame. Pitch and rhythm have files of
their own.
"""

import numpy as np
import numpy.typing as npt

from generator.api import SAMPLE_RATE_HZ, FloatArray

Array = npt.NDArray[np.float64]

BLOCK_FRAMES = 441
SILENCE_DB = -40.0
N_FFT = 4096
LOW_HZ = 150.0
ONSET_RISE_DB = 9.0
ONSET_GAP_BLOCKS = 6


def blocks(audio: FloatArray) -> Array:
    """Return the root mean square of 10 ms blocks over both channels, [n]."""
    power = np.square(audio.astype(np.float64)).mean(1)
    missing = -len(power) % BLOCK_FRAMES
    level: Array = np.asarray(
        np.sqrt(np.pad(power, (0, missing)).reshape(-1, BLOCK_FRAMES).mean(1)), np.float64
    )
    return level


def mean_spectrum(audio: FloatArray) -> tuple[Array, Array]:
    """Return bin frequencies in Hz and mean power of the middle channel, each [bins]."""
    mono = audio.mean(1, dtype=np.float64)
    padded = np.pad(mono, (0, max(0, N_FFT - len(mono)) + (-len(mono)) % (N_FFT // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[:: N_FFT // 2]
    windowed = np.square(np.abs(np.fft.rfft(frames * np.hanning(N_FFT))))
    power: Array = np.asarray(windowed.mean(0) + 1e-12, np.float64)
    hertz: Array = np.asarray(np.fft.rfftfreq(N_FFT, 1.0 / SAMPLE_RATE_HZ), np.float64)
    return hertz, power


def brightness(audio: FloatArray) -> float:
    """Return the centroid of the magnitude spectrum in Hz."""
    hertz, power = mean_spectrum(audio)
    return float((hertz * np.sqrt(power)).sum() / np.sqrt(power).sum())


def depth(audio: FloatArray) -> float:
    """Return the share of power below LOW_HZ."""
    hertz, power = mean_spectrum(audio)
    return float(power[hertz < LOW_HZ].sum() / power.sum())


def noisiness(audio: FloatArray) -> float:
    """Return the spectral flatness from 50 Hz to 16 kHz, 1 for white noise."""
    hertz, power = mean_spectrum(audio)
    band = power[(hertz > 50.0) & (hertz < 16_000.0)]
    return float(np.exp(np.log(band).mean()) / band.mean())


def length(audio: FloatArray) -> float:
    """Return the seconds from the first to the last block above SILENCE_DB of the loudest."""
    level = blocks(audio)
    heard = np.flatnonzero(level > level.max() * 10.0 ** (SILENCE_DB / 20.0))
    count = int(heard[-1] - heard[0] + 1) if len(heard) else 0
    return count * BLOCK_FRAMES / SAMPLE_RATE_HZ


def attack(audio: FloatArray) -> float:
    """Return the seconds from 10 to 90 percent of the loudest block."""
    level = blocks(audio)
    begun = int(np.argmax(level >= 0.1 * level.max()))
    reached = int(np.argmax(level >= 0.9 * level.max()))
    return (reached - begun) * BLOCK_FRAMES / SAMPLE_RATE_HZ


def lateness(audio: FloatArray) -> float:
    """Return where in the take its power lies on average: 0 at the start, 1 at the end."""
    power = np.square(blocks(audio))
    return float((np.arange(len(power)) * power).sum() / (power.sum() + 1e-12) / max(1, len(power)))


def width(audio: FloatArray) -> float:
    """Return the root mean square of the side over that of the middle channel."""
    mid, side = audio.mean(1), 0.5 * (audio[:, 0] - audio[:, 1])
    return float(np.sqrt(np.square(side).mean()) / (np.sqrt(np.square(mid).mean()) + 1e-9))


def onsets(audio: FloatArray) -> float:
    """Return the attacks per second: rises of the level by ONSET_RISE_DB within 30 ms."""
    level_db = 20.0 * np.log10(blocks(audio) + 1e-4)
    padded = np.pad(level_db, (3, 0), constant_values=-80.0)
    rising = np.flatnonzero(padded[3:] - padded[:-3] > ONSET_RISE_DB)
    count = 0 if not len(rising) else 1 + int((np.diff(rising) > ONSET_GAP_BLOCKS).sum())
    return count / (len(audio) / SAMPLE_RATE_HZ)


def crest(audio: FloatArray) -> float:
    """Return the peak over the root mean square, in dB."""
    rms = float(np.sqrt(np.square(audio).mean())) + 1e-9
    return float(20.0 * np.log10(float(np.abs(audio).max()) / rms + 1e-9))
