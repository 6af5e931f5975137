"""ARC: the two sides oppose each other, and nothing is learnt from what says nothing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tiny import conditions, draw_pairs, tiny_backbone, train, weights_of
from training.arc import (
    ArcStage,
    centring_loss,
    contrastive_loss,
    difference_penalty,
    relativistic_loss,
    roll_text,
    words_differ,
)
from training.critic import Critic
from training.loop import step_draws
from training.stage_config import ArcRun
from training.student import log_snr_times, logit_normal_times, shift_odds


def arc_run(**changes: object) -> ArcRun:
    table = {
        "run_dir": "unused", "teacher": "unused", "tokens": 60, "steps": 400, "warm_up": 1,
        "rate": 1e-3, "critic_rate": 2e-3, "bfloat16": False, "head_width": 8,
    }  # fmt: skip
    return ArcRun.model_validate(table | changes)


scores = st.lists(st.floats(-20, 20), min_size=6, max_size=6).map(
    lambda values: torch.tensor(values, dtype=torch.float64).reshape(3, 2)
)


@given(real=scores, made=scores)
def test_swapping_the_pair_turns_the_critics_loss_into_the_generators(
    real: torch.Tensor, made: torch.Tensor
) -> None:
    critic, generator = relativistic_loss(real, made), relativistic_loss(made, real)
    # softplus(x) - softplus(-x) = x: the two losses differ by the mean gap alone.
    torch.testing.assert_close(critic - generator, (made - real).mean(), atol=1e-9, rtol=1e-9)


@given(real=scores, made=scores, level=st.floats(-50, 50))
def test_only_differences_count_but_for_the_centring(
    real: torch.Tensor, made: torch.Tensor, level: float
) -> None:
    moved = relativistic_loss(real + level, made + level)
    torch.testing.assert_close(moved, relativistic_loss(real, made), atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(
        centring_loss(real - real, made - made), torch.zeros((), dtype=torch.float64)
    )


def test_the_contrastive_loss_leaves_equal_captions_out() -> None:
    fitting, rolled = torch.randn(4, 3), torch.randn(4, 3)
    differs = torch.tensor([True, False, True, False])
    torch.testing.assert_close(
        contrastive_loss(fitting, rolled, differs),
        relativistic_loss(fitting[differs], rolled[differs]),
    )
    none = torch.zeros(4, dtype=torch.bool)
    assert float(contrastive_loss(fitting, rolled, none)) == 0.0


def test_rolling_takes_the_words_of_the_row_before_and_nothing_else() -> None:
    c = conditions(4)
    rolled = roll_text(c)
    for row in range(4):
        torch.testing.assert_close(rolled.text[row], c.text[row - 1])
    assert torch.equal(rolled.key, c.key)
    assert rolled.known is c.known
    assert rolled.seconds is c.seconds


def test_rows_with_equal_or_no_words_are_not_compared() -> None:
    c = conditions(4)
    assert words_differ(torch.tensor([1, 1, 2, 3]), c).tolist() == [True, False, True, True]
    c.text_mask[2] = 0.0
    assert words_differ(torch.tensor([1, 1, -1, 3]), c).tolist() == [True, False, False, False]


def test_a_score_that_does_not_move_costs_nothing() -> None:
    still = torch.randn(3, 4)
    assert float(difference_penalty(still, still)) == 0.0
    torch.testing.assert_close(difference_penalty(still, still + 2.0), torch.tensor(4.0))


def test_a_critic_blind_to_its_input_gives_the_student_no_gradient() -> None:
    stage = ArcStage(arc_run(), draw_pairs, tiny_backbone())
    with torch.no_grad():
        stage.critic.head.score.weight.zero_()
    terms = stage.student_step(0, step_draws(0, 0))
    assert float(terms["gradient"]) == 0.0


def test_a_critic_that_sees_gives_a_gradient_and_keeps_its_own_weights() -> None:
    stage = ArcStage(arc_run(), draw_pairs, tiny_backbone())
    before = weights_of(stage.critic)
    terms = stage.student_step(0, step_draws(0, 0))
    assert float(terms["gradient"]) > 0.0
    assert torch.equal(weights_of(stage.critic), before)


def test_the_critics_step_leaves_the_student_alone() -> None:
    stage = ArcStage(arc_run(weights={"penalty": 1.0}), draw_pairs, tiny_backbone())
    before = weights_of(stage.student.live)
    terms = stage.critic_step(0, step_draws(0, 0))
    assert torch.equal(weights_of(stage.student.live), before)
    assert {"critic", "contrastive", "centring", "penalty", "gap"} <= set(terms)


def test_a_penalty_that_is_off_is_absent() -> None:
    stage = ArcStage(arc_run(), draw_pairs, tiny_backbone())
    assert "penalty" not in stage.critic_step(0, step_draws(0, 0))


def test_the_critic_learns_to_tell_and_the_student_to_deceive() -> None:
    stage = ArcStage(arc_run(rate=3e-3), draw_pairs, tiny_backbone())
    for step in range(40):
        terms = stage.critic_step(step, step_draws(1, step))
    assert float(terms["gap"]) > 0.5
    losses = [float(stage.student_step(step, step_draws(2, step))["loss"]) for step in range(30)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


@pytest.mark.parametrize("frames", [1, 2, 3, 8])
def test_the_critic_takes_any_length(frames: int) -> None:
    critic = Critic(tiny_backbone(), arc_run(head_strides=(1, 2, 2), head_blocks=2))
    made = critic(torch.randn(2, 4, frames), torch.rand(2), conditions(2, frames))
    assert made.shape == (2, -(-frames // 4))


def test_the_trunk_is_three_quarters_of_the_teacher() -> None:
    teacher = tiny_backbone()
    critic = Critic(teacher, arc_run(critic_depth=0.5))
    assert len(critic.trunk.blocks) == 1
    x, t, c = torch.randn(2, 4, 5), torch.rand(2), conditions(2)
    torch.testing.assert_close(critic.trunk.features(x, t, c), teacher.features(x, t, c, depth=1))
    assert len(teacher.blocks) == 2


def test_resuming_is_never_having_stopped_bit_for_bit() -> None:
    run = arc_run(weights={"penalty": 1.0}, hold=0.5, ends={"solver_steps": 2})
    whole = ArcStage(run, draw_pairs, tiny_backbone())
    train(whole, 0, 4)
    first = ArcStage(run, draw_pairs, tiny_backbone())
    train(first, 0, 2)
    second = ArcStage(run, draw_pairs, tiny_backbone(), tiny_backbone(1))
    second.restore(first.state())
    train(second, 2, 4)
    assert torch.equal(weights_of(second.student.average), weights_of(whole.student.average))
    assert torch.equal(weights_of(second.critic), weights_of(whole.critic))


def test_times_lie_where_the_laws_say() -> None:
    source = torch.Generator().manual_seed(0)
    t = log_snr_times(4000, 0.25, source)
    assert abs(float((t == 1.0).float().mean()) - 0.25) < 0.03
    inner = t[t < 1.0]
    assert 0.119 < float(inner.min()) < 0.2
    assert float(inner.max()) < 0.9976
    s = logit_normal_times(4000, 0.5, source)
    assert abs(float(torch.logit(s).mean()) - 0.5) < 0.06


@given(t=st.floats(0.01, 0.99), shift=st.floats(-2, 2))
def test_shifting_odds_adds_to_the_logit(t: float, shift: float) -> None:
    x = torch.tensor(t, dtype=torch.float64)
    torch.testing.assert_close(torch.logit(shift_odds(x, shift)), torch.logit(x) + shift)
