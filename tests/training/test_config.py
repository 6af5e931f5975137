"""Laws of the run configurations: nothing unknown, all faults at once, shipped files read."""

from pathlib import Path

import pytest

from training.config import AutoencoderRun, LatentsRun, Run, TeacherRun, read_config
from training.errors import TrainingError

SHIPPED = Path(__file__).parents[2] / "training" / "configs"


def test_an_unknown_key_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('run_dir = "r"\nstepps = 3\n[model]\nwidht = 8\n')
    with pytest.raises(
        TrainingError, match=r"did you mean steps.*did you mean width|did you mean width.*steps"
    ):
        read_config(path, TeacherRun)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('run_dir = "r"\nsteps = 0\nrate = "fast"\n')
    with pytest.raises(TrainingError, match=r"steps.*rate"):
        read_config(path, TeacherRun)


def test_a_missing_file_and_no_toml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no config"):
        read_config(tmp_path / "none.toml", TeacherRun)
    (tmp_path / "c.toml").write_text("= 3")
    with pytest.raises(TrainingError, match="no TOML"):
        read_config(tmp_path / "c.toml", TeacherRun)


def test_the_shipped_configs_read() -> None:
    kinds: dict[str, type[Run]] = {
        "autoencoder": AutoencoderRun,
        "latents": LatentsRun,
        "teacher": TeacherRun,
    }
    for stage, kind in kinds.items():
        read_config(SHIPPED / f"house-{stage}.toml", kind)
