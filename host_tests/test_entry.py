"""From the prompt into the ROM: every way to deploy the library, every way to call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mpremote.transport_serial import SerialTransport

from host_tests.target import CLEAN, ENTER, LIB, ROOT, Target, VirtualTarget

pytestmark = pytest.mark.boards("NUCLEO_F429ZI")
STAY = "from romboot import enter_bootloader\nenter_bootloader()\n"


def check(target: Target) -> None:
    """The ROM has the board, and a virtual chip is as a reset would have left it."""
    if isinstance(target, VirtualTarget):
        assert str(target.arrival()) == CLEAN
    assert target.identify()


def mount(target: Target) -> None:
    target.ok("mount", str(LIB), "exec", ENTER)


def cp(target: Target) -> None:
    target.ok("cp", "-r", str(LIB / "romboot"), ":", "+", "exec", ENTER)


def mip(target: Target) -> None:
    target.ok("mip", "install", str(ROOT / "package.json"), "+", "exec", ENTER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """50 KB through a UART take their time: virtual boards show cp and mip in test_readme.py, and
    `romboot demo` mounts the compiled library."""
    if "deploy" in metafunc.fixturenames:
        real = metafunc.config.getoption("--device")
        virtual = [pytest.param(mount, marks=pytest.mark.thorough)]
        metafunc.parametrize("deploy", [mount, cp, mip] if real else virtual)


def test_deployed(target: Target, deploy: Callable[[Target], None]) -> None:
    deploy(target)
    check(target)


def exec_and_return(target: Target, folder: Path) -> None:
    assert target.ok("exec", ENTER + "; print('on the way')") == "on the way\n"


def exec_no_follow(target: Target, folder: Path) -> None:
    target.ok("exec", "--no-follow", STAY)


def run_script(target: Target, folder: Path) -> None:
    script = folder / "script.py"
    script.write_text(STAY)
    target.ok("run", "--no-follow", str(script))


def friendly_prompt(target: Target, folder: Path) -> None:
    transport = SerialTransport(target.console, 115200)
    transport.serial.write(b"\r\x03")
    transport.read_until(1, b">>> ", timeout=10)
    transport.serial.write(STAY.replace("\n", "\r\n").encode())
    transport.close()


@pytest.mark.parametrize("call", [exec_and_return, exec_no_follow, run_script, friendly_prompt])
def test_called(ready: Target, call: Callable[[Target, Path], None], tmp_path: Path) -> None:
    call(ready, tmp_path)
    check(ready)


def test_an_error_reaches_the_host(ready: Target) -> None:
    done = ready.mpremote("exec", "import romboot; romboot.enter_bootloader(after_ms='soon')")
    assert done.returncode == 1
    said = done.stderr + done.stdout
    assert "after_ms='soon': it must be None, or 0 to 3600000 milliseconds" in said
