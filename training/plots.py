"""Bar charts as SVG text, for the page of an evaluation. Knows nothing of what it draws."""

from collections.abc import Mapping
from html import escape

LABEL_WIDTH, BAR_WIDTH, NUMBER_WIDTH = 230, 220, 60
ROW_HEIGHT, BAR_HEIGHT = 20, 13
COLOUR = "#4a6fa5"


def bars(systems: Mapping[str, Mapping[str, float]], key: str, title: str) -> str:
    """Return a bar for each system that has a number, or nothing where none has.

    Args:
        systems: Numbers by name.
        key: Which number.
        title: What stands above.

    Returns:
        One SVG element as text.
    """
    found = {name: values[key] for name, values in systems.items() if key in values}
    if not found:
        return ""
    greatest = max(max(found.values()), 1e-12)
    height = ROW_HEIGHT * (len(found) + 1)
    width = LABEL_WIDTH + BAR_WIDTH + NUMBER_WIDTH
    lines = [f'<text x="{LABEL_WIDTH}" y="14" font-weight="bold">{escape(title)}</text>']
    for row, (name, value) in enumerate(found.items(), start=1):
        y = ROW_HEIGHT * row
        length = max(0.0, BAR_WIDTH * value / greatest)
        text_y = y + BAR_HEIGHT - 2
        lines += [
            f'<text x="{LABEL_WIDTH - 6}" y="{text_y}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" '
            f'fill="{COLOUR}"/>',
            f'<text x="{LABEL_WIDTH + length + 4:.1f}" y="{text_y}">{value:.3g}</text>',
        ]
    return f'<svg width="{width}" height="{height}">' + "".join(lines) + "</svg>"
