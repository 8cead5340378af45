"""A board whose program runs when a command comes: it is ended, or the command ends."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator

import pytest

from host_tests.flash.test_uart import BOARD
from host_tests.target import VirtualTarget
from host_tests.test_cli import process, romboot
from tools.cli.commands import parser
from tools.cli.errors import Code
from tools.cli.job import back
from tools.cli.job.where import without_prompt
from tools.firmware import build

SILENT = ("while True: pass", "import time\nwhile True: time.sleep_ms(20)")


@contextlib.contextmanager
def one_that_sends(text: bytes, every_s: float) -> Iterator[str]:
    """The port of a program that prints, whatever it hears."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    over = threading.Event()

    def send() -> None:
        while not over.wait(every_s):
            with contextlib.suppress(BlockingIOError):
                os.write(ours, text)
            with contextlib.suppress(BlockingIOError):
                os.read(ours, 1000)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        over.set()
        thread.join()
        os.close(ours)
        os.close(theirs)


def test_a_silent_program_is_ended() -> None:
    """The ROM is asked first at this port, and the program reads nothing of that: it fills the
    buffer of its input."""
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        for program in SILENT:
            target.ok("exec", "--no-follow", program)
            done = process("info", "--device", target.console)
            assert done.returncode == 0, done.stderr


OFTEN, NOW_AND_THEN = 0.005, 1.0


@pytest.mark.parametrize(
    ("verb", "every_s"),
    [
        ("info", OFTEN),
        ("enter", OFTEN),
        ("leave", OFTEN),
        ("flash", OFTEN),
        ("info", NOW_AND_THEN),
    ],
)
def test_a_program_that_goes_on(verb: str, every_s: float) -> None:
    """What catches Ctrl-C, and prints."""
    file = [str(build(BOARD))] if verb == "flash" else []
    with one_that_sends(b"x" * 50 + b"\r\n", every_s) as port:
        began = time.monotonic()
        done = romboot(verb, *file, "--device", port)
        assert time.monotonic() - began < 15
    assert done.returncode == Code.NOT_ENTERED, done.stderr
    assert f"no MicroPython prompt answers on {port}. " in done.stderr
    assert f"\n  romboot leave --rom PORT --device {port}\n" in done.stderr
    assert ("goes on sending after Ctrl-C" in done.stderr) == (every_s == OFTEN)
    assert "Nothing was changed, but Ctrl-C may have ended a program." in done.stderr


def test_the_lines_to_paste() -> None:
    """None is the command that was typed, and a ROM at --rom has been asked already."""

    def lines(*typed: str, own_usb: bool = False) -> list[str]:
        args = parser().parse_args(typed)
        args.typed = typed
        return [line.command for line in without_prompt(args, own_usb=own_usb)]

    leave, flash, serial, rom = "romboot leave", "romboot flash", "--device /a", "--rom /b"
    at = f"--rom PORT {serial}"
    typed = ("leave", "--device", "/a")
    assert lines(*typed) == [leave, f"{leave} {at}", f"{flash} FILE {at}"]
    assert lines(*typed, "--rom", "/b") == [leave, f"{flash} FILE {serial} {rom}"]
    assert lines("info", own_usb=True) == [f"{flash} FILE"]
    usb = f"{serial} --usb 1-2"
    both = ("flash", "a.hex", "--device", "/a", "--usb", "1-2")
    assert lines(*both) == [f"{leave} --usb 1-2", f"{flash} a.hex {usb}"]


def test_who_is_there_is_asked_so_long() -> None:
    """As by romboot boards --ask."""
    with one_that_sends(b"x", 0.01) as port:
        began = time.monotonic()
        assert back.wait(lambda: port, 1) is None
        assert time.monotonic() - began < 3
