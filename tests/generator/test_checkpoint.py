"""Laws of the checkpoint format: what is written is read, and nothing else is opened."""

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checkpoint import (
    MANIFEST_FILE,
    PIECE_BYTES,
    Licence,
    Manifest,
    parse_manifest,
    read_checkpoint,
    read_in_pieces,
    write_checkpoint,
)
from generator.errors import CheckpointError

MANIFEST = Manifest(
    name="small",
    objective="rectified flow",
    text_encoder="none",
    precision="fp32",
    latent_channels=2,
    latent_mean=(0.0, 1.0),
    latent_std=(1.0, 2.5),
    architecture={"transformer": {"width": 8, "blocks": 2}},
    training_data=("nothing",),
    licences=(Licence("weights", "Apache-2.0", "us"),),
    metrics={"loss": 0.5},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "decoder.onnx").write_bytes(b"decoder")
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    write_checkpoint(tmp_path, MANIFEST, ["decoder.onnx", "tokenizer.json"])
    return tmp_path


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_is_written_is_read(folder: Path) -> None:
    checkpoint = read_checkpoint(folder)
    assert replace(checkpoint.manifest, files={}) == MANIFEST
    assert checkpoint.read("decoder.onnx") == b"decoder"
    with pytest.raises(CheckpointError, match="holds decoder"):
        checkpoint.path("weights.safetensors")


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 3])
def test_what_is_read_in_pieces_is_the_whole_file(tmp_path: Path, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    (tmp_path / "file").write_bytes(content)
    assert read_in_pieces(tmp_path / "file") == content


def test_a_changed_file_is_refused(folder: Path) -> None:
    (folder / "decoder.onnx").write_bytes(b"decodes")
    with pytest.raises(CheckpointError, match="not the one"):
        read_checkpoint(folder)


def test_a_missing_or_linked_file_is_refused(folder: Path) -> None:
    (folder / "decoder.onnx").rename(folder / "elsewhere")
    with pytest.raises(CheckpointError, match="missing"):
        read_checkpoint(folder)
    (folder / "decoder.onnx").symlink_to(folder / "elsewhere")
    with pytest.raises(CheckpointError, match="is a link"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../decoder.onnx",
        "/etc/passwd",
        "a/b.onnx",
        "weights.pt",
        "model.pkl",
        "..",
        "",
        "A.onnx",
        "manifest.json",
        "x.onnx\n",
        "c:\\x.onnx",
    ],
)
def test_a_file_elsewhere_or_of_another_kind_is_refused(folder: Path, name: str) -> None:
    change_manifest(folder, files={name: {"size_bytes": 7, "sha256": "0" * 64}})
    with pytest.raises(CheckpointError, match="only"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"format_version": 2}, "version"),
        ({"format": "other"}, "format"),
        ({"latent_chanels": 3}, "latent_chanels"),
        ({"latent_channels": 0}, "damaged"),
        ({"latent_channels": 3}, "statistics"),
        ({"latent_channels": "2"}, "damaged"),
        ({"name": ""}, "damaged"),
        ({"name": "x" * 101}, "printable"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "\ud800"}, "printable"),
        ({"latent_channels": 10**9, "latent_mean": [], "latent_std": []}, "latent channels"),
        ({"metrics": {"loss": 10**400}}, "damaged"),
        ({"metrics": {"loss": "low"}}, "damaged"),
        ({"architecture": [1]}, "damaged"),
        ({"licences": [{"part": "x"}]}, "damaged"),
        ({"files": {"a.onnx": 3}}, "damaged"),
        ({"files": {"a.onnx": {"size_bytes": 3, "sha256": "x"}}}, "sha256"),
        ({"sample_rate_hz": 48_000}, "48000"),
        ({"latent_hop_frames": 2048}, "2048"),
    ],
)
def test_a_wrong_manifest_is_refused(folder: Path, changes: dict[str, Any], text: str) -> None:
    change_manifest(folder, **changes)
    with pytest.raises(CheckpointError, match=text):
        read_checkpoint(folder)


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        read_checkpoint(tmp_path)
    (tmp_path / MANIFEST_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        read_checkpoint(tmp_path)
    (tmp_path / MANIFEST_FILE).write_bytes(b" " * 1_000_001)
    with pytest.raises(CheckpointError, match="is no manifest"):
        read_checkpoint(tmp_path)


def test_a_manifest_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MANIFEST_FILE)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        read_checkpoint(tmp_path)
    (tmp_path / MANIFEST_FILE).unlink()
    (tmp_path / MANIFEST_FILE).symlink_to("/dev/zero")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        read_checkpoint(tmp_path)


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(sorted(MANIFEST.__dataclass_fields__))


@given(st.dictionaries(FIELDS, JSON, max_size=4))
def test_any_content_is_a_manifest_or_a_checkpoint_error(changes: dict[str, Any]) -> None:
    content = {
        "format": "daw-bridge-checkpoint",
        "format_version": 1,
        "name": "x",
        "objective": "x",
        "text_encoder": "x",
        "precision": "x",
        "latent_channels": 1,
    }
    with suppress(CheckpointError):
        assert isinstance(parse_manifest(json.dumps(content | changes)), Manifest)


@pytest.mark.parametrize("text", ["", "[", "[]", "3", '{"format": NaN}', "[" * 100_000])
def test_no_json_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match=r"manifest\.json"):
        parse_manifest(text)
