"""A mixer with takes, what comes out of it block by block, and how far it steps."""

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from daw_bridge.audio_commands import (
    Command,
    Play,
    SetMasterGain,
    SetSlotGain,
    StopSlot,
)
from daw_bridge.mixer import Mixer
from generator.api import SAMPLE_RATE_HZ, FloatArray

MS = SAMPLE_RATE_HZ / 1000


def noise(seed: int, frames: int = 1000, scale: float = 0.1) -> FloatArray:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((frames, 2)) * scale).astype(np.float32)


def tone(frequency_hz: float, *, periods: int = 50, peak: float = 0.4) -> FloatArray:
    """A whole number of periods, so that it loops without a seam, at very nearly the frequency."""
    frames = round(periods * SAMPLE_RATE_HZ / frequency_hz)
    wave = peak * np.sin(2 * np.pi * periods * np.arange(frames) / frames)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def mixer_with(*takes: FloatArray, start_frame: int = 0) -> Mixer:
    mixer = Mixer(start_frame=start_frame)
    for take_id, audio in enumerate(takes):
        mixer.install(take_id, audio)
    return mixer


def render(mixer: Mixer, frames: int) -> FloatArray:
    out = np.full((frames, 2), np.nan, np.float32)
    mixer.render(out)
    return out


def render_in(mixer: Mixer, blocks: Sequence[int]) -> FloatArray:
    return np.concatenate([render(mixer, frames) for frames in blocks])


def largest_step(audio: FloatArray) -> float:
    return float(np.abs(np.diff(audio, axis=0)).max())


SPAN = 6000
frames_in_span = st.integers(0, SPAN)
linear_gains = st.floats(0, 4)
notes = st.sampled_from([-1, -1, 60, 64])
gains_db = st.one_of(st.just(-math.inf), st.floats(-60, 12))
timed_commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        Play,
        slot=st.integers(1, 3),
        take_id=st.integers(0, 3),
        at_frame=frames_in_span,
        velocity=st.floats(0, 1),
        loop=st.booleans(),
        crossfade_ms=st.floats(0, 40),
        note=notes,
        speed=st.sampled_from([1.0, 1.0, 0.5, 2 ** (1 / 12), 3.0]),
        choke=st.integers(0, 1),
        offset_frames=st.integers(0, 2000),
    ),
    st.builds(StopSlot, st.integers(1, 3), frames_in_span, st.floats(0, 60), notes),
    st.builds(SetSlotGain, st.integers(1, 3), linear_gains, linear_gains, frames_in_span),
    st.builds(SetMasterGain, gains_db, frames_in_span),
)
partitions = st.lists(st.integers(1, 900), max_size=40).map(
    lambda blocks: [*blocks, max(1, SPAN - sum(blocks))]
)


def seeded_mixer() -> Mixer:
    return mixer_with(noise(1, 700), noise(2, 1013, 0.5), tone(440.0), noise(4, 37, 0.4))
