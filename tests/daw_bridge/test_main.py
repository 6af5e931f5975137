"""Laws of the command line: stable words, and faults told in one line."""

import tomllib

import pytest

from daw_bridge import __version__
from daw_bridge.__main__ import main
from daw_bridge.settings import Settings


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"daw-bridge {__version__}\n"


@pytest.mark.parametrize(
    "words", [["--print-settings"], ["run", "--print-settings"], ["--print-settings", "run"]]
)
def test_settings_are_printed_as_toml(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert set(tomllib.loads(capsys.readouterr().out)) == set(Settings.model_fields)


def test_every_option_of_run_reaches_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    options = "--output null --osc-port 1 --http-port 2 --host ::1 --state-dir /s --model m"
    assert main(["run", *options.split(), "--print-settings"]) == 0
    printed = tomllib.loads(capsys.readouterr().out)
    found = [printed[name] for name in ("output", "osc_port", "http_port", "host", "state_dir")]
    assert [*found, printed["model"]] == ["null", 1, 2, "::1", "/s", "m"]


def test_a_wrong_setting_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--osc-port", "99999"]) == 1
    assert "osc_port (--osc-port) is 99999" in capsys.readouterr().err


def test_devices_and_doctor_answer_on_any_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) in (0, 1)
    assert main(["doctor"]) in (0, 1)
    told = capsys.readouterr().out
    assert "Python" in told
    assert "MIDI: " in told
