"""Laws of the table: it is complete, without doubles, and the page says the same."""

from dataclasses import fields
from pathlib import Path

from daw_bridge.arguments import check_argument
from daw_bridge.commands import COMMANDS
from daw_bridge.osc_page import page
from daw_bridge.table_rows import Access

PAGE = Path(__file__).parents[2] / "docs" / "osc.md"


def test_page_is_what_the_table_prints() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: python -m daw_bridge.osc_page > docs/osc.md"
    )


def test_each_address_stands_once() -> None:
    paths = [row.path for row in COMMANDS]
    assert len(paths) == len(set(paths))


def test_arguments_of_an_action_are_the_fields_of_its_command() -> None:
    for row in COMMANDS:
        if row.make is None or row.path == "/ping":
            continue
        named = [*([row.index] if row.index else []), *(one.name for one in row.arguments)]
        assert [field.name for field in fields(row.make)] == named, row.path


def test_every_value_has_a_default_in_range() -> None:
    of_the_machine = {"/device", "/device/buffer", "/device/latency"}
    for row in COMMANDS:
        if row.access in (Access.VALUE, Access.READ) and row.path not in of_the_machine:
            assert row.arguments, row.path
            for argument in row.arguments:
                assert argument.default is not None, row.path
                value = check_argument(argument, argument.kind.value, argument.default)
                assert value == argument.default, row.path


def test_optional_arguments_come_last() -> None:
    for row in COMMANDS:
        flags = [argument.is_optional for argument in row.arguments]
        assert flags == sorted(flags), row.path
