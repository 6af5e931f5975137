"""Prints the reference page of the protocol from the table: `python -m daw_bridge.osc_page`.

It knows nothing of what the addresses do; every fact on the page stands in the table's rows. A test
fails if `docs/osc.md` differs from what is printed here.
"""

import math
import sys
from collections.abc import Iterator

from daw_bridge.arguments import Argument, Kind
from daw_bridge.commands import SECTIONS
from daw_bridge.errors import Fault
from daw_bridge.table_rows import Access, Row

ROOT = "/gen"
_INTRODUCTION = """\
# The OSC protocol

Change the table in `daw_bridge/table_*.py`, not this page, which is printed from it:
`python -m daw_bridge.osc_page > docs/osc.md`.

## Rules
- UDP and TCP on port 7770 (settings `osc_port`, `host`); TCP in packets with a length before them
  (OSC 1.0) or in SLIP frames (OSC 1.1), told apart by the first byte. Every address begins with
  the setting `root`, here `/gen`, save the replies.
- **set and get**: with a value it sets, without arguments it asks. Answers and feedback come on
  the same address, in the declared type.
- Numbers may come as i, h, f or d, and T/F as 1/0. A value out of range is refused with `/fail`
  and changes nothing.
- An action without needed arguments is also fired by `N`, `T` or any number but zero; zero, a
  button released, is ignored (not by `stop`, whose number is a time).
- Patterns work: `/gen/slot/*/stop`, `/gen/slot/{1,3}/gain`, `[1-4]`, `?`; `*` never crosses a
  `/`. With `*` or `?` in its last part a pattern reaches values, never actions.
- Answers go to the address that asked. Feedback goes to whoever sent `/gen/notify 1`, at most 30
  times a second for each address; the latest value is never lost.
- A bundle with a time tag is obeyed at that time, to the frame for what sounds. A late one is
  obeyed at once and `/late` tells; one more than 10 s ahead is refused. A bad message in a bundle
  does not drop the others.
- What is no OSC is counted, and answered with `/gen/error`.
"""


def page() -> str:
    """The whole reference page in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    for title, rows in SECTIONS:
        yield f"## {title}\n"
        yield "| address | | arguments | answer | |"
        yield "|---|---|---|---|---|"
        for row in rows:
            yield _row(row)
        yield ""
    yield "## Codes of `/fail`\n"
    yield "| code | meaning |"
    yield "|---|---|"
    for fault in Fault:
        yield f"| {fault.value} | {fault.name.lower().replace('_', ' ')} |"
    yield ""


def _row(row: Row) -> str:
    address = row.path if not row.is_rooted else ROOT + row.path
    arguments = "<br>".join(_argument(row, argument) for argument in row.arguments) or "–"
    answer = row.reply or ("the value" if row.is_shown else "")
    return f"| `{address}` | {row.access} | {arguments} | {answer} | {row.description} |"


def _argument(row: Row, argument: Argument) -> str:
    if argument.kind is Kind.ANY:
        return f"{argument.name} of any type"
    name = f"{argument.kind}:{argument.name}"
    parts = [f"[{name}]" if argument.is_optional else name, _range(argument)]
    if argument.default is not None and (row.access is Access.VALUE or argument.is_optional):
        parts.append(f"default {argument.default!r}".replace("'", '"'))
    return " ".join(part for part in parts if part)


def _range(argument: Argument) -> str:
    if argument.choices:
        return " · ".join(argument.choices)
    if argument.low is None or argument.high is None:
        return argument.unit
    low = "−∞" if argument.low == -math.inf else f"{argument.low:.10g}"
    span = low if argument.low == argument.high else f"{low}…{argument.high:.10g}"
    return f"{span} {argument.unit}".strip()


if __name__ == "__main__":
    sys.stdout.write(page())
