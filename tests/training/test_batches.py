"""Laws of batches: one length, silence only after fading, words that belong to the clip."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.small import CHANNELS, small_cache
from training.batches import LatentCorpus, known_part
from training.errors import TrainingError


@pytest.fixture
def corpus(tmp_path: Path) -> LatentCorpus:
    return LatentCorpus(small_cache(tmp_path / "latents"))


def test_a_batch_has_one_length_and_everything_fits_it(corpus: LatentCorpus) -> None:
    for seed in range(30):
        batch = corpus.draw(np.random.default_rng(seed), 64)
        assert batch.x0 is not None
        size = len(batch.x0)
        assert batch.x0.shape == (size, CHANNELS, batch.latent_frames)
        c = batch.conditions
        assert (
            c.text.shape[0] == c.text_mask.shape[0] == c.seconds.shape[0] == c.key.shape[0] == size
        )
        assert c.known.shape == batch.x0.shape
        assert c.known_mask.shape == (size, 1, batch.latent_frames)


def test_the_same_draw_twice_is_the_same(corpus: LatentCorpus) -> None:
    one, two = (corpus.draw(np.random.default_rng(3), 64) for _ in range(2))
    assert torch.equal(one.caption_ids, two.caption_ids)
    assert one.x0 is not None
    assert two.x0 is not None
    assert torch.equal(one.x0, two.x0)


def test_without_words_there_is_no_text_and_no_key(corpus: LatentCorpus) -> None:
    batch = corpus.draw(np.random.default_rng(1), 64, drop_text=1.0)
    assert float(batch.conditions.text_mask.sum()) == 0.0
    assert int(batch.conditions.key.abs().sum()) == 0
    assert bool((batch.caption_ids == -1).all())


def test_known_latents_are_the_clean_ones_where_the_mask_says() -> None:
    x0 = torch.randn(8, 3, 9)
    known, mask = known_part(np.random.default_rng(0), x0, 1.0)
    torch.testing.assert_close(known, x0 * mask)
    assert bool(((mask == 0.0) | (mask == 1.0)).all())
    assert float(known_part(np.random.default_rng(0), x0, 0.0)[1].sum()) == 0.0


def test_a_folder_without_a_cache_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="training latents"):
        LatentCorpus(tmp_path)


def test_few_clips_that_never_fade_are_drawn_at_their_own_length(tmp_path: Path) -> None:
    folder = small_cache(tmp_path / "latents", clips=2)
    table = json.loads((folder / "clips.json").read_text())
    lengths = {clip["frames"] for clip in table["clips"]}
    for clip in table["clips"]:
        clip["fades"] = False
    (folder / "clips.json").write_text(json.dumps(table))
    corpus = LatentCorpus(folder)
    drawn = {corpus.draw(np.random.default_rng(seed), 16).latent_frames for seed in range(40)}
    assert drawn == lengths
