"""Serves a virtual board on pseudo terminals until a signal comes: `romboot bench`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from .board import VirtualBoard
from .server import Server
from .usb import board as usb
from .usb.faults import Faults

KEEP_NS = 1_000_000_000  # virtual, between two looks at what is to be kept


def serve(
    name: str,
    firmware: Path,
    *,
    flash: Path | None = None,
    link: Path | None = None,
    rom_resets: float = 0,
    faults: Faults | None = None,
) -> None:
    """Serve a board until Ctrl-C, SIGTERM or SIGHUP.

    Args:
        name, firmware: a file in boards/, and what is in its flash.
        flash: a file that keeps the flash, made if need be.
        link: a folder for links to the terminals, made if need be.
        rom_resets: see `reset_at_times`.
        faults: with a USB cable in it; what goes wrong there.

    Raises:
        OSError, ValueError: it cannot start.
    """
    with contextlib.ExitStack() as stack:
        for path in (flash, link):
            if path:
                stack.enter_context(locked(path, folder=path == link))
        board = VirtualBoard.load(name, firmware, flash)
        reset_at_times(board, rom_resets)
        stack.callback(board.close)  # also if the terminal is closed, and nothing can be said
        _serve(board, link, faults)


def _serve(board: VirtualBoard, link: Path | None, faults: Faults | None) -> None:
    if faults:
        usb.check(board)
    server = Server(board, link, wires=usb.other_wires(board) if faults else None)
    keep(board)
    narrator = Narrator()
    board.say = narrator.say
    server.on_lockup = lambda: narrator.say(f"the CPU has locked up: {board.core.lockup}")
    with contextlib.ExitStack() as stack:
        stack.enter_context(stopped_by_signals(server))
        announce(server)
        if faults:
            where = stack.enter_context(usb.bus())
            announce_usb(stack.enter_context(usb.plugged_in(server, where, faults)))
        server.run()
    narrator.flush()


def reset_at_times(board: VirtualBoard, share: float) -> None:
    """In this share of its starts, from 0 to 1, the ROM resets the chip, as that of an F405 with a
    crystal above 8 MHz does; the same ones in each run."""
    dice = random.Random(board.name)
    board.in_system_memory.resets = lambda: dice.random() < share


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
    """Signals end `server.run`, or are the reset button, or move BOOT0; afterwards they mean what
    they did."""
    ends = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
        ends.remove(signal.SIGHUP)
    before = {n: signal.signal(n, lambda *_: server.stop()) for n in ends}
    for number in (signal.SIGQUIT, signal.SIGUSR1):
        before[number] = signal.signal(number, lambda *_: touch(server, VirtualBoard.press_reset))
    before[signal.SIGUSR2] = signal.signal(signal.SIGUSR2, lambda *_: touch(server, move_boot0))
    try:
        yield
    finally:
        server.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def touch(server: Server[VirtualBoard], what: Callable[[VirtualBoard], None]) -> None:
    """From a signal handler, which may come while the board is in the middle of something."""

    def paused() -> None:
        with server.paused() as board:
            what(board)

    threading.Thread(target=paused).start()


def move_boot0(board: VirtualBoard) -> None:
    """To the other level."""
    board.boot0 = not board.boot0
    what = "high: the next reset starts the ROM" if board.boot0 else "low again"
    board.say(f"BOOT0 is {what}")


def announce(server: Server[VirtualBoard]) -> None:
    """Say which cable ends where."""
    board = server.board
    print(f"{board.name} with {board.chip.name} is on. Ctrl-C ends it; its reset button is")
    print(f"Ctrl-\\, or kill -USR1 {os.getpid()}; kill -USR2 {os.getpid()} moves BOOT0")
    for name, port in server.ports.items():
        print(f"  {name:<8} {board.wires[name].pins:<10} {port}")
    sys.stdout.flush()


def announce_usb(board: usb.UsbBoard) -> None:
    """Say how programs see the USB bus, and what is on it."""
    variables = " ".join(f"{name}={value}" for name, value in board.bus.environment().items())
    print(f"  {'usb':<8} {board.path:<10} /dev/ttyACM0 at the prompt, DFU 0483:df11 in the ROM")
    print("The ROM serves the interface that speaks first: with the cable in, that is USB.")
    print("The serial port on USB is a bridge to the console of the firmware, which has no USB")
    print("driver here. To see the bus, start a program with this (one program at a time):")
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
