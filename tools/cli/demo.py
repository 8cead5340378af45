"""romboot demo: the whole way on a virtual board, from the prompt to the prompt."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from ..bench.board import VirtualBoard
from ..bench.image import flatten, load_image
from ..bench.rom_run import Arrival
from ..bench.server import Server, running
from . import firmware, measure, mpremote, rom
from .errors import CliError

FLASH = 0x08000000
AFTER_MS = 100
SPEED = 20.0  # virtual seconds to a real one in the ROM: erasing 2 MiB takes 16
WIDTH = 40  # of a progress bar
PATIENCE = 20.0  # seconds that the virtual board may take for anything


def run(args: argparse.Namespace) -> int:
    """Exit code 0 if every step did what it should. Another --firmware is given itself again."""
    heading(f"1. Firmware for the virtual {args.board}")
    image = firmware.image(args)
    upgrade = image if args.firmware else firmware.build(args.board, frozen=True)
    _, data = flatten(load_image(image))
    print(f"  {image.name}, {len(data) // 1024} KiB")
    board = VirtualBoard.load(args.board, firmware=image)
    with running(board, speed=SPEED, hurries=VirtualBoard.rom_listens) as server:
        Demo(args.board, server, upgrade, ours=args.firmware is None).run()
    return 0


class Demo:
    """The steps, in order, on one running board."""

    def __init__(self, name: str, server: Server[VirtualBoard], upgrade: Path, ours: bool) -> None:
        self.name = name
        self.server = server
        self.upgrade = upgrade
        self.ours = ours  # the upgrade has the library frozen in
        self.console = server.ports["console"]
        self.rom = server.ports["rom"]

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
        show("mpremote", "exec", "import os; print(os.uname().version, '|', os.uname().machine)")
        print(self.ask("import os; print(os.uname().version, '|', os.uname().machine)"))

    def info(self) -> None:
        heading("3. What is this chip, and where does its ROM listen?")
        show("mpremote", "mount lib exec", "import romboot; romboot.info()")
        print(self.ask("import romboot; romboot.info()"))

    def enter(self) -> None:
        heading("4. Enter the bootloader")
        code = f"from romboot import enter_bootloader; enter_bootloader(after_ms={AFTER_MS})"
        show("mpremote", "mount lib exec", code)
        self.ask(code)
        arrival = self.wait_for_arrival()
        print(f"  the ROM started at 0x{arrival.address:08X}")
        print(f"  registers that are not as a reset leaves them: {len(arrival.deviations)}")
        if not arrival.clean:
            raise CliError(str(arrival))
        if self.ours:
            self.cost()

    def cost(self) -> None:
        cost = measure.cost(self.name, self.upgrade, "romboot", measure.ROMBOOT)
        print(f"  instructions from the call to the ROM: {cost.call_to_rom:,},")
        print(f"  of these with interrupts masked: {cost.blackout:,}")

    def wait_for_arrival(self) -> Arrival:
        """The arrival in system memory, once the ROM has been watched for a while."""
        end = time.monotonic() + PATIENCE
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
            loader.extended_erase_memory()
            address, data = flatten(load_image(self.upgrade))
            rom.write(loader, address, data, bar)
            if rom.read(loader, address, len(data), bar) != data:
                raise CliError(f"what the ROM reads back at 0x{address:08X} is not the image")
            print("  Go")
            loader.go(FLASH)

    def prompt(self) -> None:
        heading("6. The prompt again, from the new firmware")
        version = "import romboot; print('romboot', romboot.__version__)"
        print(self.ask(version, mount=not self.ours))
        print("\nDone: prompt, ROM, new firmware, prompt. All of it on an emulated chip;")
        print("README.md says what that proves and what it does not.")

    def ask(self, code: str, mount: bool = True) -> str:
        """Run code on the board; its output, indented."""
        output = mpremote.execute(self.console, code, mount=mount)
        return "\n".join("  " + line for line in output.splitlines())


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


def show(program: str, words: str, code: str) -> None:
    print(f'  $ {program} {words} "{code}"', flush=True)


def bar(what: str, done: int, total: int) -> None:
    """A progress bar on one line; where nobody looks, only its end."""
    if sys.stdout.isatty() or done == total:
        filled = WIDTH * done // total
        print(f"\r  {what:<7}[{'#' * filled:<{WIDTH}}] {done // 1024} KiB", end="", flush=True)
    if done == total:
        print(flush=True)
