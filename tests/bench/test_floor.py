"""The floor counts what it says: more work, more time; twice the take, twice the work."""

import pytest

from bench.floor import Rates, Work, floor_row, work_of_a_take
from bench.generation import STAGES, Timing
from generator.checkpoint import read_checkpoint
from generator.loading import CHECKPOINTS, HOUSE

HIDDEN = 512


def test_twice_the_take_is_about_twice_the_work_save_for_the_text() -> None:
    manifest = read_checkpoint(CHECKPOINTS / HOUSE).manifest
    short, long = (work_of_a_take(manifest, HIDDEN, seconds) for seconds in (6.0, 12.0))
    assert tuple(short) == STAGES
    assert long["text"] == short["text"]
    for stage in STAGES[1:]:
        assert 1.7 < long[stage].products / short[stage].products < 2.1


def test_the_slowest_kind_of_work_decides() -> None:
    rates = Rates(products=1e9, operations=1e8, bytes_moved=1e10)
    assert rates.least_ms(Work(1e9, 1e6, 1e6)) == pytest.approx(1000.0)
    assert rates.least_ms(Work(1.0, 1e8, 1e6)) == pytest.approx(1000.0)


def test_the_row_names_every_stage() -> None:
    manifest = read_checkpoint(CHECKPOINTS / HOUSE).manifest
    timing = Timing(12.0, dict.fromkeys(STAGES, 10.0), [40.0], 5.0)
    row = floor_row(timing, work_of_a_take(manifest, HIDDEN, 12.0), Rates(1e12, 1e11, 1e10))
    assert all(stage in row.measured for stage in STAGES)
