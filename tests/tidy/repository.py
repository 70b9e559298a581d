"""The repository as the tidy tests see it: its files, its packages, and who imports what.

A check that finds nothing to look at has not passed: every listing here fails when it is empty.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "streams", "llm", "risk", "services", "ops")
NOT_OURS = {".git", ".venv", "dist", "build", "__pycache__"}


class Import(NamedTuple):
    """One imported module; for ``from a import b`` that is ``a.b`` where it is a module of ours."""

    path: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{shown(self.path)}:{self.line}: imports {self.module}"


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def files(folder: str, pattern: str = "*.py") -> list[Path]:
    found = sorted(
        path for path in (ROOT / folder).rglob(pattern) if path.is_file() and not NOT_OURS & set(path.parts)
    )
    assert found, f"no {pattern} in {folder or 'the repository'}: has the tree moved?"
    return found


def package_files() -> list[Path]:
    return [path for package in PACKAGES for path in files(package)]


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file that we wrote, with its content."""
    skipped = {".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
    count = 0
    for path in files("", "*"):
        if skipped & set(path.parts):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        count += 1
        yield path, text
    assert count > 100, f"only {count} text files: has the tree moved?"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def imports(path: Path) -> tuple[Import, ...]:
    return tuple(Import(path, line, module) for line, module in _imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(path, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield node.lineno, inner if module_path(inner) else base


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if node.level == 0:
        assert node.module
        return node.module
    folder = path.parent
    for _ in range(node.level - 1):
        folder = folder.parent
    package = ".".join(folder.relative_to(ROOT).parts)
    return f"{package}.{node.module}" if node.module else package


def module_path(module: str) -> Path | None:
    """The file of a module of ours, or None for everybody else's."""
    if module.split(".", maxsplit=1)[0] not in PACKAGES:
        return None
    stem = ROOT.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


def reached_from(paths: list[Path]) -> set[Path]:
    """The files that importing ``paths`` executes, packages' ``__init__`` files included."""
    seen: set[Path] = set()
    todo = list(paths)
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for found in imports(path):
            parts = found.module.split(".")
            outer = (module_path(".".join(parts[:end])) for end in range(1, len(parts) + 1))
            todo.extend(target for target in outer if target)
    return seen


def docstrings(path: Path) -> set[ast.Constant]:
    """The string constants that are documentation: bare expressions."""
    return {
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
