"""Held-out prompts are the same everywhere, all different, and ask for takes like their clips."""

from pathlib import Path

import numpy as np
import pytest

from generator.api import MAX_SECONDS
from training.corpus.clip import Clip
from training.corpus.shards import Corpus, Entry, write_corpus
from training.errors import TrainingError
from training.prompts import choose_prompts, kind_of, request_like


def corpus_of(folder: Path, clips: int) -> Corpus:
    """Clips of ten kinds, each with two captions."""
    sound = np.zeros((4410, 2), np.float32)
    made = (
        Clip(
            f"clip {i}", "test", f"stem {i}", "CC0-1.0", "us", sound,
            (f"sound {i}", f"another {i}"), facts={"family": f"kind {i % 10}"},
        )
        for i in range(clips)
    )  # fmt: skip
    write_corpus(made, folder)
    return Corpus(folder)


def entry(**changes: object) -> Entry:
    table: dict[str, object] = {
        "key": "k", "source": "s", "stem": "s", "licence": "l", "author": "a", "split": "test",
        "captions": ("sound",), "tempo_bpm": None, "bars": None, "musical_key": None, "facts": {},
        "offset": 0, "frames": 44, "channels": 1, "seconds": 1.0,
    }  # fmt: skip
    return Entry(**(table | changes))  # type: ignore[arg-type]


def test_prompts_are_held_out_all_different_and_always_the_same(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "a", 400)
    chosen = choose_prompts([corpus], 12)
    assert {held.entry.split for held in chosen} == {"test"}
    assert len({held.prompt for held in chosen}) == 12
    assert all(held.prompt in held.entry.captions for held in chosen)
    again = choose_prompts([Corpus(tmp_path / "a")], 12)
    assert [held.prompt for held in again] == [held.prompt for held in chosen]


def test_kinds_come_once_before_any_comes_twice(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "a", 600)
    held_out = {kind_of(corpus.entries[i]) for i in corpus.indices("test")}
    chosen = choose_prompts([corpus], len(held_out))
    assert {kind_of(held.entry) for held in chosen} == held_out


def test_too_few_prompts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="needed: give more corpora"):
        choose_prompts([corpus_of(tmp_path / "a", 40)], 64)


def test_a_request_has_the_length_tempo_and_key_of_its_clip() -> None:
    made = request_like(
        entry(tempo_bpm=120.0, bars=2, musical_key="A# minor", seconds=4.0), "loop", 5, steps=4
    )
    assert made.frames == 4 * 44_100
    assert made.loop
    assert (made.tempo_bpm, made.bars, made.key, made.steps) == (120.0, 2, "Bb minor", 4)


def test_what_no_generator_takes_is_left_out() -> None:
    made = request_like(entry(seconds=99.0, tempo_bpm=1200.0, musical_key="H dorian"), "x", 1)
    assert (made.seconds, made.tempo_bpm, made.key) == (MAX_SECONDS, None, None)
    assert request_like(entry(seconds=0.01), "x", 1).seconds > 0.01
    long = request_like(entry(seconds=20.0, tempo_bpm=60.0, bars=60), "x", 1)
    assert long.bars is None
