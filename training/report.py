"""The page of an evaluation: tables, spectrograms and players in one self-contained HTML file.

Knows the names of the scores and nothing of how they came about.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.pictures import spectrogram_png
from training.plots import bars
from training.reconstruction import Rebuilt
from training.signals import SIGNALS
from training.sound_files import encode_vorbis

PLAYER_LEVEL = 0.6
REBUILT_SHOWN = 6
COLUMNS = (
    ("fad", "FAD ↓"),
    ("fad_with_words", "FAD with words ↓"),
    ("r_at_1", "R@1 ↑"),
    ("r_at_5", "R@5 ↑"),
    ("r_at_10", "R@10 ↑"),
    ("text_audio_cosine", "text–audio ↑"),
    ("diversity", "diversity ↑"),
)
PLOTTED = (("fad", "FAD ↓"), ("r_at_1", "R@1 ↑"), ("diversity", "diversity ↑"))
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; }
figure { display: inline-block; margin: .3rem; width: 240px; }
img { width: 240px; height: 96px; background: #000004; display: block; }
audio { width: 240px; height: 28px; } figcaption { font-size: 12px; color: #555; }
.no { color: #b00; } svg { margin: .5rem 1rem .5rem 0; font-size: 12px; }
"""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Sounds that answer one prompt, by who made them.

    Shapes:
        sounds: each [frames, 2]
    """

    prompt: str
    sounds: Mapping[str, FloatArray]


def write_page(
    path: Path,
    metrics: Mapping[str, Any],
    exhibits: Sequence[Exhibit],
    back: Rebuilt | None,
    seconds: Mapping[str, float],
) -> None:
    """Write the page.

    Args:
        path: HTML file.
        metrics: As `training.evaluate` writes them.
        exhibits: Prompts to look at and to hear.
        back: Sounds after the autoencoder and after Vorbis, if that was run.
        seconds: What each part of the evaluation cost.
    """
    parts = [
        f"<h1>{escape(str(metrics['model']))}</h1>",
        f"<p>{metrics['prompts']} held-out prompts × {len(metrics['seeds'])} seeds.</p>",
        scores_table(metrics["systems"] | {"chance": metrics["chance"]}),
        ratios_line("teacher", metrics.get("to_teacher", {})),
        ratios_line("fp32", metrics.get("to_fp32", {})),
        *(bars(metrics["systems"], key, title) for key, title in PLOTTED),
        signals_section(metrics["signals"]),
        kinds_section(metrics["r_at_5_by_kind"]),
        claims_section(metrics["claims"]),
        distances_section(metrics["reconstruction"]),
        rebuilt_section(back),
        "<h2>Prompts</h2>",
        *(exhibit_section(exhibit) for exhibit in exhibits),
        "<h2>What each part took</h2>",
        table(["part", "seconds"], [[escape(n), f"{value:.1f}"] for n, value in seconds.items()]),
    ]
    head = f"<!doctype html><meta charset=utf-8><title>Evaluation</title><style>{STYLE}</style>"
    path.write_text(head + "\n".join(parts), encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an HTML table of cells that are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def scores_table(systems: Mapping[str, Mapping[str, float]]) -> str:
    """Return the systems and their scores; what was not run is an empty cell."""
    rows = [
        [escape(name), *(f"{scores[key]:.3f}" if key in scores else "" for key, _ in COLUMNS)]
        for name, scores in systems.items()
    ]
    return table(["", *(title for _, title in COLUMNS)], rows)


def ratios_line(other: str, values: Mapping[str, float]) -> str:
    """Return the checkpoint to something else in a sentence, or nothing."""
    told = ", ".join(f"{name} × {value:.3f}" for name, value in values.items())
    return f"<p>To the {other}: {told}.</p>" if told else ""


def signals_section(values: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the signals say of each system; what says nothing is an empty cell."""
    rows = [
        [escape(name), *(f"{found[key]:.4g}" if key in found else "" for key in SIGNALS)]
        for name, found in values.items()
    ]
    header = ["", *(signal.title for signal in SIGNALS.values())]
    return "<h2>Signals</h2>" + table(header, rows)


