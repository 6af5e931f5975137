"""From spectral frames to stereo samples: phases, spectra, overlap-add.

The stream is the primitive; a whole sound is its concatenation, bit for bit, for any partition into
chunks. It has two halves with a state each, `PhaseWalk` and `OverlapAdd`, so that two threads may
work on neighbouring chunks. Knows nothing of networks, prompts or files.
Flow: generator/spectral.py → here → samples.
"""

import numpy as np

from generator.overlap_add import ComplexArray, OverlapAdd
from generator.phase_walk import PhaseWalk
from generator.spectral import WORK_FRAMES, FloatArray, SpectralFrames


class SpectralStream:
    """Turns spectral frames into samples, carrying phase and overlap from chunk to chunk."""

    def __init__(self, seed: int) -> None:
        """Start a sound.

        Args:
            seed: Seeds the noise that blurs the phase.
        """
        self.walk = PhaseWalk(seed)
        self.overlap = OverlapAdd()

    def spectrum(self, frames: SpectralFrames) -> ComplexArray:
        """Return the spectra of frames, and carry their phases on.

        Shapes:
            frames of n, at best not more than WORK_FRAMES  ->  [n, channels, bins] of the
            frames
        """
        phase = self.walk.push(frames)
        magnitude = np.exp(frames.log_magnitude)
        spectrum = np.empty(phase.shape, np.complex64)
        np.multiply(magnitude, np.cos(phase), out=spectrum.real)
        np.multiply(magnitude, np.sin(phase), out=spectrum.imag)
        return spectrum

    def push(self, frames: SpectralFrames) -> FloatArray:
        """Return the samples that are complete once these frames are in.

        Shapes:
            frames of n  ->  [m, 2], see `OverlapAdd.push`
        """
        pieces = [
            self.overlap.push(self.spectrum(frames.part(start, start + WORK_FRAMES)))
            for start in range(0, len(frames), WORK_FRAMES)
        ]
        return np.concatenate(pieces) if pieces else np.zeros((0, 2), np.float32)

    def flush(self) -> FloatArray:
        """Return the last half window, so that n frames have given n * HOP_FRAMES samples."""
        return self.overlap.flush()


def synthesise(frames: SpectralFrames, seed: int) -> FloatArray:
    """Return the whole sound of ``n * HOP_FRAMES`` frames.

    Shapes:
        frames of n  ->  [n * HOP_FRAMES, 2], left and right, full scale 1.0.
    """
    stream = SpectralStream(seed)
    return np.concatenate((stream.push(frames), stream.flush()))
