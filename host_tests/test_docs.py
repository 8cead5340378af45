"""What the pages say of commands, messages and each other. test_readme.py runs the commands."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from host_tests import pages, support
from host_tests.record import Run
from host_tests.target import ROOT
from tools import boards, packages, tables
from tools.bench import chip
from tools.cli import errors
from tools.cli.commands import parser
from tools.cli.rom import dfu_util

EVERY = sorted({*pages.HAND_WRITTEN, *pages.GENERATED})
FLASHING = (pages.DOCS / "flashing.md").read_text()
ARCHITECTURE = (pages.DOCS / "architecture.md").read_text()


def options() -> dict[str, set[str]]:
    """Of each command."""
    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {
        name: {option for action in sub._actions for option in action.option_strings}
        for name, sub in commands.choices.items()
    }


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_commands_and_options_that_are_named_are_there(path: Path) -> None:
    """Also those in prose, and with a place for a name."""
    known = options()
    for line in pages.of("romboot", path.read_text()):
        verb, *words = shlex.split(line)[1:]
        assert verb in known, line
        unknown = {w.partition("=")[0] for w in words if w.startswith("--")} - known[verb]
        assert not unknown, line


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in pages.links(path):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in pages.anchors(target), link


def test_make_knows_its_targets() -> None:
    """What demo and measure do is in test_cli.py."""
    lines = {*pages.commands(), *pages.of("make", pages.text())}
    targets = {shlex.split(line)[1] for line in lines if line.startswith("make ")}
    done = subprocess.run(["make", "-n", *targets], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_modules_that_are_run_are_there() -> None:
    names = set(re.findall(r"python -m ([\w.]+)", pages.text()))
    assert len(names) > 3
    for name in names:
        assert importlib.util.find_spec(name), name


def test_what_a_user_sees_is_what_romboot_says() -> None:
    """The first column of the table of troubles."""
    _, _, table = pages.README.read_text().partition("## If something goes wrong")
    rows = re.findall(r"^\| `([^`]*)` \|", table.partition("\n## ")[0], re.M)
    said = "\n".join(_texts())
    assert len(rows) > 7
    for row in rows:
        words = re.sub(r"^/dev/\w+|\b\d+\b", "*", row).split("*")
        assert all(part in said for part in words), row


def _texts() -> list[str]:
    files = (ROOT / "tools" / "cli").rglob("*.py")
    trees = (ast.parse(path.read_text()) for path in files)
    nodes = (node for tree in trees for node in ast.walk(tree))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_how_many_boards_are_refused() -> None:
    """The STM32N6 and the STM32H747I_DISCO; README.md has the number in words."""
    known = [support.entered(boards.load(name), Run("", "")) for name in boards.names()]
    assert sum(text.startswith("refused") for text in known) == 3
    assert "three of them it refuses" in pages.README.read_text()


def test_each_die_has_a_virtual_chip() -> None:
    on_bench = {chip.load(name).dev_id for name in chip.names()}
    assert on_bench == {die.dev_id for _, die in tables.dies()}


def test_the_exit_codes_are_those_of_the_commands() -> None:
    """In the words of --help."""
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", FLASHING, re.M)
    assert [int(number) for number, _ in rows] == [code.value for code in errors.Code]
    assert f"Exit codes: {'; '.join(map(' '.join, rows))}." == errors.EXIT_CODES


@pytest.mark.parametrize("folder", ["lib/romboot", "tools/tables", "tools/firmware"])
def test_the_architecture_names_each_module(folder: str) -> None:
    """But for one of a family. Those of the bench and of tools/cli: test_imports.py."""
    named = {name.rpartition("/")[2] for name in pages.spans(ARCHITECTURE)}
    for path in (ROOT / folder).glob("[!_]*.py"):
        of_family = re.sub(r"^stm32|_facts$", "", path.stem) in packages.families()
        assert of_family or path.name in named, f"docs/architecture.md does not name {path.name}"


def test_the_udev_rule_is_the_one_that_is_printed() -> None:
    assert f"```\n{dfu_util.RULE}\n```" in FLASHING
