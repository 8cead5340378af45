"""No two modules of the bench need each other, not even for their types."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "tools" / "bench"


def modules() -> dict[str, Path]:
    """By name relative to the package, "" for the package itself."""
    paths = {p.relative_to(BENCH).with_suffix(""): p for p in BENCH.rglob("*.py")}
    return {
        ".".join(name.parts[:-1] if name.name == "__init__" else name.parts): path
        for name, path in paths.items()
    }


def imported(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the bench that this one imports anywhere, TYPE_CHECKING included."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(package) + 1:
            base = package[: len(package) + 1 - node.level]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                found.add(whole if whole in known else ".".join(base))
    return found & known.keys() - {name}


def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imported(name, path, known) for name, path in known.items()}


def test_there_is_no_circle_of_imports() -> None:
    TopologicalSorter(graph()).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("module", "imports"),
    [("cpu.runner", "cpu.parts"), ("board", "core"), ("rom", "rom.bootloader")],
)
def test_the_imports_are_seen(module: str, imports: str) -> None:
    assert imports in graph()[module]
