"""A picture of the rows that are sums of parts: a bar each, its parts beside each other.

Knows nothing of what was measured. Flow: rows → `draw_parts` → an SVG file beside the page.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.row import Row

WIDTH_IN, ROW_IN, REST_IN = 9.0, 0.28, 0.9


def draw_parts(rows: Sequence[Row], path: Path) -> bool:
    """Draw the rows that have parts.

    Args:
        rows: Any rows.
        path: Where the picture goes, an SVG.

    Returns:
        Whether there was anything to draw.
    """
    drawn = [row for row in rows if row.parts_ms]
    if not drawn:
        return False
    figure = Figure(figsize=(WIDTH_IN, REST_IN + ROW_IN * len(drawn)), layout="constrained")
    axes = figure.subplots()
    names = list(dict.fromkeys(name for row in drawn for name in row.parts_ms))
    ends = [0.0] * len(drawn)
    for name in names:
        widths = [row.parts_ms.get(name, 0.0) for row in drawn]
        axes.barh(range(len(drawn)), widths, left=ends, label=name, height=0.7)
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    for place, end in enumerate(ends):
        axes.text(end, place, f" {end:.1f}", va="center", fontsize=8)
    axes.set_yticks(range(len(drawn)), [row.what for row in drawn], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_xlabel("ms, median of each stage")
    axes.legend(fontsize=8)
    # Letters as text, and nothing that differs from one drawing of the same to the next.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "daw-bridge"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
    return True
