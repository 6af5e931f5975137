"""Laws of the run configurations: nothing unknown, all faults at once, shipped files read."""

from pathlib import Path

import pytest
import torch

from generator.backbone import Backbone, BackboneConfig
from training.config import (
    AutoencoderRun,
    BackboneSizes,
    ComparisonRun,
    EvaluationRun,
    LatentsRun,
    ReleaseRun,
    Strict,
    read_config,
)
from training.errors import TrainingError
from training.stage_config import ArcRun, TeacherRun, VsdRun, WarmUpRun

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
    kinds: dict[str, type[Strict]] = {
        "arc": ArcRun,
        "autoencoder": AutoencoderRun,
        "compare": ComparisonRun,
        "evaluate": EvaluationRun,
        "export": ReleaseRun,
        "latents": LatentsRun,
        "teacher": TeacherRun,
        "vsd": VsdRun,
        "warmup": WarmUpRun,
    }
    for stage, kind in kinds.items():
        read_config(SHIPPED / f"house-{stage}.toml", kind)


@pytest.mark.parametrize(
    ("preset", "millions"), [("S-cpu", 2), ("S-10", 10), ("S-25", 25), ("S-50", 52), ("L", 341)]
)
def test_a_preset_has_the_size_that_it_is_named_for(preset: str, millions: float) -> None:
    sizes = BackboneSizes.model_validate({"preset": preset})
    with torch.device("meta"):
        backbone = Backbone(BackboneConfig(**sizes.model_dump()))
    count = sum(p.numel() for p in backbone.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.12)


def test_what_is_given_stands_over_the_preset() -> None:
    sizes = BackboneSizes.model_validate({"preset": "S-10", "blocks": 3})
    assert (sizes.width, sizes.blocks) == (256, 3)
    assert "preset" not in sizes.model_dump()
    with pytest.raises(ValueError, match="preset"):
        BackboneSizes.model_validate({"preset": "S-11"})
