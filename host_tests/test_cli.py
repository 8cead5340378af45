"""The `romboot` command, as a user would type it: what it prints, and its exit codes."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo

from host_tests.conftest import EVERY_BOARD, first_of_each
from host_tests.flash import fields
from host_tests.target import LONGEST_S, ROOT, VirtualTarget, until
from tools import paths
from tools.bench import flash_file
from tools.bench.board import VirtualBoard
from tools.bench.image import load_image
from tools.cli import main
from tools.cli.commands import COMMANDS, parser
from tools.cli.device import target
from tools.cli.errors import EXIT_CODES, CliError, Code
from tools.cli.port import ports
from tools.cli.virtual import firmware, installed, measure, sizes
from tools.cli.virtual.virtual_prompt import VirtualPrompt
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
pytestmark = pytest.mark.boards(BOARD)
ROMBOOT = [sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())"]


def process(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command to its end, as a program of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*ROMBOOT, *words], capture_output=True, text=True, timeout=LONGEST_S, cwd=cwd,
        env=environment,
    )  # fmt: skip


def romboot(*words: str) -> subprocess.CompletedProcess[str]:
    """The same in this process: to start Python takes as long as most commands."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = main(words)
    return subprocess.CompletedProcess(words, code, output.getvalue(), errors.getvalue())


@pytest.mark.parametrize("whose", ["--installed", None])
def test_info(virtual: VirtualTarget, whose: str | None, tmp_path: Path) -> None:
    """The board's library, and this checkout's, from another folder."""
    words = [whose] if whose else []
    done = process("info", *words, "--device", virtual.console, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "DEV_ID 0x4" in done.stdout and "USB DFU PA11/PA12" in done.stdout


def test_plan(virtual: VirtualTarget) -> None:
    done = romboot("plan", "--installed", "--device", virtual.console)
    assert done.returncode == 0, done.stderr
    assert "The way is free" in done.stdout
    assert "0x40013800  SYSCFG.MEMRMP     00000000 -> 00000001" in done.stdout


@pytest.mark.parametrize("whose", [[], pytest.param(["--installed"], marks=pytest.mark.thorough)])
def test_info_and_plan_for_scripts(virtual: VirtualTarget, whose: list[str]) -> None:
    """The chip is named alike; what is refused is in both, and an exit code."""
    words = [*whose, "--json", "--device", virtual.console]
    with virtual.server.paused() as board:
        board.soc.flash.put("OPTCR", 0x0FFFCCED)
    info, plan = romboot("info", *words), romboot("plan", *words)
    assert (info.returncode, plan.returncode) == (0, Code.REFUSED), info.stderr + plan.stderr
    found, way = json.loads(info.stdout), json.loads(plan.stdout)
    fields.check([found], "info")
    fields.check([way], "plan")
    assert found["dev_id"] == "0x419" and "USB DFU PA11/PA12" in found["listens"]
    assert found["protection_level"] == 2 and found["board"] == BOARD
    for reasons in (found["refused"], way["refused"]):
        assert len(reasons) == 1 and reasons[0].startswith("readout protection is at level 2")
    assert not way["free"]
    remap = next(step for step in way["steps"] if step["register"] == "SYSCFG.MEMRMP")
    assert (remap["address"], remap["then"]) == ("0x40013800", "00000001")


def test_the_help_fits_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert all(any(line.startswith(f"  {c.name} ") for line in lines) for c in COMMANDS)


def test_every_exit_code_is_in_the_help() -> None:
    listed = [int(one) for one in re.findall(r"(?:: |; )(\d+) ", EXIT_CODES)]
    assert listed == list(Code)


def test_a_refusal_is_a_sentence_and_an_exit_code(virtual: VirtualTarget) -> None:
    """Readout protection level 2, as option bytes have it."""
    with virtual.server.paused() as board:
        board.soc.flash.put("OPTCR", 0x0FFFCCED)
    done = romboot("enter", "--installed", "--device", virtual.console)
    assert done.returncode == Code.REFUSED
    assert done.stderr.startswith("romboot: readout protection is at level 2")
    done = romboot("plan", "--installed", "--device", virtual.console)
    assert done.returncode == Code.REFUSED
    assert "NO: readout protection is at level 2" in done.stdout


def test_another_package_in_place_of_the_library() -> None:
    """A file, and a folder, that an import takes for it."""
    prompt = VirtualPrompt(VirtualBoard.load(BOARD, build(BOARD)))
    for make in "import os; os.mkdir('romboot')", "open('romboot.py', 'w').close()":
        prompt.run(f"import sys; sys.modules.pop('romboot', 0)\n{make}")
        with pytest.raises(CliError, match=r"finds .*romboot.* on this board, which is") as said:
            target.need_library(cast(Any, prompt))
        assert said.value.code == Code.REFUSED
        prompt.run("import os; 'romboot' in os.listdir() and os.rmdir('romboot')")


def test_a_wrong_port() -> None:
    done = process("info", "--device", "/dev/not-there")
    assert done.returncode == Code.NO_BOARD
    assert done.stderr.startswith("romboot: there is no port /dev/not-there")
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("port", "why"),
    [("/dev/ptmx", "no MicroPython prompt answers on {}"), ("/dev/null", "{} is no serial port")],
)
def test_a_port_that_is_none(port: str, why: str) -> None:
    done = romboot("info", "--device", port)
    assert done.returncode == (Code.NO_BOARD if "null" in port else Code.NOT_ENTERED)
    assert done.stderr.startswith(f"romboot: {why.format(port)}")


