"""The programs beside our own synthesiser that sounds are rendered with: one small interface.

A renderer turns a seed into a clip without captions. What it needs is looked for when it is opened,
so that a corpus without it asks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from training.corpus.clip import Clip
from training.corpus.csound import Csound
from training.corpus.faust import Faust
from training.corpus.general_midi import GeneralMidi
from training.corpus.sfxr import Sfxr
from training.corpus.sonic_pi import SonicPi


class Renderer(Protocol):
    """Makes clips, each from its seed alone."""

    def render(self, seed: int) -> Clip | str:
        """Make one clip.

        Args:
            seed: The same seed gives the same clip, whatever was made before.

        Returns:
            The clip, without captions, or the reason why it is refused.
        """
        ...


RENDERERS: Mapping[str, Callable[[], Renderer]] = {
    "general_midi": GeneralMidi,
    "sonic_pi": SonicPi,
    "faust": Faust,
    "csound": Csound,
    "sfxr": Sfxr,
}
"""How each renderer is opened; in a corpus's config ``<name>_share`` is its share."""
