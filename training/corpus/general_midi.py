"""Notes, chords and drum hits of the 128 General MIDI instruments, from a SoundFont through tinysoundfont.

The only file that knows tinysoundfont. Debian's fluid-soundfont-gm (MIT, Frank Wen and others) is the font.
Yields clips like every other source.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.corpus.clip import PEAK, SAMPLE_RATE_HZ, Clip, FloatArray
from training.corpus.lexicon import GM_DRUMS, GM_NAMES
from training.corpus.patch import NOTE_NAMES, Dice, note_name
from training.corpus.tone_families import CHORDS

FONT_PATH = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
FONT_LICENCE = "MIT"
FONT_AUTHOR = "Fluid (R3) General MIDI SoundFont by Frank Wen"
_FLUSH_FRAMES = 2048
"""Rendered and thrown away between patches, so that nothing rings on from the one before."""
_RANGES = ((0, 36, 84), (8, 55, 88), (16, 40, 79), (24, 40, 76), (32, 28, 50), (40, 40, 84), (48, 45, 79), (56, 43, 77),
           (64, 45, 80), (72, 60, 90), (80, 48, 84), (88, 45, 74), (96, 48, 76), (104, 48, 76), (112, 48, 79), (120, 50, 70))  # fmt: skip


@dataclass(frozen=True, slots=True)
class MidiPatch:
    """One General MIDI sound: program (or None for the drum kit), notes, velocity and times in seconds."""

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
    dynamic = ("soft",) if velocity < 0.5 else ("loud",) if velocity > 0.9 else ()
    if dice.chance(0.1):
        midi = dice.choice(tuple(GM_DRUMS))
        seconds = dice.uniform(1.5, 3.0) if midi in (49, 51, 52, 55, 57, 59, 81) else dice.uniform(0.4, 1.2)
        facts = {"nouns": (GM_DRUMS[midi],), "group": "drum", "extra": dynamic, "family": "general midi drum"}
        return MidiPatch(seed, None, (midi,), velocity, 0.5 * seconds, seconds, facts)
    program = dice.integer(0, 127)
    _, low, high = _RANGES[program // 8]
    root = dice.integer(low, high)
    name = GM_NAMES[program]
    facts = {"nouns": (name, name, f"{name} note"), "group": "instrument", "extra": dynamic, "family": "general midi"}
    midi: tuple[int, ...] = (root,)
    facts |= {"note": note_name(root), "midi": root, "key": f"{NOTE_NAMES[root % 12]} {dice.choice(('major', 'minor'))}"}
    if program >= 112:
        facts = {k: v for k, v in facts.items() if k not in ("note", "midi", "key")}
    elif not 32 <= program < 40 and dice.chance(0.22):
        chord = dice.choice(tuple(CHORDS))
        midi = tuple(root + step for step in CHORDS[chord])
        mode = "minor" if 3 in CHORDS[chord] else "major"
        facts = {k: v for k, v in facts.items() if k not in ("note", "midi")} | {
            "nouns": (name, f"{name} chord"), "chord": f"{NOTE_NAMES[root % 12]} {chord}", "key": f"{NOTE_NAMES[root % 12]} {mode}"}
    held = dice.log(0.3, 4.0)
    return MidiPatch(seed, program, midi, velocity, held, min(held + dice.uniform(0.3, 1.2), 6.0), facts)


def font_path() -> Path:
    """The SoundFont to use: ``DAW_BRIDGE_SOUNDFONT`` if set, else Debian's."""
    return Path(os.environ.get("DAW_BRIDGE_SOUNDFONT", FONT_PATH))


class GeneralMidi:
    """A loaded SoundFont that renders patches one at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Load the font.

        Args:
            path: SoundFont file; ``font_path()`` if None.

        Raises:
            FileNotFoundError: There is no font at the path.
        """
        import tinysoundfont

        chosen = path or font_path()
        if not chosen.is_file():
            raise FileNotFoundError(f"no SoundFont at {chosen}; install fluid-soundfont-gm or name another")
        self._synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE_HZ)
        self._font = self._synth.sfload(str(chosen))

    def render(self, patch: MidiPatch) -> Clip | str:
        """Render one patch.

        Args:
            patch: What to play.

        Returns:
            The clip, or the reason why it is refused.
        """
        channel = 9 if patch.program is None else 0
        self._synth.sounds_off()
        self._frames(_FLUSH_FRAMES)
        self._synth.program_select(channel, self._font, 0, patch.program or 0, patch.program is None)
        for note in patch.midi:
            self._synth.noteon(channel, note, max(1, round(127 * patch.velocity)))
        held = self._frames(round(patch.held_s * SAMPLE_RATE_HZ))
        for note in patch.midi:
            self._synth.noteoff(channel, note)
        rest = self._frames(round((patch.seconds - patch.held_s) * SAMPLE_RATE_HZ))
        audio = np.concatenate([held, rest])
        return self._clip(patch, audio)

    def _frames(self, count: int) -> FloatArray:
        buffer = self._synth.generate(max(count, 1))
        return np.frombuffer(bytes(buffer), np.float32).reshape(-1, 2).copy()

    def _clip(self, patch: MidiPatch, audio: FloatArray) -> Clip | str:
        audio = trimmed(audio - audio.mean(0))
        peak = float(np.abs(audio).max())
        if not np.isfinite(peak) or peak < 1e-4:
            return "silent"
        fade = min(len(audio) // 8, 441)
        audio[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
        instrument = "drums" if patch.program is None else GM_NAMES[patch.program]
        stem = f"gm/{instrument}/{'-'.join(map(str, patch.midi))}"
        return Clip(
            key=f"gm/{patch.seed}", source="fluid-soundfont-gm", stem=stem, licence=FONT_LICENCE, author=FONT_AUTHOR,
            audio=np.ascontiguousarray(audio * (PEAK / peak), dtype=np.float32), musical_key=patch.facts.get("key"),
            facts=dict(patch.facts),
        )  # fmt: skip


def trimmed(audio: FloatArray) -> FloatArray:
    """Cut silence below -60 dB of the peak from the end, and before the sound but for 2 ms."""
    level = np.abs(audio).max(1)
    loud = np.nonzero(level > 0.001 * level.max())[0]
    if len(loud) == 0:
        return audio
    begin = max(0, int(loud[0]) - 88)
    return audio[begin : max(int(loud[-1]) + 1, begin + 2646)]


def render_midi(seeds: Iterator[int] | range, path: Path | None = None) -> Iterator[Clip | str]:
    """Draw and render one clip for each seed.

    Args:
        seeds: Seeds.
        path: SoundFont file; the default font if None.

    Yields:
        A clip, or the reason why it is refused.
    """
    font = GeneralMidi(path)
    for seed in seeds:
        yield font.render(draw_midi(seed))