@pytest.mark.parametrize("wait", [0, 0.1, 0.3])
def test_ctrl_c(wait: float) -> None:
    """From the first moment on, the imports of the command included."""
    # said where main() looks after Ctrl-C already
    on = "cli._end_as_by_ctrl_c = lambda: print('on', flush=True)"
    code = f"from tools import cli; {on}; {ROMBOOT[2]}"
    with subprocess.Popen(
        [sys.executable, "-c", code, "measure"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_the_option_that_names_a_wrong_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A UART of the chip set that is not connected to anything is no candidate."""
    adapter, nothing = ListPortInfo("/dev/ttyUSB7"), ListPortInfo("/dev/ttyS0")
    adapter.vid, adapter.description = 0x0403, "FT232R"
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [nothing, adapter])
    with pytest.raises(CliError) as raised:
        ports.check("/dev/not-there", "--rom")
    assert raised.value.code == Code.NO_BOARD
    assert str(raised.value) == (
        "there is no port /dev/not-there. --rom takes one of /dev/ttyUSB7 (FT232R)"
    )


def test_an_unknown_board_is_said_first_and_alike() -> None:
    said = {(d.stdout, d.stderr) for d in (romboot(c, "NOPE") for c in ("demo", "bench"))}
    ((output, errors),) = said
    assert output == "" and errors.startswith("romboot: there is no board NOPE: https://")


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("bench nucleo-f429zi", 2, "there is no board nucleo-f429zi: did you mean NUCLEO_F429ZI?"),
        ("measure PYBV1", 2, "did you mean PYBV11 or PYBV10"),
        *((f"{command} NUCLEO_N657X0", 5, "no virtual") for command in ("bench", "demo")),
        ("script --chip nucleof429z", 2, "NUCLEO_F429ZI is a board: --chip takes"),
        ("demo --firmware not-there.bin", 1, "there is no firmware image not-there.bin"),
        ("bench --usb-fault twin", 1, "needs --usb"),
        ("bench --flash {}/none/a", 1, "/none/a: No such file or directory. --flash takes a file"),
        ("bench --flash {}", 1, ": Is a directory. --flash takes a file"),
        ("bench --link {}/file", 1, "/file: File exists. --link takes a folder"),
    ],
)
def test_a_wrong_name(
    words: str, code: int, why: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert main(words.format(tmp_path).split()) == code
    said = capsys.readouterr().err
    assert said.startswith("romboot: ") and why in said


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("", 2, "argument FILE: the name of the file is empty"),
        ("-dash.hex", 2, "if it is a file, name it ./-dash.hex"),
        ("/dev/stdin", 1, "its name must end in .elf, .hex, .dfu, .bin, which tells the format"),
        ("\x1b[31m\udcff.hex", 1, "there is no file \\x1b[31m\\udcff.hex"),
    ],
)
def test_a_file_with_an_odd_name(
    name: str, code: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["flash", name]) == code
    assert why in capsys.readouterr().err


BAD_IMAGES: dict[str, bytes | Path] = {
    "empty.bin": b"",
    "x86.elf": b"\x7fELF\x02\x01" + bytes(58),
    "cut.hex": b":020000040800F2\n:04000000000002",
    "without_its_end.hex": b":020000040800F2\n:0400000000000220DA\n",
    "wrong_sum.hex": b":0400000000000220DB\n:00000001FF\n",
    "cut.dfu": b"DfuSe\x01" + bytes(20),
    "too_big.bin": bytes(3 << 20),
    "endless.bin": Path("/dev/zero"),
    "firmware.txt": b"no",
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_an_image_that_is_none(name: str, tmp_path: Path) -> None:
    """The same sentence from each command."""
    path = tmp_path / name
    content = BAD_IMAGES[name]
    if isinstance(content, Path):
        path.symlink_to(content)
    else:
        path.write_bytes(content)
    said = set()
    for command in ("demo", "bench", "measure"):
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            assert main([command, BOARD, "--firmware", str(path)]) == 1
        said.add(stderr.getvalue())
    (sentence,) = said
    assert sentence.startswith("romboot: ") and name in sentence


def vectors(stack: int, entry: int) -> bytes:
    return struct.pack("<2I", stack, entry) + bytes(64)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (vectors(0x20050000, 0x08000009), "its stack starts at 0x20050000, where the STM32F429xx"),
        (vectors(0x20010000, 0x08040001), "its first instruction is at 0x08040001"),
        (
            vectors(0x20010000, 0x08000009) + b"; PYBv1.1 with STM32F405RG",
            "it calls itself PYBv1.1",
        ),
    ],
)
def test_an_image_of_another_board(
    image: bytes, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(image)
    for command in ("demo", "bench", "measure"):
        assert main([command, BOARD, "--firmware", str(path)]) == 1
        assert f"other.bin is for another board than {BOARD}: {why}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["NUCLEO_F429ZI", "PYBV11", "STM32F429DISC"])
def test_an_image_of_this_board(name: str) -> None:
    board, own = VirtualBoard.load(name), load_image(build(name))
    assert not firmware.misfit(board, own)
    others = {n for n in ("NUCLEO_F429ZI", "PYBV11") if n != name}
    assert all(firmware.misfit(VirtualBoard.load(n), own) for n in others)


def test_an_unwritable_file_is_said_before_the_work() -> None:
    done = romboot("measure", "--json", "/not-there/figures.json")
    assert done.returncode == 1
    assert done.stderr.startswith("romboot: /not-there/figures.json cannot be written")


@pytest.mark.thorough
def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    """As in `romboot demo | head -n 1`."""
    words = ["demo", "--firmware", str(build(BOARD))]
    with subprocess.Popen(
        [*ROMBOOT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as demo:
        assert demo.stdout and demo.stderr
        demo.stdout.readline()
        demo.stdout.close()
        assert demo.stderr.read() == ""


def test_a_board_by_the_path_of_its_file() -> None:
    for text in ("PYBV11", "boards/PYBV11.toml", "../boards/PYBV11"):
        assert parser().parse_args(["demo", text]).board == "PYBV11"


def test_version_and_verbose(virtual: VirtualTarget) -> None:
    assert process("--version").stdout == f"romboot {paths.version()}\n"
    done = process("info", "-v", "--installed", "--device", virtual.console)
    assert f"{virtual.console}: romboot.info()" in done.stderr


@pytest.mark.parametrize(
    ("typed", "found"), [("romboot le", "leave "), ("romboot flash --er", "--erase-all ")]
)
def test_a_shell_completes(typed: str, found: str, tmp_path: Path) -> None:
    """As argcomplete's function for bash asks."""
    answer = tmp_path / "answer"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": typed, "COMP_POINT": str(len(typed))}
    asked |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "PYTHONPATH": str(ROOT)}
    subprocess.run(ROMBOOT, cwd=ROOT, env={**os.environ, **asked}, timeout=120, check=True)
    assert answer.read_text() == found


def test_a_port_without_permission(tmp_path: Path) -> None:
    """root may open anything, so the operating system's word is taken from its error."""
    error = serial.SerialException(errno.EACCES, "Permission denied")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serial, "serial_for_url", Mock(side_effect=error))
        assert "dialout" in str(ports.refused("/dev/ttyACM0"))


