"""The pitch of a note and the key of a passage, from the signal alone.

Pure functions of sound; a sound without one gives 0 Hz and no key (-1).

References:
    Pitch: de Cheveigné and Kawahara 2002, "YIN, a fundamental frequency estimator", steps 1 to 5.
    Key: the probe-tone profiles of Krumhansl 1990, "Cognitive foundations of musical pitch".
"""

import numpy as np
import numpy.typing as npt

from generator.api import SAMPLE_RATE_HZ, FloatArray
from generator.keys import KEYS

Array = npt.NDArray[np.float64]

LOWEST_HZ, HIGHEST_HZ = 27.0, 4200.0
WINDOW_FRAMES = 4096
HOP_FRAMES = 1024
APERIODIC = 0.15
QUIET = 0.1
MOST_MOMENTS = 12
A4_HZ, A4_MIDI = 440.0, 69

CHROMA_FRAMES = 16384
CHROMA_HZ = (60.0, 1000.0)
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def pitch_hz(audio: FloatArray) -> float:
    """Return the fundamental frequency of a note: the median over its loud, periodic moments."""
    mono = audio.mean(1, dtype=np.float64)
    longest = int(SAMPLE_RATE_HZ / LOWEST_HZ)
    span = WINDOW_FRAMES + longest
    mono = np.pad(mono, (0, max(0, span - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(mono, span)[::HOP_FRAMES]
    level = np.sqrt(np.square(frames).mean(1))
    loud = frames[level > max(QUIET * float(level.max()), 1e-6)]
    few = loud[:: -(-len(loud) // MOST_MOMENTS)] if len(loud) else loud
    found = [period_of(frame, longest) for frame in few]
    periods = [period for period in found if period > 0.0]
    return SAMPLE_RATE_HZ / float(np.median(periods)) if periods else 0.0


def period_of(frame: Array, longest: int) -> float:
    """Return the period of one stretch of sound in frames, 0 where it has none.

    Shapes:
        frame: [WINDOW_FRAMES + longest]
    """
    size = 2 * len(frame)
    head = np.fft.rfft(frame[:WINDOW_FRAMES], size)
    products = np.fft.irfft(np.fft.rfft(frame, size) * head.conj(), size)[: longest + 1]
    energy = np.concatenate(([0.0], np.cumsum(np.square(frame))))
    energies = energy[WINDOW_FRAMES : WINDOW_FRAMES + longest + 1] - energy[: longest + 1]
    difference = np.maximum(energies[0] + energies - 2.0 * products, 0.0)
    mean = np.cumsum(difference[1:]) / np.arange(1, longest + 1)
    normal = np.concatenate(([1.0], difference[1:] / np.maximum(mean, 1e-12)))
    shortest = int(SAMPLE_RATE_HZ / HIGHEST_HZ)
    below = np.flatnonzero(normal[shortest:-1] < APERIODIC)
    if not len(below):
        return 0.0
    lag = shortest + int(below[0])
    while lag + 1 < longest and normal[lag + 1] < normal[lag]:
        lag += 1
    left, middle, right = normal[lag - 1], normal[lag], normal[min(lag + 1, longest)]
    bend = left - 2.0 * middle + right
    return float(lag + (0.5 * (left - right) / bend if bend > 1e-12 else 0.0))


def cents_between(hz: float, wanted_hz: float) -> float:
    """Return the distance of two frequencies in cents, infinite where there is none."""
    return abs(1200.0 * float(np.log2(hz / wanted_hz))) if hz > 0.0 else float("inf")


def note_hz(name: str) -> float:
    """Return the frequency of a note such as "C#4" in equal temperament.

    >>> round(note_hz("A4")), round(note_hz("C#2"), 1)
    (440, 69.3)
    """
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name[0]]
    midi = 12 * (int(name[-1]) + 1) + steps + name.count("#") - name[1:].count("b")
    return float(A4_HZ * 2.0 ** ((midi - A4_MIDI) / 12.0))


def chroma(audio: FloatArray) -> Array:
    """Return how much of each pitch class a sound has, [12] from C, summing to 1; 0 if silent."""
    mono = audio.mean(1, dtype=np.float64)
    mono = np.pad(mono, (0, max(0, CHROMA_FRAMES - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(mono, CHROMA_FRAMES)[:: CHROMA_FRAMES // 4]
    size = np.abs(np.fft.rfft(frames * np.hanning(CHROMA_FRAMES)))
    hertz = np.fft.rfftfreq(CHROMA_FRAMES, 1.0 / SAMPLE_RATE_HZ)
    peaks = (size[:, 1:-1] > size[:, :-2]) & (size[:, 1:-1] > size[:, 2:])
    size = np.where(peaks, size[:, 1:-1], 0.0)
    hertz = hertz[1:-1]
    heard = (hertz > CHROMA_HZ[0]) & (hertz < CHROMA_HZ[1])
    classes = np.round(12.0 * np.log2(hertz[heard] / A4_HZ) + A4_MIDI).astype(int) % 12
    found = np.bincount(classes, size[:, heard].sum(0), 12)
    whole: Array = found / max(float(found.sum()), 1e-12)
    return whole


def key_number(audio: FloatArray) -> float:
    """Return the place in `KEYS` of the key whose profile fits a passage best; -1 for silence.

    Twelve major keys come first, then twelve minor ones.
    """
    found = chroma(audio)
    if not found.any():
        return -1.0
    profiles = [np.roll(mode, tonic) for mode in (MAJOR, MINOR) for tonic in range(12)]
    return float(np.argmax([np.corrcoef(found, profile)[0, 1] for profile in profiles]))


def same_notes(number: float, wanted: str) -> bool:
    """Return whether a key that `key_number` found is the wanted one or its relative."""
    return number >= 0.0 and scale_of(int(number)) == scale_of(KEYS.index(wanted))


def scale_of(number: int) -> int:
    """Return the tonic of the major key with the same notes, 0 to 11 from C."""
    return (number % 12 + (3 if number >= 12 else 0)) % 12
