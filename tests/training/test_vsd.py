"""Score distillation: still where the scores agree, toward the real mean where they do not."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from generator.backbone import Backbone
from generator.interpolant import noise_from_velocity
from tests.training.tiny import (
    CHANNELS,
    FRAMES,
    conditions,
    draw_captions,
    tiny_backbone,
    train,
    weights_of,
)
from training.batches import LatentBatch
from training.loop import step_draws
from training.sampling import one_step
from training.stage_config import VsdRun
from training.vsd import (
    Scores,
    VsdStage,
    dmd_gradient,
    drop_words,
    moved_along,
    swiftaudio_gradient,
    variation,
    variation_loss,
)


def vsd_run(**changes: object) -> VsdRun:
    table = {
        "run_dir": "unused", "teacher": "unused", "tokens": 60, "steps": 400, "warm_up": 1,
        "rate": 1e-3, "tracker_rate": 2e-3, "bfloat16": False, "lora_rank": 2,
    }  # fmt: skip
    return VsdRun.model_validate(table | changes)


def gaussian_velocity(mean: float, deviation: float, xt: Tensor, t: Tensor) -> Tensor:
    """E[eps - x0 | x_t] for data from a normal law."""
    t = t[:, None, None]
    variance = (1.0 - t) ** 2 * deviation**2 + t**2
    return -mean + (t - (1.0 - t) * deviation**2) / variance * (xt - (1.0 - t) * mean)


def gaussian_scores(real: float, made: float, t: float) -> tuple[Scores, Tensor]:
    """The scores of two unit Gaussians at samples of the second, and those samples."""
    source = torch.Generator().manual_seed(0)
    x = made + torch.randn(64, 2, 3, generator=source)
    times = torch.full((64,), t)
    xt = (1.0 - t) * x + t * torch.randn(x.shape, generator=source)
    teacher = gaussian_velocity(real, 1.0, xt, times)
    tracker = gaussian_velocity(made, 1.0, xt, times)
    return Scores(xt, times, teacher, tracker), x


@given(t=st.floats(0.05, 0.95), real=st.floats(-3, 3))
def test_the_gradient_is_zero_where_the_scores_agree(t: float, real: float) -> None:
    scores, x = gaussian_scores(real, real, t)
    assert not swiftaudio_gradient(scores).any()
    assert not dmd_gradient(scores, x).any()


@given(t=st.floats(0.05, 0.95), real=st.floats(-3, 3), away=st.sampled_from([-2.0, -0.5, 0.5, 2.0]))
def test_descending_the_gradient_moves_toward_the_real_mean(
    t: float, real: float, away: float
) -> None:
    scores, x = gaussian_scores(real, real + away, t)
    for gradient in (swiftaudio_gradient(scores), dmd_gradient(scores, x)):
        assert bool((torch.sign(gradient) == np.sign(away)).all())


@given(t=st.floats(0.05, 0.95))
def test_swiftaudios_weight_is_the_variance_of_the_noise(t: float) -> None:
    scores, _ = gaussian_scores(0.0, 1.0, t)
    noises = [noise_from_velocity(scores.xt, v, t) for v in (scores.teacher, scores.tracker)]
    wanted = t**2 * (noises[0] - noises[1])
    torch.testing.assert_close(swiftaudio_gradient(scores), wanted, atol=1e-5, rtol=1e-4)


def test_the_dmd_gradient_has_no_scale() -> None:
    scores, x = gaussian_scores(0.0, 1.0, 0.5)
    larger = Scores(10 * scores.xt, scores.t, 10 * scores.teacher, 10 * scores.tracker)
    # Not exactly: a small number keeps the division safe.
    torch.testing.assert_close(
        dmd_gradient(larger, 10 * x), dmd_gradient(scores, x), atol=0.0, rtol=1e-3
    )


def test_the_surrogate_loss_has_the_gradient_that_it_was_given() -> None:
    x = torch.randn(2, 3, 4, requires_grad=True)
    gradient = torch.randn(2, 3, 4)
    moved_along(x, gradient).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(x.grad, gradient / x.numel())


def test_variation_is_that_of_time_alone_and_the_hinge_lets_some_pass() -> None:
    steady = torch.randn(2, 3, 1).expand(2, 3, 5)
    assert not variation(steady).any()
    assert not variation(torch.randn(2, 3, 1)).any()
    ramp = torch.arange(5.0).expand(2, 3, 5)
    torch.testing.assert_close(variation(ramp), torch.ones(2))
    torch.testing.assert_close(variation_loss(ramp, 0.0), torch.tensor(1.0))
    torch.testing.assert_close(variation_loss(ramp, 0.75), torch.tensor(0.25))
    assert float(variation_loss(ramp, 1.5)) == 0.0


def test_words_are_dropped_by_row() -> None:
    c = conditions(3)
    told = drop_words(c, torch.tensor([False, True, False]))
    assert not told.text[1].any()
    assert not told.text_mask[1].any()
    torch.testing.assert_close(told.text[0], c.text[0])
    torch.testing.assert_close(told.seconds, c.seconds)


def test_the_loss_never_reads_audio() -> None:
    class Poisoned(torch.Tensor):
        @classmethod
        def __torch_function__(cls, *_: object, **__: object) -> object:
            raise AssertionError("latents of sound were read")

    def poisoned_draw(rng: np.random.Generator, tokens: int) -> LatentBatch:
        batch = draw_captions(rng, tokens)
        return LatentBatch(Poisoned(), batch.conditions, batch.caption_ids, FRAMES)

    stage = VsdStage(vsd_run(), poisoned_draw, tiny_backbone())
    stage.step(0, step_draws(0, 0))


@pytest.mark.parametrize("tracker", ["copy", "lora"])
def test_a_tracker_that_agrees_leaves_the_student_where_it_is(tracker: str) -> None:
    run = vsd_run(tracker=tracker, variation=0.0, teacher_guidance=2.0, tracker_guidance=2.0)
    stage = VsdStage(run, draw_captions, tiny_backbone())
    terms = stage.student_step(0, step_draws(0, 0))
    # Not exactly zero: two products of the same numbers may be summed in another order.
    assert float(terms["pull"]) < 1e-10
    assert float(terms["gradient"]) < 1e-5


@pytest.mark.parametrize("tracker", ["copy", "lora"])
def test_the_trackers_step_leaves_teacher_and_student_alone(tracker: str) -> None:
    teacher = tiny_backbone()
    stage = VsdStage(vsd_run(tracker=tracker), draw_captions, teacher, tiny_backbone(1))
    teachers, students = weights_of(teacher), weights_of(stage.student.live)
    trackers = weights_of(stage.tracker)
    stage.tracker_step(0, step_draws(0, 0))
    assert torch.equal(weights_of(teacher), teachers)
    assert torch.equal(weights_of(stage.student.live), students)
    assert not torch.equal(weights_of(stage.tracker), trackers)


def test_the_tracker_learns_alone_while_it_is_ahead() -> None:
    stage = VsdStage(vsd_run(tracker_ahead=2), draw_captions, tiny_backbone(), tiny_backbone(1))
    students, trackers = weights_of(stage.student.live), weights_of(stage.tracker)
    terms = train(stage, 0, 2)
    assert torch.equal(weights_of(stage.student.live), students)
    assert not torch.equal(weights_of(stage.tracker), trackers)
    assert set(terms[-1]) == {"tracker", "tracker_gradient"}
    train(stage, 2, 3)
    assert not torch.equal(weights_of(stage.student.live), students)


def shifted_teacher(mean: float) -> Backbone:
    """A backbone whose data lie around a mean: the velocity's constant part."""
    net = tiny_backbone()
    with torch.no_grad():
        net.leave.weight.zero_()
        net.leave.bias.fill_(-mean)
    return net


