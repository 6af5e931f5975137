"""A look at a generator: the same every time, and an alarm when takes become alike."""

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.spectral import BINS, SpectralFrames
from tests.training.tiny import draw_captions, draw_pairs, tiny_backbone
from training.loop import update
from training.sampling import one_step
from training.stage_config import WatchSettings
from training.watch import Watch, diversity

SETTINGS = WatchSettings(prompts=3, takes=3, sounds=2, teacher_steps=4)


def decode(latents: Tensor) -> SpectralFrames:
    """Frames as loud as the latents' mean: not a decoder, but as long and as deep as one's."""
    frames = 8 * latents.shape[2]
    level = np.full((frames, 2, BINS), float(latents.mean()) - 4.0, np.float32)
    flat = np.zeros((frames, BINS), np.float32)
    return SpectralFrames(level, flat, flat, 0.0 * level, flat[:, 0])


def test_diversity_is_the_distance_between_takes() -> None:
    latents = torch.zeros(2, 3, 4, 5)
    assert diversity(latents) == 0.0
    latents[:, 1] = 2.0
    # Of the three pairs of each prompt, two are 2 apart and one is 0 apart.
    assert diversity(latents) == pytest.approx(4.0 / 3.0)
    assert diversity(latents + torch.randn(2, 1, 4, 5)) == pytest.approx(4.0 / 3.0, abs=1e-5)


def test_a_look_is_the_same_every_time() -> None:
    watch = Watch(SETTINGS, draw_captions, teacher=tiny_backbone())
    one, two = watch.look(tiny_backbone(1)), watch.look(tiny_backbone(1))
    assert one == two
    assert Watch(SETTINGS, draw_captions, teacher=tiny_backbone()).look(tiny_backbone(1)) == one


def test_a_student_as_various_as_its_teacher_raises_no_alarm() -> None:
    teacher = tiny_backbone()
    sight = Watch(SETTINGS, draw_captions, teacher=teacher).look(teacher)
    assert sight.terms["diversity_to_teacher"] == pytest.approx(1.0, abs=0.25)
    assert sight.alarm is None


def test_a_collapsed_student_raises_the_alarm() -> None:
    student = tiny_backbone().requires_grad_(True)
    watch = Watch(SETTINGS, draw_captions, teacher=tiny_backbone())
    optimiser = torch.optim.Adam(student.parameters(), lr=1e-2)
    for _ in range(100):
        made = one_step(student, torch.randn_like(watch.noise), watch.conditions)
        update(optimiser, made.square().mean(), rate=1e-2)
    sight = watch.look(student)
    assert sight.alarm is not None
    assert "collapse" in sight.alarm
    assert sight.terms["diversity_to_teacher"] < 0.8


def test_a_teacher_is_looked_at_alone() -> None:
    sight = Watch(SETTINGS, draw_pairs, decode=decode).look(tiny_backbone())
    assert "diversity_to_teacher" not in sight.terms
    assert set(sight.sounds) == {"prompt-1-made", "prompt-2-made"}
    assert all(sound.shape[1] == 2 and sound.any() for sound in sight.sounds.values())


def test_students_sound_beside_their_teacher() -> None:
    settings = SETTINGS.model_copy(update={"sounds": 1})
    sight = Watch(settings, draw_pairs, teacher=tiny_backbone(), decode=decode).look(
        tiny_backbone(1)
    )
    assert set(sight.sounds) == {"prompt-1-made", "prompt-1-teacher"}
