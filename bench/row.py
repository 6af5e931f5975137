"""One line of the table of figures.

Knows nothing of how a figure is measured; every ``measure`` of this package returns rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """A figure beside what was asked of it.

    Attributes:
        what: What was measured, in a musician's words.
        required: What the project asks for.
        measured: What was seen here, with its unit.
        passed: Whether it holds; None where nothing is asked or nothing could be measured.
        parts_ms: What it is the sum of, in milliseconds by name, to be drawn.
    """

    what: str
    required: str
    measured: str
    passed: bool | None = None
    parts_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """A word for the table's last column."""
        return {True: "yes", False: "no", None: "–"}[self.passed]
