"""romboot demo: the whole way on a virtual board, from the prompt to the prompt."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from ..bench.board import VirtualBoard
from ..bench.image import Segment, blocks, load_image
from ..bench.rom_run import Arrival
from ..bench.server import Server, running
from ..paths import LIB
from . import firmware, library, measure, mpremote, rom
from .errors import CliError

AFTER_MS = 100
SPEED = 20.0  # virtual seconds to a real one in the ROM, which erases for many
KIB = 1024
WIDTH = 40  # of a progress bar
LONGEST_S = 20.0  # seconds that the virtual board may take for anything


def run(args: argparse.Namespace) -> int:
    """Exit code 0 if every step did what it should. Another --firmware is given itself again."""
    mounts = firmware.can_mount(args.board) or args.firmware is not None
    heading(f"1. Firmware for the virtual {args.board}")
    given = args.firmware is not None
    image = firmware.image(args, frozen=not mounts)
    upgrade = image if given else firmware.build(args.board, frozen=True)
    size = sum(len(data) for _, data in load_image(image))
    print(f"  {image.name}, {size // KIB} KiB{'' if mounts else ', with romboot frozen in'}")
    board = VirtualBoard.load(args.board, firmware=image)
    with running(board, speed=SPEED, fast_while=VirtualBoard.rom_listens) as server:
        Demo(args.board, server, upgrade, ours=not given, mounts=mounts).run()
    return 0


class Demo:
    """The steps, in order, on one running board."""

    def __init__(
        self, name: str, server: Server[VirtualBoard], upgrade: Path, *, ours: bool, mounts: bool
    ) -> None:
        self.name = name
        self.server = server
        self.upgrade = upgrade
        self.ours = ours  # the upgrade has the library frozen in
        self.folder = LIB  # to mount: compiled, if the board can load that
        self.files = firmware.has_files(name)
        self.mounts = mounts  # the first firmware has not: the library comes by `mpremote mount`
        self.console = server.ports["console"]
        self.rom = server.ports["rom"]
        self.flash = server.board.soc.flash.base_address

    def run(self) -> None:
        """All of it."""
        self.boot()
        self.info()
        self.enter()
        self.update()
        self.prompt()

    def boot(self) -> None:
        heading(
            "2. Power on: real MicroPython on a virtual STM32, real mpremote on its serial port"
        )
        self.show_and_ask(
            "import os; print(os.uname().version, '|', os.uname().machine)", mount=False
        )
        mpy = mpremote.execute(self.console, library.MPY_OF_THE_BOARD)
        self.folder = library.loadable(int(mpy))
        if self.files:
            self.show_and_ask("f = open('mine.txt', 'w'); f.write('kept'); f.close()", mount=False)

    def info(self) -> None:
        heading("3. What is this chip, and where does its ROM listen?")
        self.show_and_ask("import romboot; romboot.info()")

    def enter(self) -> None:
        heading("4. Enter the bootloader")
        code = f"from romboot import enter_bootloader; enter_bootloader(after_ms={AFTER_MS})"
        self.show_and_ask(code)
        arrival = self.wait_for_arrival()
        print(f"  the ROM started at 0x{arrival.address:08X}")
        print(f"  registers that are not as a reset leaves them: {len(arrival.deviations)}")
        if not arrival.clean:
            raise CliError(str(arrival))
        if self.ours:
            self.cost()

    def cost(self) -> None:
        cost = measure.cost(self.name, self.upgrade, "romboot", measure.ROMBOOT)
        print(f"  instructions from the call to the ROM: {cost.call_to_rom:,}")
        print(f"  of these with interrupts masked: {cost.blackout:,}")

    def wait_for_arrival(self) -> Arrival:
        """The arrival in system memory, once the ROM has been watched for a while."""
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            with self.server.paused() as board:
                if board.arrival:
                    return board.arrival
            time.sleep(0.01)
        raise CliError("the virtual board did not reach system memory")

    def update(self) -> None:
        heading("5. Is it really the ROM? stm32loader asks it, and gives it new firmware")
        with rom.connected(self.rom) as loader:
            print(f"  {self.rom}: {rom.describe(loader)}")
            pieces = blocks(load_image(self.upgrade))
            sectors = self.sectors_of(pieces)
            size = sum(len(data) for _, data in pieces)
            frozen = ", with romboot frozen in" if self.ours else ""
            print(f"  new firmware: {self.upgrade.name}, {size // KIB} KiB{frozen}")
            print(f"  it goes to {len(sectors)} sectors; the others are not erased")
            rom.erase(loader, sectors, Bar("erase", len(sectors), "sectors").add)
            bar = Bar("write", size)
            for address, data in pieces:
                rom.write(loader, address, data, bar.add)
            bar = Bar("verify", size)
            for address, data in pieces:
                if rom.read(loader, address, len(data), bar.add) != data:
                    raise CliError(f"what the ROM reads back at 0x{address:08X} is not the image")
            print("  Go")
            loader.go(self.flash)

    def prompt(self) -> None:
        heading("6. The prompt again, from the new firmware")
        version = "import romboot; print('romboot', romboot.__version__)"
        print(self.ask(version, mount=not self.ours))
        if self.files:
            self.show_and_ask("print('mine.txt:', open('mine.txt').read())", mount=False)
        print("\nDone: prompt, ROM, new firmware, prompt. All of it on an emulated chip;")
        print("README.md says what that proves and what it does not.")

    def sectors_of(self, pieces: list[Segment]) -> list[int]:
        """Numbers of the sectors or pages of flash where these go."""
        with self.server.paused() as board:
            sectors = board.soc.flash.sectors
        return [
            number
            for number, sector in enumerate(sectors)
            if any(
                at < sector.base + sector.size and sector.base < at + len(data)
                for at, data in pieces
            )
        ]

    def show_and_ask(self, code: str, mount: bool = True) -> None:
        """Run code on the board, as a user would say it."""
        words = "mount lib exec" if mount and self.mounts else "exec"
        print(f'  $ mpremote {words} "{code}"', flush=True)
        print(self.ask(code, mount and self.mounts))

    def ask(self, code: str, mount: bool) -> str:
        """What the board prints, indented."""
        output = mpremote.execute(self.console, code, mount=self.folder if mount else None)
        return "\n".join("  " + line for line in output.splitlines())


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


class Bar:
    """A progress bar on one line; where nobody looks, only its end."""

    def __init__(self, what: str, total: int, unit: str = "KiB") -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done = 0

    def add(self, count: int) -> None:
        """So many more, bytes if the unit is KiB, are done."""
        self.done += count
        if sys.stdout.isatty() or self.done == self.total:
            filled = "#" * (WIDTH * self.done // self.total)
            number = self.done // KIB if self.unit == "KiB" else self.done
            line = f"{self.what:<7}[{filled:<{WIDTH}}] {number} {self.unit}"
            print(f"\r  {line}", end="", flush=True)
        if self.done == self.total:
            print(flush=True)
