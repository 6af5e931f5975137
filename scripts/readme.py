"""Writes the parts of README.md that are known elsewhere: the file tree and the figures.

``python scripts/readme.py`` rewrites them; ``tests/test_docs.py`` fails where they have drifted.
The tree's words are the first lines of the files themselves, the figures those of docs/bench.md.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

SOURCE_FOLDERS = ("daw_bridge", "generator", "training", "bench", "scripts", "docs")
# What cannot say itself what it is for.
WORDS = {
    ".ci/run": "What CI runs: make check, make test",
    "CHANGELOG.md": "What changed for a user",
    "CONTRIBUTING.md": "Set-up, the rules, the review list",
    "LICENSE": "Apache-2.0",
    "Makefile": "Everything a person or CI runs; make help lists it",
    "THIRD_PARTY.md": "Licences of what we use",
    "constraints.txt": "Every version that make installs",
    "pyproject.toml": "The package, its extras, the tools' settings",
    "requirements-nodeps.txt": "Installed without their own dependencies, and why",
    "scripts/system_packages.sh": "System packages, installed only where missing",
    "tests/": "One file per source file; the laws of the whole at the top",
    "generator/checkpoints/": "The shipped models, with credits of what they learnt from",
    "presets/": "Rigs to begin with: kits, keys, pads, textures, effects, beats and songs",
}
UNLISTED = {"__init__.py", "py.typed"}


def file_tree() -> str:
    """The tree as a fenced block, a line a file."""
    lines = []
    for folder in SOURCE_FOLDERS:
        lines.append(f"{folder}/")
        lines += [_line(path) for path in _files_in(ROOT / folder)]
    lines += [_entry(name, WORDS[name]) for name in sorted(WORDS) if _stands_alone(name)]
    return "```\n" + "\n".join(lines) + "\n```"


def figures() -> str:
    """Machine, date and what was asked for in docs/bench.md, or a word that there is none yet."""
    page = ROOT / "docs" / "bench.md"
    if not page.is_file():
        return "No figures yet: `make bench` writes them."
    text = page.read_text("utf-8")
    facts = re.findall(r"^- (?:model|machine|date): .+$", text, re.MULTILINE)
    table = re.findall(r"^\|.+\| (?:holds|---|yes|no) \|$|^\|---.+\|$", text, re.MULTILINE)
    if "- model: tone" in facts:
        facts.append(
            "- `tone` stands in for a model: these are the figures of the daemon around it"
        )
    return "\n".join([*facts, "", *table])


def render(readme: str) -> str:
    """A README with its known parts made anew.

    Args:
        readme: The text with the marks ``<!-- tree -->`` and ``<!-- figures -->``, each closed by
            its own ``<!-- /… -->``.

    Returns:
        The same text with fresh parts between the marks.
    """
    for mark, part in (("tree", file_tree()), ("figures", figures())):
        before, opening, rest = readme.partition(f"<!-- {mark} -->\n")
        _, closing, after = rest.partition(f"<!-- /{mark} -->\n")
        readme = f"{before}{opening}{part}\n{closing}{after}"
    return readme


def _stands_alone(name: str) -> bool:
    return name.partition("/")[0] not in SOURCE_FOLDERS or name.endswith("/")


def _files_in(folder: Path) -> list[Path]:
    """Files a reader may open, those of a folder before those of its sub-folders."""
    found = [
        path
        for suffix in ("py", "sh", "md", "toml")
        for path in folder.rglob(f"*.{suffix}")
        if path.name not in UNLISTED and "checkpoints" not in path.relative_to(ROOT).parts
    ]
    return sorted(found, key=lambda path: (len(path.parts), path))


def _line(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return _entry("  " + name.partition("/")[2], WORDS.get(name) or _first_line(path))


def _entry(name: str, words: str) -> str:
    return f"{name:<36}  {words}"


def _first_line(path: Path) -> str:
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    first = next(iter(text.strip().splitlines()), "")
    return first.lstrip("# ").rstrip(".")


if __name__ == "__main__":
    README.write_text(render(README.read_text("utf-8")), "utf-8")
    print(f"wrote the tree and the figures of {README.name}")
