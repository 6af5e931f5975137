"""The page of figures: rows, the machine and the date, as Markdown.

Knows nothing of how rows are made; ``bench/__main__.py`` gathers them and writes the page.
"""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.row import Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "bench.md"
PLOT = PAGE.with_name("bench-stages.svg")

HEAD = """# Figures

Printed by `make bench`; nothing on this page is written by hand.

- model: {model}
- machine: {machine}
- date: {date}
- software: {software}
- load of the machine at the end: {load}
"""


def render_page(model: str, rows: list[Row], notes: Sequence[str]) -> str:
    """The whole page, ready to be written.

    Args:
        model: Whose figures these are.
        rows: The table, in order.
        notes: Sentences below it, one paragraph each.

    Returns:
        Markdown that ends with a newline.
    """
    head = HEAD.format(
        model=model,
        machine=machine_name(),
        date=datetime.now(UTC).date().isoformat(),
        software=f"Python {platform.python_version()}, {system_name()}",
        load=", ".join(f"{value:.1f}" for value in os.getloadavg()) + " (1, 5, 15 min)",
    )
    parts = [head, render_table(rows), *(f"{note}\n" for note in notes)]
    return "\n".join(parts)


def render_table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | at least | seen | holds |", "|---|---|---|---|"]
    lines += [f"| {r.what} | {r.required} | {r.measured} | {r.verdict} |" for r in rows]
    return "\n".join(lines) + "\n"


def machine_name() -> str:
    """The processor and the number of its cores, as the system tells them; no host name."""
    cpuinfo = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if cpuinfo.is_file():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text("utf-8"), re.MULTILINE)
        model = match.group(1) if match else model
    return f"{model}, {os.cpu_count()} cores"


def system_name() -> str:
    """The operating system as it calls itself."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"