def kinds_section(values: Mapping[str, Mapping[str, float]]) -> str:
    """Return the share of takes among the first five, by kind of sound."""
    kinds = sorted(values["prompts"], key=lambda kind: -values["prompts"][kind])
    header = ["", *(f"{escape(kind)} ({values['prompts'][kind]:.0f})" for kind in kinds)]
    rows = [
        [escape(name), *(f"{row[kind]:.2f}" for kind in kinds)]
        for name, row in values.items()
        if name != "prompts"
    ]
    return "<h2>R@5 by kind of sound (prompts)</h2>" + table(header, rows)


def claims_section(claims: Mapping[str, Any]) -> str:
    """Return the claims: how many hold by kind, and each with the mean of each of its takes.

    Everything stands beside the same of the teacher, where it was asked, and real sound.
    """
    taught = ("", "teacher_") if "teacher_right" in claims else ("",)
    sums = [*claims["by_kind"].items(), ("all", claims)]
    kinds = [[kind, *(f"{row[f'{who}right']} of {row['of']}" for who in taught)]
             for kind, row in sums]  # fmt: skip
    rows = [
        [
            escape(row["claim"]),
            *verdict_cells(row["values"], row["agreeing"], holds=row["holds"]),
            *(
                verdict_cells(row["teacher_values"], row["teacher"], holds=row["teacher_holds"])
                if "teacher" in row
                else []
            ),
            f"{row['real_rate']:.2f} ({row['real_clips']})" if "real_rate" in row else "",
        ]
        for row in claims["rows"]
    ]
    names = ["one step", "teacher"][: len(taught)]
    columns = ["measured", "seeds", "holds"] + ["teacher", "seeds", "holds"] * (len(taught) - 1)
    return (
        "<h2>Claims that hold</h2>"
        + table(["", *names], kinds)
        + table(["claim", *columns, "real sound (clips)"], rows)
    )


def verdict_cells(values: Sequence[Sequence[float]], agreeing: int, *, holds: bool) -> list[str]:
    """Return what was measured of each take, how many seeds agree, and whether the claim holds."""
    return [
        " / ".join(f"{value:.4g}" for value in np.mean(values, axis=0)),
        f"{agreeing} of {len(values)}",
        "yes" if holds else "<b class=no>no</b>",
    ]


def distances_section(values: Mapping[str, Any]) -> str:
    """Return the autoencoder's distances beside Vorbis, or nothing."""
    if not values:
        return ""
    names = {
        "autoencoder": "autoencoder",
        "vorbis": f"Vorbis at {values['vorbis_kilobits_per_s']:.0f} kbit/s",
    }
    rows = [
        [
            title,
            *(f"{values[key][m]:.3f}" for m in ("stft_convergence", "stft_log_magnitude", "mel")),
        ]
        for key, title in names.items()
    ]
    header = ["", "STFT convergence ↓", "STFT log magnitude ↓", "log mel ↓"]
    return f"<h2>Reconstruction of {values['clips']} held-out clips</h2>" + table(header, rows)


def rebuilt_section(back: Rebuilt | None) -> str:
    """Return some sounds beside what became of them, or nothing."""
    if back is None:
        return ""
    rows = zip(back.real, back.autoencoder, back.vorbis, strict=True)
    shown = [
        row_of({"real": real, "autoencoder": made, "Vorbis": vorbis})
        for real, made, vorbis in list(rows)[:REBUILT_SHOWN]
    ]
    return "\n".join(shown)


def exhibit_section(exhibit: Exhibit) -> str:
    """Return a prompt with its sounds."""
    return f"<h3>{escape(exhibit.prompt)}</h3>" + row_of(exhibit.sounds)


def row_of(sounds: Mapping[str, FloatArray]) -> str:
    """Return pictures and players of sounds on one time axis."""
    seconds = max(len(sound) for sound in sounds.values()) / SAMPLE_RATE_HZ
    return "<div>" + "".join(figure(n, sound, seconds) for n, sound in sounds.items()) + "</div>"


def figure(name: str, sound: FloatArray, seconds: float) -> str:
    """Return one picture with its player."""
    picture = base64.b64encode(spectrogram_png(sound, seconds=seconds)).decode()
    player = base64.b64encode(encode_vorbis(sound, level=PLAYER_LEVEL).content).decode()
    return (
        f'<figure><img alt="spectrogram" src="data:image/png;base64,{picture}">'
        f'<audio controls preload="none" src="data:audio/ogg;base64,{player}"></audio>'
        f"<figcaption>{escape(name)}, {len(sound) / SAMPLE_RATE_HZ:.2f} s</figcaption>"
        "</figure>"
    )
