"""romboot flash over a UART: from the prompt to the prompt of another firmware."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import time
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from _pytest.mark import ParameterSet

from host_tests.conftest import in_the_library
from host_tests.flash import fields
from host_tests.flash.test_files import dfu
from host_tests.target import ENTER, MANIFEST, ROOT, VirtualTarget
from host_tests.test_cli import ROMBOOT, romboot
from tools import boards
from tools.bench import chip
from tools.bench.board import VirtualBoard
from tools.bench.image import load_image
from tools.bench.rom.flash import Flash
from tools.bench.rom_adapter import rom_facts
from tools.cli.arguments import BAUD
from tools.cli.errors import Code
from tools.cli.job import back
from tools.cli.rom import serial_rom
from tools.cli.rom.uart import ROOM, UartRom, room
from tools.firmware import build
from tools.tables import dies

BOARD = "NUCLEO_F429ZI"
KIB = 1024


NOT_THOROUGH = "NUCLEO_L073RZ"  # erased to zeros, unlike the F4 of the other tests


def others() -> list[ParameterSet]:
    """A board of each other family that the library has."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "boards").glob("NUCLEO_*.toml")):
        family = tomllib.loads(path.read_text())["chip"][:7]
        if family != "STM32F4" and in_the_library(path):
            found.setdefault(family, path.stem)
    return [
        pytest.param(name, marks=[] if name == NOT_THOROUGH else [pytest.mark.thorough])
        for name in found.values()
    ]


def firmware(board: str = BOARD) -> Path:
    return build(board, frozen_manifest=MANIFEST)


def words(target: VirtualTarget, file: Path, *more: str) -> list[str]:
    with target.server.paused() as virtual:
        name = virtual.name
    board = next(board for board in map(boards.load, boards.names()) if board.name == name)
    rom = [] if board.one_cable else ["--rom", str(target.rom)]
    return ["flash", str(file), "--device", target.console, *rom, *more]


