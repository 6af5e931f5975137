"""Trains every stage but the teacher for some steps among the processes that `torchrun` started.

The leading process prints the loss terms of all steps as JSON. Started by `test_place.py`.
"""

import json
import sys

import numpy as np
import torch

from generator.api import SAMPLE_RATE_HZ
from generator.backbone import Conditions
from tests.training.test_autoencoder import TINY
from tests.training.tiny import CHANNELS, FRAMES, conditions, tiny_backbone
from training.arc import ArcStage
from training.autoencoder import AutoencoderStage
from training.batches import LatentBatch, known_part
from training.config import AutoencoderRun
from training.loop import Stage, run
from training.place import HERE, Place, close_place, open_place
from training.stage_config import ArcRun, VsdRun, WarmUpRun
from training.vsd import VsdStage
from training.warmup import WarmUpStage

STEPS = 4
COMMON: dict[str, object] = {
    "run_dir": "unused", "teacher": "unused", "tokens": 35, "warm_up": 1, "rate": 1e-3,
    "bfloat16": False, "device": "cpu",
}  # fmt: skip


def draw_known(rng: np.random.Generator, tokens: int) -> LatentBatch:
    """Seven rows, so that two processes have unlike parts, with unlike parts of them known."""
    count = tokens // FRAMES
    x0 = torch.from_numpy(rng.standard_normal((count, CHANNELS, FRAMES)).astype(np.float32))
    c = conditions(count, seed=int(rng.integers(1000)))
    known = known_part(rng, x0, 0.6)
    c = Conditions(c.text, c.text_mask, c.seconds, c.tempo_bpm, c.key, c.note, c.origin_s, *known)
    return LatentBatch(x0, c, torch.tensor([0, 0, 1, 2, 3, 3, 4])[:count], FRAMES)


def draw_sound(rng: np.random.Generator, batch: int, frames: int) -> torch.Tensor:
    """Hisses with a beep in each, of unlike loudness; the first is mono, so its side is silent."""
    level = 0.3 ** np.arange(batch)[:, None, None]
    sound = level * rng.standard_normal((batch, 2, frames))
    beep = np.sin(0.05 * (1.0 + np.arange(batch)[:, None, None]) * np.arange(frames))
    sound += beep * (np.arange(frames) > rng.integers(frames))
    sound[0, 1] = sound[0, 0]
    return torch.from_numpy(sound.astype(np.float32))


def stages(place: Place = HERE) -> dict[str, Stage]:
    """Every stage that draws, with every term on."""
    teacher = tiny_backbone().to(place.device)
    ends = {"seen": 0.5, "spread": 0.5, "refresh_every": 2, "solver_steps": 3}
    warm_up = WarmUpRun.model_validate(COMMON | {"ends": ends})
    held = COMMON | {"ends": ends, "hold": 0.5}
    arc = ArcRun.model_validate(held | {"weights": {"penalty": 1.0}, "head_width": 8})
    vsd = VsdRun.model_validate(held | {"variation": 0.5})
    autoencoder = AutoencoderRun.model_validate({
        "run_dir": "unused", "model": TINY, "batch": 3, "crop_latents": 2, "code_frames": 16,
        "adversarial_from": 1, "discriminator_width": 2, "bfloat16": False, "warm_up": 1,
    })  # fmt: skip
    return {
        "autoencoder": AutoencoderStage(autoencoder, draw_sound, SAMPLE_RATE_HZ, place),
        "warmup": WarmUpStage(warm_up, draw_known, teacher, None, place),
        "arc": ArcStage(arc, draw_known, teacher, None, place),
        "vsd": VsdStage(vsd, draw_known, teacher, None, place),
    }


def curves(place: Place = HERE) -> dict[str, list[dict[str, float]]]:
    """The loss terms of each stage's steps."""
    return {
        name: [dict(r.terms) for r in run(stage, seed=3, steps=range(STEPS), place=place)]
        for name, stage in stages(place).items()
    }


if __name__ == "__main__":
    here = open_place("cpu")
    found = curves(here)
    if here.leads:
        sys.stdout.write(json.dumps({"processes": here.size, "curves": found}) + "\n")
    close_place()
