"""Laws of effects in the mixer: who sends, what panic ends; what is out leaves no trace."""

import math

import numpy as np
import pytest

from daw_bridge.arguments import Value
from daw_bridge.audio_commands import (
    NOW,
    Panic,
    Play,
    SetEffect,
    SetMasterGain,
    SetSend,
    SetSlotGain,
    Warning,
    WarningCode,
)
from daw_bridge.effects import BUSES, PLACES, audio_number
from daw_bridge.errors import EffectsMissing
from daw_bridge.guard import CEILING
from daw_bridge.mixer import Mixer
from daw_bridge.mixing_desk import MAX_CHUNK_FRAMES
from daw_bridge.rack import open_rack
from daw_bridge.timeline import MAX_SLOTS
from generator.api import SAMPLE_RATE_HZ, FloatArray

REVERB, DELAY = BUSES.index("reverb"), BUSES.index("delay")


def new_mixer() -> Mixer:
    try:
        return Mixer(effects=open_rack(slots=MAX_SLOTS, max_frames=MAX_CHUNK_FRAMES))
    except EffectsMissing as missing:
        pytest.skip(str(missing))


def effect(key: str, value: Value, at_frame: int = NOW) -> SetEffect:
    return SetEffect(*PLACES[key], audio_number(key, value, 120.0), at_frame)


def noise(seed: int, frames: int = 22_050) -> FloatArray:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((frames, 2)) * 0.1).astype(np.float32)


def render(mixer: Mixer, frames: int, block: int = 256) -> FloatArray:
    out = np.full((frames, 2), np.nan, np.float32)
    for begin in range(0, frames, block):
        mixer.render(out[begin : begin + block])
    return out


def test_with_everything_out_every_bit_is_as_without_effects() -> None:
    mixers = (new_mixer(), Mixer())
    for mixer in mixers:
        mixer.install(1, noise(1))
        mixer.handle(SetMasterGain(-3.0, at_frame=5_000))
        mixer.handle(SetSlotGain(1, 0.5, 0.7, at_frame=700))
        mixer.handle(Play(1, 1, loop=True))
    mixers[0].handle(SetSend(1, REVERB, 0.0))
    mixers[0].handle(effect("filter/frequency", 100.0))
    np.testing.assert_array_equal(render(mixers[0], 44_032), render(mixers[1], 44_032))


def test_a_hit_that_comes_while_a_block_is_mixed_sends_as_one_in_time() -> None:
    in_time, late = new_mixer(), new_mixer()
    for mixer in (in_time, late):
        mixer.install(1, noise(1))
        mixer.handle(SetSend(2, DELAY, 0.0))
        mixer.handle(effect("delay/bypass", False))
        mixer.handle(Play(1, 1, loop=True))
        render(mixer, 2_048)
    in_time.handle(Play(2, 1))
    out = np.full((256, 2), np.nan, np.float32)
    late.render(out, lambda: late.handle(Play(2, 1)))
    np.testing.assert_array_equal(out, render(in_time, 256))
    np.testing.assert_array_equal(render(late, 44_032), render(in_time, 44_032))


def test_only_the_slot_that_sends_reverberates() -> None:
    mixer = new_mixer()
    mixer.install(1, noise(1, 4_410))
    mixer.handle(SetSend(2, REVERB, 0.0))
    mixer.handle(effect("reverb/bypass", False))
    mixer.handle(Play(1, 1))
    assert not render(mixer, 22_016)[4_864:].any()
    mixer.handle(Play(2, 1))
    assert np.abs(render(mixer, 22_016)[4_864:]).max() > 1e-3


def test_a_send_is_what_is_left_after_the_slots_gain() -> None:
    sounds = []
    for gain, send_db in ((1.0, -20.0), (0.1, 0.0)):
        mixer = new_mixer()
        mixer.install(1, noise(1, 4_410))
        for command in (
            effect("delay/bypass", False),
            SetSlotGain(1, gain, gain),
            SetSend(1, BUSES.index("delay"), send_db),
        ):
            mixer.handle(command)
        render(mixer, 2_048)
        mixer.handle(Play(1, 1))
        sounds.append(render(mixer, 44_032)[8_000:])
    assert np.abs(sounds[0]).max() > 1e-3
    np.testing.assert_allclose(sounds[0], sounds[1], atol=1e-6)


def test_panic_ends_what_sounds_on_in_effects() -> None:
    mixer = new_mixer()
    mixer.install(1, noise(1))
    mixer.handle(SetSend(1, REVERB, 6.0))
    mixer.handle(effect("reverb/time", 20.0))
    mixer.handle(effect("reverb/bypass", False))
    mixer.handle(Play(1, 1, loop=True))
    assert render(mixer, 22_016).any()
    mixer.handle(Panic())
    after = render(mixer, 22_016)
    assert after[:256].any()
    assert np.abs(after[SAMPLE_RATE_HZ // 20 :]).max() < 1e-12


def test_the_guard_stands_after_the_effects() -> None:
    mixer = new_mixer()
    mixer.install(1, noise(1))
    mixer.handle(effect("drive/level", 12.0))
    mixer.handle(effect("drive/amount", 40.0))
    mixer.handle(effect("drive/bypass", False))
    mixer.handle(Play(1, 1, loop=True))
    heard = np.abs(render(mixer, 22_016)[2_048:])
    assert 0.9 < heard.max() <= CEILING


def test_a_change_is_heard_from_its_frame_on() -> None:
    mixer = new_mixer()
    mixer.install(1, noise(1))
    mixer.handle(Play(1, 1, loop=True))
    mixer.handle(effect("drive/bypass", False, at_frame=10_000))
    dry = Mixer()
    dry.install(1, noise(1))
    dry.handle(Play(1, 1, loop=True))
    differs = np.flatnonzero((render(mixer, 22_016) != render(dry, 22_016)).any(axis=1))
    assert 10_000 <= differs[0] < 10_000 + 2 * 64


@pytest.mark.parametrize(
    "command",
    [
        SetEffect(99, 0, 0.0),
        SetEffect(0, 99, 0.0),
        SetEffect(0, 0, math.nan),
        SetEffect(0, 1, math.inf),
        SetSend(1, 99, 0.0),
        SetSend(0, 0, 0.0),
        SetSend(MAX_SLOTS + 1, 0, 0.0),
        SetSend(1, 0, math.nan),
    ],
)
def test_what_there_is_not_is_refused(command: SetEffect | SetSend) -> None:
    mixer = new_mixer()
    mixer.handle(command)
    assert list(mixer.events) == [Warning(WarningCode.BAD_COMMAND, 1)]
