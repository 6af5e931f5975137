"""Scores know good takes from bad, and words that fit from words that do not."""

import numpy as np
import pytest

from generator.api import FloatArray
from training.heads import Couples, train_heads
from training.scores import Reference, chance, ratios


def world(seed: int, count: int) -> tuple[FloatArray, FloatArray]:
    """Sounds and words that say the same hidden thing, always by the same law."""
    law = np.random.default_rng(3)
    to_sound, to_words = law.standard_normal((2, 5, 16))
    hidden = np.random.default_rng(seed).standard_normal((count, 5))
    return (hidden @ to_sound).astype(np.float32), (hidden @ to_words).astype(np.float32)


@pytest.fixture(scope="module")
def reference() -> Reference:
    sounds, words = world(0, 150)
    couples = Couples(sounds, words, np.arange(150))
    return Reference(couples, train_heads(couples, steps=40, seed=0), world(2, 40)[1])


def test_fitting_takes_beat_shuffled_ones_and_both_beat_noise(reference: Reference) -> None:
    sounds = world(2, 40)[0]
    good = reference.of_takes(sounds[:, None])
    shuffled = reference.of_takes(np.roll(sounds, 20, axis=0)[:, None])
    rng = np.random.default_rng(0)
    noise = reference.of_takes(4 * rng.standard_normal((40, 1, 16), dtype=np.float32))
    assert good["r_at_1"] > 5 * chance(40)["r_at_1"]
    assert good["r_at_5"] > shuffled["r_at_5"]
    assert good["fad"] == pytest.approx(shuffled["fad"], rel=1e-4)
    assert good["fad_with_words"] < shuffled["fad_with_words"]
    assert noise["fad"] > good["fad"]


def test_what_cannot_be_measured_is_absent(reference: Reference) -> None:
    takes = world(2, 40)[0][:, None]
    assert "diversity" not in reference.of_takes(takes)
    assert "diversity" in reference.of_takes(np.repeat(takes, 2, axis=1))


def test_a_clip_with_many_captions_counts_once(reference: Reference) -> None:
    held = reference.held_out
    doubled = Couples(held.sounds, np.repeat(held.words, 2, 0), np.repeat(held.clip_of, 2))
    sounds, words = world(2, 40)
    twice = Reference(doubled, reference.heads, reference.words).quality(sounds, words)
    assert twice == pytest.approx(reference.quality(sounds, words))


def test_ratios_are_of_what_both_have() -> None:
    systems = {"student": {"fad": 2.0, "diversity": 1.0}, "teacher": {"fad": 1.0, "r_at_1": 0.5}}
    assert ratios(systems, "student", "teacher") == {"fad": 2.0}
    assert ratios(systems, "student", "nobody") == {}


def test_chance_is_depth_over_prompts() -> None:
    assert chance(5) == {"r_at_1": 0.2, "r_at_5": 1.0, "r_at_10": 1.0}
