"""Generators from states: the runtime's noise, the same take alone and among others."""

from pathlib import Path

import numpy as np
import pytest

from generator.api import GenerationRequest
from generator.text import TextEncoder
from tests.models import LATENT_CHANNELS, tiny_checkpoint
from tests.training.scored import states
from tests.training.small import SIZES
from tests.training.tiny import random_everywhere
from training.errors import TrainingError
from training.sampling import OdeLaw
from training.states import OdeGenerator, StateNetworks, load_decoder
from training.student import load_backbone

LAW = OdeLaw(3, 2.0)
REQUESTS = [
    GenerationRequest("kick", 7, 0.5),
    GenerationRequest("a long pad that has many more words", 3, 1.0),
    GenerationRequest("a bright and very short closed hi-hat", 7, 0.5),
    GenerationRequest("kick", 8, 0.5, tempo_bpm=100.0),
    GenerationRequest("", 7, 0.5),
]


def flow(folder: Path, *, bfloat16: bool = False) -> OdeGenerator:
    """A teacher that answers to words, in fp32 or not."""
    teacher, autoencoder = states(folder)
    backbone = random_everywhere(load_backbone(teacher, SIZES))
    networks = StateNetworks(backbone, load_decoder(autoencoder))
    words = TextEncoder(tiny_checkpoint(folder / "tiny").folder)
    return OdeGenerator(networks, words, LAW, bfloat16=bfloat16)


def test_the_teacher_makes_takes_from_the_runtimes_noise(tmp_path: Path) -> None:
    generator = flow(tmp_path)
    request = REQUESTS[0]
    first, second = generator.generate(request), generator.generate(request)
    assert first.audio.shape == (request.frames, 2)
    np.testing.assert_array_equal(first.audio, second.audio)
    other = generator.generate(GenerationRequest("kick", 8, 0.5))
    assert not np.array_equal(first.audio, other.audio)


@pytest.mark.parametrize(("bfloat16", "nearest"), [(False, 1e-5), (True, 0.05)])
def test_latents_made_together_are_those_made_alone(
    bfloat16: bool, nearest: float, tmp_path: Path
) -> None:
    alone, together = flow(tmp_path), flow(tmp_path, bfloat16=bfloat16)
    alike = [request for request in REQUESTS if request.duration_s == 0.5]
    made = together.latents(alike)
    assert made.shape[:2] == (len(alike), LATENT_CHANNELS)
    for request, own in zip(alike, made, strict=True):
        wanted = alone.latents([request])[0]
        assert np.linalg.norm(own - wanted) <= nearest * np.linalg.norm(wanted)
    assert np.abs(made[0] - made[1]).max() > 0.01


def test_every_request_is_answered_once_with_its_own_sound(tmp_path: Path) -> None:
    generator = flow(tmp_path)
    found = dict(generator.takes(REQUESTS))
    assert sorted(found) == list(range(len(REQUESTS)))
    for number, request in enumerate(REQUESTS):
        wanted = generator.generate(request).audio
        assert found[number].shape == wanted.shape
        np.testing.assert_allclose(found[number], wanted, atol=2e-3)


def test_a_state_of_other_sizes_is_refused(tmp_path: Path) -> None:
    teacher, autoencoder = states(tmp_path)
    with pytest.raises(TrainingError, match="make them equal"):
        load_backbone(teacher, SIZES.model_copy(update={"blocks": 3}))
    with pytest.raises(TrainingError, match="holds no backbone"):
        load_backbone(autoencoder, SIZES)
    with pytest.raises(TrainingError, match="holds no autoencoder"):
        load_decoder(teacher)
