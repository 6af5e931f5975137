"""Notes, chords and drum hits of the 128 General MIDI instruments, through tinysoundfont.

The only file that knows tinysoundfont. The font is Debian's fluid-soundfont-gm (MIT, by Frank Wen
and others). Yields clips like every other source.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.corpus.clip import Clip, one_shot
from training.corpus.lexicon import lexicon
from training.corpus.patch import NOTE_NAMES, Dice, note_name
from training.corpus.recipes import CHORDS, chord_facts
from training.errors import TrainingError

FONT_PATH = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
FONT_SOURCE = "fluid-soundfont-gm"
FONT_LICENCE = "MIT"
FONT_AUTHOR = "Fluid (R3) General MIDI SoundFont by Frank Wen"

_FLUSH_FRAMES = 2048
"""Rendered and thrown away between patches, so that nothing rings on from the one before."""

_DRUM_CHANNEL = 9
_LONG_DRUMS = (49, 51, 52, 55, 57, 59, 81)
_UNPITCHED_FROM = 112
_BASSES = range(32, 40)
# lowest and highest note of each of the sixteen sections of eight programs
_RANGES = (
    *((36, 84), (55, 88), (40, 79), (40, 76), (28, 50), (40, 84), (45, 79), (43, 77)),
    *((45, 80), (60, 90), (48, 84), (45, 74), (48, 76), (48, 76), (48, 79), (50, 70)),
)


@dataclass(frozen=True, slots=True)
class MidiPatch:
    """One General MIDI sound; ``program`` is None for the drum kit."""

    seed: int
    program: int | None
    midi: tuple[int, ...]
    velocity: float
    held_s: float
    seconds: float
    facts: dict[str, Any]


def draw_midi(seed: int) -> MidiPatch:
    """Draw a note (most often), a chord or a drum hit.

    Args:
        seed: The same seed gives the same patch.

    Returns:
        The patch.
    """
    dice = Dice(128, seed)
    velocity = dice.uniform(0.35, 1.0)
    facts: dict[str, Any] = {"family": "general_midi", "effects": []}
    facts["extra"] = ["soft"] if velocity < 0.5 else ["loud"] if velocity > 0.9 else []
    if dice.chance(0.1):
        hit = dice.choice(tuple(lexicon().drums))
        seconds = dice.uniform(1.5, 3.0) if hit in _LONG_DRUMS else dice.uniform(0.4, 1.2)
        facts |= {"nouns": [lexicon().drums[hit]], "group": "drum"}
        return MidiPatch(seed, None, (hit,), velocity, 0.5 * seconds, seconds, facts)
    program = dice.integer(0, 127)
    midi, pitch_facts = _draw_pitches(dice, program)
    held = dice.log(0.3, 4.0)
    seconds = min(held + dice.uniform(0.3, 1.2), 6.0)
    known = facts | {"group": "instrument"} | pitch_facts
    return MidiPatch(seed, program, midi, velocity, held, seconds, known)


def _draw_pitches(dice: Dice, program: int) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Notes for a program, and what there is to say about them."""
    root = dice.integer(*_RANGES[program // 8])
    name, mode = lexicon().instruments[program], dice.choice(("major", "minor"))
    if program >= _UNPITCHED_FROM:
        return (root,), {"nouns": [name]}
    if program not in _BASSES and dice.chance(0.22):
        chord = dice.choice(tuple(CHORDS))
        nouns = {"nouns": [name, f"{name} chord"]}
        return tuple(root + step for step in CHORDS[chord]), nouns | chord_facts(root, chord, mode)
    facts = {"nouns": [name, name, f"{name} note"], "note": note_name(root), "midi": root}
    return (root,), facts | {"key": f"{NOTE_NAMES[root % 12]} {mode}"}


class GeneralMidi:
    """A loaded SoundFont that renders patches one at a time."""

    def __init__(self, path: Path = FONT_PATH) -> None:
        """Load the font.

        Args:
            path: SoundFont file.

        Raises:
            TrainingError: There is no font at the path.
        """
        import tinysoundfont

        if not path.is_file():
            raise TrainingError(
                f"no SoundFont at {path}; install fluid-soundfont-gm, name another with `font`, "
                "or set general_midi_share = 0"
            )
        self._synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE_HZ)
        self._font = self._synth.sfload(str(path))

    def render(self, seed: int) -> Clip | str:
        """Make one clip.

        Args:
            seed: The same seed gives the same clip.

        Returns:
            The clip, or the reason why it is refused.
        """
        patch = draw_midi(seed)
        return _clip(patch, self._play(patch))

    def _play(self, patch: MidiPatch) -> FloatArray:
        """Sound of a patch, [frames, 2]."""
        drums = patch.program is None
        channel = _DRUM_CHANNEL if drums else 0
        self._synth.sounds_off()
        self._frames(_FLUSH_FRAMES)
        self._synth.program_select(channel, self._font, 0, patch.program or 0, drums)
        for note in patch.midi:
            self._synth.noteon(channel, note, max(1, round(127 * patch.velocity)))
        held = self._frames(round(patch.held_s * SAMPLE_RATE_HZ))
        for note in patch.midi:
            self._synth.noteoff(channel, note)
        rest = self._frames(round((patch.seconds - patch.held_s) * SAMPLE_RATE_HZ))
        return np.concatenate([held, rest])

    def _frames(self, count: int) -> FloatArray:
        buffer = self._synth.generate(max(count, 1))
        return np.frombuffer(bytes(buffer), np.float32).reshape(-1, 2).copy()


def _clip(patch: MidiPatch, audio: FloatArray) -> Clip | str:
    sound = one_shot(audio)
    if isinstance(sound, str):
        return sound
    player = "drums" if patch.program is None else lexicon().instruments[patch.program]
    return Clip(
        key=f"gm/{patch.seed}",
        source=FONT_SOURCE,
        stem=f"gm/{player}/{'-'.join(map(str, patch.midi))}",
        licence=FONT_LICENCE,
        author=FONT_AUTHOR,
        audio=sound,
        musical_key=patch.facts.get("key"),
        facts=dict(patch.facts),
    )
