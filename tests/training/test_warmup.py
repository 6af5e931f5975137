"""Warm-up: targets are ends of the flow, the pool is bounded, the student learns."""

from collections.abc import Mapping

import torch

from tests.training.tiny import (
    CHANNELS,
    FRAMES,
    conditions,
    draw_captions,
    tiny_backbone,
    train,
    weights_of,
)
from training.ends import (
    Trajectories,
    TrajectoryPool,
    end_point_loss,
    named_ends,
    solve,
)
from training.loop import step_draws
from training.sampling import OdeLaw, ode_states, one_step
from training.seen import seen_distance
from training.stage_config import WarmUpRun
from training.warmup import WarmUpStage


def warm_up_run(ends: Mapping[str, object] | None = None, **changes: object) -> WarmUpRun:
    table = {
        "run_dir": "unused", "teacher": "unused", "tokens": 60, "steps": 400, "warm_up": 10,
        "rate": 3e-3, "bfloat16": False,
        "ends": {"refresh_every": 4, "pool": 3, "solver_steps": 4} | dict(ends or {}),
    }  # fmt: skip
    return WarmUpRun.model_validate(table | changes)


def test_targets_are_the_ends_of_the_teachers_flow() -> None:
    run, net, c = warm_up_run({"guidance": 2.5, "solver": "heun"}), tiny_backbone(), conditions(3)
    noise = torch.randn(3, CHANNELS, FRAMES)
    flows = solve(net, c, noise, run)
    states = ode_states(net, c, noise, OdeLaw(run.ends.solver_steps, 2.5, "heun"))
    torch.testing.assert_close(flows.ends, states[-1])
    torch.testing.assert_close(flows.states[:, 0], noise)
    assert flows.times[0] == 1.0
    assert len(flows.times) == run.ends.solver_steps


def test_a_picked_state_lies_on_its_own_trajectory_at_its_time() -> None:
    flows = solve(tiny_backbone(), conditions(8), torch.randn(8, CHANNELS, FRAMES), warm_up_run())
    xt, t = flows.pick(step_draws(0, 0), 0.0)
    for row in range(8):
        place = int((flows.times == t[row]).nonzero()[0, 0])
        torch.testing.assert_close(xt[row], flows.states[row, place])
    xt, t = flows.pick(step_draws(0, 1), 1.0)
    torch.testing.assert_close(xt, flows.states[:, 0])
    assert bool((t == 1.0).all())


def test_the_loss_is_zero_for_a_student_that_names_the_end() -> None:
    net, c = tiny_backbone(), conditions(3)
    noise = torch.randn(3, CHANNELS, FRAMES)
    flows = Trajectories(torch.ones(1), noise[:, None], one_step(net, noise, c), c)
    loss = end_point_loss(flows, named_ends(net, flows, noise, torch.ones(3), bfloat16=False))
    torch.testing.assert_close(loss, torch.zeros(()), atol=1e-10, rtol=0.0)


def test_the_teacher_sees_no_difference_in_equals_and_more_in_what_is_further_off() -> None:
    eye, c = tiny_backbone(seed=2), conditions(4)
    wanted, other, noise = torch.randn(3, 4, CHANNELS, FRAMES)
    t = torch.tensor([0.0, 0.1, 0.3, 0.6])

    def distance(share: float) -> float:
        made = torch.lerp(wanted, other, share)
        return float(seen_distance(eye, (made, wanted), c, t, noise))

    assert distance(0.0) == 0.0
    assert 0.0 < distance(0.1) < distance(0.4) < distance(1.0)


def test_what_is_seen_is_learnt_and_the_teacher_stays() -> None:
    teacher = tiny_backbone(seed=5)
    with torch.no_grad():
        teacher.leave.weight *= 8.0
    before = weights_of(teacher)
    run = warm_up_run({"seen": 1.0, "guidance": 1.0, "refresh_every": 400}, rate=1e-3)
    stage = WarmUpStage(run, draw_captions, teacher)
    reports = train(stage, 0, 120)
    early, late = (sum(r["seen"] for r in part) for part in (reports[:20], reports[-20:]))
    assert late < 0.8 * early
    assert torch.equal(weights_of(teacher), before)


def test_the_pool_keeps_the_newest() -> None:
    pool = TrajectoryPool(warm_up_run({"pool": 2}), draw_captions, tiny_backbone())
    for step in range(4):
        pool.renew(step_draws(0, step))
    kept = list(pool.batches)
    assert len(kept) == 2
    pool.renew(step_draws(0, 4))
    assert pool.batches[0] is kept[1]


def test_the_student_learns_in_one_step_what_takes_the_teacher_many() -> None:
    teacher = tiny_backbone(seed=5)
    with torch.no_grad():
        teacher.leave.weight *= 8.0  # a flow that bends, so that one step of it goes astray
    run = warm_up_run({"solver_steps": 6, "guidance": 1.0})
    stage = WarmUpStage(run, draw_captions, teacher)
    fresh = TrajectoryPool(run, draw_captions, teacher)
    fresh.renew(step_draws(9, 0))
    flows = fresh.batches[0]

    def error(net: torch.nn.Module) -> float:
        made = one_step(net, flows.states[:, 0], flows.conditions)  # type: ignore[arg-type]
        return float((made - flows.ends).square().mean())

    before = error(teacher)
    train(stage, 0, 120)
    assert error(stage.student.average) < 0.5 * before


def test_resuming_is_never_having_stopped_bit_for_bit() -> None:
    whole = WarmUpStage(warm_up_run(), draw_captions, tiny_backbone())
    train(whole, 0, 6)
    first = WarmUpStage(warm_up_run(), draw_captions, tiny_backbone())
    train(first, 0, 3)
    second = WarmUpStage(warm_up_run(), draw_captions, tiny_backbone(), tiny_backbone(1))
    second.restore(first.state())
    train(second, 3, 6)
    assert torch.equal(weights_of(second.student.live), weights_of(whole.student.live))
    assert torch.equal(weights_of(second.student.average), weights_of(whole.student.average))
