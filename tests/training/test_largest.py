"""The largest preset, the size of Stable Audio Open Small: it is built, and a step of it helps."""

from pathlib import Path

import pytest

from tests.training.small import small_cache
from training.batches import LatentCorpus
from training.config import BackboneSizes
from training.loop import step_draws
from training.stage_config import TeacherRun
from training.teacher import TeacherStage


@pytest.mark.slow
def test_a_step_of_341_million_weights_lowers_the_loss_of_its_own_batch(tmp_path: Path) -> None:
    run = TeacherRun(
        run_dir=tmp_path,
        model=BackboneSizes.model_validate({"preset": "L"}),
        tokens=8,
        rate=2e-4,
        warm_up=1,
        drop_text=0.0,
        inpaint=0.0,
        threads=1,
        bfloat16=False,
    )
    stage = TeacherStage(run, LatentCorpus(small_cache(tmp_path / "latents")))
    assert 335e6 < sum(p.numel() for p in stage.live.parameters()) < 350e6
    # The same draws are the same batch, times and noise.
    losses = [float(stage.step(step, step_draws(0, 0))["loss"]) for step in range(3)]
    assert losses[2] < losses[1] < losses[0]
