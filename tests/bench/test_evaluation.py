"""Laws of the rows that show an evaluation."""

from bench.evaluation import rows_of

METRICS = {
    "model": "house",
    "prompts": 64,
    "seeds": [1, 2, 3, 4],
    "systems": {
        "1 step": {"fad": 0.3, "r_at_1": 0.25},
        "noise": {"fad": 2.0, "r_at_1": 0.015},
    },
    "chance": {"r_at_1": 1 / 64},
    "claims": {
        "rows": [
            *({"claim": "long: a > b", "holds": right} for right in [True] * 15 + [False] * 5),
            {"claim": "pitch: c is at 220 Hz", "holds": True, "teacher_holds": False},
        ]
    },
    "reconstruction": {},
}


def test_each_row_says_whether_it_holds() -> None:
    retrieval, distance, pairs, claims = rows_of(METRICS)
    passed = (retrieval.passed, distance.passed, pairs.passed, claims.passed)
    assert passed == (True, None, False, True)
    assert "16.0 × chance" in retrieval.measured
    assert "noise 2" in distance.measured
    assert pairs.measured == "15 of 20"
    assert claims.measured == ("16 (teacher 0) of 21: pairs 15 of 20, pitch 1 (teacher 0) of 1")


def test_the_autoencoder_is_told_beside_vorbis_where_it_was_measured() -> None:
    back = {
        "autoencoder": {"mel": 1.0},
        "vorbis": {"mel": 0.5},
        "vorbis_kilobits_per_s": 32.0,
        "clips": 40,
    }
    first = rows_of(METRICS | {"reconstruction": back})[0]
    assert first.measured == "mel 1.000; Vorbis at 32 kbit/s: mel 0.500"


def test_what_is_beside_others_is_told_where_it_was_measured() -> None:
    loops = {"length_error_frames": 0.0, "grid_error_ms": 7.0}
    more = {
        "to_teacher": {"fad": 1.2, "diversity": 0.95},
        "to_fp32": {"fad": 1.01},
        "signals": {"1 step": loops | {"grid_error_ms": 12.0}, "2 steps": loops},
    }
    rows = rows_of(METRICS | more)
    verdicts = {
        row.what.partition(",")[0]: row.passed for row in rows if row not in rows_of(METRICS)
    }
    assert verdicts == {
        "distance in one step": False,
        "distance as int8": True,
        "diversity of takes": True,
        "loops": True,
    }
    assert "7.0 ms, 12.0 ms in one step" in rows[-1].measured
    late = {"2 steps": loops | {"grid_error_ms": 10.1}, "1 step": loops}
    assert not rows_of(METRICS | {"signals": late})[-1].passed
