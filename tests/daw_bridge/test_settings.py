"""Laws of the settings: later sources win, and everything wrong is told at once."""

import tomllib
from pathlib import Path

import pytest

from daw_bridge.errors import SettingsError
from daw_bridge.settings import Settings, load_settings, print_settings


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_each_source_wins_over_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path / "a.toml", 'slots = 3\nosc_port = 1\nmodel = "file"\n')
    monkeypatch.setenv("DAW_BRIDGE_OSC_PORT", "2")
    monkeypatch.setenv("DAW_BRIDGE_MODEL", "environment")
    settings = load_settings({"model": "option", "host": None}, config)
    found = (settings.buffer_frames, settings.slots, settings.osc_port, settings.model)
    assert found == (256, 3, 2, "option")


def test_the_users_own_file_is_read_where_there_is_one(tmp_path: Path) -> None:
    write(tmp_path / "xdg_config_home" / "daw-bridge" / "config.toml", "slots = 5\n")
    assert load_settings().slots == 5


def test_everything_wrong_is_told_at_once_with_the_right_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path / "a.toml", "slotz = 3\ntempo_bpm = 5\n")
    monkeypatch.setenv("DAW_BRIDGE_OSC_PROT", "2")
    monkeypatch.setenv("DAW_BRIDGE_LEASE_S", "soon")
    with pytest.raises(SettingsError) as caught:
        load_settings({"root": "gen", "notify": ("nowhere",)}, config)
    text = str(caught.value)
    for part in (
        "did you mean slots?",
        "did you mean osc_port?",
        "tempo_bpm (the settings file) is 5",
        "lease_s (DAW_BRIDGE_LEASE_S) is 'soon'",
        "root (--root)",
        "host:port",
    ):
        assert part in text
    assert len(text.splitlines()) == 6


@pytest.mark.parametrize("text", ["slots = = 3", "\xff"])
def test_a_broken_file_is_told_by_name(tmp_path: Path, text: str) -> None:
    config = tmp_path / "broken.toml"
    config.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        load_settings(config=config)
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load_settings(config=tmp_path / "absent.toml")


def test_what_is_printed_can_be_read_back(tmp_path: Path) -> None:
    settings = load_settings({"notify": ("10.0.0.2:9000",), "output": 'a "b" \\ c'})
    text = print_settings(settings)
    assert set(tomllib.loads(text)) == set(Settings.model_fields)
    assert load_settings(config=write(tmp_path / "printed.toml", text)) == settings


def test_settings_are_a_value() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().slots = 3  # type: ignore[misc]


def test_a_list_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAW_BRIDGE_NOTIFY", "127.0.0.1:9000")
    with pytest.raises(SettingsError, match="notify"):
        load_settings()
    monkeypatch.setenv("DAW_BRIDGE_NOTIFY", '["127.0.0.1:9000"]')
    assert load_settings().notify == ("127.0.0.1:9000",)
