"""The project's sources as syntax trees, for the tests that prove its laws from the text.

Reads files; imports nothing of the project and runs nothing of it.
"""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("daw_bridge", "generator", "training")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module.

    Attributes:
        module: Its dotted name.
        deferred: Whether it happens inside a function or only for the type checker.
        line: Where it stands.
    """

    module: str
    deferred: bool
    line: int


@dataclass(frozen=True, slots=True)
class Module:
    """One source file."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def file(self) -> str:
        """The path below the project's root, with forward slashes."""
        return self.path.relative_to(ROOT).as_posix()


@cache
def modules_of(folder: str) -> tuple[Module, ...]:
    """Every Python file below a folder of the project, in the order of their names."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return tuple(Module(_name_of(path), path, ast.parse(path.read_text("utf-8"))) for path in paths)


def package_modules() -> tuple[Module, ...]:
    """Every module of the three packages."""
    return tuple(module for package in PACKAGES for module in modules_of(package))


def imports_of(module: Module) -> list[Import]:
    """Every import in a module; ``from a import b`` counts as ``a.b`` where that is a module."""
    deferred_nodes = _deferred_nodes(module.tree)
    return [
        Import(name, id(node) in deferred_nodes, getattr(node, "lineno", 0))
        for node in ast.walk(module.tree)
        for name in _imported_names(node)
    ]


def _name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        return [_submodule_or_self(node.module, alias.name) for alias in node.names]
    return []


def _submodule_or_self(parent: str, child: str) -> str:
    folder = ROOT.joinpath(*parent.split("."))
    is_module = (folder / f"{child}.py").is_file() or (folder / child / "__init__.py").is_file()
    return f"{parent}.{child}" if is_module else parent


def _deferred_nodes(tree: ast.Module) -> set[int]:
    """Identities of the nodes that do not run when the module is imported."""
    nodes: set[int] = set()
    for node in ast.walk(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if is_function or (isinstance(node, ast.If) and _is_for_types_only(node.test)):
            nodes.update(id(child) for child in ast.walk(node))
    return nodes


def _is_for_types_only(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in ast.unparse(test)
