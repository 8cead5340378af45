"""A board as a test sees it: two serial ports, and for a virtual one the chip behind them."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from stm32loader.bootloader import Stm32Bootloader

from tools.bench.board import VirtualBoard
from tools.bench.rom_run import Arrival
from tools.bench.server import Server, running
from tools.cli.errors import CliError
from tools.cli.rom import serial_rom
from tools.cli.virtual import mpremote

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
LIB = ROOT / "lib"
MANIFEST = ROOT / "manifest.py"
TEST_BOARDS = ROOT / "host_tests" / "boards"  # memory laid out as on no board of boards/

FLASH = 0x08000000
LONGEST_S = 250  # real seconds for a program, on a machine that is busy with other things
HOST_S = 120  # real seconds that the start of the ROM waits for mpremote to end
SPEED = 100.0  # virtual seconds to a real one in the ROM, which erases for many
CLEAN = "the ROM found the chip as a reset would have left it"
ENTER = "from romboot import enter_bootloader; enter_bootloader(after_ms=100)"


def manifest_without_assembler(folder: Path) -> Path:
    """As docs/library.md says for builds that have none."""
    manifest = folder / "manifest.py"
    manifest.write_text(f"include({str(MANIFEST)!r}, asm=False)\n")
    return manifest


def how_it_arrives(board: VirtualBoard, longest_ms: int = 3000) -> str:
    """Run a board until its ROM has started; what the ROM found, or what the board said."""
    if arrival := board.run_to_rom(longest_ms):
        return str(arrival)
    said = board.wires["console"].host.read().decode(errors="replace")
    return f"no arrival within {longest_ms} ms; faults: {board.core.faults}; console: {said}"


def until(look: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Look until it holds; it is an error if that takes longer."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.005)


@dataclass
class Target:
    """console: the port of the prompt. rom: the port where the ROM answers, if known."""

    console: str
    rom: str | None

    def mpremote(
        self, *words: str, timeout: float = LONGEST_S
    ) -> subprocess.CompletedProcess[str]:
        """`mpremote connect CONSOLE WORDS...`; any exit code is returned."""
        return mpremote.run(self.console, *words, timeout=timeout)

    def ok(self, *words: str, timeout: float = LONGEST_S) -> str:
        """The same, but it must succeed; its output."""
        done = self.mpremote(*words, timeout=timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def rom_port(self) -> str:
        if self.rom is None:
            pytest.skip("where does its ROM answer? say so with --rom-port")
        return self.rom

    def loader(self) -> contextlib.AbstractContextManager[Stm32Bootloader]:
        """The ROM, answering."""
        return serial_rom.connected(self.rom_port)

    def identify(self) -> int:
        """The DEV_ID that the ROM gives."""
        with self.loader() as loader:
            return loader.get_id()


class RealTarget(Target):
    """A board on the desk."""

    @classmethod
    @contextlib.contextmanager
    def at(cls, console: str, rom: str | None) -> Iterator[RealTarget]:
        """The board at these ports. If it was left in its ROM, that starts the application."""
        target = cls(console, rom)
        yield target
        if rom:
            with contextlib.suppress(CliError), target.loader() as loader:
                loader.go(FLASH)


@dataclass
class VirtualTarget(Target):
    """A board in the bench."""

    server: Server[VirtualBoard]
    host_is_done: threading.Event

    @classmethod
    @contextlib.contextmanager
    def boot(
        cls, name: str, image: Path, flash_file: Path | None = None
    ) -> Iterator[VirtualTarget]:
        """Power on a virtual board, for the length of a `with` block. What the program did that
        the bench does not model, or that a chip may not survive, fails the test at its end.
        flash_file: what was in its flash before, the firmware excepted; see `keep_flash`."""
        board = VirtualBoard.load(name, image, flash_file)
        with running(board, speed=SPEED, fast_while=VirtualBoard.rom_listens) as server:
            target = cls(server.ports["console"], server.ports["rom"], server, threading.Event())
            target.host_is_done.set()

            def wait_for_host(arrival: Arrival) -> None:
                server._pump()  # mpremote waits for what was said right before
                target.host_is_done.wait(HOST_S)

            board.on_arrival = wait_for_host
            yield target
            with server.paused() as board:
                assert not board.soc.unmodelled
                assert not board.soc.violations

    def mpremote(
        self, *words: str, timeout: float = LONGEST_S
    ) -> subprocess.CompletedProcess[str]:
        """The same. Its last bytes are a CR and a Ctrl-B. A host that is in time has sent them
        before the ROM listens, where one cable serves both; here that does not depend on how
        busy this machine is, because the ROM's start waits until mpremote has ended."""
        self.host_is_done.clear()
        try:
            return super().mpremote(*words, timeout=timeout)
        finally:
            self.host_is_done.set()

    def keep_flash(self) -> None:
        """Write the flash file, as the end of a run of `romboot bench` does."""
        with self.server.paused() as board:
            board.close()

    def wait_for(self, look: Callable[[VirtualBoard], T | None], seconds: float = 60) -> T:
        """Look at the board until there is something to see."""
        end = time.monotonic() + seconds
        while True:
            with self.server.paused() as board:
                seen = look(board)
            if seen is not None:
                return seen
            assert time.monotonic() < end, f"nothing seen within {seconds} s"
            time.sleep(0.01)

    def arrival(self) -> Arrival:
        """How the ROM found the chip, once it has started."""
        return self.wait_for(lambda board: board.arrival)
