"""A whole corpus: what to render, what to read, in which order, into which folder.

``python -m training.corpus CONFIG.toml`` runs it. Knows every source and the shards; knows no
models.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.config import Count, Device, Fraction, Strict
from training.corpus.captions import captions_of
from training.corpus.clip import Clip
from training.corpus.general_midi import FONT_PATH, GeneralMidi
from training.corpus.patch import Dice
from training.corpus.recorded import Refusal, read_folder, read_shards, shard_files
from training.corpus.renderers import RENDERERS, Renderer
from training.corpus.shards import CorpusWriter
from training.corpus.synth import Family, draw, families, render
from training.errors import TrainingError
from training.place import choose_device

SHORT_GROUPS = ("drum", "bass", "lead", "pluck", "keys", "mallet", "effect", "bell")
LONG_GROUPS = ("pad", "texture")
_CHUNK = 512
_SEEDS = 10_000_000


class CorpusRun(Strict):
    """What a corpus is made of.

    Shares are of the number of rendered ``clips``, four of them for programs that must be installed
    (see ``renderers``); ``shards`` are tar files or folders of them, ``folders`` hold audio with
    captions (see ``recorded``).
    """

    folder: Path
    clips: int = 12_000
    seed: int = 0
    short_share: Fraction = 0.60
    loop_share: Fraction = 0.15
    long_share: Fraction = 0.12
    general_midi_share: Fraction = 0.13
    sonic_pi_share: Fraction = 0.0
    faust_share: Fraction = 0.0
    csound_share: Fraction = 0.0
    sfxr_share: Fraction = 0.0
    font: Path = FONT_PATH
    shards: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    device: Device = "cpu"
    threads: Count = 1


@dataclass(slots=True)
class CorpusSummary:
    """Counts and hours so far; ``refused`` counts the reasons why clips were left out."""

    clips: int = 0
    seconds: float = 0.0
    elapsed_s: float = 0.0
    by_source: Counter[str] = field(default_factory=Counter)
    by_family: Counter[str] = field(default_factory=Counter)
    seconds_by_licence: dict[str, float] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def hours(self) -> float:
        """Length of all clips in hours."""
        return self.seconds / 3600.0

    def count(self, clip: Clip) -> None:
        """Count a clip in."""
        self.clips += 1
        self.seconds += clip.seconds
        self.by_source[clip.source] += 1
        self.by_family[str(clip.facts.get("family"))] += 1
        before = self.seconds_by_licence.get(clip.licence, 0.0)
        self.seconds_by_licence[clip.licence] = before + clip.seconds

    def text(self) -> str:
        """Counts, hours and speed, on one line."""
        speed = self.seconds / max(self.elapsed_s, 1e-9)
        return f"{self.clips} clips, {self.hours:.2f} h, x{speed:.0f}; left out: {self.left_out()}"

    def left_out(self) -> str:
        """How many clips were left out for which reason, on one line."""
        return ", ".join(f"{n} {reason}" for reason, n in self.refused.items()) or "none"

    def refuse(self, refused: Refusal | str) -> None:
        """Count a clip out; what a reason tells behind a colon is about that clip alone."""
        reason = refused.reason if isinstance(refused, Refusal) else refused
        self.refused[reason.partition(":")[0]] += 1


def render_corpus(config: CorpusRun) -> CorpusSummary:
    """Make a corpus to the end.

    Args:
        config: What to make.

    Returns:
        Counts, hours and what was left out.
    """
    return deque(iterate_corpus(config), maxlen=1).pop()


def iterate_corpus(
    config: CorpusRun, tell: Callable[[str], object] = lambda _: None
) -> Iterator[CorpusSummary]:
    """Make a corpus, reporting after every clip.

    Args:
        config: What to make.
        tell: Hears which recording is left out, and why.

    Yields:
        The same summary, growing; drive a progress bar by it.

    Raises:
        TrainingError: Not one clip could be used; there is no corpus then.
    """
    summary, begun = CorpusSummary(), time.perf_counter()
    seen: set[bytes] = set()
    with CorpusWriter(config.folder) as writer:
        for made in _sources(config):
            if not isinstance(made, Clip):
                summary.refuse(made)
                if isinstance(made, Refusal):
                    tell(f"left out: {made.name}: {made.reason}")
                continue
            digest = hashlib.blake2b(made.audio.tobytes(), digest_size=16).digest()
            if digest in seen:
                summary.refuse("heard before")
                continue
            seen.add(digest)
            writer.add(replace(made, captions=captions_of(made)))
            summary.count(made)
            summary.elapsed_s = time.perf_counter() - begun
            yield summary
        if not summary.clips:
            raise TrainingError(f"no clip for {config.folder}; left out: {summary.left_out()}")


def _sources(config: CorpusRun) -> Iterator[Clip | Refusal | str]:
    """Everything that the config names: recordings first, then what is rendered."""
    for path in config.shards:
        yield from read_shards(shard_files(path))
    for folder in config.folders:
        yield from read_folder(folder)
    yield from _rendered(config)


def plan(config: CorpusRun) -> list[tuple[str, int]]:
    """Family and seed of each rendered clip, in a shuffled order that the config's seed decides."""
    dice, known = Dice(config.seed, 1), families().values()
    groups = (
        (config.short_share, [f for f in known if f.group in SHORT_GROUPS]),
        (config.loop_share, [f for f in known if f.group == "loop"]),
        (config.long_share, [f for f in known if f.group in LONG_GROUPS]),
        *((getattr(config, f"{name}_share"), [Family(name, "instrument")]) for name in RENDERERS),
    )
    shares = [share for share, _ in groups]
    planned = []
    for number in range(config.clips):
        members = dice.choice([members for _, members in groups], shares)
        family = dice.choice(members, [f.weight for f in members])
        planned.append((family.name, config.seed * _SEEDS + number))
    return planned


def _rendered(config: CorpusRun) -> Iterator[Clip | str]:
    """Render the planned clips, some hundreds at a time so that batches fill."""
    planned, device = plan(config), str(choose_device(config.device))
    others = {name: _open(name, config) for name in RENDERERS if name in {n for n, _ in planned}}
    for start in range(0, len(planned), _CHUNK):
        chunk = planned[start : start + _CHUNK]
        patches = [draw(name, seed) for name, seed in chunk if name not in others]
        yield from (made for _, made in render(patches, device))
        yield from (others[name].render(seed) for name, seed in chunk if name in others)


def _open(name: str, config: CorpusRun) -> Renderer:
    """Open a renderer; the one with a font gets the config's."""
    return GeneralMidi(config.font) if name == "general_midi" else RENDERERS[name]()
