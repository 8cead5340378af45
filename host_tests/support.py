"""python -m host_tests.support [BOARD...]: write the tables of support.

docs/boards.md has a row for each board, README.md one for each family. They are made of boards/,
of docs/matrix.txt and of the reports in docs/silicon. A board that is named, or has no line in
docs/matrix.txt yet, runs on the bench first and gets its line. A test makes the tables again and
compares.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from host_tests import record
from host_tests.conftest import EVERY_BOARD
from host_tests.record import ARRIVED, Run
from host_tests.target import ROOT
from tools import boards, tables
from tools.bench import chip
from tools.boards import Board, Cable
from tools.cli.device.script import names
from tools.cli.prove import form

PAGE, README, SILICON = ROOT / "docs" / "boards.md", ROOT / "README.md", ROOT / "docs" / "silicon"
BEGIN, END = "<!-- made by python -m host_tests.support -->\n", "<!-- end -->\n"
WAYS = ("jump", "reset")
FAMILY = len("STM32F4")

PAGE_HEAD = """\
# Boards

What to plug in, what to type, and what to press if nothing answers. `romboot info` says the same
of the board that is connected.

(`python -m host_tests.support` writes this page: of [boards](../boards), of the last run of each
board on the bench ([matrix.txt](matrix.txt)), of the [reports from silicon](silicon/README.md).)

- **into the ROM**: the ways that arrive, with each register at its reset value; or why not.
- **seen on**: *emulator*, MicroPython on the virtual chip, to the ROM's answer and back to the
  prompt; *official image*, the official build of that version on the virtual chip; *silicon*, how
  many entries arrived of those that were tried, over all reports.
- In commands PROMPT is the serial port of the prompt, ADAPTER that of a serial adapter, and 1-2
  stands for the USB path, which `romboot boards` shows once the board is in its ROM. Connectors
  have the names that are printed on the board.

