"""Our own synthesiser: families of sounds, drawn from seeds and rendered in batches.

``draw`` makes a patch from a family and a seed, ``render`` turns patches into clips, on the CPU or
a GPU. Knows no captions and no files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.corpus import drums, instruments, textures
from training.corpus.clip import Clip
from training.corpus.effects import apply_effects, finish
from training.corpus.loops import LOOP_WEIGHTS, assemble, draw_loop
from training.corpus.patch import Batch, Patch
from training.corpus.recipes import draw_one_shot, recipes
from training.errors import TrainingError

RENDERERS: dict[str, Callable[[Batch], Tensor]] = {
    "kick": drums.kick,
    "snare": drums.snare,
    "clap": drums.clap,
    "metal": drums.metal,
    "struck": drums.struck,
    "shaken": drums.shaken,
    "subtractive": instruments.subtractive,
    "fm": instruments.fm,
    "modal": instruments.modal,
    "string": instruments.string,
    "additive": instruments.additive,
    "grains": textures.grains,
    "gusts": textures.gusts,
    "drone": textures.drone,
    "glide": textures.glide,
    "burst": textures.burst,
}
BATCH_FRAMES = 500_000
"""Most frames in one batch: 11 s of sound, which keeps the working set small."""


@dataclass(frozen=True, slots=True)
class Family:
    """A named kind of sound; ``weight`` is how often it is drawn within its group."""

    name: str
    group: str
    weight: float = 1.0


@cache
def families() -> dict[str, Family]:
    """All families by name: one-shots from the recipes, then loops."""
    shots = {name: Family(name, recipe.group) for name, recipe in recipes().items()}
    return shots | {name: Family(name, "loop", weight) for name, weight in LOOP_WEIGHTS.items()}


def draw(family: str, seed: int) -> Patch:
    """Draw one patch.

    Args:
        family: Family name.
        seed: The same seed gives the same patch and the same sound.

    Returns:
        The patch.

    Raises:
        TrainingError: No family has this name.
    """
    if family in LOOP_WEIGHTS:
        return draw_loop(family, seed)
    if family not in recipes():
        raise TrainingError(f"no family {family!r}; there are {', '.join(families())}")
    return draw_one_shot(recipes()[family], seed)


def batches(patches: Iterable[tuple[int, Patch]]) -> Iterator[list[tuple[int, Patch]]]:
    """Gather numbered patches that may be rendered together, at most ``BATCH_FRAMES`` a batch."""
    groups: dict[Any, list[tuple[int, Patch]]] = defaultdict(list)
    for item in patches:
        groups[item[1].batch_key].append(item)
    for members in groups.values():
        size = max(1, BATCH_FRAMES // members[0][1].padded_frames)
        for start in range(0, len(members), size):
            yield members[start : start + size]


def render_tensors(
    patches: Sequence[Patch], device: torch.device | str = "cpu"
) -> Iterator[tuple[int, Tensor | str]]:
    """Render patches in any order that suits.

    Args:
        patches: What to render; loops bring their parts with them.
        device: Where to compute.

    Yields:
        The patch's index, and its sound [channels, frames] or the reason why it is refused.
    """
    for members in batches(enumerate(patches)):
        with torch.inference_mode():
            sounds = _render_batch([patch for _, patch in members], device)
        for (index, _), sound in zip(members, sounds, strict=True):
            yield index, sound


def _render_batch(group: list[Patch], device: torch.device | str) -> list[Tensor | str]:
    """Render patches of one batch key: voices, effects, finish."""
    batch = Batch(group, device)
    if group[0].renderer == "parts":
        raw = assemble(batch, _parts(group, device))
    else:
        raw = RENDERERS[group[0].renderer](batch)
    made: list[Tensor | str] = []
    for patch, row in zip(group, apply_effects(batch, raw), strict=True):
        sound = row[:, : patch.frames]
        sound = sound.flip(-1) if patch.values.get("reverse") else sound
        made.append(finish(sound, patch.loop))
    return made


def _parts(loops: Sequence[Patch], device: torch.device | str) -> list[list[Tensor]]:
    """Render the parts of several loops, equal ones once; a refused part is one silent frame."""
    unique = {id(part): part for loop in loops for part in loop.parts}
    names, sounds = list(unique), list(unique.values())
    done: dict[int, Tensor] = {}
    for index, sound in render_tensors(sounds, device):
        silence = torch.zeros(1, 1, device=device)
        done[names[index]] = sound if isinstance(sound, Tensor) else silence
    return [[done[id(part)] for part in loop.parts] for loop in loops]


def render(
    patches: Sequence[Patch], device: torch.device | str = "cpu"
) -> Iterator[tuple[int, Clip | str]]:
    """Render patches to clips without captions.

    Args:
        patches: What to render.
        device: Where to compute.

    Yields:
        The patch's index, and its clip or the reason why it is refused.
    """
    for index, sound in render_tensors(patches, device):
        yield index, sound if isinstance(sound, str) else clip_of(patches[index], sound)


def clip_of(patch: Patch, sound: Tensor) -> Clip:
    """Wrap a rendered sound [channels, frames] with what its patch knows."""
    facts = dict(patch.facts)
    name = f"synth/{patch.family}/{patch.seed}"
    return Clip(
        key=name,
        source="synth",
        stem=name,
        licence="Apache-2.0",
        author="daw-bridge",
        audio=np.ascontiguousarray(sound.T.cpu().numpy(), dtype=np.float32),
        tempo_bpm=facts.get("tempo_bpm"),
        bars=facts.get("bars"),
        musical_key=facts.get("key"),
        facts=facts,
    )
