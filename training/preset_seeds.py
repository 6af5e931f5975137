"""Chooses the seeds of presets: of some takes of each slot the one that its words find best.

Reads and writes the rigs of `presets/` as text, so that nothing but seeds changes. Run after a new
checkpoint: `python -m training.preset_seeds presets/*.toml`.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from generator.api import AudioClip, FloatArray, GenerationRequest, steps_to_play
from generator.loading import load_generator
from generator.text import TextEncoder
from training.comparison import Comparison
from training.config import EvaluationRun, read_config
from training.latents import quietly

CHECKPOINT = Path(__file__).parents[1] / "generator" / "checkpoints" / "house"
CONFIG = Path(__file__).parent / "configs" / "house-evaluate.toml"
SEEDS = 8
# A take below this is heard as nothing beside others.
QUIETEST_DBFS = -35.0


# How well each of some sounds fits words, the higher the better.
Judge = Callable[[Sequence[FloatArray], str], FloatArray]


class Maker(Protocol):
    """What makes takes."""

    def generate(self, request: GenerationRequest) -> AudioClip:
        """Make a whole take."""


def requests_of(rig: Mapping[str, Any], slot: Mapping[str, Any]) -> Iterator[GenerationRequest]:
    """Give what a slot of a rig asks for, with seed after seed.

    Args:
        rig: The whole rig, for its tempo.
        slot: One of its slots.

    Yields:
        Requests that differ in their seed alone.
    """
    loops = slot.get("mode") == "loop"
    length: dict[str, Any] = {"seconds": slot.get("duration", 2.0)}
    if "bars" in slot:
        length = {"bars": slot["bars"], "tempo_bpm": rig["session"]["tempo"]}
    for seed in range(1, SEEDS + 1):
        yield GenerationRequest(
            slot["prompt"], seed, steps=steps_to_play(slot.get("steps", 1), loop=loops),
            key=slot.get("key"), loop=loops, **length,
        )  # fmt: skip


def best_seed(requests: Sequence[GenerationRequest], maker: Maker, judge: Judge) -> int:
    """Return the seed whose take fits its words best and is loud enough to be heard."""
    sounds = [maker.generate(request).audio for request in requests]
    levels = np.array([10.0 * np.log10(np.mean(np.square(x)) + 1e-12) for x in sounds])
    scores = judge(sounds, requests[0].prompt) - 10.0 * (levels < QUIETEST_DBFS)
    return requests[int(np.argmax(scores))].seed


def with_seeds(text: str, seeds: Mapping[str, int]) -> str:
    """Return a rig's text with other seeds.

    Args:
        text: The rig as it is written.
        seeds: A seed for each slot's number.

    Returns:
        The same text but for them.
    """
    parts = re.split(r"(?m)^(?=\[slot\.)", text)
    for place, part in enumerate(parts):
        named = re.match(r"\[slot\.(\d+)\]", part)
        if named and named[1] in seeds:
            parts[place] = re.sub(r"(?m)^seed = .*$", f"seed = {seeds[named[1]]}", part)
    return "".join(parts)


def choose(files: Sequence[Path], maker: Maker, judge: Judge) -> None:
    """Choose the seeds of every slot of some rigs, and write them."""
    for file in files:
        text = file.read_text(encoding="utf-8")
        rig = tomllib.loads(text)
        seeds = {
            number: best_seed(list(requests_of(rig, slot)), maker, judge)
            for number, slot in rig["slot"].items()
        }
        file.write_text(with_seeds(text, seeds), encoding="utf-8")
        sys.stdout.write(f"{file.stem}: {' '.join(map(str, seeds.values()))}\n")


def text_audio_judge(checkpoint: Path, config: Path = CONFIG) -> Judge:
    """Return the text-audio score of an evaluation.

    Args:
        checkpoint: Whose text encoder reads the words.
        config: The evaluation's.

    Returns:
        The cosine of each sound with the words.

    Raises:
        TrainingError: A corpus of the evaluation is missing.
    """
    words = TextEncoder(checkpoint)
    comparison = Comparison(read_config(config, EvaluationRun), words, quietly)

    def judge(sounds: Sequence[FloatArray], prompt: str) -> FloatArray:
        vector = words.states_of(prompt).mean(0, keepdims=True)
        heard = comparison.vectors.of_sounds(sounds)
        return comparison.reference.heads.cosines(heard, vector)[:, 0]

    return judge


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Chooses the seeds of presets.")
    parser.add_argument("files", type=Path, nargs="+", help="presets, as presets/*.toml")
    choose(parser.parse_args().files, load_generator(CHECKPOINT), text_audio_judge(CHECKPOINT))
