"""The presets that come with the daemon: all can be read, made and heard."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daw_bridge.daemon import PRESETS
from daw_bridge.file_jobs import StoredTake
from daw_bridge.loudness import ENDLESS_RMS_DBFS
from daw_bridge.preset_reading import read_document
from daw_bridge.presets import Document, print_document, with_takes
from daw_bridge.requests import SetValue
from daw_bridge.rig import Rig
from daw_bridge.session_decision import Moment
from daw_bridge.session_shelf import Shelving
from daw_bridge.session_state import new_session
from daw_bridge.settings import Settings
from generator.api import SAMPLE_RATE_HZ, FloatArray, GenerationRequest
from generator.levels import PEAK_DBFS
from generator.loading import HOUSE, load_generator

FILES = sorted(PRESETS.glob("*.toml"))
every_preset = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def rig_of(file: Path) -> Rig[StoredTake]:
    document = read_document(file.read_text(encoding="utf-8"))
    stored: Document[StoredTake] = with_takes(document, lambda take: StoredTake(take.request))
    return stored.rig


class _Turn(Shelving):
    """A turn that sets what presets set before they are made."""

    def set_value(self, command: SetValue) -> None:
        assert self.set_clock(command)


def recipes_of(file: Path) -> dict[int, GenerationRequest]:
    slots = Settings.model_fields["slots"].default
    return _Turn(new_session(slots, entropy=0), Moment(0)).recipes(rig_of(file))


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 24


@every_preset
def test_a_shipped_preset_is_written_as_we_write_it_and_says_what_it_is(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    document = read_document(text)
    assert print_document(document) == text
    assert document.description
    assert document.model == ""  # it is made by whatever model is loaded


@every_preset
def test_a_shipped_preset_can_be_made_and_is_the_same_each_time(file: Path) -> None:
    rig = rig_of(file)
    recipes = recipes_of(file)
    assert recipes.keys() == rig.slots.keys()
    assert all(slot.values.get("seed", -1) != -1 for slot in rig.slots.values())


def centroid_hz(audio: FloatArray) -> float:
    power = np.abs(np.fft.rfft(audio.mean(axis=1))) ** 2
    return float((power * np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)).sum() / power.sum())


def made(file: Path) -> Iterator[tuple[str, FloatArray]]:
    generator = load_generator(HOUSE, threads=1)
    for recipe in recipes_of(file).values():
        yield recipe.prompt, generator.generate(recipe).audio


def test_a_kit_has_low_kicks_and_high_hats() -> None:
    sounds = dict(made(PRESETS / "kit 808.toml"))
    assert centroid_hz(sounds["long 808 kick"]) < 200.0
    assert centroid_hz(sounds["closed hi-hat, very short"]) > 5000.0


@pytest.mark.slow
@every_preset
def test_every_sound_of_a_shipped_preset_is_heard(file: Path) -> None:
    for prompt, audio in made(file):
        level_db = 10 * np.log10(np.mean(audio**2) + 1e-12)
        assert level_db > -45.0, prompt


@pytest.mark.slow
def test_the_wheel_carries_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-q", "-w", str(tmp_path)], check=True, cwd=PRESETS.parent)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"presets/{file.name}" for file in FILES} <= set(names)


@pytest.mark.parametrize("name", ["song acid", "texture drones"])
def test_the_loops_of_a_preset_are_made_at_one_loudness_without_a_clip(name: str) -> None:
    recipes = [recipe for recipe in recipes_of(PRESETS / f"{name}.toml").values() if recipe.loop]
    generator = load_generator(HOUSE, threads=1)
    for recipe in recipes[:3]:
        audio = generator.generate(recipe).audio.astype(np.float64)
        assert 10 * np.log10(np.mean(audio**2)) == pytest.approx(ENDLESS_RMS_DBFS, abs=0.2)
        assert 20 * np.log10(np.abs(audio).max()) < PEAK_DBFS + 0.01


def test_presets_of_loops_are_level_with_each_other() -> None:
    """All loops of each at once, as their gains add up: by themselves all are equally loud."""
    levels_db = {}
    for file in FILES:
        recipes, slots = recipes_of(file), rig_of(file).slots
        loops = [slots[number].values for number, recipe in recipes.items() if recipe.loop]
        if len(loops) > 2:
            gains_db = [values.get("gain_db", 0.0) for values in loops]
            powers = [10 ** (gain_db / 10) for gain_db in gains_db if isinstance(gain_db, float)]
            assert len(powers) == len(loops)
            levels_db[file.stem] = 10 * np.log10(sum(powers))
    assert len(levels_db) > 10
    assert max(levels_db.values()) - min(levels_db.values()) < 3.0, levels_db
