"""A virtual board on this machine's pseudo terminals: `python -m tools.bench BOARD ...`."""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .board import VirtualBoard
from .server import Server

EPILOG = """\
Connect mpremote to the console and stm32loader or stm32flash to the rom terminal (8N1: a terminal
has no parity). Without --firmware the board is a new one with BOOT0 held high, so its ROM starts.
"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description="Run a virtual STM32 board until Ctrl-C.",
        epilog=EPILOG,
    )
    parser.add_argument("board", help="a file in boards/, such as NUCLEO_F429ZI")
    parser.add_argument("--firmware", type=Path, metavar="FILE", help="an .elf, .hex, .dfu, .bin")
    parser.add_argument("--flash", type=Path, metavar="FILE", help="keep the flash in this file")
    parser.add_argument("--boot0", action="store_true", help="hold the BOOT0 pin high")
    parser.add_argument("--link", type=Path, metavar="DIR", help="make links to the terminals")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="N",
        help="virtual seconds to a real one while the chip waits (%(default)s)",
    )
    parser.add_argument(
        "--rom-resets", type=float, default=0.0, metavar="SHARE",
        help="the share of its starts, from 0 to 1, in which the ROM resets the chip, as that of "
        "an F405 with a crystal above 8 MHz does; the same ones in each run",
    )  # fmt: skip
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one board. Exit code 0 after Ctrl-C or SIGTERM, 1 if it cannot start."""
    try:
        serve(parse(argv))
    except (OSError, ValueError) as error:
        print(f"tools.bench: {error}", file=sys.stderr)
        return 1
    return 0


def serve(options: argparse.Namespace) -> None:
    """Serve one board until Ctrl-C or SIGTERM. Raises OSError or ValueError if it cannot start."""
    board = load(options)
    server = Server(board, options.link, options.speed)
    narrator = Narrator()
    board.say = narrator.say
    server.on_lockup = lambda: narrator.say(f"the CPU has locked up: {board.core.lockup}")
    with stopped_by_signals(server):
        announce(server)
        server.run()
    narrator.flush()
    board.close()


def load(options: argparse.Namespace) -> VirtualBoard:
    """The board, powered on."""
    board = VirtualBoard.load(options.board, options.firmware, options.flash)
    dice = random.Random(options.board)
    board.in_system_memory.resets = lambda: dice.random() < options.rom_resets
    blank = not options.firmware and not (options.flash and options.flash.exists())
    if options.boot0 or blank:
        board.boot0 = True
        board.press_reset()
    return board


@contextlib.contextmanager
def stopped_by_signals(server: Server[VirtualBoard]) -> Iterator[None]:
    """Ctrl-C and SIGTERM end `server.run`; afterwards they mean what they meant before."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: server.stop()) for number in numbers]
    try:
        yield
    finally:
        server.close()
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def announce(server: Server[VirtualBoard]) -> None:
    """Say which cable ends where."""
    board = server.board
    print(f"{board.name} with {board.chip.name} is on. Ctrl-C ends it.")
    for name, port in server.ports.items():
        print(f"  {name:<8} {board.wires[name].pins:<10} {port}")
    sys.stdout.flush()


class Narrator:
    """Prints what happens, a line each; of many reads and writes in a row only the first."""

    def __init__(self) -> None:
        self._in_a_row = False
        self._more = 0

    def say(self, sentence: str) -> None:
        transfer = sentence.startswith(("Read Memory:", "Write Memory:"))
        if transfer and self._in_a_row:
            self._more += 1
            return
        self.flush()
        self._in_a_row = transfer
        print(sentence, flush=True)

    def flush(self) -> None:
        if self._more:
            print(f"  and {self._more} more of these", flush=True)
        self._more = 0


if __name__ == "__main__":
    sys.exit(main())
