"""The synthesisers of Sonic Pi with its effects, rendered faster than they play.

Voices, effects and laws stand in ``tables/sonic_pi.toml``: a code is the name of a compiled
synthesiser, a law one of its controls. `scsynth` plays them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from generator.api import FloatArray
from training.corpus.clip import Clip
from training.corpus.patch import Dice
from training.corpus.recipes import Law, draw_law
from training.corpus.scsynth import SEEDER, ScSynth, score_of, seeder, synth
from training.corpus.tables import table
from training.corpus.voices import Drawn, clip_of_voice, draw_voice
from training.errors import TrainingError

NAME = "sonic_pi"
SYNTHDEFS_PATH = Path("/usr/share/sonic-pi/synthdefs/compiled")
LICENCE = "MIT"
AUTHOR = "Sonic Pi's synthesisers by Sam Aaron"
WET_SHARE = 0.5
_PREFIX = "sonic-pi-"
_ENVELOPE = ("attack", "decay", "sustain", "release")
_OUTPUT_BUS, _EFFECT_BUS = 0.0, 16.0
_SEEDER_NODE, _VOICE_NODE, _EFFECT_NODE = 1000, 1001, 1002


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: its synthesiser, laws of its controls, and how long it rings on.

    ``named`` is the lexicon's name of it, where it has one, and ``word`` an adjective. One that is
    not ``tuned`` hides the note.
    """

    code: str
    laws: Mapping[str, Law]
    tail_s: float = 0.0
    named: str = ""
    word: str = ""
    tuned: bool = True


@dataclass(frozen=True, slots=True)
class Wet:
    """An effect with its controls decided."""

    effect: Effect
    values: Mapping[str, float]


@cache
def effects() -> tuple[Effect, ...]:
    """Return the effects, in the order of the table."""
    made = []
    for row in table(NAME)["effect"].values():
        laws = {name: tuple(v) if isinstance(v, list) else v for name, v in row["laws"].items()}
        made.append(Effect(**{**row, "laws": laws}))
    return tuple(made)


def draw_wet(drawn: Drawn) -> tuple[Drawn, Wet | None]:
    """Draw an effect, or none as often, and put it among what is said of a voice.

    Args:
        drawn: The voice; its seed decides.

    Returns:
        The voice with more facts, and the effect.
    """
    dice = Dice(drawn.seed, 45)
    if not dice.chance(WET_SHARE):
        return drawn, None
    effect = dice.choice(effects())
    wet = Wet(effect, {name: draw_law(dice, law) for name, law in effect.laws.items()})
    hidden = () if effect.tuned else ("note", "midi", "key")
    facts = {name: fact for name, fact in drawn.facts.items() if name not in hidden}
    facts["effects"] = [effect.named] if effect.named else []
    facts["extra"] = [*facts["extra"], effect.word] if effect.word else facts["extra"]
    return replace(drawn, facts=facts), wet


class SonicPi:
    """Renders with scsynth, one run for each clip."""

    def __init__(self, synthdefs: Path = SYNTHDEFS_PATH) -> None:
        """Look for scsynth and the compiled synthesisers.

        Args:
            synthdefs: Folder of the compiled synthesisers.

        Raises:
            TrainingError: One of them is not there.
        """
        self._scsynth = ScSynth(f"{NAME}_share")
        if not synthdefs.is_dir():
            raise TrainingError(
                f"no synthesisers of Sonic Pi in {synthdefs}: install sonic-pi-server "
                f"(Debian: apt install sonic-pi-server), or set {NAME}_share = 0"
            )
        self._synthdefs = synthdefs

    def render(self, seed: int) -> Clip | str:
        """Make one clip.

        Args:
            seed: The same seed gives the same clip.

        Returns:
            The clip, or the reason why it is refused.

        Raises:
            TrainingError: scsynth failed.
        """
        drawn, wet = draw_wet(draw_voice(NAME, seed))
        return clip_of_voice(drawn, self._play(drawn, wet), licence=LICENCE, author=AUTHOR)

    def _play(self, drawn: Drawn, wet: Wet | None) -> FloatArray:
        """Sound of a drawn voice, [frames, 2]."""
        bus = _OUTPUT_BUS if wet is None else _EFFECT_BUS
        controls = {**drawn.values, "out_bus": bus}
        if drawn.midi is not None:
            controls["note"] = float(drawn.midi)
        definitions = [seeder(), self._read(drawn.code)]
        start = [
            synth(SEEDER, _SEEDER_NODE, {"seed": float(drawn.seed % 2**24)}),
            synth(_PREFIX + drawn.code, _VOICE_NODE, controls, after=_SEEDER_NODE),
        ]
        seconds = sum(drawn.values.get(part, 0.0) for part in _ENVELOPE)
        if wet is not None:
            code, buses = wet.effect.code, {"in_bus": _EFFECT_BUS, "out_bus": _OUTPUT_BUS}
            definitions.append(self._read(code))
            values = {**wet.values, **buses}
            start.append(synth(_PREFIX + code, _EFFECT_NODE, values, after=_VOICE_NODE))
            seconds += wet.effect.tail_s
        return self._scsynth.render(score_of(definitions, start, seconds))

    def _read(self, code: str) -> bytes:
        return (self._synthdefs / f"{_PREFIX}{code}.scsyndef").read_bytes()