def flash(target: VirtualTarget, file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return romboot(*words(target, file, *more))


def states(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """By name, in their order."""
    return {state["state"]: state for state in map(json.loads, done.stdout.splitlines())}


def next_command(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The words of the only command that was named, without "romboot"."""
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("  romboot "))
    return shlex.split(line)[1:]


@pytest.fixture
def virtual_f429() -> Iterator[VirtualTarget]:
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        yield target


@pytest.fixture(scope="module")
def bystander() -> Iterator[VirtualTarget]:
    """For what is refused: a board that every test must leave untouched."""
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        yield target
        assert target.ok("exec", "print(6 * 7)") == "42\n"
        assert target.server.board.arrival is None


@pytest.fixture
def done_by_rom(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the ROM does with the flash: ("erase", number of a sector), ("program", address)."""
    found: list[tuple[str, int]] = []
    erase, program = Flash.erase, Flash.program

    def erasing(flash: Flash, numbers: Iterable[int]) -> None:
        some = list(numbers)
        found.extend(("erase", number) for number in some)
        erase(flash, some)

    def programming(flash: Flash, address: int, data: bytes) -> bool:
        found.append(("program", address))
        return program(flash, address, data)

    monkeypatch.setattr(Flash, "erase", erasing)
    monkeypatch.setattr(Flash, "program", programming)
    return found


def erased_once(done_by_rom: list[tuple[str, int]], sectors: list[int]) -> bool:
    """These sectors and no others, each once, before the first write."""
    first, then = done_by_rom[: len(sectors)], done_by_rom[len(sectors) :]
    return sorted(first) == [("erase", n) for n in sectors] and {k for k, _ in then} == {"program"}


def test_from_the_prompt_to_the_prompt_of_another_firmware(
    virtual_f429: VirtualTarget, tmp_path: Path, done_by_rom: list[tuple[str, int]]
) -> None:
    """Each state, in order; only the sectors of the file are erased, and files stay."""
    target, file = virtual_f429, tmp_path / "firmware.hex"
    subprocess.run(["objcopy", "-O", "ihex", firmware(), file], check=True)
    target.ok("exec", "with open('mine.txt', 'w') as f: f.write('kept')")
    done = flash(target, file, "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    found = states(done)
    names = "file application plan left ROM erase write verify leave prompt"
    assert list(found) == names.split()
    fields.check(found.values())
    assert found["application"]["dev_id"] == found["ROM"]["dev_id"] == "0x419"
    assert found["application"]["flash_kib"] == 2048
    assert found["plan"]["sectors"] == [0, 5, 6] and found["erase"]["bytes"] == 272 * KIB
    assert erased_once(done_by_rom, [0, 5, 6])
    assert found["prompt"]["version"] == found["file"]["versions"][0]
    assert target.arrival().clean
    print_it = "import romboot; print(romboot.__version__, open('mine.txt').read())"
    assert target.ok("exec", print_it) == "0.1.0 kept\n"


@pytest.mark.parametrize("board", others())
def test_other_families(board: str, done_by_rom: list[tuple[str, int]]) -> None:
    """Their firmware has no file system, so the library is in the old one."""
    with VirtualTarget.boot(board, firmware(board)) as target:
        done = flash(target, build(board), "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        assert erased_once(done_by_rom, states(done)["plan"]["sectors"])
        assert target.arrival().clean
        gone = target.mpremote("exec", "import romboot")
        assert "ImportError" in gone.stdout + gone.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("board", ["STM32F429DISC", "STM32F7DISC"])
def test_a_board_whose_heap_is_in_sdram(board: str) -> None:
    with VirtualTarget.boot(board, build(board)) as target:
        done = flash(target, firmware(board))
        assert done.returncode == 0, done.stderr + done.stdout
        assert target.arrival().clean
        assert target.ok("exec", "import romboot; print(6 * 7)") == "42\n"


@pytest.mark.thorough
def test_a_flash_in_two_banks() -> None:
    """RM0410 table 4: nDBANK is 0, so the sectors are others, and a bit protects two of them
    (3.7.5): here sectors 16 and 17, which the file does not need."""
    file = firmware("NUCLEO_F767ZI")
    with VirtualTarget.boot("NUCLEO_F767ZI", build("NUCLEO_F767ZI")) as target:
        with target.server.paused() as board:
            board.soc.flash.store_options("OPTCR", 1 << 29 | 1 << 16 + 8, 0)
            board.power_on()
        done = flash(target, file, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        found = states(done)
        assert found["plan"]["sectors"] == list(range(len(found["plan"]["sectors"])))
        assert found["erase"]["bytes"] < 512 * KIB and target.arrival().clean
        assert target.ok("exec", "import romboot; print(6 * 7)") == "42\n"


# --- refused: nothing is touched ---------------------------------------------------------------


def test_another_board(bystander: VirtualTarget) -> None:
    done = flash(bystander, firmware("PYBV11"))
    assert done.returncode == Code.REFUSED
    assert "PYBv1.1 with STM32F405" in done.stderr and "NUCLEO-F429ZI" in done.stderr
    assert "Nothing was written, and the board is at its prompt" in done.stderr
    assert next_command(done) == words(bystander, firmware("PYBV11"), "--force")


def test_files_that_would_be_lost(bystander: VirtualTarget, tmp_path: Path) -> None:
    """A file in one piece covers the file system, which is between the pieces."""
    board = VirtualBoard.load(BOARD, firmware())
    (tmp_path / "a.bin").write_bytes(board.soc.flash.array.read(0, 400 * KIB))
    done = flash(bystander, tmp_path / "a.bin")
    assert done.returncode == Code.REFUSED
    assert "112 KiB of the file system at 0x08004000 (112 KiB) will be erased" in done.stderr
    assert next_command(done) == words(bystander, tmp_path / "a.bin", "--yes")
    done = flash(bystander, tmp_path / "a.bin", "--dry-run", "--yes")
    assert done.returncode == 0 and "files on the board are lost" in done.stderr
    assert "erases 8 of 24 sectors (512 KiB), writes 400 KiB" in done.stdout


@pytest.mark.parametrize(("at", "said"), [(0x08020000, True), (0x08180000, False)])
def test_part_of_a_firmware(bystander: VirtualTarget, tmp_path: Path, at: int, said: bool) -> None:
    """Where the text of the running firmware is, and where nothing is."""
    (tmp_path / "a.bin").write_bytes(bytes(range(1, 100)))
    line = ("--address", hex(at))
    done = flash(bystander, tmp_path / "a.bin", *line, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert (f"the flash is in use where it goes, from 0x{at:08X} on" in done.stderr) == said
    if said:
        assert flash(bystander, tmp_path / "a.bin", *line).returncode == Code.REFUSED


def test_protection_is_seen_before(bystander: VirtualTarget) -> None:
    """RM0090 3.9.10: nWRP of sector 5; readout protection at level 1."""
    for optcr, why in ((0x0FDFAAED, "1 of the 3 sectors"), (0x0FFF55ED, "is at level 1")):
        with bystander.server.paused() as board:
            before = board.soc.flash.get("OPTCR")
            board.soc.flash.put("OPTCR", optcr)
        done = flash(bystander, firmware())
        with bystander.server.paused() as board:
            board.soc.flash.put("OPTCR", before)
        assert done.returncode == Code.REFUSED and why in done.stderr, done.stderr


def test_a_dry_run_touches_nothing(bystander: VirtualTarget) -> None:
    done = flash(bystander, firmware(), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "erases 3 of 24 sectors (272 KiB)" in done.stdout
    assert "\r" not in done.stdout + done.stderr  # no bars where nobody looks
    assert f"into the ROM, which is expected at {bystander.rom}" in done.stdout
    done = flash(bystander, firmware(), "--dry-run", "--erase-all")
    assert done.returncode == 0 and "the files on the board are lost" in done.stderr
    console = ["--device", bystander.console]
    done = romboot("flash", str(firmware()), *console, "--usb", "1-2", "--dry-run")
    assert done.returncode == 0 and "expected at USB 1-2; back" in done.stdout, done.stderr


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--rom"]])
def test_a_board_whose_rom_is_elsewhere(bystander: VirtualTarget, more: list[str]) -> None:
    """Nor is it there if the user says so."""
    device = ["flash", str(firmware()), "--device", bystander.console]
    same = [*more, bystander.console] if "--rom" in more else more
    done = romboot(*device, *same)
    assert done.returncode == Code.REFUSED and "does not listen on the pins" in done.stderr
    kept = [*device, *(() if "--rom" in more else more)]
    for way in (["--rom", "PORT"], ["--usb", "PATH"]):
        assert f"\n  romboot {shlex.join([*kept, *way])}\n" in f"{done.stderr}\n"


def test_a_chip_that_refuses(tmp_path: Path) -> None:
    """A dry run ends as the real one, and --force is about the file."""
    path = tmp_path / "a.dfu"
    path.write_bytes(dfu((0x08100000, bytes(64))))
    with VirtualTarget.boot("STM32H747I_DISCO", firmware("STM32H747I_DISCO")) as target:
        ports = ["--device", target.console, "--rom", target.rom_port]
        for more in (["--dry-run"], ["--force"]):
            done = romboot("flash", str(path), *ports, "--yes", *more)
            assert done.returncode == Code.REFUSED, done.stdout + done.stderr
            assert "the Cortex-M4 of this dual-core chip starts at each reset" in done.stderr
            assert "Nothing was written" in done.stderr
            assert "`romboot enter --force`" in done.stderr
            assert next_command(done) == ["enter", *ports, "--force"]
        with target.server.paused() as board:
            assert board.arrival is None


@pytest.mark.usefixtures("impatient")
def test_a_port_that_another_program_holds(bystander: VirtualTarget) -> None:
    """It is seen before the first byte, at whichever of the two ports."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    rom = os.ttyname(theirs)
    for held in (bystander.console, rom):
        with serial.Serial(held, exclusive=True):
            done = romboot("flash", str(firmware()), "--device", bystander.console, "--rom", rom)
        assert done.returncode == Code.HELD, done.stderr
        assert f"{held} is held by" in done.stderr and "Nothing was touched" in done.stderr
        with pytest.raises(BlockingIOError):
            os.read(ours, 1)
    os.close(ours)
    os.close(theirs)


# --- on the way --------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_rom_that_resets_the_chip(virtual_f429: VirtualTarget) -> None:
    """Field reports, A2; as test_enter.py has it, and test_usb.py for a board on USB."""
    answers = iter([True])
    with virtual_f429.server.paused() as board:
        board.in_system_memory.resets = lambda: next(answers, False)
    done = flash(virtual_f429, firmware())
    assert done.returncode == 0, done.stderr
    assert "try 1 of 10: the prompt is back" in done.stderr


def test_no_rom_where_it_is_looked_for(virtual_f429: VirtualTarget) -> None:
    ours, theirs = os.openpty()
    wrong = ["--device", virtual_f429.console, "--rom", os.ttyname(theirs)]
    done = romboot("flash", str(firmware()), *wrong)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == Code.NO_ROM, done.stderr
    assert "Nothing was erased" in done.stderr and "romboot leave" in done.stderr
    # It is in its ROM now, and the command goes on from there.
    again = flash(virtual_f429, firmware(), "--dry-run")
    assert again.returncode == 0, again.stderr
    assert "the board is in it already" in again.stdout


@pytest.mark.usefixtures("impatient")
def test_no_prompt_at_the_port(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    done = romboot("flash", str(firmware()), "--device", os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)
    assert done.returncode == Code.NOT_ENTERED
    assert "BOOT0 high" in done.stderr and "Nothing was changed, but Ctrl-C" in done.stderr


KILLED = pytest.param(signal.SIGKILL, marks=pytest.mark.thorough)


@pytest.mark.parametrize("number", [signal.SIGTERM, KILLED])
def test_it_ends_while_it_writes(virtual_f429: VirtualTarget, number: int, tmp_path: Path) -> None:
    """By `kill`, which is as Ctrl-C, or as when a cable is pulled. The same command again writes
    the file."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*ROMBOOT, *words(virtual_f429, firmware())]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env=environment,
    ) as process:  # fmt: skip
        assert process.stdout
        while not process.stdout.readline().startswith("erase"):
            assert process.poll() is None
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    if number == signal.SIGTERM:
        assert process.returncode == 130
        assert "romboot: ended by SIGTERM. The ROM bootloader cannot be erased" in errors
        assert f"  {shlex.join(['romboot', *words(virtual_f429, firmware())])}\n" in errors
        assert "Traceback" not in errors
    left = romboot("leave", *words(virtual_f429, firmware(), "--json")[2:])
    (_, error) = states(left).values()
    assert left.returncode == error["exit_code"] == Code.REFUSED
    assert "there is no vector table at 0x08000000" in error["text"]
    assert error["next"][0]["command"].startswith("romboot flash FILE --device")
    saved = romboot(
        "read", str(tmp_path / "a.bin"), *words(virtual_f429, firmware())[2:], "--length", "256"
    )
    assert saved.returncode == 0 and (tmp_path / "a.bin").stat().st_size == 256, saved.stderr
    assert "\nstays        the board is still in its ROM bootloader, as it was" in saved.stdout
    assert "To write firmware, FILE:\n  romboot flash FILE --device" in saved.stdout
    assert "romboot leave" not in saved.stdout
    again = flash(virtual_f429, firmware())
    assert again.returncode == 0, again.stderr + again.stdout
    assert "the board is in it already" in again.stdout
    assert "does not tell what board it is: only its chip could be compared" in again.stderr
    assert virtual_f429.ok("exec", "import romboot; print(romboot.__version__)") == "0.1.0\n"


@pytest.mark.thorough
def test_a_second_command_meanwhile(virtual_f429: VirtualTarget) -> None:
    """It does nothing, and the first does not notice."""
    flashing = [*ROMBOOT, *words(virtual_f429, firmware())]
    others = (flashing, [*ROMBOOT, "info", "--device", virtual_f429.console])
    in_rom = [*ROMBOOT, "leave", "--rom", virtual_f429.rom_port]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            env=environment,
        )  # fmt: skip

    first = start(flashing)
    assert first.stdout
    for state in ("application", "erase"):  # at the prompt, and in the ROM
        while not (line := first.stdout.readline()).startswith(state):
            assert line, first.communicate()
        first.send_signal(signal.SIGSTOP)
        for second in [start(command) for command in (*others, in_rom)]:
            out, errors = second.communicate(timeout=60)
            assert second.returncode == Code.HELD, out + errors
            assert re.search(rf" is held by [^,]*\(process {first.pid}\): end that", errors)
            assert "Nothing was touched" in errors
        first.send_signal(signal.SIGCONT)
    out, errors = first.communicate(timeout=60)
    assert first.returncode == 0, out + errors


def test_what_is_read_back_is_not_the_file(virtual_f429: VirtualTarget, tmp_path: Path) -> None:
    """As the ROM drops what goes to a protected sector; with --force, or this would be refused."""
    with virtual_f429.server.paused() as board:
        board.soc.flash.nwrp &= ~(1 << 5)
        for name, value in board.soc.flash.stored_options.items():  # as a reset would load them
            board.soc.flash.put(name, board.soc.flash.get(name) & 3 | value & ~3)
    (tmp_path / "a.bin").write_bytes(bytes(64))
    done = flash(virtual_f429, tmp_path / "a.bin", "--address", "0x08020000", "--force", "--yes")
    assert done.returncode == Code.NOT_THE_SAME
    assert "what the ROM reads back at 0x0802" in done.stderr
    assert "Its firmware is not whole" in done.stderr


def test_a_rom_that_go_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reset does, by code in SRAM."""
    monkeypatch.setattr(back, "GO_S", 1)
    with VirtualTarget.boot(BOARD, firmware()) as target:
        with target.server.paused() as board:
            inside, go = board.in_system_memory, board.in_system_memory._go
            inside._go = lambda address: go(address) if address >> 24 == 0x20 else inside._start()
        target.ok("exec", ENTER)
        with contextlib.ExitStack() as stack:
            loader = stack.enter_context(serial_rom.connected(target.rom_port))
            rom = UartRom(loader, target.rom_port, BAUD, stack)
            rom.leave(0x08000000)
        assert rom.is_there()
        done = romboot("leave", *words(target, firmware())[2:])
        assert done.returncode == 0, done.stderr + done.stdout
        assert "the ROM is there still, or again: a reset" in done.stdout
        assert not rom.is_there()
        assert target.ok("exec", "print(6 * 7)") == "42\n"


@pytest.mark.parametrize("name", chip.names())
def test_the_rom_takes_code_for_that_reset(name: str) -> None:
    """The SRAM that it leaves to others (AN2606 table 226)."""
    facts = rom_facts(chip.load(name))
    die = next(die for _, die in dies() if die.dev_id == chip.load(name).dev_id)
    start = room(die)
    if start is None:
        assert not any(area.start < area.end for area in facts.ram)
    else:
        assert any(area.start < start < start + ROOM <= area.end for area in facts.ram)


@pytest.mark.thorough
def test_a_firmware_that_has_no_prompt(virtual_f429: VirtualTarget, tmp_path: Path) -> None:
    """`b .` at its first instruction."""
    path = tmp_path / "silent.dfu"
    stuck = (0x20010000).to_bytes(4, "little") + (0x08000009).to_bytes(4, "little") + b"\xfe\xe7"
    path.write_bytes(dfu((0x08000000, stuck + bytes(6))))
    done = flash(virtual_f429, path)
    assert done.returncode == Code.NOT_BACK
    assert "does not answer any more. Press reset" in done.stderr
    assert "read back and compared.\n" in done.stderr
    assert load_image(path)
