"""What a listener should not hear in a take: hum and combs of the networks' own frame rates.

Also its loudness and its bandwidth, so that a dull or a loud model is seen as such. Pure functions
of sound. Each number says little alone: real sound is measured beside it.

References:
    Loudness: ITU-R BS.1770-4, by pyloudnorm.
"""

import numpy as np
import numpy.typing as npt
import pyloudnorm

from generator.api import LATENT_HOP_FRAMES, SAMPLE_RATE_HZ, FloatArray
from generator.spectral import HOP_FRAMES

Array = npt.NDArray[np.float64]

LATENT_RATE_HZ = SAMPLE_RATE_HZ / LATENT_HOP_FRAMES
FRAME_RATE_HZ = SAMPLE_RATE_HZ / HOP_FRAMES
QUIETEST_LUFS = -70.0
GATE_S = 0.4
STEP_FRAMES = 64
STEP_RATE_HZ = SAMPLE_RATE_HZ / STEP_FRAMES
HARMONICS = 3
FEWEST_TURNS = 8.0
BESIDE = 0.9
NEIGHBOURS = 12
SKIPPED = 2
N_FFT = 4096
SMOOTHED_BINS = 16
AUDIBLE_DB = -70.0


def loudness_lufs(audio: FloatArray) -> float:
    """Return the integrated loudness, at least QUIETEST_LUFS; short sounds are followed by silence.

    Shapes:
        audio: [frames, 2]
    """
    missing = max(0, round(GATE_S * SAMPLE_RATE_HZ) + 1 - len(audio))
    padded = np.pad(audio.astype(np.float64), ((0, missing), (0, 0)))
    if not padded.any():
        return QUIETEST_LUFS
    loudness = pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(padded)
    return float(max(QUIETEST_LUFS, loudness))


def bandwidth_hz(audio: FloatArray) -> float:
    """Return the highest frequency within AUDIBLE_DB of the strongest, 0 for silence."""
    mono = audio.mean(1, dtype=np.float64)
    padded = np.pad(mono, (0, max(0, N_FFT - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[:: N_FFT // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(N_FFT)))).mean(0)
    smooth = np.convolve(power, np.ones(SMOOTHED_BINS) / SMOOTHED_BINS, mode="same")
    heard = np.flatnonzero(smooth > smooth.max() * 10.0 ** (AUDIBLE_DB / 10.0))
    return float(heard[-1] * SAMPLE_RATE_HZ / N_FFT) if len(heard) else 0.0


def envelope(audio: FloatArray) -> Array:
    """Return the level every STEP_FRAMES, relative to its own slow course, about 1.

    Shapes:
        audio: [frames, 2]  ->  [frames // STEP_FRAMES]
    """
    power = np.square(audio.astype(np.float64)).sum(1)
    steps = power[: len(power) // STEP_FRAMES * STEP_FRAMES].reshape(-1, STEP_FRAMES).mean(1)
    level = np.sqrt(steps)
    width = 2 * round(STEP_RATE_HZ / LATENT_RATE_HZ) + 1
    slow = np.convolve(np.pad(level, width // 2, mode="edge"), np.ones(width) / width, "valid")
    relative: Array = level / np.maximum(slow, 1e-3 * float(level.max(initial=0.0)) + 1e-9)
    return relative


def line_db(values: Array, rate_hz: float, line_hz: float, harmonics: int = HARMONICS) -> float:
    """Return how far lines at multiples of a frequency stand out of their surroundings, in dB.

    Args:
        values: What is to be searched, evenly in time.
        rate_hz: Its sample rate.
        line_hz: The first line; it must turn at least FEWEST_TURNS times.
        harmonics: How many multiples are taken together.

    Returns:
        Power on the lines over the stronger of what lies beside them, so that the flank of a
        tone's own beating is no line; not a number where too short to say.
    """
    turns = len(values) * line_hz / rate_hz
    if turns < FEWEST_TURNS:
        return float("nan")
    spread = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    beside = np.abs(spread) > SKIPPED
    step_hz = min(rate_hz / len(values), line_hz / (2.0 * NEIGHBOURS + 2.0))
    time = np.arange(len(values)) / rate_hz
    windowed = np.hanning(len(values)) * (values - values.mean())
    on, off = 0.0, 0.0
    for harmonic in range(1, harmonics + 1):
        hertz = harmonic * line_hz + step_hz * spread
        power = np.square(np.abs(np.exp(-2j * np.pi * np.outer(hertz, time)) @ windowed))
        on += float(power[NEIGHBOURS])
        off += float(np.quantile(power[beside], BESIDE))
    return 10.0 * float(np.log10((on + 1e-12) / (off + 1e-12)))


def latent_hum_db(audio: FloatArray) -> float:
    """Return how much the level pulses at the rate of the latents, in dB over its surroundings."""
    return line_db(envelope(audio), STEP_RATE_HZ, LATENT_RATE_HZ)


def frame_hum_db(audio: FloatArray) -> float:
    """Return how much the level pulses at the rate of the STFT's frames, in dB."""
    return line_db(envelope(audio), STEP_RATE_HZ, FRAME_RATE_HZ)
