"""bfloat16 on the processor: near single precision, the same run again, told where it is not."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from tests.training.test_arc import arc_run
from tests.training.test_fine_tune import own_run
from tests.training.test_run import Counter, config, plainly
from tests.training.test_vsd import vsd_run
from tests.training.test_warmup import warm_up_run
from tests.training.tiny import draw_captions, draw_pairs, tiny_backbone, train
from training.arc import ArcStage
from training.fine_tune import FineTuneStage
from training.loop import Stage
from training.place import autocast, quick_in_bfloat16
from training.run import NO_BFLOAT16, Outing
from training.run import train as train_on_disk
from training.vsd import VsdStage
from training.warmup import WarmUpStage

STEPS = 6
MAKERS: Mapping[str, Callable[[bool], Stage]] = {
    "warmup": lambda on: WarmUpStage(warm_up_run(bfloat16=on), draw_captions, tiny_backbone()),
    "arc": lambda on: ArcStage(arc_run(bfloat16=on), draw_pairs, tiny_backbone()),
    "vsd": lambda on: VsdStage(vsd_run(bfloat16=on), draw_captions, tiny_backbone()),
    "own sounds": lambda on: FineTuneStage(
        own_run(bfloat16=on), draw_pairs, draw_captions, tiny_backbone()
    ),
}


def curve(stage: Stage) -> list[float]:
    """What a stage's first steps report, every number of every step."""
    return [value for terms in train(stage, 0, STEPS) for _, value in sorted(terms.items())]


@pytest.mark.parametrize("name", MAKERS)
def test_a_stage_learns_as_in_single_precision_and_repeats_exactly(name: str) -> None:
    narrow, again, full = MAKERS[name](True), MAKERS[name](True), MAKERS[name](False)
    found = curve(narrow)
    assert curve(again) == found
    wanted = torch.tensor(curve(full))
    distance = (torch.tensor(found) - wanted).norm() / wanted.norm()
    assert distance < 0.05
    assert (distance > 0.0) == quick_in_bfloat16("cpu")


def test_matrix_products_are_in_bfloat16_where_that_is_quick() -> None:
    x = torch.eye(4)
    with autocast(x, bfloat16=True):
        wanted = torch.bfloat16 if quick_in_bfloat16("cpu") else torch.float32
        assert (x @ x).dtype == wanted
    with autocast(x, bfloat16=False):
        assert (x @ x).dtype == torch.float32


@pytest.mark.parametrize("asked", [True, False])
def test_a_processor_that_would_be_slower_is_told(asked: bool, tmp_path: Path) -> None:
    told: list[str] = []
    run = config(tmp_path, 1, bfloat16=asked)
    train_on_disk(Counter(), run, Outing(tmp_path / "s", tell=told.append), plainly)
    assert told == ([NO_BFLOAT16] if asked and not quick_in_bfloat16("cpu") else [])
