"""The figures of the model itself, as `python -m training evaluate` wrote them beside its weights.

They are measured on held-out clips and prompts by the training package, which takes longer than a
benchmark should; here they are only shown beside what was asked.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bench.row import Row
from generator.api import steps_to_play
from generator.loading import CHECKPOINTS

METRICS_FILE = "metrics.json"
ONE_STEP = "1 step"
LOOP_STEPS = f"{steps_to_play(1, loop=True)} steps"
TIMES_CHANCE = 8.0
MOST_PAIRS = 0.8
MOST_CLAIMS = 0.75
MOST_OF_TEACHER = 1.10
MOST_OF_FP32 = 1.03
LEAST_DIVERSITY = 0.9
MOST_GRID_MS = 10.0
PAIR = " > "


def measure(model: str) -> list[Row]:
    """Return what is known of a shipped checkpoint.

    Args:
        model: Its name.

    Returns:
        The rows; none where it was never evaluated.
    """
    path = CHECKPOINTS / model / METRICS_FILE
    return rows_of(json.loads(path.read_text("utf-8"))) if path.is_file() else []


def rows_of(metrics: Mapping[str, Any]) -> list[Row]:
    """Return the rows of an evaluation.

    Args:
        metrics: What the training package wrote.

    Returns:
        Reconstruction, retrieval, distance and what it is beside others', pairs, claims and loops,
        each where it was measured.
    """
    rows = [
        _retrieval_row(metrics), _distance_row(metrics), *_ratio_rows(metrics),
        _pairs_row(metrics), _claims_row(metrics), *_loop_rows(metrics),
    ]  # fmt: skip
    back = metrics["reconstruction"]
    return [_reconstruction_row(back), *rows] if back else rows


def _reconstruction_row(back: Mapping[str, Any]) -> Row:
    ours, vorbis = back["autoencoder"], back["vorbis"]
    return Row(
        f"autoencoder on {back['clips']} held-out clips",
        "told beside Vorbis",
        f"{_distances(ours)}; Vorbis at {back['vorbis_kilobits_per_s']:.0f} kbit/s: "
        f"{_distances(vorbis)}",
    )


def _distances(distance: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in distance.items())


def _retrieval_row(metrics: Mapping[str, Any]) -> Row:
    found, chance = metrics["systems"][ONE_STEP]["r_at_1"], metrics["chance"]["r_at_1"]
    return Row(
        f"one step, {metrics['prompts']} held-out prompts × {len(metrics['seeds'])} seeds: "
        "takes that find their own prompt first (R@1)",
        f"≥ {TIMES_CHANCE:.0f} × chance",
        f"{found:.3f}, {found / chance:.1f} × chance",
        passed=found >= TIMES_CHANCE * chance,
    )


def _distance_row(metrics: Mapping[str, Any]) -> Row:
    systems = metrics["systems"]
    others = (f"{name} {s['fad']:.3g}" for name, s in systems.items() if name != ONE_STEP)
    return Row(
        "Fréchet distance of its takes to held-out sound",
        "beside noise, shuffled prompts and the teacher",
        f"{systems[ONE_STEP]['fad']:.3g}; " + ", ".join(others),
    )


def _ratio_rows(metrics: Mapping[str, Any]) -> list[Row]:
    beside = (
        ("to_teacher", "fad", "distance in one step, × its teacher's in many", MOST_OF_TEACHER),
        ("to_fp32", "fad", "distance as int8, × that of the weights in fp32", MOST_OF_FP32),
        ("to_teacher", "diversity", "diversity of takes, × its teacher's", LEAST_DIVERSITY),
    )
    rows = []
    for other, score, what, limit in beside:
        ratio = metrics.get(other, {}).get(score)
        if ratio is None:
            continue
        is_most = score == "fad"
        passed = ratio <= limit if is_most else ratio >= limit
        sign = "≤" if is_most else "≥"
        rows.append(Row(what, f"{sign} {limit:.2f}", f"{ratio:.3f}", passed=passed))
    return rows


def _loop_rows(metrics: Mapping[str, Any]) -> list[Row]:
    signals = metrics.get("signals", {}).get(LOOP_STEPS)
    if signals is None:
        return []
    wrong, away_ms = signals["length_error_frames"], signals["grid_error_ms"]
    return [
        Row(
            f"loops, in the {LOOP_STEPS} that they have: length, and onsets from the grid",
            f"0 frames, ≤ {MOST_GRID_MS:g} ms in the median",
            f"{wrong:.0f} frames; {away_ms:.1f} ms, "
            f"{metrics['signals'][ONE_STEP]['grid_error_ms']:.1f} ms in one step",
            passed=wrong == 0 and away_ms <= MOST_GRID_MS,
        )
    ]


def _pairs_row(metrics: Mapping[str, Any]) -> Row:
    pairs = [row["holds"] for row in metrics["claims"]["rows"] if PAIR in row["claim"]]
    return Row(
        "pairs of prompts whose takes differ as the words say (kick lower than hi-hat …)",
        f"{MOST_PAIRS:.0%} right",
        f"{sum(pairs)} of {len(pairs)}",
        passed=sum(pairs) >= MOST_PAIRS * len(pairs),
    )


def _claims_row(metrics: Mapping[str, Any]) -> Row:
    kinds: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in metrics["claims"]["rows"]:
        kinds["pairs" if PAIR in row["claim"] else row["claim"].partition(":")[0]].append(row)
    every = [row for rows in kinds.values() for row in rows]
    by_kind = ", ".join(f"{kind} {_held(rows)}" for kind, rows in kinds.items())
    return Row(
        "claims of prompts that takes keep: pairs, pitch within 50 cents, tempo within 2 %, key",
        f"≥ {MOST_CLAIMS:.0%}, its teacher beside it",
        f"{_held(every)}: {by_kind}",
        passed=sum(row["holds"] for row in every) >= MOST_CLAIMS * len(every),
    )


def _held(rows: Sequence[Mapping[str, Any]]) -> str:
    taught = [row["teacher_holds"] for row in rows if "teacher_holds" in row]
    beside = f" (teacher {sum(taught)})" if taught else ""
    return f"{sum(row['holds'] for row in rows)}{beside} of {len(rows)}"
