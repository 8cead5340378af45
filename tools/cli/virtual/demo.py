"""romboot demo: the whole way on a virtual board, from the prompt to the prompt."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ... import boards, paths
from ...bench.board import VirtualBoard
from ...bench.image import load_image
from ...bench.rom_run import Arrival
from ...bench.server import Server, running
from ...bench.usb import board as usb
from ...paths import LIB
from .. import main
from ..device import library
from ..errors import CliError
from . import firmware, measure, mpremote

SPEED = 20.0  # virtual seconds to a real one in the ROM, which erases for many
KIB = 1024
ROMBOOT = [
    sys.executable,
    "-c",
    f"import sys; from {main.__module__} import main; sys.exit(main())",
]


def run(args: argparse.Namespace) -> int:
    """Exit code 0 if every step did what it should. Another --firmware is given itself again."""
    mounts = firmware.can_mount(args.board) or args.firmware is not None
    heading(f"1. Firmware for the virtual {args.board}")
    given = args.firmware is not None
    if mounts and not given:
        print(
            "  two of them: without romboot, and with it frozen in, which step 4 writes",
            flush=True,
        )
    image = firmware.image(args, frozen=not mounts)
    upgrade = image if given else firmware.build(args.board, frozen=True)
    size = sum(len(data) for _, data in load_image(image))
    print(f"  {image.name}, {size // KIB} KiB{'' if mounts else ', with romboot frozen in'}")
    board = VirtualBoard.load(args.board, firmware=image)
    with running(board, speed=SPEED, fast_while=VirtualBoard.rom_listens) as server:
        Demo(args.board, server, upgrade, ours=not given, mounts=mounts).run()
    over_usb(args.board, image, upgrade)
    print("\nDone: prompt, ROM, new firmware, prompt. All of it on an emulated chip.")
    print(f"What that proves, and what it does not: {paths.DOCS}/evidence.md")
    return 0


def over_usb(name: str, image: Path, upgrade: Path) -> None:
    """The same with a USB cable, where this machine can show one."""
    heading("6. The same over USB, with dfu-util")
    board = VirtualBoard.load(name, firmware=image)
    try:
        usb.check(board)
    except usb.UsbError as error:
        print(f"  not here: {error}")
        return
    if shutil.which("dfu-util") is None:
        print("  not here: dfu-util is not installed")
        return
    wires = usb.other_wires(board)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            running(board, speed=SPEED, wires=wires, fast_while=VirtualBoard.rom_listens)
        )
        bus = stack.enter_context(usb.bus())
        plugged = stack.enter_context(usb.plugged_in(server, bus))
        while not plugged.port():
            time.sleep(0.01)
        flash(name, upgrade, [], plugged.environment())


def flash(name: str, file: Path, words: list[str], environment: dict[str, str]) -> None:
    """Run `romboot flash` as a user would."""
    official = boards.load(name)
    if official.below:
        print(f"  --force, because the firmware of the virtual {name} begins where the real")
        print(f"  board has {official.below}.")
        words = [*words, "--force"]
    print(f"  $ romboot flash {' '.join([file.name, *words])}", flush=True)
    with subprocess.Popen(
        [*ROMBOOT, "flash", str(file), *words], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
    if process.returncode:
        raise CliError(f"romboot flash ended with exit code {process.returncode}")


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

    def run(self) -> None:
        """All of it."""
        self.boot()
        self.info()
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

    def update(self) -> None:
        heading("4. New firmware, in one command")
        rom = [] if self.rom == self.console else ["--rom", self.rom]
        words = ["--device", self.console, *rom]
        flash(self.name, self.upgrade, words, dict(os.environ))
        arrival = self.arrival()
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

    def arrival(self) -> Arrival:
        """How the ROM found the chip."""
        with self.server.paused() as board:
            if board.arrival:
                return board.arrival
        raise CliError("the virtual board did not reach system memory")

    def prompt(self) -> None:
        heading("5. The prompt again, from the new firmware")
        version = "import romboot; print('romboot', romboot.__version__)"
        print(self.ask(version, mount=not self.ours))
        if self.files:
            self.show_and_ask("print('mine.txt:', open('mine.txt').read())", mount=False)

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
