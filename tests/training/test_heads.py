"""The text–audio score learns what there is to learn, and nothing from noise."""

import numpy as np
import torch

from training.heads import Couples, contrastive_loss, train_heads
from training.measures import ranks, recall


def couples(seed: int, *, related: bool) -> Couples:
    """Sounds and words that both say one of many hidden things, or have nothing in common."""
    law = np.random.default_rng(7)
    to_sound, to_words = law.standard_normal((2, 6, 24))
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((200, 6))
    other = hidden if related else rng.standard_normal((200, 6))
    noise = 0.1 * rng.standard_normal((2, 200, 24))
    sounds = (hidden @ to_sound + noise[0]).astype(np.float32)
    words = (other @ to_words + noise[1]).astype(np.float32)
    return Couples(sounds, words, np.arange(200))


def recall_on_unseen(*, related: bool) -> float:
    heads = train_heads(couples(0, related=related), steps=80, seed=1)
    unseen = couples(1, related=related)
    found = ranks(heads.cosines(unseen.sounds, unseen.words), np.arange(200))
    return recall(found, 5)


def test_heads_find_what_belongs_together_and_nothing_where_nothing_does() -> None:
    assert recall_on_unseen(related=True) > 0.5
    assert recall_on_unseen(related=False) < 0.1


def test_the_same_seed_gives_the_same_heads_and_leaves_the_world_alone() -> None:
    state = torch.get_rng_state()
    first, second = (train_heads(couples(0, related=True), steps=3, seed=1) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(torch.get_rng_state(), state)


def test_others_with_the_same_words_are_no_mistake() -> None:
    scores = torch.tensor([[1.0, 9.0], [9.0, 1.0]])
    same = torch.ones(2, 2, dtype=torch.bool)
    assert float(contrastive_loss(scores, same)) == 0.0
    assert float(contrastive_loss(scores, torch.eye(2, dtype=torch.bool))) > 7.0
