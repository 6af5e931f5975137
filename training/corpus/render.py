"""Rendering a whole corpus: which families, how many, in which order, into which folder.

``render_corpus`` is what ``python -m training corpus`` calls. Knows shards and sources, no models.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from training.corpus.captions import captions_of
from training.corpus.clip import Clip
from training.corpus.families import Family
from training.corpus.general_midi import draw_midi, GeneralMidi
from training.corpus.patch import Dice
from training.corpus.shards import CorpusWriter
from training.corpus.synth import FAMILIES, draw, render

_CHUNK = 512
SHORT_GROUPS = ("drum", "bass", "lead", "pluck", "keys", "mallet", "effect", "bell")
LONG_GROUPS = ("pad", "texture")


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """What to render. Shares are of the number of clips and need not sum to one."""

    folder: Path
    clips: int = 12_000
    seed: int = 0
    short_share: float = 0.60
    loop_share: float = 0.15
    long_share: float = 0.12
    general_midi_share: float = 0.13
    device: str = "cpu"


@dataclass(slots=True)
class CorpusSummary:
    """Counts and hours so far; ``refused`` counts the reasons why clips were left out."""

    clips: int = 0
    seconds: float = 0.0
    elapsed_s: float = 0.0
    by_family: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def hours(self) -> float:
        """Length of all clips in hours."""
        return self.seconds / 3600.0

    def text(self) -> str:
        """Counts, hours and speed on one line."""
        speed = self.seconds / max(self.elapsed_s, 1e-9)
        return f"{self.clips} clips, {self.hours:.2f} h, x{speed:.0f} real time, refused: {dict(self.refused)}"


def _plan(config: CorpusConfig) -> list[tuple[str, int]]:
    """Family and seed of each clip in a shuffled order; "general_midi" stands for the SoundFont."""
    dice = Dice(config.seed, 1)
    groups = (
        (config.short_share, [f for f in FAMILIES.values() if f.group in SHORT_GROUPS]),
        (config.loop_share, [f for f in FAMILIES.values() if f.group == "loop"]),
        (config.long_share, [f for f in FAMILIES.values() if f.group in LONG_GROUPS]),
        (config.general_midi_share, [Family("general_midi", "instrument", lambda seed: draw("tom", seed))]),
    )
    total = sum(share for share, _ in groups)
    shares = [share / total for share, _ in groups]
    plan = []
    for number in range(config.clips):
        families = dice.choice([members for _, members in groups], shares)
        family = dice.choice(families, [f.weight for f in families])
        plan.append((family.name, config.seed * 10_000_000 + number))
    return plan


def generate_clips(config: CorpusConfig, summary: CorpusSummary) -> Iterator[Clip]:
    """Render the planned clips with captions.

    Args:
        config: What to render.
        summary: Counted into as clips are made.

    Yields:
        Clips that were not refused.
    """
    plan = _plan(config)
    font = GeneralMidi() if any(name == "general_midi" for name, _ in plan) else None
    for start in range(0, len(plan), _CHUNK):
        chunk = plan[start : start + _CHUNK]
        patches = [draw(name, seed) for name, seed in chunk if name != "general_midi"]
        made = [result for _, result in render(patches, config.device)]
        if font is not None:
            made += [font.render(draw_midi(seed)) for name, seed in chunk if name == "general_midi"]
        for result in made:
            if isinstance(result, str):
                summary.refused[result] += 1
                continue
            summary.clips += 1
            summary.seconds += result.seconds
            summary.by_family[str(result.facts.get("family"))] += 1
            yield replace(result, captions=captions_of(result))


def iterate_corpus(config: CorpusConfig) -> Iterator[CorpusSummary]:
    """Render into ``config.folder``, reporting after every clip.

    Args:
        config: What to render.

    Yields:
        The same summary, growing; drive a progress bar by it.
    """
    summary, begun = CorpusSummary(), time.perf_counter()
    with CorpusWriter(config.folder) as writer:
        for clip in generate_clips(config, summary):
            writer.add(clip)
            summary.elapsed_s = time.perf_counter() - begun
            yield summary


def render_corpus(config: CorpusConfig) -> CorpusSummary:
    """Render a corpus to the end.

    Args:
        config: What to render.

    Returns:
        Counts, hours and what was refused.
    """
    summary = CorpusSummary()
    for summary in iterate_corpus(config):
        pass
    return summary


def main() -> None:
    """Command line: ``python -m training.corpus.render FOLDER --clips N --seed S``."""
    parser = argparse.ArgumentParser(description="Render a corpus of synthesised clips with captions.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = CorpusConfig(args.folder, args.clips, args.seed, device=args.device)
    for summary in iterate_corpus(config):
        if summary.clips % 500 == 0:
            print(summary.text(), flush=True)
    print(summary.text(), flush=True)


if __name__ == "__main__":
    main()
