"""MicroPython's own test suite on the virtual chip: does the CPU compute what a real one does?

Nearly 700 tests of the language, the heap, the compiler's native code and the inline assembler,
single-precision floats and the soft reset between two tests. There is no list of exceptions here.
A part of them runs, one of the parts below for each directory: `make test` has the inline
assembler, which romboot is written in, `make test-all` the others. All run with --whole-suite.
What does not run is left out by the suite's own `run-tests.py` as on any pyboard, because

- a feature check of it failed on the target (complex numbers, doubles: `float_divmod` and the
  three `*_doubleprec` tests),
- the test says SKIP after a look at its target (`sys_getsizeof`, `memoryview_itemsize`,
  `nanbox_smallint`, ...), or
- it is for PCs only (`basics/exception_chain`, `micropython/meminfo`).

A test gets into the board's RAM as by a debugger and is run by a line at the prompt; what it
prints comes over the wire, as does the soft reset before it.

`ports/stm32` of the suite is about `pyb`, which the bench firmware has not got.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from host_tests.micropython_suite import Suite
from tools.bench.board import VirtualBoard
from tools.firmware import build, source_tree

BOARD = "NUCLEO_F429ZI"
# directory -> (parts, so that they can run side by side; fewest tests that must have run in all)
DIRECTORIES = {
    "basics": (10, 500),
    "micropython": (2, 80),
    "float": (2, 55),
    "inlineasm/thumb": (1, 18),
}
QUICK = "inlineasm/thumb"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    whole = metafunc.config.getoption("--whole-suite")
    parts = {name: n if whole else 1 for name, (n, _) in DIRECTORIES.items()}
    if "directory" in metafunc.fixturenames:
        pairs = [
            pytest.param(name, n, marks=[] if name == QUICK else [pytest.mark.thorough])
            for name, count in parts.items()
            for n in range(count)
        ]
        metafunc.parametrize(("directory", "part"), pairs)


def test_suite(directory: str, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = source_tree()
    monkeypatch.chdir(tree / "tests")  # its rules name tests relative to there
    monkeypatch.setenv("MICROPY_CPYTHON3", sys.executable)
    board = VirtualBoard.load(BOARD, firmware=build(BOARD))
    parts, fewest = DIRECTORIES[directory]
    tests = sorted(str(path) for path in Path(directory).glob("*.py"))[part::parts]

    report = Suite(tree, board, tmp_path).run(tests)

    assert not report.failed, report.text
    assert len(report.passed) + len(report.skipped) == len(tests)
    assert len(report.passed) >= fewest // parts - 2, f"skipped: {report.skipped}"
    assert not board.core.faults
    assert not board.soc.unmodelled
    assert not board.soc.violations
