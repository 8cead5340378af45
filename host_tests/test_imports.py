"""The layers of the bench and of the command: imports go one way, as architecture.md has it."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
# A folder of tools/, and what is above the table of its modules in the page.
TABLES = {"bench": "## The bench, bottom up", "cli": "## The command, and what is installed"}

each = pytest.mark.parametrize("folder", TABLES)


def modules(folder: str) -> dict[str, Path]:
    """By name relative to the package, "" for the package itself."""
    package = ROOT / "tools" / folder
    paths = {p.relative_to(package).with_suffix(""): p for p in package.rglob("*.py")}
    return {
        ".".join(name.parts[:-1] if name.name == "__init__" else name.parts): path
        for name, path in paths.items()
    }


def imported(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the folder that this one imports anywhere, TYPE_CHECKING included."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    package = [part for part in package if part]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(package) + 1:
            base = package[: len(package) + 1 - node.level]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                found.add(whole if whole in known else ".".join(base))
    return found & known.keys() - {name}


def graph(folder: str) -> dict[str, set[str]]:
    known = modules(folder)
    return {name: imported(name, path, known) for name, path in known.items()}


def without_the_command(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """The package itself is what a user starts: it imports when it runs, and the demo runs it."""
    return {name: imports - {""} for name, imports in found.items() if name}


@each
def test_there_is_no_circle_of_imports(folder: str) -> None:
    """Not even for types. CycleError names the circle."""
    TopologicalSorter(without_the_command(graph(folder))).prepare()


@pytest.mark.parametrize(
    ("folder", "module", "imports"),
    [
        ("bench", "cpu.runner", "cpu.parts"),
        ("bench", "board", "core"),
        ("bench", "rom", "rom.bootloader"),
        ("cli", "commands", "errors"),
        ("cli", "job.way", "rom.usb"),
    ],
)
def test_the_imports_are_seen(folder: str, module: str, imports: str) -> None:
    assert imports in graph(folder)[module]


def rows(folder: str) -> dict[str, int]:
    """The modules and packages that the page names, each with the number of its row."""
    _, _, text = PAGE.read_text().partition(TABLES[folder])
    cells = re.findall(r"^\| (`.*?) \|", text.partition("\n## ")[0], re.M)
    names = {i: re.findall(r"`([\w/]+?)(?:\.py|/)`", cell) for i, cell in enumerate(cells)}
    return {name.replace("/", "."): i for i, found in names.items() for name in found}


@each
def test_a_module_imports_what_is_above_it_in_the_page(folder: str) -> None:
    known = rows(folder)

    def row(module: str) -> int:
        return known.get(module, known.get(module.partition(".")[0], -1))

    for name, imports in without_the_command(graph(folder)).items():
        assert row(name) >= 0, f"{PAGE.name} does not name {name}"
        assert all(row(other) <= row(name) for other in imports), name
