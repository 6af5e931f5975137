"""The command line: faults are told in one line, and what was there is still there."""

from pathlib import Path

import pytest

from tests.training.small import small_cache
from training.__main__ import main


def test_a_file_is_split_and_joined_by_commands(tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    state.write_bytes(bytes(range(256)) * 20)
    assert main(["split", str(state), "--megabytes", "0.002"]) == 0
    assert len(list(tmp_path.glob("state.pt.0*"))) == 3
    state.unlink()
    assert main(["join", str(tmp_path / "state.pt.pieces.json")]) == 0
    assert state.read_bytes() == bytes(range(256)) * 20


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('run_dir = "r"\nstepps = 3\n', "did you mean steps"),
        ('run_dir = "r"\ndevice = "gpu"\n', "device"),
        ("= 3", "is no TOML"),
        ('run_dir = "r"\nmodel.preset = "XL"\n', "S-cpu"),
        ('run_dir = "FOLDER/none"\n', "run `python -m training latents` first"),
    ],
)
def test_a_wrong_config_is_told_and_ends_with_2(
    tmp_path: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.toml").write_text(text.replace("FOLDER", str(tmp_path)))
    assert main(["teacher", str(tmp_path / "c.toml")]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said


def test_a_disk_that_refuses_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The run folder cannot be made: a file is in its way.
    small_cache(tmp_path / "r" / "latents")
    (tmp_path / "r" / "teacher").write_text("in the way")
    config = tmp_path / "c.toml"
    config.write_text(f'run_dir = "{tmp_path}/r"\nsteps = 1\ntokens = 24\n[watch]\nevery = 0\n')
    assert main(["teacher", str(config)]) == 2
    assert "the last good state is kept" in capsys.readouterr().err
    assert (tmp_path / "r" / "teacher").read_text() == "in the way"
