"""Shaken and scraped percussion, through Csound's models of many small things that collide.

The only file that starts csound. Voices and laws stand in ``tables/csound.toml``; what a code reads
as ``{name}`` is the value of that law.

References:
    The models: Cook 1997, "Physically Informed Sonic Modeling (PhISM): Synthesis of Percussive
    Sounds", Computer Music Journal 21(3).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.corpus.clip import Clip
from training.corpus.programs import find_program, run_program
from training.corpus.voices import Drawn, clip_of_voice, draw_voice
from training.sound_files import read_sound

LICENCE = "Apache-2.0"
AUTHOR = "daw-bridge, with Csound"
_ORCHESTRA = """<CsoundSynthesizer>
<CsOptions>
-W -f -d -m0
</CsOptions>
<CsInstruments>
sr = {rate}
ksmps = 1
nchnls = 1
0dbfs = 1
seed {seed}
instr 1
a1 {code}
out a1
endin
</CsInstruments>
<CsScore>
i1 0 {seconds}
e
</CsScore>
</CsoundSynthesizer>
"""


class Csound:
    """Renders with the command csound, one run for each clip."""

    def __init__(self) -> None:
        """Look for csound.

        Raises:
            TrainingError: It is not installed.
        """
        self._command = find_program("csound", package="csound", share="csound_share")

    def render(self, seed: int) -> Clip | str:
        """Make one clip.

        Args:
            seed: The same seed gives the same clip.

        Returns:
            The clip, or the reason why it is refused.

        Raises:
            TrainingError: Csound failed.
        """
        drawn = draw_voice("csound", seed)
        return clip_of_voice(drawn, self._play(drawn), licence=LICENCE, author=AUTHOR)

    def _play(self, drawn: Drawn) -> FloatArray:
        """Sound of a drawn voice, [frames, 1]."""
        text = _ORCHESTRA.format(
            rate=SAMPLE_RATE_HZ,
            seed=drawn.seed % 2**31 + 1,  # 0 would ask the clock
            code=drawn.code.format_map(drawn.values),
            seconds=drawn.seconds,
        )
        with tempfile.TemporaryDirectory() as scratch:
            score, made = Path(scratch) / "clip.csd", Path(scratch) / "clip.wav"
            score.write_text(text, encoding="ascii")
            run_program([self._command, "-o", str(made), str(score)])
            return read_sound(made).audio
