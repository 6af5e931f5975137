"""Sound to a fixed 512-d embedding, for Fréchet distance and retrieval: the network of aiSFX.

The one file that knows the package aisfx, whose weights are a pickle of its own: for evaluation
only, never part of the daemon or of a checkpoint. Knows nothing of prompts. The mel front end is
written anew, since the package asks for Essentia.

References:
    Cramer et al. 2022, "Extensible and efficient audio embeddings for sound effects" (aiSFX),
    X-Sequential-CE.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from generator.api import SAMPLE_RATE_HZ, FloatArray
from generator.autoencoder import mel_filters
from training.errors import TrainingError

WIDTH = 512
N_FFT = 2048
HOP_FRAMES = 1024
BANDS = 96
BLOCK = 100
LOUDEST_LOG = 9.457798957824707
PEAK = 10.0 ** (-1.0 / 20.0)
PREFIX = "embedding_net."


def log_mel_blocks(audio: FloatArray) -> Tensor:
    """Return the network's input: blocks of log-mel power of the middle channel, at a fixed peak.

    A last block is kept when it is at least half full, or the only one.

    Shapes:
        audio: [frames, channels]  ->  [blocks, BLOCK, BANDS]
    """
    mono = torch.from_numpy(audio.mean(1, dtype=np.float32))
    mono = mono * (PEAK / mono.abs().max().clamp_min(1e-5))
    missing = max(0, N_FFT - len(mono)) + (-len(mono)) % HOP_FRAMES
    frames = functional.pad(mono, (0, missing)).unfold(0, N_FFT, HOP_FRAMES)
    power = torch.fft.rfft(frames * torch.hann_window(N_FFT, periodic=False)).abs().square()
    mel = power @ mel_filters(BANDS, N_FFT, SAMPLE_RATE_HZ, low_hz=0.0)
    scaled = (1.0 + 1e4 * mel).log10() / LOUDEST_LOG
    count = max(1, (len(scaled) + BLOCK // 2) // BLOCK)
    filled = functional.pad(scaled, (0, 0, 0, max(0, count * BLOCK - len(scaled))))
    return filled[: count * BLOCK].reshape(count, BLOCK, BANDS)


class SoundEmbedder:
    """Embeds sounds; the embedding of a sound is the mean of its blocks'."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            TrainingError: The package is not installed.
        """
        try:
            from importlib.resources import files

            from aisfx.models.cnn2d import EmbeddingNet
        except ImportError as error:
            raise TrainingError(
                "evaluation needs the package aisfx: pip install --no-deps aisfx"
            ) from error
        with (files("aisfx") / "models" / "checkpoint.pth").open("rb") as file:
            weights, _ = torch.load(file, map_location="cpu", weights_only=False)
        own = {k.removeprefix(PREFIX): v for k, v in weights.items() if k.startswith(PREFIX)}
        self._network = EmbeddingNet("max", 3, 1, 64)
        self._network.load_state_dict(own)
        self._network.eval().to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def embed(self, audio: FloatArray) -> FloatArray:
        """Return the embedding of one sound.

        Shapes:
            audio: [frames, channels] at SAMPLE_RATE_HZ  ->  [WIDTH]
        """
        embedded: FloatArray = self._network(log_mel_blocks(audio)).mean(0).numpy()
        return embedded
