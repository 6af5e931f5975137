"""Seeds of presets: the best take wins, silence never, and nothing else of the text changes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from generator.api import AudioClip, FloatArray, GenerationRequest
from training.preset_seeds import SEEDS, choose

RIG = """format = "daw-bridge rig"
[session]
tempo = 100.0

[slot.1]
prompt = "kick"
seed = 9
duration = 0.5

[slot.12]
prompt = "bass loop"
seed = 9
bars = 2
key = "E minor"
mode = "loop"
"""


class Loud:
    """A take is as loud as its seed says; that of the last seed is nearly silent."""

    def __init__(self) -> None:
        self.asked: list[GenerationRequest] = []

    def generate(self, request: GenerationRequest) -> AudioClip:
        self.asked.append(request)
        level = 1e-4 if request.seed == SEEDS else 0.05 * request.seed
        return AudioClip(np.full((request.frames, 2), level, np.float32), request)


def judge(sounds: Sequence[FloatArray], words: str) -> FloatArray:
    """The third seed is the best kick; of a bass the last one would be."""
    levels = np.array([float(np.abs(x).max()) for x in sounds], np.float32)
    scores: FloatArray = -np.abs(levels - np.float32(0.15 if words == "kick" else 1e-4))
    return scores


def test_the_best_audible_take_is_chosen_and_nothing_else_changes(tmp_path: Path) -> None:
    file, maker = tmp_path / "a.toml", Loud()
    file.write_text(RIG)
    choose([file], maker, judge)
    assert file.read_text() == RIG.replace("seed = 9", "seed = 3", 1).replace(
        "seed = 9", "seed = 1"
    )
    loop = maker.asked[-1]
    assert (loop.bars, loop.tempo_bpm, loop.key, loop.loop) == (2, 100.0, "E minor", True)
    assert maker.asked[0].seconds == 0.5
