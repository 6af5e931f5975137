"""The bench measures what it says: on a tiny checkpoint, in a moment."""

from pathlib import Path

from bench import generation
from generator.loading import load_generator
from tests.models import tiny_checkpoint


def test_stages_add_up_to_the_whole(tmp_path: Path) -> None:
    model = load_generator(tiny_checkpoint(tmp_path).folder, threads=1)
    timing = generation.time_takes(model, 0.5, runs=3)
    assert tuple(timing.stage_ms) == generation.STAGES
    assert len(timing.total_ms) == 3
    assert timing.percentile_ms(50) <= timing.percentile_ms(99)
    assert "× real time" in timing.describe()


def test_a_generator_without_stages_is_timed_as_one() -> None:
    assert tuple(generation.time_takes(load_generator("tone"), 0.2, runs=2).stage_ms) == ("all",)


def test_the_life_of_a_process_is_measured() -> None:
    start, memory = generation.life_rows("tone")
    assert start.passed is not None
    assert memory.measured


def test_a_model_that_is_not_there_is_a_row_that_fails(tmp_path: Path) -> None:
    (row,) = generation.life_rows(str(tmp_path / "nothing"))
    assert row.passed is False
    assert "no model" in row.measured
