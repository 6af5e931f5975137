"""Laws of the offline command: the same request, the same file; what is wrong is told by line."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.__main__ import main
from daw_bridge.errors import DawBridgeError
from daw_bridge.loudness import ENDLESS_RMS_DBFS
from daw_bridge.offline import one_job, read_batch
from daw_bridge.session_recipe import Dice, recipe_of
from daw_bridge.session_slot import SlotState
from daw_bridge.transport import Transport
from generator.api import SAMPLE_RATE_HZ
from tests.models import tiny_checkpoint

TONE = ["--model", "tone"]


def generate(*arguments: object) -> int:
    return main(["generate", *map(str, arguments), *TONE])


def test_a_take_is_stereo_at_44100_and_as_long_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert generate("kick", "-o", path, "--seconds", 0.5, "--seed", 3, "--key", "F#m") == 0
    audio, rate_hz = soundfile.read(path)
    assert (audio.shape, rate_hz) == ((SAMPLE_RATE_HZ // 2, 2), SAMPLE_RATE_HZ)
    assert 0.01 < abs(audio).max() <= 1.0


def test_bars_are_exact_to_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for bpm in (93, 999):  # the latter as fast as the clock goes
        assert generate("loop", "-o", path, "--bpm", bpm, "--bars", 2) == 0
        assert soundfile.info(path).frames == round(8 * 60 / bpm * SAMPLE_RATE_HZ)


def test_whole_bars_are_a_loop_and_need_a_tempo() -> None:
    given = {"prompt": "beat", "output": "a.wav"}
    assert one_job(given | {"bars": 2, "bpm": 120}).request.loop
    assert not one_job(given | {"bpm": 120}).request.loop
    with pytest.raises(DawBridgeError, match="give bpm too"):
        one_job(given | {"bars": 2})


def test_a_loop_in_a_file_is_the_one_that_a_slot_plays() -> None:
    given = {"prompt": "beat", "output": "a.wav", "bars": 2, "bpm": 93, "seed": 7, "key": "F#m"}
    slot = SlotState(prompt="beat", mode="loop", bars=2, key="F#m")
    assert one_job(given).request == recipe_of(slot, Transport(93.0), Dice(7))


@pytest.mark.parametrize("peak", [0.02, 0.9])
def test_loops_are_written_at_one_loudness(tmp_path: Path, peak: float) -> None:
    """Loud or soft, what a loop begins from has no part in its level."""
    model = str(tiny_checkpoint(tmp_path / "tiny").folder)
    noise = np.random.default_rng(1).uniform(-peak, peak, (40_000, 2))
    soundfile.write(tmp_path / "own.wav", noise, SAMPLE_RATE_HZ)
    path = tmp_path / "a.wav"
    words = ["generate", "beat", "-o", path, "--bpm", 200, "--bars", 1, "--model", model]
    words += ["--init", tmp_path / "own.wav", "--strength", 1]
    assert main(list(map(str, words))) == 0
    audio, _ = soundfile.read(path)
    level_dbfs = 10 * np.log10(np.mean(np.square(audio)))
    assert level_dbfs == pytest.approx(ENDLESS_RMS_DBFS, abs=0.2)


def test_a_take_begins_from_a_file_as_strongly_as_is_said(tmp_path: Path) -> None:
    model = str(tiny_checkpoint(tmp_path / "tiny").folder)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (30_000, 2))
    soundfile.write(tmp_path / "own.wav", noise, 48_000)
    made = {}
    for name, options in {
        "plain": [],
        "none": ["--init", tmp_path / "own.wav", "--strength", 0],
        "half": ["--init", tmp_path / "own.wav"],
        "half again": ["--init", tmp_path / "own.wav", "--strength", 0.5],
    }.items():
        path = tmp_path / f"{name}.wav"
        words = ["generate", "bell", "-o", path, "--seconds", 0.4, *options, "--model", model]
        assert main(list(map(str, words))) == 0
        made[name] = path.read_bytes()
    assert made["none"] == made["plain"] != made["half"] == made["half again"]


def test_a_batch_makes_the_same_files_as_single_calls(tmp_path: Path) -> None:
    batch = tmp_path / "batch.jsonl"
    requests = [
        {"prompt": "kick", "output": str(tmp_path / "1.wav"), "seed": 4, "seconds": 0.3},
        {"prompt": "pad", "output": str(tmp_path / "2.wav"), "key": "C"},
    ]
    batch.write_text("\n\n".join(json.dumps(one) for one in requests), encoding="utf-8")
    assert generate("--batch", batch) == 0
    single = tmp_path / "single.wav"
    assert generate("kick", "-o", single, "--seed", 4, "--seconds", 0.3) == 0
    assert single.read_bytes() == (tmp_path / "1.wav").read_bytes()
    assert (tmp_path / "2.wav").is_file()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"prompt": "a"}', "output is missing"),
        ('{"prompt": "a", "output": "a.wav", "tempo": 3}', "'tempo'"),
        ('{"prompt": "a", "output": "a.wav", "seconds": 99}', "seconds"),
        ('{"prompt": "a", "output": "a.wav", "seed": "x"}', "seed"),
        ('{"prompt": " ", "output": "a.wav"}', "empty"),
        ('{"prompt": "a", "output": 5}', "output is 5"),
        ('{"prompt": "a", "output": "a.wav", "init": 5}', "init is 5"),
        ('{"prompt": "a", "output": "a.wav", "init": "/nowhere.wav"}', "nowhere.wav"),
        ('{"prompt": "a", "output": "a.wav", "init": "/dev/null", "strength": 2}', "strength"),
        ('{"prompt": "a", "output": "a.wav", "strength": 0.5}', "give init too"),
        ('{"prompt": "a", "output": "a\\u0000.wav"}', "output"),
        ("[1]", "object"),
        ("{", "line 2"),
    ],
)
def test_a_wrong_line_is_told_by_its_number(tmp_path: Path, line: str, words: str) -> None:
    batch = tmp_path / "batch.jsonl"
    batch.write_text("\n" + line + "\n", encoding="utf-8")
    with pytest.raises(DawBridgeError, match=words) as caught:
        read_batch(batch)
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["kick"],
        ["-o", "a.wav"],
        ["kick", "-o", "/nowhere/at/all.wav"],
        ["kick", "-o", "a.wav", "--bars", "2"],
        ["", "-o", "a.wav"],
        ["kick", "-o", "a.wav", "--init", "/dev/null"],
        ["--batch", "/nowhere.jsonl"],
        ["--batch", "/dev/null"],
    ],
)
def test_what_cannot_be_made_is_told_and_makes_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: object
) -> None:
    monkeypatch.chdir(tmp_path)
    assert generate(*arguments) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_batch_and_a_prompt_do_not_go_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, path = tmp_path / "batch.jsonl", tmp_path / "a.wav"
    batch.write_text(json.dumps({"prompt": "kick", "output": str(path)}), encoding="utf-8")
    assert generate("kick", "-o", path, "--batch", batch) == 1
    assert "--batch" in capsys.readouterr().err
    assert not path.exists()


def test_an_unknown_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "kick", "-o", str(tmp_path / "a.wav"), "--model", "nonesuch"]) == 1
    assert "nonesuch" in capsys.readouterr().err
