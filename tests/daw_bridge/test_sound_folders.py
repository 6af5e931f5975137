"""Laws of the folders of sounds: what lies elsewhere stays unread, whatever it is called."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.errors import AudioError, CommandError, Fault
from daw_bridge.sound_files import read_foreign_sound
from daw_bridge.sound_folders import MOST_FRAMES, SoundFolders
from daw_bridge.takes import open_take, remove_take
from generator.api import SAMPLE_RATE_HZ, sound_identity


@pytest.fixture
def folders(tmp_path: Path) -> SoundFolders:
    for name in ("ours", "mine", "secret"):
        (tmp_path / name / "deep").mkdir(parents=True)
        noise = np.random.default_rng(len(name)).uniform(-0.5, 0.5, (500, 2))
        soundfile.write(tmp_path / name / "deep" / f"{name}.wav", noise, SAMPLE_RATE_HZ, "FLOAT")
    (tmp_path / "mine" / "way out").symlink_to(tmp_path / "secret")
    (tmp_path / "mine" / "link.wav").symlink_to(tmp_path / "secret" / "deep" / "secret.wav")
    return SoundFolders((tmp_path / "ours", tmp_path / "mine"))


def test_a_sound_is_found_by_its_name_or_its_whole_path(
    folders: SoundFolders, tmp_path: Path
) -> None:
    whole = tmp_path / "mine" / "deep" / "mine.wav"
    assert folders.find("deep/mine.wav") == whole
    assert folders.find(str(whole)) == whole
    assert folders.find("deep/../deep/ours.wav") == tmp_path / "ours" / "deep" / "ours.wav"


@pytest.mark.parametrize(
    "name",
    [
        "../secret/deep/secret.wav",
        "deep/../../secret/deep/secret.wav",
        "way out/deep/secret.wav",
        "link.wav",
        "/etc/passwd",
        "~/secret.wav",
        "{whole}/secret/deep/secret.wav",
        "{whole}/mine/../secret/deep/secret.wav",
    ],
)
def test_nothing_else_is_opened(folders: SoundFolders, tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match=r"in none of the folders|no sound") as refusal:
        folders.read(name.replace("{whole}", str(tmp_path)))
    assert refusal.value.fault in (Fault.FORBIDDEN, Fault.BAD_VALUE)


@pytest.mark.parametrize("name", ["deep", "nothing.wav", "a\0b", "deep/ours.wav/more"])
def test_what_is_no_file_is_told(folders: SoundFolders, name: str) -> None:
    with pytest.raises(CommandError):
        folders.read(name)


def test_a_sound_lies_in_memory_as_in_its_file(folders: SoundFolders, tmp_path: Path) -> None:
    sound = folders.read("deep/ours.wav")
    found = open_take(sound.shm_name, sound.frames).audio.copy()
    remove_take(sound.shm_name)
    wanted, _ = soundfile.read(tmp_path / "ours" / "deep" / "ours.wav", dtype="float32")
    np.testing.assert_array_equal(found, wanted)
    assert sound.identity == sound_identity(wanted)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_keeps_its_pitch_and_length(tmp_path: Path, rate_hz: int, channels: int) -> None:
    t = np.arange(rate_hz) / rate_hz
    wave = 0.5 * np.sin(2 * np.pi * 440.0 * t)
    soundfile.write(tmp_path / "a.flac", np.stack([wave] * channels, axis=1), rate_hz, "PCM_24")
    found = read_foreign_sound(tmp_path / "a.flac", MOST_FRAMES)
    assert abs(len(found) - SAMPLE_RATE_HZ) <= 1
    wanted = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(len(found)) / SAMPLE_RATE_HZ)
    # The edges have nothing beyond them.
    np.testing.assert_allclose(found[500:-500, 0], wanted[500:-500], atol=2e-3)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


def test_of_a_long_sound_only_the_beginning_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.ones((10_000, 1)), 48_000)
    assert read_foreign_sound(tmp_path / "long.wav", 3_000).shape == (3_000, 2)


def test_what_is_no_sound_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"RIFF????WAVE")
    soundfile.write(tmp_path / "many.wav", np.zeros((100, 5)), SAMPLE_RATE_HZ)
    soundfile.write(tmp_path / "slow.wav", np.zeros((100, 1)), 4_000)
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2)), SAMPLE_RATE_HZ)
    for name in ("noise", "many", "slow", "empty", "missing"):
        with pytest.raises(AudioError, match=f"{name}.wav"):
            read_foreign_sound(tmp_path / f"{name}.wav", 100)
