"""What is measured of every take by its signal alone, and how many takes become one number.

A measure that says nothing of a take, such as the seam of a one-shot, is not a number there; one
that says nothing of any take is absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from generator.api import FloatArray, GenerationRequest
from training.artefacts import bandwidth_hz, frame_hum_db, latent_hum_db, loudness_lufs
from training.claims import NEAREST_TEMPO
from training.rhythm import grid_errors_s, octave_error, seam_db, tempo_bpm

NOTHING = float("nan")
Measured = Callable[[FloatArray, GenerationRequest], float]
Together = Callable[[FloatArray], float]


@dataclass(frozen=True, slots=True)
class Signal:
    """A measure of one take, its title, and what is said of many."""

    title: str
    measure: Measured
    together: Together


def median(values: FloatArray) -> float:
    """Return the median."""
    return float(np.median(values))


def mean(values: FloatArray) -> float:
    """Return the mean."""
    return float(np.mean(values))


def greatest(values: FloatArray) -> float:
    """Return the greatest."""
    return float(np.max(values))


def grid_error_ms(audio: FloatArray, request: GenerationRequest) -> float:
    """Return the median distance of a loop's onsets from the nearest sixteenth."""
    if request.tempo_bpm is None or not request.loop:
        return NOTHING
    errors_s = grid_errors_s(audio, request.tempo_bpm)
    return 1000.0 * float(np.median(errors_s)) if len(errors_s) else NOTHING


def tempo_kept(audio: FloatArray, request: GenerationRequest) -> float:
    """Return 1 for a loop whose onsets have the tempo that was asked for, 0 for another."""
    if request.tempo_bpm is None or not request.loop:
        return NOTHING
    return float(octave_error(tempo_bpm(audio), request.tempo_bpm) <= NEAREST_TEMPO)


def seam_heard(audio: FloatArray, request: GenerationRequest) -> float:
    """Return 1 for a loop that is rougher at its seam than anywhere else, 0 for another."""
    return float(seam_db(audio) > 0.0) if request.loop else NOTHING


def length_error_frames(audio: FloatArray, request: GenerationRequest) -> float:
    """Return by how many frames a loop misses its exact length."""
    return float(abs(len(audio) - request.frames)) if request.loop else NOTHING


SIGNALS: Mapping[str, Signal] = {
    "loudness_lufs": Signal("loudness, LUFS", lambda x, _: loudness_lufs(x), median),
    "bandwidth_hz": Signal("bandwidth, Hz", lambda x, _: bandwidth_hz(x), median),
    "latent_hum_db": Signal("pulse at 10.8 Hz, dB", lambda x, _: latent_hum_db(x), median),
    "frame_hum_db": Signal("pulse at 86 Hz, dB", lambda x, _: frame_hum_db(x), median),
    "length_error_frames": Signal("loop length error, frames", length_error_frames, greatest),
    "grid_error_ms": Signal("onset grid error, ms", grid_error_ms, median),
    "tempo_kept": Signal("loops in tempo", tempo_kept, mean),
    "seam_heard": Signal("loops with a seam", seam_heard, mean),
}


def signals_of(audio: FloatArray, request: GenerationRequest) -> FloatArray:
    """Measure one take.

    Shapes:
        audio: [frames, 2]  ->  [signals], not a number where a signal says nothing
    """
    return np.array([s.measure(audio, request) for s in SIGNALS.values()], np.float32)


def summary(signals: FloatArray) -> dict[str, float]:
    """Return each signal of many takes as one number, without those that say nothing.

    Shapes:
        signals: [..., signals]
    """
    table = {}
    for name, column in zip(SIGNALS, signals.reshape(-1, len(SIGNALS)).T, strict=True):
        known = column[np.isfinite(column)]
        if len(known):
            table[name] = SIGNALS[name].together(known)
    return table
