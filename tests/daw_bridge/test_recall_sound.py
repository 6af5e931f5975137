"""Laws of recalls as they are heard: whatever comes at whatever moment, no click."""

import random
from dataclasses import replace

import numpy as np

from daw_bridge import audio_commands as audio
from daw_bridge.mixer import Mixer
from daw_bridge.requests import Panic, RecallScene, Request, SetValue, StoreScene
from daw_bridge.session import Event, decide
from daw_bridge.session_decision import Moment, Tell, TimeGoesOn
from daw_bridge.session_slot import Take
from daw_bridge.session_state import SessionState, new_session
from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest

LOUDNESS = 0.25
PITCHES_HZ = (110, 165, 220)


def hum(pitch_hz: int) -> FloatArray:
    """A second of a tone that goes round without a seam [frames, 2]."""
    phase = 2.0 * np.pi * pitch_hz * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    wave = (LOUDNESS * np.sin(phase)).astype(np.float32)
    return np.stack([wave, wave], axis=1)


class Room:
    """A session and the real mixer, block by block."""

    def __init__(self) -> None:
        self.state: SessionState = new_session(2, entropy=0)
        self.mixer = Mixer()
        self.heard: list[FloatArray] = []

    def ask(self, command: SetValue | StoreScene | RecallScene | Panic) -> None:
        self._turn(Request(command, 1, type(command).__name__))

    def _turn(self, asked: Request | Event) -> None:
        decision = decide(self.state, asked, Moment(self.mixer.frame))
        self.state = decision.state
        for action in decision.actions:
            if isinstance(action, Tell) and not isinstance(action.command, audio.InstallTake):
                self.mixer.handle(action.command)

    def give(self, slot: int, pitch_hz: int, *, plays: bool) -> None:
        """Have a slot hold a hum, and scenes begin it if they are stored now."""
        number = self.state.takes_made + 1
        recipe = GenerationRequest("hum", 0, loop=True)
        take = Take(number, f"take-{number}", SAMPLE_RATE_HZ, 0, recipe)
        self.mixer.install(number, hum(pitch_hz))
        slots = list(self.state.slots)
        slots[slot - 1] = replace(slots[slot - 1], take=take, history=(take,), mode="loop")
        kept = self.state.kept | {take}
        self.state = replace(self.state, slots=tuple(slots), takes_made=number, kept=kept)
        if plays:
            self.mixer.handle(audio.Play(slot, number, loop=True))
            self.render(64)

    def render(self, frames: int) -> None:
        block = np.empty((frames, 2), np.float32)
        self.mixer.render(block)
        self.heard.append(block)
        while self.mixer.events:
            self._turn(self.mixer.events.popleft())
        self._turn(TimeGoesOn())

    @property
    def largest_step(self) -> float:
        return float(np.abs(np.diff(np.concatenate(self.heard), axis=0)).max())


def test_a_thousand_recalls_at_random_moments_make_no_click() -> None:
    room, source = Room(), random.Random(5)
    room.give(1, PITCHES_HZ[0], plays=True)
    room.ask(StoreScene(1))
    room.give(1, PITCHES_HZ[1], plays=True)
    room.give(2, PITCHES_HZ[2], plays=True)
    for field, value in (("gain_db", -12.0), ("pan", 0.7)):
        room.ask(SetValue(1, field, value))
    room.ask(StoreScene(2))
    room.ask(RecallScene(1, 0.0))
    room.render(4096)
    room.heard.clear()
    for _ in range(1000):
        room.ask(RecallScene(source.choice([1, 2]), source.choice([0.0, 0.0, 0.05])))
        for _ in range(source.randrange(1, 6)):
            room.render(source.randrange(16, 600))
    for _ in range(8):
        room.render(512)  # the last morph arrives
    own = sum(LOUDNESS * 2 * np.pi * pitch_hz / SAMPLE_RATE_HZ for pitch_hz in PITCHES_HZ)
    fades = len(PITCHES_HZ) * LOUDNESS * 2 / (SAMPLE_RATE_HZ / 100)
    assert room.largest_step < own + fades
    assert room.state.library.operations == set()
    loudest = np.abs(np.concatenate(room.heard)).max()
    assert loudest > LOUDNESS / 2


def test_a_cut_would_be_seen() -> None:
    room = Room()
    room.give(1, PITCHES_HZ[0], plays=True)
    room.render(100)
    room.heard[-1][50:] = 0.0
    assert room.largest_step > 0.05
