"""No two modules of the bench need each other, not even for their types."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "tools" / "bench"
PAGE = ROOT / "docs" / "architecture.md"


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


def rows() -> dict[str, int]:
    """The modules and packages that the page names, each with the number of its row."""
    _, _, text = PAGE.read_text().partition("## The bench, bottom up")
    cells = re.findall(r"^\| (`.*?) \|", text.partition("\n## ")[0], re.M)
    names = {i: re.findall(r"`([\w/]+?)(?:\.py|/)`", cell) for i, cell in enumerate(cells)}
    return {name.replace("/", "."): i for i, found in names.items() for name in found}


def test_a_module_imports_what_is_above_it_in_the_page() -> None:
    known = rows()

    def row(module: str) -> int:
        return known.get(module, known.get(module.partition(".")[0], -1))

    for name, imports in graph().items():
        if name not in ("", "__main__"):
            assert row(name) >= 0, f"{PAGE.name} does not name {name}"
            assert all(row(other) <= row(name) for other in imports - {""}), name