@pytest.mark.parametrize("weight", ["dmd", "swiftaudio"])
def test_the_student_moves_to_the_teachers_mean(weight: str) -> None:
    run = vsd_run(weight=weight, variation=0.0, rate=1e-2, tracker_updates=2, tracker_rate=1e-2)
    stage = VsdStage(run, draw_captions, shifted_teacher(1.5), shifted_teacher(0.0))
    c, noise = conditions(16), torch.randn(16, CHANNELS, FRAMES)
    mean_before = float(one_step(stage.student.live, noise, c).detach().mean())
    train(stage, 0, 50)
    mean_after = float(one_step(stage.student.live, noise, c).detach().mean())
    assert abs(mean_before) < 0.3
    assert abs(mean_after - 1.5) < 0.5 * abs(mean_before - 1.5)


def test_the_hinge_stands_at_the_teachers_own_variation() -> None:
    stage = VsdStage(vsd_run(variation=0.1), draw_captions, tiny_backbone())
    train(stage, 0, 1)
    assert stage.allowed_variation == pytest.approx(stage.teachers_variation(step_draws(3, 0)))
    published = VsdStage(vsd_run(variation_hinge=False), draw_captions, tiny_backbone())
    train(published, 0, 1)
    assert published.allowed_variation == 0.0


@pytest.mark.parametrize("tracker", ["copy", "lora"])
def test_resuming_is_never_having_stopped_bit_for_bit(tracker: str) -> None:
    run = vsd_run(tracker=tracker, hold=0.5, ends={"solver_steps": 2})
    whole = VsdStage(run, draw_captions, tiny_backbone())
    train(whole, 0, 4)
    first = VsdStage(run, draw_captions, tiny_backbone())
    train(first, 0, 2)
    second = VsdStage(run, draw_captions, tiny_backbone(), tiny_backbone(1))
    second.restore(first.state())
    train(second, 2, 4)
    assert torch.equal(weights_of(second.student.average), weights_of(whole.student.average))
    assert torch.equal(weights_of(second.tracker), weights_of(whole.tracker))
