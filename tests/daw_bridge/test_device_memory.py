"""Laws of the devices that were chosen: they come back, unless the start is given others."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.audio_output import OutputSettings
from daw_bridge.device_memory import FILE, DeviceMemory
from daw_bridge.settings import Settings
from daw_bridge.state_folder import StateFolder

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)


def owned(path: Path) -> StateFolder:
    folder = StateFolder(path)
    folder.owns = True
    return folder


@settings(max_examples=25)
@given(name=NAMES, hostapi=NAMES, frames=st.integers(16, 8192), microphone=NAMES)
def test_what_was_chosen_is_there_at_the_next_start(
    tmp_path_factory: pytest.TempPathFactory, name: str, hostapi: str, frames: int, microphone: str
) -> None:
    folder = owned(tmp_path_factory.mktemp("state"))
    memory = DeviceMemory(folder, Settings(input="first"))
    memory.keep_output(OutputSettings(name, hostapi, frames))
    memory.keep_input(microphone, hostapi)
    found = DeviceMemory(folder, Settings(input="first")).recall()
    assert (found.output, found.hostapi, found.buffer_frames) == (name, hostapi, frames)
    assert (found.input, found.input_hostapi) == (microphone, hostapi)
    # Each choice stands in place of its own setting, and of that value of it.
    other = DeviceMemory(folder, Settings(input="second")).recall()
    assert (other.output, other.input) == (name, "second")
    assert DeviceMemory(folder, Settings(output="null", input="first")).recall().output == "null"


def test_the_last_choice_counts_and_the_others_stay(tmp_path: Path) -> None:
    folder = owned(tmp_path)
    first = DeviceMemory(folder, Settings())
    first.keep_input("Microphone", "")
    second = DeviceMemory(folder, Settings())
    second.recall()
    second.keep_output(OutputSettings("Scarlett"))
    second.keep_output(OutputSettings("default"))
    found = DeviceMemory(folder, Settings()).recall()
    assert (found.output, found.input) == ("default", "Microphone")


def test_a_daemon_that_does_not_own_the_folder_keeps_nothing_there(tmp_path: Path) -> None:
    memory = DeviceMemory(StateFolder(tmp_path), Settings())
    memory.keep_output(OutputSettings("Scarlett"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "no = = toml",
        '[output]\noutput = "x"',
        "output = 3",
        '[output]\noutput = ""\nhostapi = ""\nbuffer_frames = 1\n'
        '[output.instead_of]\noutput = "default"\nhostapi = ""\nbuffer_frames = 256',
        "\x00",
    ],
)
def test_a_broken_file_never_stops_a_start(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert DeviceMemory(owned(tmp_path), Settings()).recall() == Settings()
