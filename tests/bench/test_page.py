"""Laws of the page of figures."""

import socket

from bench.page import machine_name, render_page, render_table
from bench.row import Row

ROWS = [
    Row("onset", "300 ms", "41 ms", passed=True),
    Row("breaks", "0", "3", passed=False),
    Row("curves", "pictures", "see the log"),
]


def test_the_table_has_a_line_for_each_row_and_says_what_holds() -> None:
    _, _, *lines = render_table(ROWS).splitlines()
    assert [line.split(" | ")[-1] for line in lines] == ["yes |", "no |", "– |"]


def test_every_line_of_the_table_has_the_same_columns() -> None:
    assert {line.count("|") for line in render_table(ROWS).splitlines()} == {5}


def test_the_page_names_the_processor_and_not_the_host() -> None:
    page = render_page("house", ROWS, ["A note."])
    assert machine_name() in page
    assert "A note." in page
    assert socket.gethostname() not in page
