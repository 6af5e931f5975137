"""A whole evaluation of a tiny checkpoint with its baselines, on a corpus of sines."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
import pytest

from generator.api import FloatArray
from generator.text import TextEncoder
from tests.models import tiny_checkpoint
from tests.training.scored import corpus_of_sines, states
from tests.training.small import SIZES
from training.claims import CLAIMS
from training.comparison import NOISE, REAL, REBUILT, SHUFFLED
from training.config import EvaluationRun
from training.corpus.shards import Corpus
from training.errors import TrainingError
from training.evaluate import METRICS_FILE, PAGE_FILE, evaluate, outcome_lines, quick
from training.heads import Couples
from training.latents import quietly
from training.prompts import leaks
from training.vectors import Vectors


def evaluation_run(folder: Path, **changes: object) -> EvaluationRun:
    table = {
        "run_dir": folder, "corpora": [corpus_of_sines(folder / "corpus", 160)], "prompts": 3,
        "seeds": [1, 2], "teacher_steps": 2, "score_steps": 3, "rebuilt": 2, "shown": 1,
        "claims": 2, "model": SIZES,
    }  # fmt: skip
    return EvaluationRun.model_validate(table | changes)


def test_an_evaluation_measures_all_systems_alike_and_writes_its_page(tmp_path: Path) -> None:
    teacher, autoencoder = states(tmp_path)
    checkpoint = tiny_checkpoint(tmp_path / "tiny").folder
    run = evaluation_run(tmp_path, teacher=teacher, student=teacher, autoencoder=autoencoder)
    outcome = evaluate(checkpoint, run, quietly)
    metrics = json.loads((outcome.folder / METRICS_FILE).read_text())
    names = {"1 step", "1 step, fp32", "teacher, 2 steps", NOISE, SHUFFLED, REAL, REBUILT}
    assert set(metrics["systems"]) == names
    for scores in metrics["systems"].values():
        assert {"fad", "fad_with_words", "r_at_1"} <= set(scores)
        assert all(np.isfinite(value) for value in scores.values())
    assert metrics["systems"][SHUFFLED]["fad"] == pytest.approx(metrics["systems"]["1 step"]["fad"])
    assert metrics["claims"]["of"] == 2
    assert metrics["reconstruction"]["vorbis_kilobits_per_s"] > 0
    claims = metrics["claims"]
    assert {"teacher", "teacher_holds", "teacher_values"} <= set(claims["rows"][0])
    assert claims["by_kind"]["pairs"] == {
        "right": sum(row["holds"] for row in claims["rows"]), "of": 2,
        "teacher_right": sum(row["teacher_holds"] for row in claims["rows"]),
    }  # fmt: skip
    assert f"(teacher {claims['teacher_right']}) of 2" in outcome_lines(outcome)
    assert set(metrics["signals"]) == names - {NOISE, SHUFFLED}
    assert "grid_error_ms" not in metrics["signals"]["1 step"]
    assert set(metrics["to_fp32"]) == {"fad", "fad_with_words", "diversity"}
    assert {"claims", "1 step", "baselines"} <= set(outcome.seconds)
    assert REBUILT in outcome_lines(outcome)
    page = (outcome.folder / PAGE_FILE).read_text()
    assert all(name in page for name in names)
    assert escape(CLAIMS[0].text) in page
    assert "<th>one step</th><th>teacher</th>" in page
    assert "<svg" in page
    assert "data:image/png;base64," in page
    assert "<script" not in page
    again = evaluate(checkpoint, run, quietly)
    assert json.loads((again.folder / METRICS_FILE).read_text()) == metrics


def test_what_was_not_run_is_absent(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path / "tiny").folder
    metrics = evaluate(checkpoint, evaluation_run(tmp_path, steps=[2]), quietly).metrics
    assert set(metrics["systems"]) == {"2 steps", NOISE, SHUFFLED, REAL}
    assert "to_teacher" not in metrics
    assert "to_fp32" not in metrics
    assert "teacher_right" not in metrics["claims"]
    assert all("real_rate" not in row for row in metrics["claims"]["rows"])
    assert metrics["reconstruction"] == {}


def test_a_quick_run_asks_the_same_prompts_without_the_teacher(tmp_path: Path) -> None:
    teacher, autoencoder = states(tmp_path)
    run = evaluation_run(
        tmp_path, seeds=[1, 2, 3], steps=[1, 2], teacher=teacher, autoencoder=autoencoder
    )
    checkpoint = tiny_checkpoint(tmp_path / "tiny").folder
    metrics = evaluate(checkpoint, quick(run), quietly).metrics
    assert set(metrics["systems"]) == {"1 step", NOISE, SHUFFLED, REAL, REBUILT}
    assert metrics["prompts"] == run.prompts
    assert metrics["seeds"] == [1, 2]


def test_the_score_learns_from_nothing_that_is_held_out(tmp_path: Path) -> None:
    corpus = Corpus(corpus_of_sines(tmp_path / "corpus", 40))
    places = [(corpus, index) for index in range(40)]
    assert leaks(places[:5], places[5:]) == []
    assert leaks(places[:5], places[3:]) == [0, 1]
    again = Corpus(corpus_of_sines(tmp_path / "again", 40, prefix="other"))
    assert leaks(places[:5], [(again, index) for index in range(3, 40)]) == [0, 1]
    couples = Couples(np.eye(3, dtype=np.float32), np.eye(6, dtype=np.float32), np.arange(6) // 2)
    assert couples.without([1]).clip_of.tolist() == [0, 0, 2, 2]
    assert couples.without([1]).words[:, 2:4].sum() == 0


def test_a_missing_corpus_is_refused(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path / "tiny").folder
    run = evaluation_run(tmp_path, score_corpora=[tmp_path / "nowhere"])
    with pytest.raises(TrainingError, match="nowhere"):
        evaluate(checkpoint, run, quietly)


def test_vectors_are_made_once_for_the_same_items(tmp_path: Path) -> None:
    words = TextEncoder(tiny_checkpoint(tmp_path / "tiny").folder)
    asked: list[str] = []

    def counting(items: Sequence[int], name: str) -> Iterable[int]:
        asked.append(name)
        return items

    def embed(_: FloatArray) -> FloatArray:
        return np.zeros(3, np.float32)

    vectors = Vectors(tmp_path / "cache", embed, words, counting)
    first = vectors.of_texts(["a", "b"])
    np.testing.assert_array_equal(vectors.of_texts(["a", "b"]), first)
    assert len(asked) == 1
    vectors.of_texts(["a", "c"])
    assert len(asked) == 2
