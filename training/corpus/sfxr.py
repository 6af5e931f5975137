"""Sounds of old video games, through pyfxr: coins, lasers, explosions, jumps.

The only file that knows pyfxr. Voices and laws stand in ``tables/sfxr.toml``.
"""

from __future__ import annotations

import ctypes
import importlib.util
from typing import Any

import numpy as np

from generator.api import FloatArray
from training.corpus.clip import Clip
from training.corpus.voices import Drawn, clip_of_voice, draw_voice
from training.errors import TrainingError

LICENCE = "Apache-2.0"
AUTHOR = "daw-bridge, with pyfxr by Daniel Pope"


class Sfxr:
    """Renders with pyfxr, which gives mono sound at 44.1 kHz."""

    def __init__(self) -> None:
        """Look for pyfxr.

        Raises:
            TrainingError: It is not installed.
        """
        if importlib.util.find_spec("pyfxr") is None:
            raise TrainingError(
                "no pyfxr here: run pip install 'daw-bridge[renderers]', or set sfxr_share = 0"
            )
        # Its noise is the C library's, which it never seeds.
        self._c: Any = ctypes.CDLL(None)

    def render(self, seed: int) -> Clip | str:
        """Make one clip.

        Args:
            seed: The same seed gives the same clip.

        Returns:
            The clip, or the reason why it is refused.
        """
        drawn = draw_voice("sfxr", seed)
        sound = self._play(drawn)  # which it overdrives, whatever its settings
        return clip_of_voice(drawn, sound, licence=LICENCE, author=AUTHOR, may_clip=True)

    def _play(self, drawn: Drawn) -> FloatArray:
        """Sound of a drawn voice, [frames, 1]."""
        import pyfxr

        self._c.srand(drawn.seed % 2**32)
        effect = pyfxr.SFX(wave_type=drawn.code, **drawn.values)
        samples = np.frombuffer(effect.build(), np.int16)
        return samples[:, None].astype(np.float32) / 32768.0
