"""The settings of the daemon: defaults, then a TOML file, the environment, the command line.

Later ones win. Unknown names are refused with the nearest known one, and all errors are told at
once, before anything starts. This is the only file that reads the environment; it does not know
what a setting does. Flow: __main__.py → here → daemon.py, which hands each part its own values.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from platformdirs import user_config_path, user_state_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as EnvironmentFault

from daw_bridge.audio_commands import MAX_PAIRS
from daw_bridge.errors import SettingsError

ENV_PREFIX = "DAW_BRIDGE_"
CONFIG_VARIABLE = "DAW_BRIDGE_CONFIG"


class Settings(BaseSettings):
    """Every setting, with its range; the field's name is its name in TOML.

    In the environment it is in capitals after DAW_BRIDGE_; on the command line, where there is an
    option for it, with - for _.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid"
    )

    output: str = Field(
        default="default",
        min_length=1,
        description='Output device by name, "default", "null" for silence, or a file.wav',
    )
    hostapi: str = Field(
        default="", description="Host API of the device, such as JACK; any if empty"
    )
    buffer_frames: int = Field(default=256, ge=16, le=8192, description="Frames of a block")
    output_pairs: int = Field(
        default=1, ge=1, le=MAX_PAIRS, description="Stereo pairs that slots may be sent to"
    )
    input: str = Field(
        default="",
        max_length=256,
        description='Input device by name, or "default", that takes may begin from; none if empty',
    )
    input_hostapi: str = Field(
        default="", description="Host API of the input, such as JACK; any if empty"
    )
    model: str = Field(default="house", min_length=1, description="Checkpoint by name or folder")
    generator_threads: int = Field(
        default=2, ge=1, le=64, description="Threads that compute a take"
    )
    torch_device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where models in torch compute; auto is a GPU if there is one. Others, such as "
        "house, run on the processor",
    )
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for the LAN"
    )
    osc_port: int = Field(
        default=7770, ge=0, le=65_535, description="UDP and TCP; 0 for a free one"
    )
    http_port: int = Field(default=7771, ge=0, le=65_535, description="OSCQuery; 0 for a free one")
    root: str = Field(default="/gen", description="What every OSC address begins with")
    slots: int = Field(default=16, ge=1, le=64, description="Number of slots")
    tempo_bpm: float = Field(default=120.0, ge=20.0, le=999.0, description="Tempo at the start")
    midi_in: str = Field(
        default="all",
        max_length=256,
        description='MIDI inputs to hear, by a part of the name; "all" of the machine\'s, "" none',
    )
    lease_s: float = Field(
        default=60.0, ge=1.0, le=86_400.0, description="How long feedback goes to a silent client"
    )
    notify: tuple[str, ...] = Field(
        default=(), description="Clients that get feedback from the start, as host:port"
    )
    capture_s: int = Field(
        default=120, ge=0, le=1800, description="How far back what was heard can be captured"
    )
    sound_dirs: tuple[Path, ...] = Field(
        default=(), description="Folders, beside our own, whose sounds takes may begin from"
    )
    state_dir: Path = Field(
        default_factory=lambda: user_state_path("daw-bridge", appauthor=False),
        description="Folder of your presets, captures and all that is kept between runs",
    )

    @field_validator("root")
    @classmethod
    def _check_root(cls, root: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", root):
            raise ValueError('it begins with / and has letters, digits, _ . or -, such as "/gen"')
        return root

    @field_validator("notify")
    @classmethod
    def _check_notify(cls, notify: tuple[str, ...]) -> tuple[str, ...]:
        for client in notify:
            split_client(client)
        return notify

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` hands over: it has merged the sources itself."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def split_client(text: str) -> tuple[str, int]:
    """Read "host:port".

    Args:
        text: What a user wrote.

    Returns:
        The host and the port.

    Raises:
        ValueError: It is something else.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f'{text!r} is not host:port, such as "127.0.0.1:9000"')
    return host, int(port)


def load_settings(options: Mapping[str, Any] | None = None, config: Path | None = None) -> Settings:
    """Merge all sources.

    Args:
        options: What the command line gave, by field name; None stands for "not given".
        config: A TOML file; without it the one that DAW_BRIDGE_CONFIG names, or the user's own
            where there is one.

    Returns:
        Settings that are complete and in range.

    Raises:
        SettingsError: Anything is wrong; the text names everything that is, a line each.
    """
    faults: list[str] = []
    from_file = _read_file(config, faults)
    from_environment = _read_environment(faults)
    given = {name: value for name, value in (options or {}).items() if value is not None}
    origins = dict.fromkeys(from_file, "the settings file")
    origins |= {name: f"{ENV_PREFIX}{name.upper()}" for name in from_environment}
    origins |= {name: f"--{name.replace('_', '-')}" for name in given}
    known = {
        name: value
        for name, value in (from_file | from_environment | given).items()
        if name in Settings.model_fields
    }
    try:
        settings = Settings(**known)
    except ValidationError as error:
        faults += [_explain(one, origins) for one in error.errors()]
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def config_path() -> Path:
    """The user's own settings file, whether or not it exists."""
    return user_config_path("daw-bridge", appauthor=False) / "config.toml"


def print_settings(settings: Settings) -> str:
    """The effective settings as TOML, each with what it means."""
    lines = []
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}")
        lines.append(f"{name} = {as_toml(getattr(settings, name))}")
    return "\n".join(lines)


def as_toml(value: object) -> str:
    """A value of a setting as it stands in TOML."""
    if isinstance(value, tuple):
        return f"[{', '.join(as_toml(one) for one in value)}]"
    if isinstance(value, str | Path):
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def _read_file(config: Path | None, faults: list[str]) -> dict[str, Any]:
    named = config or os.environ.get(CONFIG_VARIABLE)
    path = Path(named) if named else config_path()
    if not named and not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        faults.append(f"The settings file {path} cannot be read: {error}")
        return {}
    faults += [_unknown(name, f"in {path}") for name in found if name not in Settings.model_fields]
    return found


def _read_environment(faults: list[str]) -> dict[str, Any]:
    names = [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]
    for name in names:
        field = name[len(ENV_PREFIX) :].lower()
        if field not in Settings.model_fields and name.upper() != CONFIG_VARIABLE:
            faults.append(_unknown(field, f"in the environment as {name}"))
    try:
        return dict(EnvSettingsSource(Settings)())
    except EnvironmentFault as error:
        raise SettingsError(f"The environment cannot be read: {error}") from error


def _unknown(name: str, place: str) -> str:
    near = difflib.get_close_matches(name, list(Settings.model_fields), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(Settings.model_fields)}."
    return f"{name} ({place}) is not a setting: {hint}"


def _explain(error: Any, origins: Mapping[str, str]) -> str:
    name = str(error["loc"][0])
    origin = origins.get(name, "its default")
    return f"{name} ({origin}) is {error['input']!r}: {error['msg']}."
