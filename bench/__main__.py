"""Measures everything, prints the table and writes docs/bench.md and its picture.

``python -m bench``; each file with a ``measure`` can also be asked alone with ``--only``, or left
out with ``--without``, and the page says so. What was measured in training is copied from the
checkpoint.
"""

import argparse
import sys
from collections.abc import Callable

from bench import (
    bad_input,
    callback,
    effects,
    evaluation,
    first_sound,
    floor,
    generation,
    keeping,
    midi_clock,
    repeat,
    scsynth,
    seed_architecture,
    swap,
)
from bench.page import PAGE, PLOT, render_page, render_table
from bench.plot import draw_parts
from bench.row import Row
from generator.loading import TONE

Measurement = Callable[[], list[Row]]

NOTES = (
    "Breaks and latency are judged outside the stalls of the machine itself, which a real-time "
    "thread on each core watches; how many there were stands beside the figure.",
    "`make bench-long` watches the loop for ten minutes instead of one.",
)
TONE_NOTE = (
    "The model `tone` is no model but a stand-in that makes test tones at once: its figures are "
    "those of the daemon around it."
)


def main() -> int:
    """Obey the command line; the exit status is 0 even where a figure does not hold."""
    options = _parser().parse_args()
    rows: list[Row] = []
    for name, measure in _measurements(options).items():
        if options.only in (None, name) and name not in options.without:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            rows += measure()
    print(render_table(rows))
    if options.only is None:
        notes = (*NOTES, TONE_NOTE) if options.model == TONE else NOTES
        if options.without:
            notes = (*notes, f"Left out of this run: {', '.join(options.without)}.")
        if draw_parts(rows, PLOT):
            notes = (*notes, f"![How long each stage of a take takes]({PLOT.name})")
        PAGE.write_text(render_page(options.model, rows, notes), "utf-8")
        print(f"written to {PAGE.name}", file=sys.stderr)
    return 0


def _measurements(options: argparse.Namespace) -> dict[str, Measurement]:
    model: str = options.model
    return {
        "first-sound": lambda: first_sound.measure(model),
        "generation": lambda: [] if model == TONE else generation.measure(model),
        "floor": lambda: [] if model == TONE else floor.measure(model),
        "seed": lambda: [] if model == TONE else seed_architecture.measure(model),
        "callback": lambda: callback.measure(
            model, seconds=options.soak_seconds, triggers=options.triggers
        ),
        "swap": lambda: [] if model == TONE else swap.measure(model),
        "scsynth": lambda: scsynth.measure(triggers=options.triggers),
        "midi-clock": midi_clock.measure,
        "effects": lambda: effects.measure(model, seconds=options.soak_seconds),
        "keeping": lambda: keeping.measure(model),
        "repeat": lambda: repeat.measure(model),
        "bad-input": lambda: bad_input.measure(model),
        "evaluation": lambda: evaluation.measure(model),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The table of figures.")
    parser.add_argument("--model", default="house", help="the checkpoint")
    names = _measurements(argparse.Namespace(model=""))
    parser.add_argument("--only", choices=names)
    parser.add_argument("--without", choices=names, nargs="+", default=[])
    parser.add_argument("--soak-seconds", type=float, default=60.0, help="how long a loop plays")
    parser.add_argument("--triggers", type=int, default=300, help="how many plays are timed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
