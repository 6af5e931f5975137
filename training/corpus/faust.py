"""Physical models of the Faust libraries, compiled and run by DawDreamer.

The only file that knows dawdreamer. Voices and laws stand in ``tables/faust.toml``; their codes are
Faust expressions of ``freq``, ``gain``, ``gate`` and the names of their laws.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.corpus.clip import Clip
from training.corpus.patch import midi_to_hz
from training.corpus.voices import Drawn, Voice, clip_of_voice, draw_voice
from training.errors import TrainingError

LICENCE = "Apache-2.0"
AUTHOR = "daw-bridge, with the Faust libraries (physical models by Romain Michon and others)"
BLOCK_FRAMES = 64
_GROUP = "/dawdreamer/"
_PREAMBLE = """
import("stdfaust.lib");
freq = hslider("freq", 440.0, 1.0, 20000.0, 0.0001);
gain = 0.8;
gate = button("gate");
"""
_SLIDER = '{name} = hslider("{name}", 0.0, -100000.0, 100000.0, 0.00001);\n'


@dataclass(frozen=True, slots=True)
class _Model:
    """A compiled voice: its processor, and the engine that runs it."""

    engine: Any
    processor: Any


class Faust:
    """Renders with Faust; each code is compiled when it is first drawn."""

    def __init__(self) -> None:
        """Look for dawdreamer.

        Raises:
            TrainingError: It is not installed.
        """
        if importlib.util.find_spec("dawdreamer") is None:
            raise TrainingError(
                "no dawdreamer here: run pip install 'daw-bridge[renderers]', "
                "or set faust_share = 0"
            )
        self._compiled: dict[str, _Model] = {}

    def render(self, seed: int) -> Clip | str:
        """Make one clip.

        Args:
            seed: The same seed gives the same clip.

        Returns:
            The clip, or the reason why it is refused.

        Raises:
            TrainingError: A code of the table does not compile.
        """
        drawn = draw_voice("faust", seed)
        return clip_of_voice(drawn, self._play(drawn), licence=LICENCE, author=AUTHOR)

    def _play(self, drawn: Drawn) -> FloatArray:
        """Sound of a drawn voice, [frames, channels]."""
        model = self._model(drawn.voice, drawn.code)
        for name, value in drawn.values.items():
            if name != "held_s":
                model.processor.set_parameter(_GROUP + name, value)
        if drawn.midi is not None:
            model.processor.set_parameter(_GROUP + "freq", tuned_hz(drawn.voice, drawn.midi))
        held = drawn.values.get("held_s", drawn.seconds)
        gate = np.zeros(round(drawn.seconds * SAMPLE_RATE_HZ), np.float32)
        gate[BLOCK_FRAMES : round(held * SAMPLE_RATE_HZ)] = 1.0
        model.processor.set_automation(_GROUP + "gate", gate)
        model.engine.render(drawn.seconds)
        return np.ascontiguousarray(model.engine.get_audio().T, dtype=np.float32)

    def _model(self, voice: Voice, code: str) -> _Model:
        if code not in self._compiled:
            self._compiled[code] = _compile(voice, code)
        return self._compiled[code]


def tuned_hz(voice: Voice, midi: int) -> float:
    """Return the frequency to ask for, so that a voice with too long a delay line is in tune."""
    return SAMPLE_RATE_HZ / (SAMPLE_RATE_HZ / midi_to_hz(midi) - voice.late_frames)


def _compile(voice: Voice, code: str) -> _Model:
    import dawdreamer

    sliders = (_SLIDER.format(name=name) for name in voice.laws if name != "held_s")
    engine = dawdreamer.RenderEngine(SAMPLE_RATE_HZ, BLOCK_FRAMES)
    processor = engine.make_faust_processor("voice")
    try:
        processor.set_dsp_string(f"{_PREAMBLE}{''.join(sliders)}process = {code};\n")
        processor.compile()
    except RuntimeError as error:
        raise TrainingError(f"{voice.name}: Faust refuses {code!r}: {error}") from error
    engine.load_graph([(processor, [])])
    return _Model(engine, processor)
