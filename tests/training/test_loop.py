"""Laws of the one loop: a resumed run is the run that never stopped."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.training.small import SIZES, small_cache
from training.batches import LatentCorpus
from training.checkpoints import STATE_FILE, load_state, save_state
from training.errors import TrainingError
from training.loop import StepReport, learning_rate, run, step_draws, update_average
from training.run import Outing, train
from training.stage_config import TeacherRun
from training.teacher import TeacherStage


@pytest.fixture
def corpus(tmp_path: Path) -> LatentCorpus:
    return LatentCorpus(small_cache(tmp_path / "latents"))


def config(tmp_path: Path, steps: int) -> TeacherRun:
    return TeacherRun(
        run_dir=tmp_path, model=SIZES, steps=steps, tokens=32, warm_up=2, threads=1, bfloat16=False
    )


def quietly(reports: Iterator[StepReport], first: int, last: int) -> Iterator[StepReport]:
    assert first <= last
    yield from reports


def test_resume_is_bit_for_bit(tmp_path: Path, corpus: LatentCorpus) -> None:
    whole_run = config(tmp_path, 6)
    whole = TeacherStage(whole_run, corpus)
    losses = [report.terms["loss"] for report in run(whole, seed=0, steps=range(6))]
    first = TeacherStage(whole_run, corpus)
    for _ in run(first, seed=0, steps=range(3)):
        pass
    save_state(tmp_path / "s.pt", {"step": 3} | first.state())
    second = TeacherStage(whole_run, corpus)
    second.restore(load_state(tmp_path / "s.pt"))
    resumed = [report.terms["loss"] for report in run(second, seed=0, steps=range(3, 6))]
    assert resumed == losses[3:]
    for name, value in whole.live.state_dict().items():
        assert torch.equal(value, second.live.state_dict()[name]), name


def test_a_run_folder_is_never_overwritten_unasked(tmp_path: Path, corpus: LatentCorpus) -> None:
    asked = config(tmp_path, 2)
    place = tmp_path / "teacher"
    assert train(TeacherStage(asked, corpus), asked, Outing(place), quietly) == 2
    with pytest.raises(TrainingError, match="--resume"):
        train(TeacherStage(asked, corpus), asked, Outing(place), quietly)
    longer = config(tmp_path, 3)
    assert train(TeacherStage(longer, corpus), longer, Outing(place, resume=True), quietly) == 3


def test_a_state_of_another_shape_is_refused_and_kept(tmp_path: Path, corpus: LatentCorpus) -> None:
    asked = config(tmp_path, 1)
    train(TeacherStage(asked, corpus), asked, Outing(tmp_path / "t"), quietly)
    before = (tmp_path / "t" / STATE_FILE).read_bytes()
    other = TeacherRun(
        run_dir=tmp_path, model=SIZES.model_copy(update={"width": 24}), threads=1, bfloat16=False
    )
    with pytest.raises(TrainingError, match="does not fit"):
        train(TeacherStage(other, corpus), other, Outing(tmp_path / "t", resume=True), quietly)
    assert (tmp_path / "t" / STATE_FILE).read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 broken"])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.pt").write_bytes(content)
    with pytest.raises(TrainingError, match="no readable training state"):
        load_state(tmp_path / "s.pt")


def test_a_missing_state_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="run the stage that writes it first"):
        load_state(tmp_path / "s.pt")


def test_draws_depend_on_seed_and_step_alone() -> None:
    one, two, other = step_draws(1, 5), step_draws(1, 5), step_draws(1, 6)
    a = torch.rand(4, generator=one.torch)
    assert torch.equal(a, torch.rand(4, generator=two.torch))
    assert not torch.equal(a, torch.rand(4, generator=other.torch))
    assert one.numpy.random() == two.numpy.random()


def test_the_rate_warms_up_and_ends_at_a_tenth() -> None:
    rates = [learning_rate(1.0, step, steps=100, warm_up=10) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.1)


def test_the_average_of_equal_weights_is_the_weights() -> None:
    live, average = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    for step in range(400):
        update_average(average, live, decay=0.9, step=step)
    torch.testing.assert_close(average.weight, live.weight)
