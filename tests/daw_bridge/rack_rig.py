"""A rack to measure: sound through real effects, with values set by their names in the table."""

from collections.abc import Mapping

import numpy as np
import pytest

from daw_bridge.arguments import Value
from daw_bridge.effect_chain import EffectChain
from daw_bridge.effects import BUSES, PLACES, audio_number
from daw_bridge.errors import EffectsMissing
from daw_bridge.rack import open_rack
from generator.api import FloatArray

MAX_FRAMES = 1024
TEMPO_BPM = 120.0


def new_rack() -> EffectChain:
    """A rack with everything out; where there is no pyo the test skips, and fails under CI."""
    try:
        return open_rack(slots=4, max_frames=MAX_FRAMES)
    except EffectsMissing as missing:
        pytest.skip(str(missing))


def put(
    rack: EffectChain, values: Mapping[str, Value], *, frame: int = 0, tempo_bpm: float = TEMPO_BPM
) -> None:
    """Set values by their keys."""
    for key, value in values.items():
        assert rack.set(*PLACES[key], audio_number(key, value, tempo_bpm), frame)


def play(
    rack: EffectChain,
    mix: FloatArray,
    sent: Mapping[str, FloatArray] | None = None,
    *,
    block: int = 256,
    frame: int = 0,
) -> FloatArray:
    """What comes out for a mix and for what is sent to buses.

    Shapes:
        mix: [frames, channels]  ->  [frames, channels]
    """
    out = np.array(mix, np.float32)
    for begin in range(0, len(out), block):
        stretch = out[begin : begin + block]
        for name, sound in (sent or {}).items():
            rack.sends.sums[BUSES.index(name), : len(stretch)] += sound[begin : begin + block]
        if not rack.is_idle:
            rack.process(stretch, frame + begin)
    return out
