"""Fine-tuning: nearer to own clips, elsewhere as before, by adapters or by all weights."""

import pytest
import torch

from tests.training.tiny import (
    CHANNELS,
    FRAMES,
    conditions,
    draw_captions,
    draw_pairs,
    tiny_backbone,
    train,
    weights_of,
)
from training.fine_tune import FineTuneStage, nearest
from training.loop import step_draws
from training.sampling import one_step
from training.stage_config import OwnSoundsRun


def own_run(**changes: object) -> OwnSoundsRun:
    table = {
        "run_dir": "unused", "folder": "unused", "checkpoint": "unused",
        "made": "unused", "tokens": 40, "steps": 400, "warm_up": 1, "lora_rank": 4,
        "lora_alpha": 8.0, "rate": 1e-2, "candidates": 3, "average_decay": 0.9,
    }  # fmt: skip
    return OwnSoundsRun.model_validate(table | changes)


def test_the_nearest_candidate_is_chosen_row_by_row() -> None:
    wanted = torch.randn(5, CHANNELS, FRAMES)
    made = wanted + torch.tensor([3.0, 0.1, 2.0])[:, None, None, None]
    made[2, 3] = wanted[3]
    assert nearest(made, wanted).tolist() == [1, 1, 1, 2, 1]


@pytest.mark.parametrize("learn", ["lora", "full"])
def test_takes_come_nearer_to_the_own_clips(learn: str) -> None:
    # The own clips lie around 2, where the start knows nothing of.
    run = own_run(learn=learn, keep=0.0)
    stage = FineTuneStage(run, draw_pairs, draw_captions, tiny_backbone())
    c, noise = conditions(16), torch.randn(16, CHANNELS, FRAMES)
    before = float((one_step(stage.start, noise, c) - 2.0).square().mean())
    train(stage, 0, 30)
    after = float((one_step(stage.generator, noise, c) - 2.0).square().mean())
    assert after < 0.6 * before


def test_what_is_kept_stays_nearer_to_what_it_was() -> None:
    c, noise = conditions(16), torch.randn(16, CHANNELS, FRAMES)
    gone = []
    for keep in (0.0, 30.0):
        stage = FineTuneStage(own_run(keep=keep), draw_pairs, draw_captions, tiny_backbone())
        train(stage, 0, 20)
        was, now = one_step(stage.start, noise, c), one_step(stage.generator, noise, c)
        gone.append(float((now - was).square().mean()))
    assert gone[1] < 0.5 * gone[0]


def test_the_start_is_left_alone() -> None:
    start = tiny_backbone()
    before = weights_of(start)
    stage = FineTuneStage(own_run(), draw_pairs, draw_captions, start)
    train(stage, 0, 2)
    assert torch.equal(weights_of(start), before)
    assert not torch.equal(weights_of(stage.generator), before)


@pytest.mark.parametrize("learn", ["lora", "full"])
def test_resuming_is_never_having_stopped_bit_for_bit(learn: str) -> None:
    run = own_run(learn=learn)
    whole = FineTuneStage(run, draw_pairs, draw_captions, tiny_backbone())
    train(whole, 0, 4)
    first = FineTuneStage(run, draw_pairs, draw_captions, tiny_backbone())
    train(first, 0, 2)
    second = FineTuneStage(run, draw_pairs, draw_captions, tiny_backbone())
    second.restore(first.state())
    train(second, 2, 4)
    assert torch.equal(weights_of(second.generator), weights_of(whole.generator))


def test_nothing_to_keep_costs_nothing() -> None:
    stage = FineTuneStage(own_run(keep=0.0), draw_pairs, draw_captions, tiny_backbone())
    assert set(stage.step(0, step_draws(0, 0))) == {"own", "gradient"}
