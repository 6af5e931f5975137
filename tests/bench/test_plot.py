"""The picture of figures shows each row that has parts, and nothing where there is none."""

from pathlib import Path

from bench.plot import draw_parts
from bench.row import Row

ROWS = [
    Row("take of 12 s", "–", "68 ms", parts_ms={"text": 2.0, "sound": 40.25}),
    Row("onset", "300 ms", "41 ms", passed=True),
    Row("the floor", "–", "10 ms", parts_ms={"text": 0.5, "decoder": 3.0}),
]


def test_every_row_with_parts_and_every_part_is_named(tmp_path: Path) -> None:
    path = tmp_path / "parts.svg"
    assert draw_parts(ROWS, path)
    drawn = path.read_text(encoding="utf-8")
    assert all(word in drawn for word in ("take of 12 s", "the floor", "text", "decoder", "sound"))
    assert "42.2" in drawn
    assert "onset" not in drawn
    draw_parts(ROWS, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text(encoding="utf-8") == drawn


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert not draw_parts(ROWS[1:2], tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()
