"""The published model, built once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from generator.stable_audio.files import open_folder
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.weights import load_model
from tests.generator.stable_audio.published import Published, publish


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("open-small"))


@pytest.fixture(scope="session")
def model(published: Published) -> StableAudioModel:
    return load_model(open_folder(published.folder))


@pytest.fixture
def brought(published: Published, tmp_path: Path) -> Iterator[Path]:
    """A copy of the user's folder that a test may damage; large files are links."""
    for file in published.folder.rglob("*"):
        target = tmp_path / file.relative_to(published.folder)
        if file.is_dir():
            target.mkdir(exist_ok=True)
        elif file.suffix == ".safetensors":
            target.symlink_to(file)
        else:
            target.write_bytes(file.read_bytes())
    yield tmp_path
    torch.manual_seed(0)
