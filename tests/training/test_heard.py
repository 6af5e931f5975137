"""Takes are told apart by what is heard of them: levels, and when they rise."""

import pytest
import torch

from generator.spectral import FRAMES_PER_LATENT
from training.heard import heard_distance

CHANNELS, BANDS, LATENTS = 24, 3, 4
# Each latent channel is one band of one of its eight frames.
CODE = torch.eye(CHANNELS)
NOTHING_KNOWN = torch.zeros(2, 1, LATENTS)
CELLS = 2 * LATENTS * CHANNELS


def latents(frames: torch.Tensor) -> torch.Tensor:
    """Return the latents whose levels are these, [2, frames, bands] -> [2, channels, latents]."""
    assert frames.shape == (2, LATENTS * FRAMES_PER_LATENT, BANDS)
    return frames.reshape(2, LATENTS, CHANNELS).transpose(1, 2)


def test_levels_count_as_they_are_and_once_more_where_they_begin_and_end() -> None:
    quiet = torch.zeros(2, LATENTS * FRAMES_PER_LATENT, BANDS)
    loud = quiet.clone()
    loud[0, 5:12, 1] = 2.0
    found = heard_distance(CODE, latents(loud), latents(quiet), NOTHING_KNOWN)
    # Seven frames are two nepers too loud, and there are two steps of two nepers.
    assert float(found) == pytest.approx((7 * 2.0 + 2 * 2.0) / CELLS)


def test_an_attack_between_two_places_is_no_nearer_than_one_of_them() -> None:
    """Squares would have half an attack in both; here neither is better than the other."""
    frames = torch.zeros(2, LATENTS * FRAMES_PER_LATENT, BANDS)
    early, late = frames.clone(), frames.clone()
    early[:, 8:] = late[:, 10:] = 1.0
    between = 0.5 * (early + late)

    def mean_distance(made: torch.Tensor) -> float:
        both = [
            heard_distance(CODE, latents(made), latents(x), NOTHING_KNOWN) for x in (early, late)
        ]
        return float(sum(both)) / 2

    assert mean_distance(between) >= mean_distance(early) - 1e-6


def test_what_is_known_does_not_count() -> None:
    wanted = torch.randn(2, CHANNELS, LATENTS)
    mask = NOTHING_KNOWN.clone()
    mask[:, :, :2] = 1.0
    made = wanted + 100.0 * mask
    assert float(heard_distance(CODE, made, wanted, mask)) == 0.0
    assert float(heard_distance(CODE, made, wanted, NOTHING_KNOWN)) > 1.0
