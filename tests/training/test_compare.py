"""The table of states: each measured by itself, none without its name, its time from its log."""

import json
from pathlib import Path

import pytest
import torch

from tests.models import tiny_checkpoint
from tests.training.scored import corpus_of_sines, states
from tests.training.small import SIZES
from training.__main__ import main
from training.checkpoints import load_state, save_state
from training.compare import TABLE_FILE, TITLES, compare, table
from training.config import ComparisonRun
from training.errors import TrainingError
from training.journal import LOG_FILE
from training.latents import quietly


def run_of(folder: Path, rows: list[dict[str, object]]) -> ComparisonRun:
    """A comparison of states in a folder that `states` filled."""
    return ComparisonRun.model_validate({
        "run_dir": folder, "corpora": [corpus_of_sines(folder / "corpus", 160)], "prompts": 3,
        "seeds": [1, 2], "score_steps": 3, "claims": 2, "model": SIZES, "states": rows,
        "autoencoder": folder / "autoencoder" / "state.pt",
        "text_encoder": tiny_checkpoint(folder / "tiny").folder,
    })  # fmt: skip


def louder(state: Path) -> Path:
    """Another state beside one, whose network says something else."""
    weights = load_state(state)["average"]
    assert isinstance(weights, dict)
    torch.manual_seed(5)
    weights["leave.weight"].normal_()
    other = state.parents[1] / "arc" / "state.pt"
    save_state(other, {"step": 7, "average": weights})
    return other


def test_every_state_has_its_row_and_repeats_exactly(tmp_path: Path) -> None:
    teacher, _ = states(tmp_path)
    log = [(0, 2.0), (10, 61.0), (0, 1.0), (10, 59.0)]  # Two outings: of 61 and of 59 seconds.
    lines = [json.dumps({"step": step, "elapsed_s": clock}) for step, clock in log]
    lines.append(json.dumps({"step": 9, "fad": 1.0}))
    (teacher.parent / LOG_FILE).write_text("\n".join(lines))
    other = louder(teacher)
    run = run_of(tmp_path, [
        {"name": "plain", "state": teacher},
        {"name": "other", "state": other},
        {"name": "flow", "state": other, "steps": 3, "guidance": 2.0},
    ])  # fmt: skip
    told: list[str] = []
    rows = {row.name: row for row in compare(run, quietly, told.append)}
    assert list(rows) == ["plain", "other", "flow"]
    assert (rows["plain"].trained, rows["plain"].minutes) == (1, 2.0)
    assert (rows["other"].trained, rows["other"].minutes) == (7, None)
    assert len({row.scores["fad"] for row in rows.values()}) == 3
    assert all(row.claims["pairs"][1] == 2 for row in rows.values())
    written = (tmp_path / TABLE_FILE).read_text()
    assert written.splitlines()[2:] == told
    assert all(len(text.split(" | ")) == len(TITLES) for text in written.splitlines())
    assert "| other | 7 |  | " in written
    again = compare(run, quietly, told.append)
    assert table(again) == written


def test_a_missing_state_is_told_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher, autoencoder = states(tmp_path)
    config = tmp_path / "c.toml"
    config.write_text(f"""
run_dir = "{tmp_path}"
corpora = ["{tmp_path}/corpus"]
autoencoder = "{autoencoder}"
text_encoder = "{tiny_checkpoint(tmp_path / "tiny").folder}"
model = {{width = 16, blocks = 2, heads = 2}}
[[states]]
name = "there"
state = "{teacher}"
[[states]]
name = "gone"
state = "{tmp_path}/vsd/state.pt"
""")
    assert main(["compare", str(config)]) == 2
    assert "vsd/state.pt: run the stage that writes it first" in capsys.readouterr().err
    assert not (tmp_path / TABLE_FILE).exists()


def test_two_states_of_one_name_are_refused(tmp_path: Path) -> None:
    row = {"name": "warm-up", "state": tmp_path / "a.pt"}
    with pytest.raises(ValueError, match="found twice: \\['warm-up'\\]"):
        run_of(tmp_path, [row, row])


def test_a_state_of_other_sizes_is_refused(tmp_path: Path) -> None:
    teacher, _ = states(tmp_path)
    run = run_of(tmp_path, [{"name": "plain", "state": teacher}])
    wider = run.model_copy(update={"model": SIZES.model_copy(update={"width": 32})})
    with pytest.raises(TrainingError, match="make them equal"):
        compare(wider, quietly, lambda _: None)
