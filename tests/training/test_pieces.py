"""Pieces: whole again what was split, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.source_tree import ROOT
from training.errors import TrainingError
from training.pieces import join, split


@settings(max_examples=25)
@given(content=st.binary(min_size=1, max_size=4000), size=st.integers(1, 1500))
def test_joined_is_what_was_split(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "state.pt"
    path.write_bytes(content)
    *pieces, index = split(path, size / 1e6)
    assert all(piece.stat().st_size <= size for piece in pieces)
    path.unlink()
    assert join(index) == path
    assert path.read_bytes() == content


def test_a_damaged_or_missing_piece_leaves_the_whole_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(bytes(range(250)) * 10)
    first, *_, index = split(path, 0.001)
    good = first.read_bytes()
    first.write_bytes(b"x" + good[1:])
    with pytest.raises(TrainingError, match=r"state\.pt\.000.*copy it again"):
        join(index)
    first.unlink()
    with pytest.raises(TrainingError, match="cannot join"):
        join(index)
    assert path.read_bytes() == bytes(range(250)) * 10
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("text", ["", "[]", '{"file": "../x", "pieces": []}'])
def test_what_is_no_index_is_refused(tmp_path: Path, text: str) -> None:
    index = tmp_path / "state.pt.pieces.json"
    index.write_text(text)
    with pytest.raises(TrainingError, match=r"no index|outside"):
        join(index)


def test_nothing_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot split"):
        split(tmp_path / "none.pt")
    (tmp_path / "empty.pt").write_bytes(b"")
    with pytest.raises(TrainingError, match="empty"):
        split(tmp_path / "empty.pt")


# A process that may write no file longer than this stands for one whose disk is full.
FULL = """
import resource, signal, sys
from pathlib import Path
import torch
from training.checkpoints import load_state, save_state
from training.errors import TrainingError
path = Path(sys.argv[1])
save_state(path, {"step": 1, "weights": torch.ones(9)})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_state(path, {"step": 2, "weights": torch.ones(99_999)})
except TrainingError as error:
    print(error)
print(load_state(path)["step"], sorted(p.name for p in path.parent.iterdir()))
"""


def test_a_full_disk_keeps_the_last_good_state(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "state.pt")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "free some space; state.pt is kept" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 ['state.pt']"
