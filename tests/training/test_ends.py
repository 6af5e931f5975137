"""A student that is held by the ends of the teacher's flow stays nearer to them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from generator.backbone import Backbone
from tests.training.test_arc import arc_run
from tests.training.test_vsd import vsd_run
from tests.training.test_warmup import warm_up_run
from tests.training.tiny import draw_captions, draw_pairs, tiny_backbone, train, weights_of
from training.arc import ArcStage
from training.ends import TrajectoryPool, end_point_loss, named_ends
from training.errors import TrainingError
from training.loop import step_draws
from training.vsd import VsdStage
from training.warmup import WarmUpStage

ENDS = {"solver_steps": 3, "guidance": 1.0, "share_at_noise": 1.0, "refresh_every": 2}
STAGES: dict[str, Callable[[float], ArcStage | VsdStage]] = {
    "arc": lambda hold: ArcStage(
        arc_run(hold=hold, ends=ENDS, rate=3e-3), draw_pairs, tiny_backbone(5)
    ),
    "vsd": lambda hold: VsdStage(
        vsd_run(hold=hold, ends=ENDS, rate=3e-3), draw_captions, tiny_backbone(5)
    ),
}


@torch.no_grad()
def strayed(student: Backbone) -> float:
    """How far a student's takes are from the ends of the teacher's flow, from fresh noise."""
    teacher, run = tiny_backbone(5), vsd_run(ends=ENDS)
    pool = TrajectoryPool(run, draw_captions, teacher)
    pool.renew(step_draws(7, 0))
    flows = pool.batches[0]
    noise = flows.states[:, 0]
    t = torch.ones(len(noise))
    return float(end_point_loss(flows, named_ends(student, flows, noise, t, bfloat16=False)))


@pytest.mark.parametrize("kind", STAGES)
def test_a_held_student_strays_less(kind: str) -> None:
    found = {}
    for hold in (0.0, 30.0):
        stage = STAGES[kind](hold)
        train(stage, 0, 40)
        found[hold] = strayed(stage.student.live)
    assert found[30.0] < 0.5 * found[0.0]


def test_flows_learnt_by_heart_are_told_from_fresh_ones() -> None:
    """Two batches learnt over and over: what is told of a third is not what they have become."""
    ends = {"solver_steps": 3, "guidance": 1.0, "refresh_every": 400, "pool": 2}
    run = warm_up_run(ends, rate=3e-3)
    teacher = tiny_backbone(5)
    with torch.no_grad():
        teacher.leave.weight *= 8.0
    stage = WarmUpStage(run, draw_captions, teacher)
    by_heart = train(stage, 0, 300)
    assert "fresh" in by_heart[0]
    assert not any("fresh" in terms for terms in by_heart[1:])
    fresh = train(stage, 400, 401)[0]["fresh"]
    assert fresh > 1.5 * sum(terms["ends"] for terms in by_heart[-20:]) / 20


def test_an_ear_without_an_autoencoder_is_refused(tmp_path: Path) -> None:
    run = warm_up_run(ENDS | {"heard": 1.0}, run_dir=tmp_path)
    with pytest.raises(TrainingError, match="autoencoder"):
        WarmUpStage(run, draw_captions, tiny_backbone(5))


@pytest.mark.parametrize("kind", STAGES)
def test_without_a_hold_nothing_is_solved_and_with_one_the_teacher_stays(kind: str) -> None:
    free, held = STAGES[kind](0.0), STAGES[kind](1.0)
    assert "ends" not in train(free, 0, 2)[-1]
    assert free.ends.pool.batches == []
    assert train(held, 0, 2)[-1]["ends"] > 0.0
    assert torch.equal(weights_of(held.ends.pool.teacher), weights_of(tiny_backbone(5)))
