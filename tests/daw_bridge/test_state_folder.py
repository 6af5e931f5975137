"""Laws of the state folder: one owner, whole files, and no state that is loaded twice in vain."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daw_bridge.errors import PresetError
from daw_bridge.state_folder import STATE_FILE, StateFolder, write_whole, written_whole

HOLD = """
import sys, time
from pathlib import Path
from daw_bridge.state_folder import StateFolder
folder = StateFolder(Path(sys.argv[1]))
print(folder.take() or "mine", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_told_until_the_first_is_gone_even_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "mine\n"
        second = StateFolder(tmp_path)
        assert "--state-dir" in second.take()
        assert second.begin_loading() is None
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert second.take() == ""
        assert second.owns
        second.release()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = StateFolder(tmp_path / "file" / "below")
    assert "cannot be used" in folder.take()
    assert not folder.owns


def test_a_state_that_broke_the_start_is_set_aside_and_never_loaded_twice(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text("bad")
    for _ in range(2):  # a start that broke, and the one after it
        folder = StateFolder(tmp_path)
        assert folder.take() == ""
        if not list(tmp_path.glob("*.loading")):
            assert folder.begin_loading() == tmp_path / STATE_FILE
        else:
            with pytest.raises(PresetError, match=r"aside-1\.toml"):
                folder.begin_loading()
        folder.release()  # as when its process dies
    folder = StateFolder(tmp_path)
    folder.take()
    assert folder.begin_loading() is None
    assert (tmp_path / "aside-1.toml").read_text() == "bad"
    folder.release()


def test_a_start_that_went_well_leaves_no_mark(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text("good")
    folder = StateFolder(tmp_path)
    folder.take()
    for _ in range(2):
        assert folder.begin_loading() == tmp_path / STATE_FILE
        folder.end_loading()
    folder.release()


def test_a_file_is_the_old_or_the_new_one_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, b"old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as draft:
        raise ZeroDivisionError(draft.write_bytes(b"ne"))
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
