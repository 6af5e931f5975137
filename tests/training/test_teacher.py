"""Laws of flow matching: times, the loss, and a field that is learnt."""

from pathlib import Path

import pytest
import torch

from tests.training.small import SIZES, small_cache
from training.batches import LatentCorpus
from training.loop import run
from training.stage_config import TeacherRun
from training.teacher import TeacherStage, draw_times, flow_loss


def test_times_lie_in_range_lean_to_noise_and_some_are_noise() -> None:
    t = draw_times(20_000, 0.1, torch.Generator().manual_seed(0))
    assert float(t.min()) > 0.0
    assert float(t.max()) == 1.0
    assert float((t == 1.0).float().mean()) == pytest.approx(0.1, abs=0.01)
    assert float(t.mean()) > 0.5


def test_known_latents_do_not_count() -> None:
    made, wanted, mask = torch.zeros(1, 2, 4), torch.ones(1, 2, 4), torch.zeros(1, 1, 4)
    mask[..., :3] = 1.0
    wanted[..., :3] = 100.0
    assert float(flow_loss(made, wanted, mask)) == 1.0
    assert float(flow_loss(made, wanted, torch.ones(1, 1, 4))) == 0.0


def test_the_loss_falls(tmp_path: Path) -> None:
    asked = TeacherRun(
        run_dir=tmp_path, model=SIZES, steps=60, tokens=96, warm_up=5, rate=3e-3, threads=1
    )
    stage = TeacherStage(asked, LatentCorpus(small_cache(tmp_path / "latents", clips=4)))
    losses = [report.terms["loss"] for report in run(stage, seed=0, steps=range(60))]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])
