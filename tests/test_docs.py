"""What the documents say is true: paths exist, commands parse, generated parts are fresh."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from daw_bridge import __main__ as command_line
from scripts import readme
from tests.source_tree import ROOT, Module, package_modules

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("bench", "daw_bridge", "docs", "generator", "presets", "scripts", "tests", "training")

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def quoted(text: str) -> Iterator[str]:
    """What stands between back-ticks outside fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", prose)


def shell_lines(text: str) -> Iterator[str]:
    """The lines of the fenced blocks that are meant for a shell."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        yield from (line for line in block.splitlines() if line.strip())


def words_after(program: str, text: str) -> Iterator[list[str]]:
    """The arguments of every documented call of a program."""
    for line in [*shell_lines(text), *quoted(text)]:
        for part in re.split(r"&&|;|\|", line):
            words = shlex.split(part, comments=True) if part.count('"') % 2 == 0 else []
            if words[:1] == [program]:
                yield words[1:]


def is_project_path(name: str) -> bool:
    top = name.partition("/")[0]
    return "/" in name and top in FOLDERS and not re.search(r"[\s*<>{}…]", name)


@every_document
def test_every_named_path_exists(document: Path) -> None:
    for name in filter(is_project_path, quoted(document.read_text("utf-8"))):
        assert (ROOT / name).exists(), f"{document.name} names {name}"


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text("utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@every_document
def test_every_make_target_exists(document: Path) -> None:
    for words in words_after("make", document.read_text("utf-8")):
        targets = [word for word in words if "=" not in word]
        assert set(targets) <= make_targets(), f"{document.name}: make {' '.join(words)}"


@every_document
def test_every_call_of_the_daemon_parses(document: Path) -> None:
    for words in words_after("daw-bridge", document.read_text("utf-8")):
        if "…" not in "".join(words):
            command_line._parser().parse_args(words)


def test_the_readme_is_fresh() -> None:
    text = readme.README.read_text("utf-8")
    assert readme.render(text) == text, "run: .venv/bin/python scripts/readme.py"


def refusals(function: ast.AST) -> Iterator[str]:
    """What a function raises for its caller to catch; a broken invariant is not for callers."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            name = ast.unparse(node.exc).partition("(")[0]
            if name != "AssertionError" and not name.startswith("_"):
                yield name


def public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Public functions, and the public methods of public classes."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from public_functions(node.body)
        else:
            yield node


@pytest.mark.parametrize("module", package_modules(), ids=lambda module: module.name)
def test_what_can_refuse_says_so(module: Module) -> None:
    for function in public_functions(module.tree.body):
        raises = any(refusals(function))
        told = "Raises:" in (ast.get_docstring(function) or "")
        assert told or not raises, f"{module.file}:{function.lineno} {function.name}"


def test_the_search_for_paths_finds_them() -> None:
    assert list(filter(is_project_path, quoted("see `docs/osc.md` and `x/y` and `a b`"))) == [
        "docs/osc.md"
    ]


def test_the_search_for_commands_finds_them() -> None:
    text = "```sh\ncd x && make run ARGS='--output null' # go\n```\n`make test`"
    assert list(words_after("make", text)) == [["run", "ARGS=--output null"], ["test"]]