def test_a_port_where_no_prompt_answers(tmp_path: Path) -> None:
    """A board that is in its ROM already, most likely: said at once."""
    ours, theirs = os.openpty()
    started = time.monotonic()
    done = romboot("info", "--device", os.ttyname(theirs))
    assert done.returncode == Code.NOT_ENTERED and time.monotonic() - started < 60
    assert "no MicroPython prompt answers on" in done.stderr
    assert f"BOOT0 high, then reset; {paths.DOCS}/boards.md has it for" in done.stderr
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["dance"], "invalid choice: 'dance'"),
        (["info", "--rom", "x"], "unrecognized arguments: --rom x"),
        (["flash", "a.bin", "--address", "here"], "here is no number such as 0x08000000"),
        (["read", "a.bin", "--length", "0"], "0 bytes are nothing to read"),
        (["flash", "a.bin", "--tries", "0"], "0 is no whole number from 1 on"),
        (["bench", "--rom-resets", "often"], "often is no number from 0 to 1"),
        (["flash", "a.bin", "--rom", "x", "--usb", "1-2"], "not allowed with argument"),
        (["flash", "a.dfu", "--address", "0"], "there is no file a.dfu"),
    ],
)
def test_a_wrong_command_line(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage is that of the command. With --json it is an object too."""
    code = main(words)
    said = capsys.readouterr()
    assert code == (1 if "no file" in why else 2)
    assert code == 1 or f"usage: romboot {words[0].replace('dance', '')}" in said.err
    assert why in said.err and not said.out
    assert main([*words, "--json"]) == code
    said = capsys.readouterr()
    assert not said.err
    error = json.loads(said.out)
    assert (error["state"], error["exit_code"]) == ("error", code) and why in error["text"]
    assert error["at_s"] > 0


@pytest.mark.boards(*first_of_each(sorted(EVERY_BOARD, key=BOARD.__ne__), lambda name: ()))
def test_demo(board_name: str, pytestconfig: pytest.Config) -> None:
    """Each board, to its end or to the refusal that its file says."""
    if board_name == "device":
        pytest.skip("the demo is about a virtual board")
    image = pytestconfig.getoption("--firmware")
    done = process("demo", board_name, *(["--firmware", str(image)] if image else []))
    refused = tomllib.loads((ROOT / "boards" / f"{board_name}.toml").read_text()).get(
        "romboot", {}
    )
    if {"jump", "reset"} <= refused.keys():
        assert done.returncode and refused["jump"] in done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert "registers that are not as a reset leaves them: 0" in done.stdout
    assert "romboot 0.1.0" in done.stdout
    assert "Extended erase" not in done.stderr and ",\n" not in done.stdout
    assert "$ romboot flash" in done.stdout and "\n  prompt       " in done.stdout
    if firmware.has_files(board_name):
        assert "mine.txt: kept" in done.stdout


def test_what_it_may_cost(tmp_path: Path) -> None:
    """What it costs now and must not grow further. The goals are lower: `romboot measure` has
    them."""
    frozen, plain = firmware.build(BOARD, frozen=True), firmware.build(BOARD)
    jump = measure.cost(BOARD, frozen, "", measure.ROMBOOT)
    first = measure.cost(BOARD, frozen, "", measure.FIRST)
    assert jump.registers_off == first.registers_off == []
    assert jump.blackout and jump.blackout < 1_240
    assert jump.call_to_rom and jump.call_to_rom <= 76_849
    assert sizes.frozen(BOARD, small=True) <= sizes.SMALL
    for image, most in (frozen, 3_900), (plain, 12_300):
        put = installed.install(BOARD, image, tmp_path / "flash.bin")
        assert sizes.heap(BOARD, image, put).peak < most


def test_a_goal_that_is_missed_is_marked() -> None:
    missed = sizes.Sizes("f4", 1, {}, frozen=sizes.FULL + 1, frozen_small=sizes.SMALL)
    lines = sizes.render(missed)
    assert "| flash, frozen for f4 | 16,385 | 16,384: missed by 1 |" in lines
    assert lines[-1].endswith("| 7,680 | 7,680 |")


@pytest.mark.thorough
def test_measure_an_image_without_the_library(tmp_path: Path) -> None:
    """As an official one: the library goes into the board's file system."""
    image, figures = build(BOARD), tmp_path / "figures.json"
    done = romboot("measure", BOARD, "--firmware", str(image), "--json", str(figures))
    assert done.returncode == 0, done.stderr
    assert "the library is as .mpy files in the board's file system" in done.stdout
    jump, _, reset, machine, tutorial = json.loads(figures.read_text())["ways"]
    assert jump["registers_off"] == reset["registers_off"] == []
    assert jump["blackout"] < 2_000 and reset["blackout"] < 10_000
    assert {"SCB.VTOR", "SCB.CPACR"} <= set(machine["registers_off"])
    assert tutorial["blackout"] is None and "| for ever |" in done.stdout


@pytest.mark.thorough
def test_measure_a_board_that_can_hold_no_library(tmp_path: Path) -> None:
    """No file system, as the official NUCLEO_L073RZ: the host enters the ROM."""
    figures = tmp_path / "figures.json"
    image = str(build("NUCLEO_L073RZ"))
    done = romboot("measure", "NUCLEO_L073RZ", "--firmware", image, "--json", str(figures))
    assert done.returncode == 0, done.stderr
    assert "not on the board, which has no file system" in done.stdout
    by_host, machine = json.loads(figures.read_text())["ways"]
    assert by_host["registers_off"] == [] != machine["registers_off"]
    assert by_host["blackout"] < 1_300


@pytest.mark.thorough
def test_measure_says_why_a_way_never_gets_there() -> None:
    """Its heap is in SDRAM, so no way through a reset."""
    board = "STM32F429DISC"
    image = build(board, frozen_manifest=ROOT / "manifest.py")
    refused = measure.cost(board, image, "by reset", measure.BY_RESET)
    assert refused.call_to_rom is None
    assert refused.failed.startswith("HookError: via='reset': the heap is at 0xD0")
    tutorial = measure.TUTORIAL.read_text() + "\nGO = jump"
    faulted = measure.cost(board, image, "the tutorial", tutorial)
    assert "fetched from memory that may not be executed" in faulted.failed


@contextlib.contextmanager
def bench(folder: Path, board: str = BOARD) -> Iterator[subprocess.Popen[str]]:
    """`romboot bench` with its terminals and its flash in a folder, once it runs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    flash = str(folder / "flash.bin")
    command = [*ROMBOOT, "bench", board, "--link", str(folder / "ports"), "--flash", flash]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout
            first = [process.stdout.readline() for _ in range(4)]
            console = first[2].split()
            assert (console[0], console[2]) == ("console", str(folder / "ports" / "console"))
            yield process
        finally:
            process.kill()


def ask(folder: Path, code: str) -> str:
    port = str(folder / "ports" / "console")
    words = [sys.executable, "-m", "mpremote", "connect", port, "exec", code]
    return subprocess.run(words, capture_output=True, text=True, timeout=250).stdout


MINE = "f = open('mine.txt', 'w'); f.write('mine'); f.close(); import os; os.sync()"
LOOK = "import os; print(os.listdir())"
# Of mine.txt. The firmware of the bench keeps the complement of each byte (flashbdev.c).
FAT_ENTRY = bytes(0xFF ^ byte for byte in b"MINE    TXT")


@pytest.mark.parametrize("board", ["NUCLEO_L073RZ", "NUCLEO_H743ZI"])
def test_the_bench_has_the_library_where_the_board_has_no_file_system(
    board: str, tmp_path: Path
) -> None:
    with bench(tmp_path, board):
        assert "ROM ID" in ask(tmp_path, "import romboot; romboot.info()")


def test_bench_until_ctrl_c(tmp_path: Path) -> None:
    with bench(tmp_path) as process:
        assert ask(tmp_path, "print(6*7)") == "42\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert not (tmp_path / "ports" / "console").exists()
    assert (tmp_path / "flash.bin").stat().st_size == 2048 * 1024 + flash_file.HEADER


@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGKILL])
def test_bench_keeps_the_flash_however_it_ends(end: signal.Signals, tmp_path: Path) -> None:
    """A terminal that is closed sends SIGHUP."""
    with bench(tmp_path) as process:
        ask(tmp_path, MINE)
        if end is signal.SIGKILL:  # it is written once a second
            until(
                lambda: FAT_ENTRY in (tmp_path / "flash.bin").read_bytes(), "the file", LONGEST_S
            )
        process.send_signal(end)
        process.wait(20)
    with bench(tmp_path):
        assert "mine.txt" in ask(tmp_path, LOOK)


def test_a_second_bench_takes_nothing_over(tmp_path: Path) -> None:
    with bench(tmp_path):
        for option, name in (("--link", "ports"), ("--flash", "flash.bin")):
            done = romboot("bench", BOARD, option, str(tmp_path / name))
            assert done.returncode == 1
            assert f"{name} is in use by another virtual board" in done.stderr
        assert ask(tmp_path, "print(6*7)") == "42\n"


def test_bench_overwrites_no_file_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "firmware.hex"
    path.write_text(":00000001FF\n")
    done = romboot("bench", BOARD, "--flash", str(path))
    assert done.returncode == 1 and "would be overwritten: name another file" in done.stderr
    assert path.read_text() == ":00000001FF\n"
    VirtualBoard.load("PYBV11", flash_file=tmp_path / "other").close()
    done = romboot("bench", BOARD, "--flash", str(tmp_path / "other"))
    assert done.returncode == 1 and "but of STM32F405xx" in done.stderr


@pytest.mark.parametrize("button", [signal.SIGQUIT, signal.SIGUSR1])
def test_the_reset_button_of_the_bench(button: signal.Signals, tmp_path: Path) -> None:
    with bench(tmp_path) as process:
        process.send_signal(button)
        assert process.stdout
        assert any("reset (PIN)" in line for line in process.stdout)
        assert ask(tmp_path, "print(6*7)") == "42\n"
        process.send_signal(signal.SIGUSR2)
        assert any("BOOT0 is high" in line for line in process.stdout)
        process.send_signal(button)
        assert any("booting system memory" in line for line in process.stdout)


def test_a_reader_that_ends_early_does_not_end_the_work() -> None:
    """As in `romboot flash FILE | head`: half a firmware would be left."""
    code = (
        "import sys; from tools.cli.said import Output; sys.stdout = Output(sys.stdout); "
        "[print(i, 200 * str(i)) for i in range(1000)]; print(1000, file=sys.stderr)"
    )
    line = f"{sys.executable} -c '{code}' | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith("0 ") and done.stderr == "1000\n"


def test_a_standard_output_that_cannot_be_written() -> None:
    """As on a full disk: what is under way goes on, and says the rest on standard error."""
    with Path("/dev/full").open("w") as full:
        command = [*ROMBOOT, "script", "--chip", "STM32L073RZ"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    sentence, *rest = done.stderr.splitlines()
    assert "cannot be written (No space left on device): it goes on here" in sentence
    assert "Made by romboot" in rest[0] and done.returncode == Code.OTHER
    assert "Traceback" not in done.stderr


def test_a_cache_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROMBOOT_CACHE", "/dev/null/cache")
    assert main(["bench"]) == Code.OTHER
    said = capsys.readouterr().err
    assert said.startswith("romboot: /dev/null") and "ROMBOOT_CACHE names another folder" in said


def test_without_a_command_it_prints_its_help() -> None:
    done = process()
    assert done.returncode == 0 and "flash      write a firmware file" in done.stdout
