"""A virtual board on this machine's pseudo terminals: `python -m tools.bench BOARD ...`."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from .board import VirtualBoard
from .server import Server
from .usb import board as usb
from .usb.faults import Faults

EPILOG = """\
Connect mpremote to the console and stm32loader or stm32flash to the rom terminal (8N1: a terminal
has no parity). Without --firmware the board is a new one with BOOT0 held high, so its ROM starts.
"""

KEEP_NS = 1_000_000_000  # virtual, between two looks at what is to be kept


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
    parser.add_argument(
        "--usb", action="store_true", help="plug a USB cable in, on Linux: see tools/bench/usb"
    )
    parser.add_argument(
        "--usb-fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="something that goes wrong on USB, such as leave=goes-first or seed=7",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one board. Exit code 0 after Ctrl-C, SIGTERM or SIGHUP, 1 if it cannot start."""
    try:
        serve(parse(argv))
    except (OSError, ValueError) as error:
        print(f"tools.bench: {error}", file=sys.stderr)
        return 1
    return 0


def serve(options: argparse.Namespace) -> None:
    """Serve one board until Ctrl-C, SIGTERM or SIGHUP. Raises OSError or ValueError if it cannot
    start."""
    with contextlib.ExitStack() as locks:
        for path in (options.flash, options.link):
            if path:
                locks.enter_context(locked(path, folder=path == options.link))
        _serve(options)


def _serve(options: argparse.Namespace) -> None:
    board = load(options)
    faults = Faults.parse(options.usb_fault)
    if options.usb:
        usb.check(board)
    wires = usb.other_wires(board) if options.usb else None
    server = Server(board, options.link, options.speed, wires)
    keep(board)
    narrator = Narrator()
    board.say = narrator.say
    server.on_lockup = lambda: narrator.say(f"the CPU has locked up: {board.core.lockup}")
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(stopped_by_signals(server))
            announce(server)
            if options.usb:
                where = stack.enter_context(usb.bus())
                announce_usb(stack.enter_context(usb.plugged_in(server, where, faults)))
            server.run()
        narrator.flush()
    finally:  # also if the terminal is closed, and nothing can be said any more
        board.close()


def load(options: argparse.Namespace) -> VirtualBoard:
    """The board, powered on."""
    board = VirtualBoard.load(options.board, options.firmware, options.flash)
    dice = random.Random(options.board)
    board.in_system_memory.resets = lambda: dice.random() < options.rom_resets
    kept = options.flash and options.flash.exists() and options.flash.stat().st_size
    blank = not options.firmware and not kept
    if options.boot0 or blank:
        board.boot0 = True
        board.press_reset()
    return board


def keep(board: VirtualBoard) -> None:
    """Write the flash file again and again: however this ends, not much is lost."""
    board.close()
    board.clock.after(KEEP_NS, lambda: keep(board))


@contextlib.contextmanager
def locked(path: Path, *, folder: bool) -> Iterator[None]:
    """Nobody else serves a board with this file or folder, which is made if need be."""
    if folder:
        path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{path} is in use by another virtual board: name another") from None
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def stopped_by_signals(server: Server[VirtualBoard]) -> Iterator[None]:
    """Signals end `server.run`, or are the reset button; afterwards they mean what they did."""
    ends = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
        ends.remove(signal.SIGHUP)
    before = {n: signal.signal(n, lambda *_: server.stop()) for n in ends}
    for number in (signal.SIGQUIT, signal.SIGUSR1):
        before[number] = signal.signal(number, lambda *_: press_reset(server))
    try:
        yield
    finally:
        server.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def press_reset(server: Server[VirtualBoard]) -> None:
    """From a signal handler, which may come while the board is in the middle of something."""

    def press() -> None:
        with server.paused() as board:
            board.press_reset()

    threading.Thread(target=press).start()


def announce(server: Server[VirtualBoard]) -> None:
    """Say which cable ends where."""
    board = server.board
    print(f"{board.name} with {board.chip.name} is on. Ctrl-C ends it; its reset button is")
    print(f"Ctrl-\\, or kill -USR1 {os.getpid()}")
    for name, port in server.ports.items():
        print(f"  {name:<8} {board.wires[name].pins:<10} {port}")
    sys.stdout.flush()


def announce_usb(board: usb.UsbBoard) -> None:
    """Say how programs see the USB bus, and what is on it."""
    variables = " ".join(f"{name}={value}" for name, value in board.bus.environment().items())
    print(f"  {'usb':<8} {board.path:<10} /dev/ttyACM0 at the prompt, DFU 0483:df11 in the ROM")
    print("The ROM serves the interface that speaks first: with the cable in, that is USB.")
    print("The serial port on USB is a bridge to the console of the firmware, which has no USB")
    print("driver here. Programs see the bus if they are started, one at a time, with")
    print(f"  env {variables} COMMAND")
    if faults := str(board.faults):
        print(f"What goes wrong: {faults}")
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
