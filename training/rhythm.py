"""Onsets, tempo, and how well a loop keeps its grid and closes at its seam.

Pure functions of sound. Onset times are where the rise of the log spectrum is steepest, to about a
millisecond.

References:
    Onsets by the flux of a log-compressed spectrum: Böck, Krebs and Schedl 2012, "Evaluating the
    online capabilities of onset detection methods". Tempo by the Fourier tempogram: Grosche and
    Müller 2011, "Extracting predominant local pulse information from music recordings".
"""

import numpy as np
import numpy.typing as npt

from generator.api import SAMPLE_RATE_HZ, FloatArray

Array = npt.NDArray[np.float64]

WINDOW_FRAMES = 1024
HOP_FRAMES = 128
HOP_S = HOP_FRAMES / SAMPLE_RATE_HZ
COMPRESSION = 100.0
LOOKBACK_HOPS = 4
GAP_HOPS = 12
ONSET_SHARE = 0.15
SLOWEST_BPM, FASTEST_BPM = 65.0, 170.0
TEMPOS = 900
PULSE_N_FFT = 2**18
DIVISIONS = (1, 2, 4)
GRID_STEPS_A_BEAT = 4
SEAM_FRAMES = 64


def flux(audio: FloatArray) -> Array:
    """Return how much the spectrum rises, every HOP_FRAMES; entry j is about frame j * HOP_FRAMES.

    Shapes:
        audio: [frames, 2]  ->  [frames // HOP_FRAMES + 1]
    """
    mono = audio.mean(1, dtype=np.float64)
    padded = np.pad(mono, (WINDOW_FRAMES, WINDOW_FRAMES))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_FRAMES)[
        WINDOW_FRAMES // 2 :: HOP_FRAMES
    ][: len(mono) // HOP_FRAMES + 1]
    size = np.abs(np.fft.rfft(frames.astype(np.float32) * np.hanning(WINDOW_FRAMES)))
    bands = np.add.reduceat(size, band_edges(), axis=1)
    level = np.log1p(COMPRESSION * bands / max(float(bands.max()), 1e-9))
    before = np.pad(level, ((LOOKBACK_HOPS, 0), (0, 0)))[: len(level)]
    rise: Array = np.maximum(level - before, 0.0).sum(1)
    return rise


def band_edges() -> npt.NDArray[np.int64]:
    """Return the first bin of each of about 24 bands of equal ratio."""
    return np.unique(np.geomspace(1, WINDOW_FRAMES // 2, 25).astype(np.int64))


def onset_times(audio: FloatArray) -> Array:
    """Return when notes begin, in seconds from the start."""
    rise = flux(audio)
    reach = np.lib.stride_tricks.sliding_window_view(
        np.pad(rise, GAP_HOPS, constant_values=-1.0), 2 * GAP_HOPS + 1
    ).max(1)
    threshold = ONSET_SHARE * float(rise.max(initial=0.0))
    peaks = np.flatnonzero((rise >= reach) & (rise > max(threshold, 1e-6)))
    times: Array = np.asarray(peaks * HOP_S, np.float64)
    return times


def tempo_bpm(audio: FloatArray) -> float:
    """Return the tempo, a peak of the pulse's spectrum with its double and quadruple; 0 if none."""
    rise = flux(audio)
    pulse = np.hanning(len(rise)) * (rise - rise.mean())
    if not pulse.any():
        return 0.0
    size = np.abs(np.fft.rfft(pulse, PULSE_N_FFT))
    candidates = np.geomspace(SLOWEST_BPM, FASTEST_BPM, TEMPOS)
    lines = np.outer(DIVISIONS, candidates / 60.0 * HOP_S * PULSE_N_FFT)
    score = size[np.round(lines).astype(np.int64)].sum(0)
    # The flank of a tempo beyond the range is no tempo.
    peaks = 1 + np.flatnonzero((score[1:-1] >= score[:-2]) & (score[1:-1] > score[2:]))
    return float(candidates[peaks[np.argmax(score[peaks])]]) if len(peaks) else 0.0


def octave_error(bpm: float, wanted_bpm: float) -> float:
    """Return by what share a tempo misses another, halves and doubles counting as the same."""
    if bpm <= 0.0:
        return float("inf")
    octaves = float(np.log2(bpm / wanted_bpm))
    return float(2.0 ** abs(octaves - round(octaves)) - 1.0)


def grid_errors_s(audio: FloatArray, bpm: float) -> Array:
    """Return how far each onset is from the nearest sixteenth, in seconds, [onsets]."""
    step_s = 60.0 / bpm / GRID_STEPS_A_BEAT
    times = onset_times(audio)
    errors: Array = np.abs(times - step_s * np.round(times / step_s))
    return errors


def seam_db(loop: FloatArray) -> float:
    """Return how much rougher a loop is where its end meets its start than anywhere else, in dB.

    Roughness is the power of the third difference within SEAM_FRAMES around a place: a click
    raises it, a tone does not, and the attack of a first beat no more than other attacks.
    """
    if len(loop) < 4 * SEAM_FRAMES:
        return 0.0
    turned = np.roll(loop.astype(np.float64), SEAM_FRAMES // 2, axis=0)
    rough = np.square(np.diff(turned, 3, axis=0)).sum(1)
    count = len(rough) // SEAM_FRAMES
    places = rough[: count * SEAM_FRAMES].reshape(count, SEAM_FRAMES).sum(1) + 1e-12
    return float(10.0 * np.log10(places[0] / places[1:].max()))
