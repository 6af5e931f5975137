"""Laws of corpora on disk: what goes in comes out, recordings are read or refused."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from generator.api import SAMPLE_RATE_HZ
from tests.training.corpus.test_synth import deviation_cents
from training.config import read_config
from training.corpus.__main__ import main
from training.corpus.clip import Clip
from training.corpus.gallery import draw_page
from training.corpus.general_midi import FONT_PATH, GeneralMidi, draw_midi
from training.corpus.patch import midi_to_hz
from training.corpus.recorded import Refusal, read_folder, read_shards, resampled
from training.corpus.render import CorpusRun, plan, render_corpus
from training.corpus.shards import Corpus, write_corpus
from training.corpus.tables import table
from training.errors import TrainingError

SMALL = {"general_midi_share": 0.0, "long_share": 0.0, "loop_share": 0.0}


def tone(hertz: float = 440.0, seconds: float = 0.2, rate: int = SAMPLE_RATE_HZ) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def clip_of(stem: str, audio: np.ndarray) -> Clip:
    return Clip(stem, "test", stem, "CC0-1.0", "nobody", audio, ("a tone", "beep"), 120.0, 1)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    mono, stereo = tone()[:, None], np.stack([tone(), tone(880.0)], 1)
    same = np.repeat(mono, 2, 1)
    clips = [clip_of("a", mono), clip_of("b", stereo), clip_of("c", same)]
    assert write_corpus(clips, tmp_path / "corpus") == 3
    for in_memory in (False, True):
        corpus = Corpus(tmp_path / "corpus", in_memory)
        assert [e.channels for e in corpus.entries] == [1, 2, 1]
        for index, wanted in enumerate((same, stereo, same)):
            # 16 bits: half a step of rounding
            np.testing.assert_allclose(corpus.audio(index), wanted, atol=0.6 / 32767)
        np.testing.assert_array_equal(corpus.audio(1, 100, 50), corpus.audio(1)[100:150])
        assert len(corpus.audio(1, 8800, 500)) == 20
        assert corpus.clip(0).captions == ("a tone", "beep")
        assert corpus.hours == pytest.approx(0.6 / 3600)
        parts = [corpus.indices(split) for split in ("train", "valid", "test")]
        assert sorted(np.concatenate(parts).tolist()) == [0, 1, 2]


def test_a_corpus_is_neither_overwritten_nor_imagined(tmp_path: Path) -> None:
    write_corpus([clip_of("a", tone()[:, None])], tmp_path)
    with pytest.raises(TrainingError, match="another folder"):
        write_corpus([], tmp_path)
    with pytest.raises(TrainingError, match="no corpus"):
        Corpus(tmp_path / "nowhere")


def test_a_rendered_corpus_has_captions_and_no_leak(tmp_path: Path) -> None:
    config = CorpusRun(folder=tmp_path / "a", clips=40, seed=3, **SMALL)
    summary = render_corpus(config)
    corpus = Corpus(tmp_path / "a")
    assert summary.clips == len(corpus) == 40 - sum(summary.refused.values())
    assert summary.seconds_by_licence.keys() == {"Apache-2.0"}
    assert all(entry.captions for entry in corpus.entries)
    stems = [{e.stem for e in corpus.entries if e.split == s} for s in ("train", "valid", "test")]
    assert not stems[0] & (stems[1] | stems[2])
    again = CorpusRun(folder=tmp_path / "b", clips=40, seed=3, **SMALL)
    render_corpus(again)
    assert (tmp_path / "a/clips.jsonl").read_text() == (tmp_path / "b/clips.jsonl").read_text()


def test_a_plan_keeps_its_shares() -> None:
    names = [name for name, _ in plan(CorpusRun(folder=Path("x"), clips=4000))]
    assert names.count("general_midi") / 4000 == pytest.approx(0.13, abs=0.03)
    assert sum("loop" in name or "beat" in name for name in names) / 4000 == pytest.approx(
        0.15, abs=0.03
    )


def test_a_config_names_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "corpus.toml"
    path.write_text('folder = "x"\nclip = 3\n')
    with pytest.raises(TrainingError, match="clips"):
        read_config(path, CorpusRun)
    assert main([str(tmp_path / "none.toml")]) == 2


def test_the_command_renders(tmp_path: Path) -> None:
    path = tmp_path / "corpus.toml"
    shares = "\n".join(f"{name} = {share}" for name, share in SMALL.items())
    path.write_text(f'folder = "{(tmp_path / "made").as_posix()}"\nclips = 6\n{shares}\n')
    assert main([str(path)]) == 0
    assert len(Corpus(tmp_path / "made")) == 6


def shard(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def encoded(audio: np.ndarray, rate: int = SAMPLE_RATE_HZ) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, rate, format="OGG", subtype="VORBIS")
    return buffer.getvalue()


def test_shards_are_read_and_faults_named(tmp_path: Path) -> None:
    facts = {"instrument": "flute", "family": "wind", "midi": 69, "note": "A4", "dynamic": "soft"}
    row: dict[str, object] = {"key": "k1", "source": "s", "stem": "s:flute"}
    row |= {
        "licence": "CC0-1.0",
        "author": "A",
        "base_name": "flute",
        "facts": facts,
        "captions": ["flute", "soft flute"],
    }
    sidecar = json.dumps(row).encode()
    path = shard(
        tmp_path / "a.tar",
        {
            "k1.ogg": encoded(tone()),
            "k1.json": sidecar,
            "k2.ogg": b"not audio",
            "k2.json": sidecar,
            "k3.ogg": encoded(0.0 * tone()),
            "k3.json": sidecar,
            "k4.ogg": encoded(tone()),
            "k4.json": b"{",
            "k5.json": sidecar,
        },
    )
    clip, *refused = read_shards([path])
    assert isinstance(clip, Clip)
    assert (clip.stem, clip.licence, clip.captions) == (
        "s:flute",
        "CC0-1.0",
        ("flute", "soft flute"),
    )
    assert clip.musical_key in ("A major", "A minor")
    assert clip.facts["nouns"] == ["flute"]
    assert [r.name for r in refused if isinstance(r, Refusal)] == ["k2", "k3", "k4", "k5"]
    reasons = " ".join(r.reason for r in refused if isinstance(r, Refusal))
    assert "decoded" in reasons
    assert "silent" in reasons
    assert "JSON" in reasons
    with pytest.raises(TrainingError, match="tar"):
        list(read_shards([tmp_path / "missing.tar"]))


def test_a_recorded_chord_names_its_key(tmp_path: Path) -> None:
    row = {"key": "k", "stem": "s", "base_name": "strum", "facts": {"chord": "F# minor"}}
    members = {"k.ogg": encoded(tone()), "k.json": json.dumps(row).encode()}
    (clip,) = read_shards([shard(tmp_path / "a.tar", members)])
    assert isinstance(clip, Clip)
    assert clip.musical_key == "F# minor"


def test_a_folder_gives_captions_in_four_ways(tmp_path: Path) -> None:
    for name in ("one.wav", "two.wav", "three.wav", "deep_kick_01.wav"):
        soundfile.write(tmp_path / name, tone(), SAMPLE_RATE_HZ)
    (tmp_path / "captions.csv").write_text("file,caption\none.wav,first\none.wav,uno\n")
    (tmp_path / "two.json").write_text('{"caption": "second", "tempo_bpm": 90.0, "bars": 1}')
    (tmp_path / "three.txt").write_text("third\ntres\n")
    clips = {c.key: c for c in read_folder(tmp_path) if isinstance(c, Clip)}
    assert clips["one.wav"].captions == ("first", "uno")
    assert clips["two.wav"].captions == ("second",)
    assert clips["two.wav"].tempo_bpm == 90.0
    assert clips["three.wav"].captions == ("third", "tres")
    assert clips["deep_kick_01.wav"].facts["nouns"] == ["deep kick"]
    run = CorpusRun(folder=tmp_path / "made", clips=0, folders=(tmp_path,))
    summary = render_corpus(run)
    assert summary.clips == 1
    assert summary.refused["heard before"] == 3
    with pytest.raises(TrainingError, match="no audio"):
        list(read_folder(tmp_path / "empty"))


@pytest.mark.parametrize("rate", [22_050, 48_000, 96_000, 44_100])
def test_resampling_keeps_pitch_length_and_level(rate: int) -> None:
    out = resampled(tone(440.0, 0.5, rate)[:, None], rate)
    assert len(out) == round(0.5 * SAMPLE_RATE_HZ)
    wanted = tone(440.0, 0.5)
    np.testing.assert_allclose(out[500:-500, 0], wanted[500:-500], atol=5e-3)


def test_tables_that_are_not_there_are_named() -> None:
    with pytest.raises(TrainingError, match="drums"):
        table("trombones")


def test_a_page_is_drawn(tmp_path: Path) -> None:
    draw_page([clip_of("a", tone()[:, None])], tmp_path / "page.png", columns=2)
    assert (tmp_path / "page.png").stat().st_size > 1000


@pytest.fixture(scope="module")
def font() -> GeneralMidi:
    if not FONT_PATH.is_file():
        pytest.skip("no General MIDI font: install fluid-soundfont-gm")
    return GeneralMidi()


def test_general_midi_is_in_tune_and_repeatable(font: GeneralMidi) -> None:
    tested = 0
    for seed in range(300):
        patch = draw_midi(seed)
        if patch.program not in range(16, 24) or "midi" not in patch.facts:
            continue
        clip = font.render(seed)
        assert isinstance(clip, Clip)
        cents = deviation_cents(clip.audio.mean(1).astype(np.float64), midi_to_hz(patch.midi[0]))
        # Sampled organs and reeds beat and are tuned by hand.
        assert abs(cents) < 25.0, f"program {patch.program} note {patch.midi}: {cents:.1f} cents"
        again = font.render(seed)
        assert isinstance(again, Clip)
        np.testing.assert_allclose(clip.audio, again.audio, atol=1e-3)
        tested += 1
    assert tested >= 5


def test_general_midi_clips_carry_their_licence(font: GeneralMidi) -> None:
    clips = [font.render(seed) for seed in range(40)]
    made = [clip for clip in clips if isinstance(clip, Clip)]
    assert len(made) >= 36
    assert {clip.licence for clip in made} == {"MIT"}
    assert all("Frank Wen" in clip.author for clip in made)
    assert any(clip.facts["group"] == "drum" for clip in made)


def test_a_missing_font_says_what_to_install() -> None:
    with pytest.raises(TrainingError, match="fluid-soundfont-gm"):
        GeneralMidi(Path("nowhere.sf2"))


def test_a_corpus_that_broke_off_is_no_corpus(tmp_path: Path) -> None:
    def broken() -> Iterator[Clip]:
        yield clip_of("a", tone()[:, None])
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_corpus(broken(), tmp_path / "corpus")
    with pytest.raises(TrainingError, match="no corpus"):
        Corpus(tmp_path / "corpus")
    assert write_corpus([clip_of("a", tone()[:, None])], tmp_path / "corpus") == 1
    assert len(Corpus(tmp_path / "corpus")) == 1


def test_what_cannot_be_used_is_told_and_the_rest_is_a_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, config = tmp_path / "sounds", tmp_path / "corpus.toml"
    folder.mkdir()
    wave = tone(seconds=1.0)
    for name, audio in {
        "good.wav": wave,
        "copy of good.wav": wave,
        "silent.wav": 0.0 * wave,
        "clipped.wav": np.clip(4.0 * wave, -1.0, 1.0),
        "empty.wav": wave[:0],
    }.items():
        soundfile.write(folder / name, audio, SAMPLE_RATE_HZ)
    (folder / "corrupt.wav").write_bytes(b"RIFF, and then nothing")
    (folder / "notes.md").write_text("no sound")
    made = tmp_path / "made"
    config.write_text(
        f'folder = "{made.as_posix()}"\nclips = 0\nfolders = ["{folder.as_posix()}"]\n'
    )
    assert main([str(config)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("1 clips, 0.00 h")
    for told in ("1 silent", "1 clipped throughout", "1 empty", "1 heard before", "1 cannot be"):
        assert told in printed.out
    for told in ("silent.wav: silent", "clipped.wav: clipped", "corrupt.wav: cannot be decoded"):
        assert f"left out: {told}" in printed.err
    assert [entry.key for entry in Corpus(made).entries] == ["copy of good.wav"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "no audio in"),
        ({"a.wav": b"nothing"}, "no clip for"),
    ],
)
def test_a_folder_without_one_usable_sound_gives_no_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: dict[str, bytes], reason: str
) -> None:
    folder, config, made = tmp_path / "sounds", tmp_path / "corpus.toml", tmp_path / "made"
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    config.write_text(
        f'folder = "{made.as_posix()}"\nclips = 0\nfolders = ["{folder.as_posix()}"]\n'
    )
    assert main([str(config)]) == 2
    assert reason in capsys.readouterr().err
    with pytest.raises(TrainingError, match="no corpus"):
        Corpus(made)


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"put \.tar files"):
        render_corpus(CorpusRun(folder=tmp_path / "made", clips=0, shards=(tmp_path,)))
