"""MicroPython's own test runner on a virtual board: its `tests/run-tests.py`, its rules.

The runner is loaded as a module and given a board that is not on a serial port but in memory, so
what it runs, skips and expects is decided by the same lines that decide it for a pyboard on a
desk. Time is virtual on both sides: what the runner sleeps, the board runs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tools.bench.board import VirtualBoard

SLICE_MS = 1.0  # run when the runner finds nothing to read; a character takes 0.09 ms
READ_LIMIT_MS = 60_000.0
BOOT_LIMIT_MS = 5_000
SCRIPT_AT = 0x1000_8000  # the half of CCM RAM that the firmware does not use
RUN_SCRIPT = "exec(__import__('uctypes').bytearray_at({}, {}))"  # names nothing in __main__


class WirePort:
    """The console of a board as pyserial would show it to `pyboard.py`."""

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board
        self._wire = board.wires["console"].host
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        self._wire.send(data)
        return len(data)

    def inWaiting(self) -> int:  # pyserial's name
        if not self._buffer:
            self.sleep(SLICE_MS / 1000)
        return len(self._buffer)

    def read(self, size: int = 1) -> bytes:
        """Waits in virtual time; fewer bytes than `size` if none come for READ_LIMIT_MS."""
        waited = 0.0
        while len(self._buffer) < size and waited < READ_LIMIT_MS:
            waited += SLICE_MS
            self.sleep(SLICE_MS / 1000)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass; stands in for `time.sleep`."""
        self._board.run_ms(seconds * 1000)
        self._buffer += self._wire.read()

    def wait_for_prompt(self) -> None:
        """From power-on on. Raises TimeoutError."""
        for _ in range(BOOT_LIMIT_MS):
            self.sleep(0.001)
            if self._buffer.endswith(b">>> "):
                return
        raise TimeoutError(f"no prompt within {BOOT_LIMIT_MS} virtual ms: {bytes(self._buffer)!r}")

    def put_script(self, script: bytes) -> str:
        """Write a test into RAM as a debugger does; the line for the prompt that runs it."""
        self._board.soc.map.write(SCRIPT_AT, script)
        return RUN_SCRIPT.format(SCRIPT_AT, len(script))

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Report:
    """What the runner found: names of tests, such as "basics/list1.py"."""

    passed: list[str]
    skipped: list[str]
    failed: list[str]
    text: str
    """All that it printed, and for each failure what was expected and what came."""


class Suite:
    """The suite of a MicroPython source tree, on one board.

    Args:
        tree: the source tree.
        board: just powered on.
        results: a directory for the runner's files.
    """

    def __init__(self, tree: Path, board: VirtualBoard, results: Path) -> None:
        self._results = results
        port = WirePort(board)
        port.wait_for_prompt()
        self._runner = _load(tree / "tests" / "run-tests.py")
        self._pyboard = self._connect(_load(tree / "tools" / "pyboard.py"), port)

    def _connect(self, pyboard: ModuleType, port: WirePort) -> object:
        class OnWire(pyboard.Pyboard):
            def __init__(self) -> None:
                self.in_raw_repl, self.use_raw_paste = False, True
                self.serial = port

            def exec_raw_no_follow(self, command: bytes) -> None:
                # Character by character, half of the work would be interrupts of the USART.
                super().exec_raw_no_follow(port.put_script(command))

        # As the runner's get_test_instance() does for a serial port.
        vars(pyboard)["time"] = port
        vars(self._runner)["pyboard"] = pyboard
        OnWire.run_script_on_remote_target = self._runner.run_script_on_remote_target
        return OnWire()

    def run(self, tests: list[str]) -> Report:
        """Run tests, named relative to the suite, which must be the current directory."""
        args = argparse.Namespace(
            emit="bytecode", via_mpy=False, mpy_cross_flags="", filters=[], heapsize=None
        )
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self._runner.detect_test_platform(self._pyboard, args)
            self._runner.run_tests(self._pyboard, tests, args, str(self._results))
        text = printed.getvalue()
        failed = json.loads((self._results / self._runner.RESULTS_FILE).read_text())
        return Report(
            passed=_listed("pass", text),
            skipped=_listed("skip", text),
            failed=failed["failed_tests"],
            text=text + self._differences(),
        )

    def _differences(self) -> str:
        files = sorted([*self._results.glob("*.out"), *self._results.glob("*.exp")])
        return "".join(f"--- {file.name}\n{file.read_text(errors='replace')}" for file in files)


def _listed(verdict: str, text: str) -> list[str]:
    words = (line.split() for line in text.splitlines())
    return [line[1] for line in words if len(line) > 1 and line[0] == verdict]


def _load(path: Path) -> ModuleType:
    name = path.stem.replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
