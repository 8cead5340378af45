"""A board whose program runs when a command comes: it is ended, or the command ends."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from serial import Serial

from host_tests.flash.test_uart import BOARD
from host_tests.target import VirtualTarget
from host_tests.test_cli import process, romboot
from tools.cli.commands import parser
from tools.cli.errors import CliError, Code
from tools.cli.job import back
from tools.cli.job.job import Job
from tools.cli.job.where import without_prompt
from tools.cli.port.places import Place
from tools.cli.port.prompt import Prompt
from tools.firmware import build

SLEEPING = """
import time
while True: time.sleep_ms(20)
"""
MAIN = """
import time
with open('starts', 'a') as file: file.write('x')
while True:
    print('started')
    time.sleep_ms(20)
"""


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


def test_a_silent_program_is_ended_and_started_again() -> None:
    """The ROM is asked first at this port, and the program reads nothing of that: it fills the
    buffer of its input."""
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        target.ok("exec", f"with open('main.py', 'w') as file: file.write({MAIN!r})")
        for program in ("while True: pass", SLEEPING):
            target.ok("exec", "--no-follow", program)
            done = process("info", "--device", target.console)
            assert done.returncode == 0, done.stderr
            assert "a soft reset has started main.py again" in done.stderr
            with Serial(target.console, timeout=60) as line:  # else it is ended before it writes
                assert line.read_until(b"started").endswith(b"started")
        assert target.ok("exec", "print(open('starts').read())") == "xx\n"


def test_a_slow_board_says_late_that_its_program_has_ended() -> None:
    ours, theirs = os.openpty()

    def answer() -> None:
        heard = b""
        while b"\x01" not in heard:
            heard += os.read(ours, 100)
        os.write(ours, b"KeyboardInterrupt: \r\n>>> \r\nraw REPL; CTRL-B to exit\r\n>")

    thread = threading.Thread(target=answer)
    thread.start()
    prompt = Prompt(os.ttyname(theirs), fresh=False)
    thread.join()
    assert prompt.close()
    os.close(ours)
    os.close(theirs)


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
def test_a_program_that_goes_on(verb: str, every_s: float, request: pytest.FixtureRequest) -> None:
    """What catches Ctrl-C, and prints."""
    if every_s == OFTEN:
        request.getfixturevalue("impatient")
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
        found = list(without_prompt(args, own_usb=own_usb))
        assert found[-1].about.endswith("BOOT0 high; the files on the board are lost by it")
        return [line.command for line in found]

    leave, flash, serial, rom = "romboot leave", "romboot flash", "--device /a", "--rom /b"
    begin = "--erase-all"  # with main.py
    at = f"--rom PORT {serial}"
    typed = ("leave", "--device", "/a")
    assert lines(*typed) == [leave, f"{leave} {at}", f"{flash} FILE --rom PORT {begin} {serial}"]
    assert lines(*typed, "--rom", "/b") == [leave, f"{flash} FILE {begin} {serial} {rom}"]
    assert lines("info", own_usb=True) == [f"{flash} FILE {begin}"]
    usb = f"{serial} --usb 1-2"
    both = ("flash", "a.hex", "--device", "/a", "--usb", "1-2")
    assert lines(*both) == [f"{leave} --usb 1-2", f"{flash} a.hex {usb} {begin}"]
    typed = ("flash", begin, "a.hex", "--device", "/a")
    assert lines(*typed)[-1] == f"{flash} a.hex {serial} --rom PORT {begin}"


@pytest.mark.parametrize("in_rom", [True, False])
@pytest.mark.parametrize(
    "typed", [["leave"], ["flash", "a.hex"], ["flash", "a.hex", "--erase-all"]]
)
def test_a_main_py_that_is_in_the_way(
    in_rom: bool, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It enters the ROM at each start, or never stops. Without files it is not there."""
    rom = Mock(verb="Go to", reset=lambda: in_rom, is_there=lambda: in_rom)
    monkeypatch.setattr(back, "wait", lambda *_: None)
    ports = ("--device", "/a", "--rom", "/b")
    args = parser().parse_args([*typed, *ports])
    args.typed = (*typed, *ports)
    with pytest.raises(CliError) as raised:
        Job(args).leave(rom, Place("/a"), 0x08000000)
    error = raised.value
    assert error.code == Code.NOT_BACK
    assert ("firmware, and is there still, or again. Press" in str(error)) == in_rom
    assert ("firmware, and does not answer any more. Press" in str(error)) == (not in_rom)
    other, *files = error.next
    assert other.command == "romboot flash FILE --device /a --rom /b"
    assert all(("after a reset with BOOT0 high" in n.about) != in_rom for n in error.next)
    assert [line.command for line in files] == {
        "leave": ["romboot flash FILE --erase-all --device /a --rom /b"],
        "a.hex": ["romboot flash a.hex --device /a --rom /b --erase-all"],
        "--erase-all": [],
    }[typed[-1]]
    for line in files:
        assert ("never stops" in line.about) != in_rom
        assert "enters the ROM at each start" in line.about and "are lost by it" in line.about


def test_who_is_there_is_asked_so_long() -> None:
    """As by romboot boards --ask."""
    with one_that_sends(b"x", 0.01) as port:
        began = time.monotonic()
        assert back.wait(lambda: port, 1) is None
        assert time.monotonic() - began < 3