| board | chip | into the ROM | seen on |
|---|---|---|---|
"""
README_HEAD = """\
| family | dies | boards | into the ROM by | seen on |
|---|---|--:|---|---|
"""


@dataclass(frozen=True)
class Silicon:
    """What the reports say of a board."""

    reports: int = 0
    arrived: int = 0
    tries: int = 0


# --- what is known of a board ------------------------------------------------------------------


def silicon() -> dict[str, Silicon]:
    """Reports of virtual boards are not counted. A build name may be that of a variant, or be
    missing; then the names of board and chip that the firmware prints tell the board."""
    found: dict[str, Silicon] = {}
    for path in sorted(SILICON.glob("*.json")):
        report = form.read(path)
        board = boards.identify(report.build, report.machine)
        name = board.build if board else report.machine
        if not report.virtual:
            so_far = found.get(name, Silicon())
            found[name] = Silicon(
                so_far.reports + 1,
                so_far.arrived + report.arrived,
                so_far.tries + report.tries,
            )
    return found


def listens(board: Board) -> list[str]:
    """What its ROM listens on, of any version."""
    dev_id = chip.load(board.chip).dev_id
    die = next(die for _, die in tables.dies() if die.dev_id == dev_id)
    return [str(interface) for interface in die.interfaces]


def entered(board: Board, run: Run | None) -> str:
    """By which ways, or why not."""
    if board.refused:
        return f"refused: {board.refused}"
    if run is None:
        return "not tried"
    refused = boards.read(boards.BOARDS / f"{board.build}.toml").get("romboot", {})
    if refused.get("reset", "").startswith("the heap is at"):  # an address says little here
        refused["reset"] = (
            f"the heap is in {board.heap}, where no code runs after a reset; `romboot enter` has "
            "both ways"
        )
    if not board.hook:  # as each firmware of the bench has
        without = {"reset": "the official build has no early-boot hook"}
        refused = without | refused
        if "then" in refused:
            refused["then"] = without | refused["then"]
    if "then" not in refused:
        return _ways(refused)
    register, mask, value = refused["then"]["option"]
    option = f"with FLASH.{register} & 0x{mask:08X} = {value}"
    return f"{_ways(refused)}; {option} {_ways(refused['then'])}"


def _ways(refused: Mapping[str, str]) -> str:
    why = {way: refused[way] for way in WAYS if way in refused}
    if len(why) == len(WAYS) and len(set(why.values())) == 1:
        return f"refused: {why[WAYS[0]]}"
    return ", ".join(f"{way} refused: {why[way]}" if way in why else way for way in WAYS)


def cables(board: Board) -> Iterator[str]:
    """A row for each: where it goes, what it reaches, what to type then; the best first."""
    found = [] if board.refused else listens(board)
    reach = [(cable, cable.interface(found)) for cable in board.cables]
    for cable, interface in reach:
        if interface:
            adapter = ", with a serial adapter" if cable.kind == "uart" else ""
            note = f" ({cable.note})" if cable.note else ""
            yield _row(f"{cable.at}{adapter}{note}", interface, f"`{_command(cable)}`")
    for cable, interface in reach:
        if not interface and not board.refused:
            yield _row(f"{cable.at}", f"not the ROM: {cable.blocked(found)}", "")


def _command(cable: Cable) -> str:
    if cable.kind == "usb":
        elsewhere = "" if cable.prompt else " --device PROMPT --usb 1-2"
        return f"romboot flash firmware.dfu{elsewhere}"
    elsewhere = "" if cable.prompt else " --rom ADAPTER"
    return f"romboot flash firmware.hex --device PROMPT{elsewhere}"


def official(board: Board) -> Iterator[str]:
    """What of the official build, and of the die, a user must know."""
    if board.below:
        yield (
            f"The official build begins at 0x{board.app_base:08X}; below it is {board.below}, "
            "which stays."
        )
    if board.heap != "SRAM":
        yield (
            f"The heap of the official build is in {board.heap}: the commands of the host work, "
            "the library only if it is frozen in ([how](library.md#in-your-own-firmware))."
        )
    if not board.assembler:
        yield "The official build has no inline assembler: freeze the library with `asm=False`."


def seen(run: Run | None, reports: Silicon | None) -> Iterator[str]:
    """On what it was seen to do so."""
    if run:
        yield "emulator"
        if run.official:
            yield f"official image {run.official}"
    if reports:
        tries = f"{reports.arrived} of {reports.tries}"
        yield f"silicon {tries if reports.tries else '(refused)'}"


# --- the two tables ----------------------------------------------------------------------------


def page() -> str:
    """docs/boards.md."""
    runs, reports = record.read(), silicon()
    rows = [
        _row(
            f"[{name}](#{name.lower()})",
            board.mcu_name,
            entered(board, runs.get(name)),
            ", ".join(seen(runs.get(name), reports.get(name))),
        )
        for name, board in _every()
    ]
    rows += [
        _row(name, "", "no file in boards/", ", ".join(seen(None, reports[name])))
        for name in sorted(set(reports) - set(boards.names()))
    ]
    return PAGE_HEAD + "".join(rows) + "".join(_section(board) for _, board in _every())


def _section(board: Board) -> str:
    """What somebody needs who holds this board."""
    rows = "".join(cables(board))
    table = f"| plug in | that reaches | type |\n|---|---|---|\n{rows}\n" if rows else ""
    ways = entered(board, record.read().get(board.build))
    notes = [f"Into the ROM: {ways}."] if ways != ", ".join(WAYS) else []
    notes += official(board)
    if board.boot0:
        notes.append(f"If nothing answers: {board.boot0}.")
    text = "".join(f"- {note}\n" for note in notes)
    return f"\n## {board.build}\n\n{board.name}, with an {board.mcu_name}.\n\n{table}{text}"


def families() -> str:
    """The table of README.md."""
    runs, reports = record.read(), silicon()
    every = sorted(_every(), key=lambda each: _family(each[1]))
    rows = [
        _family_row(family, [*some], runs, reports)
        for family, some in groupby(every, key=lambda each: _family(each[1]))
    ]
    return README_HEAD + "".join(rows) + f"\nOn silicon: {_on_silicon(reports)}\n"


def _on_silicon(reports: dict[str, Silicon]) -> str:
    asks = (
        "If you have a board: [a minute of yours](docs/silicon/README.md) with the command "
        "`prove`, which writes no flash, is evidence."
    )
    count = sum(each.reports for each in reports.values())
    have = f"{count} {'report' if count == 1 else 'reports'}, of {_boards(len(reports))}."
    return f"{have if count else '**not yet**.'} {asks}"


def _family_row(
    family: str,
    some: list[tuple[str, Board]],
    runs: dict[str, Run],
    reports: dict[str, Silicon],
) -> str:
    ways = Counter[str]()
    said: list[str] = []
    for name, board in some:
        run = runs.get(name)
        arrived = [way for way in WAYS if run and getattr(run, way) == ARRIVED]
        why = re.split("[.;] ", entered(board, run).removeprefix("refused: "))[0]
        ways.update(arrived or [f"refused: {why}" if run or board.refused else why])
        said += seen(run, reports.get(name))
    by = [
        way if n == len(some) else f"{way} ({n} of {len(some)})" for way, n in ways.most_common()
    ]
    official = sum("official" in each for each in said)
    on_silicon = sum("silicon" in each for each in said)
    marks = ["emulator"] if "emulator" in said else []
    marks += [f"official image ({_boards(official)})"] if official else []
    marks += [f"silicon ({_boards(on_silicon)})"] if on_silicon else []
    return _row(family, _dies(family), str(len(some)), ", ".join(by), ", ".join(marks))


def _boards(count: int) -> str:
    return "1 board" if count == 1 else f"{count} boards"


def _dies(family: str) -> str:
    """Of a series of ST: F401/405/407 and so on, without the letter for the size of the flash."""
    every = (
        name for _, die in tables.dies() for name in names(die.name) if name.startswith(family)
    )
    parts = sorted({re.split("X|-", name.removeprefix("STM32"))[0] for name in every})
    letters = len(family.removeprefix("STM32").rstrip("0123456789"))
    return "/".join(part[letters if i else 0 :] for i, part in enumerate(parts))


def _family(board: Board) -> str:
    return board.chip[:FAMILY]


def _every() -> list[tuple[str, Board]]:
    return [(name, boards.load(name)) for name in boards.names()]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def in_readme(text: str) -> str:
    """README.md with its table, and how many boards there are, as it should be."""
    text = re.sub(r"\[\d+ boards\]", f"[{len(boards.names())} boards]", text)
    before, found, rest = text.partition(BEGIN)
    _, ends, after = rest.partition(END)
    assert found and ends, f"README.md has no {BEGIN.strip()} or no {END.strip()} behind it"
    return before + BEGIN + families() + END + after


# --- the command -------------------------------------------------------------------------------


def run(names: Iterable[str]) -> None:
    """Boards on the bench; each gets its line as soon as it is known."""
    from host_tests.test_matrix import there_and_back  # it compares with the record

    for name in names:
        print(f"{name}: on the bench", flush=True)
        with contextlib.redirect_stderr(io.StringIO()):  # stm32loader's "can take ten seconds"
            jump, reset = there_and_back(name)
        runs = record.read()
        official = runs[name].official if name in runs else ""
        record.write({**runs, name: Run(jump, reset, official)})


def main(names: list[str]) -> None:
    """Without names: the boards that have no line."""
    runs = record.read()
    record.write({name: runs[name] for name in runs if name in EVERY_BOARD})
    run(names or [name for name in EVERY_BOARD if name not in runs])
    PAGE.write_text(page())
    README.write_text(in_readme(README.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
