"""Laws of finding a generator by name or path."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from generator import loading
from generator.checkpoint import write_checkpoint
from generator.errors import CheckpointError
from generator.text import ENCODER_FILE, TOKENIZER_FILE
from tests.models import tiny_checkpoint


def test_a_folder_is_opened_by_its_path(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "mine", name="my model").folder
    assert loading.load_generator(folder, threads=1).name == "my model"
    assert loading.load_generator(str(folder), threads=1).name == "my model"


@pytest.mark.parametrize(
    "name", ["no such model", "", "..", "../house", "/dev/null", "tonE", "~nobody-here/x"]
)
def test_what_is_no_model_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError):
        loading.load_generator(name)


def test_the_error_names_what_there_is() -> None:
    assert "tone" in loading.known_names()
    with pytest.raises(CheckpointError, match="tone"):
        loading.load_generator("hose")


def test_networks_of_an_unknown_family_are_not_played(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    other = replace(checkpoint.manifest, family="garage")
    write_checkpoint(tmp_path, other, list(checkpoint.manifest.files))
    with pytest.raises(CheckpointError, match="family 'garage'"):
        loading.load_generator(tmp_path)


@pytest.mark.parametrize("name", [ENCODER_FILE, TOKENIZER_FILE])
def test_a_file_that_no_manifest_names_is_not_opened(tmp_path: Path, name: str) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    others = [one for one in checkpoint.manifest.files if one != name]
    write_checkpoint(tmp_path, checkpoint.manifest, others)
    with pytest.raises(CheckpointError, match=f"has no {name}"):
        loading.load_generator(tmp_path)


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, generator.loading as l; l.load_generator('tone');"
        "print(*{'onnxruntime', 'torch', 'tokenizers'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""
