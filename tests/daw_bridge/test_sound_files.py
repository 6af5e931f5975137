"""Laws of sound files: what is written is read again, also with tags, and after a sudden end."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.errors import AudioError
from daw_bridge.sound_files import (
    SUFFIXES,
    WavWriter,
    open_sound,
    read_sound,
    write_sound,
    write_wav,
)
from daw_bridge.sound_tags import Credit, SoundTags
from generator.api import SAMPLE_RATE_HZ, FloatArray

MOST = 10**6
TAGS = SoundTags(
    software="daw-bridge 0",
    date="2026-11-22",
    model="house",
    tempo_bpm=174.07,
    key="F# minor",
    credits=(Credit(1, "deep 808 kick", 7), Credit(3, "Fläche, weit", 2**31 - 1)),
    beats=16,
)


def noise(frames: int) -> FloatArray:
    return np.random.default_rng(1).uniform(-1.0, 1.0, (frames, 2)).astype(np.float32)


@pytest.mark.parametrize("tags", [None, TAGS])
def test_wav_is_read_back_bit_by_bit(tmp_path: Path, tags: SoundTags | None) -> None:
    audio = noise(1001)
    write_sound(tmp_path / "a", audio, ".wav", tags)
    np.testing.assert_array_equal(read_sound(tmp_path / "a", MOST), audio)


@pytest.mark.parametrize("tags", [None, TAGS])
def test_flac_is_read_back_to_24_bits(tmp_path: Path, tags: SoundTags | None) -> None:
    audio = noise(50_000)
    write_sound(tmp_path / "a", audio, ".flac", tags)
    back = read_sound(tmp_path / "a", MOST)
    np.testing.assert_allclose(back, audio, rtol=0, atol=2.0**-23)
    write_sound(tmp_path / "b", back, ".flac", tags)
    np.testing.assert_array_equal(read_sound(tmp_path / "b", MOST), back)


def test_a_wav_without_tags_holds_nothing_but_the_clip(tmp_path: Path) -> None:
    write_wav(tmp_path / "clip.wav", np.zeros((500, 2), np.float32))
    content = (tmp_path / "clip.wav").read_bytes()
    assert len(content) == 58 + 500 * 2 * 4  # a header without a time stamp, and the frames
    with pytest.raises(AudioError, match="cannot be written"):
        write_wav(tmp_path / "no" / "out.wav", np.zeros((10, 2), np.float32))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_program_reads_the_words(tmp_path: Path, suffix: str) -> None:
    write_sound(tmp_path / "a", noise(1000), suffix, TAGS)
    with soundfile.SoundFile(tmp_path / "a") as file:
        assert file.title == "deep 808 kick + Fläche, weit"
        assert file.date == "2026-11-22"
        for part in ("tempo 174.07 bpm", "key F# minor", "slot 1 seed 7: deep 808 kick"):
            assert part in file.comment


def test_another_program_reads_the_loop(tmp_path: Path) -> None:
    write_sound(tmp_path / "a", noise(1000), ".wav", TAGS)
    with soundfile.SoundFile(tmp_path / "a") as file:
        told = file.extra_info.splitlines()
    pairs = [line.split(":", 1) for line in told if line.count(":") == 1]
    found = {name.strip(): value.strip() for name, value in pairs}
    assert (found["Beats"], found["Meter"]) == ("16", "4/4")
    assert float(found["Tempo"]) == pytest.approx(174.07)
    assert (found["Root note"], found["Midi Note"]) == ("0x42", "66")  # F sharp
    assert found["Loop Count"] == "1"
    (loop,) = (line for line in told if "Start" in line and "End" in line)
    assert "Start :     0" in loop
    assert "End :   999" in loop


@pytest.mark.skipif(shutil.which("metaflac") is None, reason="needs the package flac")
def test_flac_is_whole_and_says_it_as_players_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_sound(path, noise(50_000), ".flac", TAGS)
    subprocess.run(["flac", "--test", "--silent", str(path)], check=True)
    run = ["metaflac", "--export-tags-to=-", str(path)]
    told = subprocess.run(run, check=True, capture_output=True, text=True).stdout.splitlines()
    for line in ("BPM=174.07", "KEY=F# minor", "MODEL=house", "SEED=7", "PROMPT=Fläche, weit"):
        assert line in told


def test_a_recording_that_is_cut_off_is_whole_so_far(tmp_path: Path) -> None:
    audio = noise(3000)
    writer = WavWriter(tmp_path / "a")
    writer.write(audio[:1000])
    writer.write(audio[1000:])
    np.testing.assert_array_equal(read_sound(tmp_path / "a", MOST), audio)
    writer.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_an_error_of_the_disk(suffix: str) -> None:
    with pytest.raises(OSError, match=r"No space left|[Ss]ystem error|rror"):
        write_sound(Path("/dev/full"), noise(200_000), suffix)


def test_what_is_no_take_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"RIFF????WAVE")
    soundfile.write(tmp_path / "mono.wav", np.zeros(100), SAMPLE_RATE_HZ)
    soundfile.write(tmp_path / "rate.wav", np.zeros((100, 2)), 48_000)
    open_sound(tmp_path / "empty.wav", ".wav").close()
    write_wav(tmp_path / "long.wav", noise(101))
    for name in ("noise", "mono", "rate", "empty", "long", "missing"):
        with pytest.raises(AudioError, match=f"{name}.wav"):
            read_sound(tmp_path / f"{name}.wav", 100)
