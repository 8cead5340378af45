"""romboot flash over USB: unmodified dfu-util, one USB path there and back, and each fault."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock

import pytest
from _pytest.mark import ParameterSet

from host_tests.flash import fields
from host_tests.flash.test_files import dfu as dfu_file
from host_tests.flash.test_suits import PYBV11
from host_tests.target import MANIFEST, ROOT
from host_tests.test_cli import ROMBOOT
from host_tests.usb import Faults, UsbTarget, bus, usb_board
from tools import boards
from tools.bench import chip
from tools.bench.rom_adapter import rom_facts
from tools.bench.usb.faults import Leave
from tools.cli import main
from tools.cli.errors import CliError, Code
from tools.cli.job.job import Job
from tools.cli.port import places, ports
from tools.cli.rom import dfu, dfu_util, geometry, usb
from tools.cli.rom.dfu_util import Device
from tools.firmware import build

BOARD = "PYBV11"
KIB = 1024
BASE = 0x08000000
SMALL = (BASE + 0x80000, bytes(range(250)) * 40)  # a file for the tests of faults


def firmware(board: str = BOARD) -> Path:
    return build(board, frozen_manifest=MANIFEST)


def flash(board: UsbTarget, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As an ordinary user, with no option that says where the board is."""
    return board.run(*ROMBOOT, "flash", str(file), *words, privileged=False)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Ten thousand bytes that are no firmware."""
    path = tmp_path / "small.dfu"
    path.write_bytes(dfu_file(SMALL))
    return path


def test_from_the_prompt_to_the_prompt_of_another_firmware() -> None:
    with usb_board(BOARD, build(BOARD)) as board:
        code = "with open('mine.txt', 'w') as f: f.write('kept')"
        assert board.mpremote("exec", code).returncode == 0
        done = flash(board, firmware(), "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        states = [json.loads(line) for line in done.stdout.splitlines()]
        names = "file application plan left ROM writing erase write verify leave prompt"
        assert [state["state"] for state in states] == names.split()
        fields.check(states)
        assert states[4]["usb"] == board.path and states[1]["port"].startswith("/dev/ttyACM")
        assert states[2]["sectors"] == [0, 5, 6] and states[6]["bytes"] == 272 * KIB
        arrival = board.arrival()
        assert arrival and arrival.clean
        erased = [said for said in board.said if said.startswith("Erase: ")]
        assert sorted(erased) == sorted([*set(erased), erased[0]])  # the first of them twice
        done = board.mpremote(
            "exec", "import romboot; print(romboot.__version__, open('mine.txt').read())"
        )
        assert done.stdout == "0.1.0 kept\n"


def others() -> list[ParameterSet]:
    """A board of each other family whose ROM has USB."""
    found: dict[str, str] = {"F4": "NUCLEO_F429ZI", "H7": "NUCLEO_H743ZI"}
    for board in map(boards.load, boards.names()):
        if not board.refused and rom_facts(chip.load(board.chip)).usb:
            found.setdefault(board.chip[5:7], board.build)
    quick = "NUCLEO_H743ZI"  # it is off the bus before it answers the request to leave
    return [
        pytest.param(name, marks=[] if name == quick else [pytest.mark.thorough])
        for name in found.values()
    ]


@pytest.mark.parametrize("name", others())
def test_other_families(name: str) -> None:
    """Their firmware has no file system, so the library is in the old one."""
    with usb_board(name, firmware(name)) as board:
        board.until_application()
        done = flash(board, build(name))
        assert done.returncode == 0, done.stderr + done.stdout
        assert "ImportError" in board.mpremote("exec", "import romboot").stdout


def test_a_rom_that_has_no_mass_erase() -> None:
    """Said at the prompt and in the ROM, before anything is erased."""
    with usb_board("NUCLEO_L073RZ") as board:
        for enter in (lambda: None, board.until_rom):
            enter()
            refused = flash(board, firmware("NUCLEO_L073RZ"), "--erase-all")
            assert refused.returncode == Code.REFUSED, refused.stderr
            assert "STM32L0 or L1 cannot erase all of the flash over USB" in refused.stderr
        assert "rase" not in board.said


def test_a_board_that_is_in_its_rom_already(small: Path) -> None:
    """Then all of the flash may be erased too. No prompt comes: that is no firmware."""
    with usb_board(BOARD) as board:
        board.until_rom()
        refused = flash(board, small)
        assert refused.returncode == Code.REFUSED
        assert "where it keeps its files is not known" in refused.stderr
        (noise := small.with_suffix(".bin")).write_bytes(b"\xff" * 1000)
        refused = flash(board, noise, "--yes")
        assert refused.returncode == Code.REFUSED
        assert "its stack begins at 0xFFFFFFFF, which is no multiple of 4" in refused.stderr
        refused = flash(board, firmware("NUCLEO_F429ZI"), "--erase-all")
        assert refused.returncode == Code.REFUSED and "Erase" not in str(board.said)
        assert "file is for NUCLEO-F429ZI with STM32F429. The board is in its" in refused.stderr
        assert re.search(r"If .* this board:\n  romboot flash .* --yes\n", refused.stderr)
        done = flash(board, small, "--erase-all")
        assert "the board is in it already: DFU, USB 1-2" in done.stdout
        assert board.flash(*SMALL[:1], len(SMALL[1])) == SMALL[1]
        assert "Mass erase" in board.said
        assert done.returncode == Code.NOT_BACK
        assert "nothing can be started: there is no vector table at 0x08000000" in done.stderr
        assert "the board is still in its ROM bootloader.\n" in done.stderr


def test_a_rom_that_is_on_usb_and_not_where_it_was_looked_for(small: Path) -> None:
    """The port of the prompt has gone then: each command that is named does without."""
    ours, theirs = os.openpty()
    with usb_board(BOARD, build(BOARD)) as board:
        port = ["--device", board.until_application(), "--rom"]
        done = flash(board, small, *port, port[1])
        assert done.returncode == Code.REFUSED and "goes when its ROM starts" in done.stderr
        for code, said in (
            (
                Code.NO_ROM,
                "romboot: the ROM of the board is on USB now, at USB 1-2: ",
            ),
            (Code.NO_BOARD, "no serial port /dev/ttyACM0, but a board is in the ROM"),
        ):
            done = flash(board, small, *port, os.ttyname(theirs))
            assert done.returncode == code and said in done.stderr, done.stderr
            assert f"\n  romboot flash {small} --usb 1-2\n" in done.stderr
            assert ("\n  romboot leave --usb 1-2\n" in done.stderr) == (code == Code.NO_ROM)
        assert board.run(*ROMBOOT, "leave", "--usb", "1-2").returncode == 0
    os.close(ours)
    os.close(theirs)


def test_a_port_of_the_rom_that_goes_meanwhile(tmp_path: Path) -> None:
    """Nothing is entered then."""
    gone, enter = tmp_path / "rom", Mock()
    gone.symlink_to(tmp_path / "pty")
    job = Job(Namespace(json=False, rom=str(gone), tries=1))
    job.die = PYBV11.die
    with pytest.raises(CliError, match="there is no port") as refused:
        job.into_rom(Mock(), places.Place("/a"), enter, Mock())
    assert refused.value.code == Code.NO_BOARD and not enter.called


def test_several_boards(small: Path) -> None:
    """One at its prompt, one in its ROM: listed, and refused until one is named."""
    with (
        bus() as where,
        usb_board(BOARD, build(BOARD), in_bus=where, port=2) as one,
        usb_board(BOARD, in_bus=where, port=3, unit=1) as two,
    ):
        one.until_application()
        two.until_rom()
        done = flash(one, small)
        assert done.returncode == Code.SEVERAL
        found = re.findall(r"USB (1-\d).*:\n  romboot flash .* --usb \1\n", done.stderr)
        assert found == ["1-2", "1-3"]
        done = flash(one, small, "--dry-run", "--usb=9-9")
        assert done.returncode == Code.NO_BOARD and "no board is at USB 9-9" in done.stderr
        assert f"romboot flash {small} --dry-run --usb 1-3\n" in done.stderr
        done = flash(one, small, "--usb", "1-2", "--dry-run")
        assert done.returncode == 0 and "/dev/ttyACM0" in done.stdout
        done = flash(one, small, "--usb", "1-3", "--yes")
        assert two.flash(*SMALL[:1], len(SMALL[1])) == SMALL[1], done.stderr
        assert one.arrival() is None


# --- faults: each ends in its own sentence and exit code ---------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "sentence"),
    [
        (Faults(stall_block=2), Code.BROKEN_OFF, "and the board is still in it"),
        (Faults(pull_after=5000), Code.BROKEN_OFF, "has gone (dfu-util ended with 74"),
        (Faults(no_permission=True), Code.NO_RIGHT, dfu_util.RULE),
        (Faults(twin=True), Code.SEVERAL, "--usb 1-13"),
    ],
)
def test_faults_in_the_rom(fault: Faults, code: Code, sentence: str, small: Path) -> None:
    with usb_board(BOARD, faults=fault) as board:
        board.until_rom()
        began = time.monotonic()
        done = flash(board, small, "--yes")
        assert done.returncode == code, done.stderr
        assert sentence in done.stderr and "Traceback" not in done.stderr
        assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Faults(rom_resets=1), "try 1 of 10: the port at USB 1-2 went, and is back"),
        (Faults(leave=Leave.GOES_FIRST, twin=True, modem_manager_s=1), ""),
        (Faults(leave=Leave.STALLS, slow_erase=3), ""),
    ],
)
def test_what_does_not_stop_it(fault: Faults, said: str, small: Path) -> None:
    """A ROM that resets the chip; one that goes before it has answered, beside a second device of
    the same serial number, with a program that takes each new port for a while."""
    with usb_board(BOARD, build(BOARD), fault) as board:
        board.until_application()
        done = flash(board, small)
        assert done.returncode == 0, done.stderr + done.stdout
        assert said in done.stderr
        assert board.flash(*SMALL[:1], len(SMALL[1])) == SMALL[1]


def test_a_cable_that_is_pulled_leaves_no_vector_table() -> None:
    with usb_board(BOARD, build(BOARD), Faults(pull_after=100_000)) as board:
        board.until_application()
        done = flash(board, firmware())
        assert done.returncode == Code.BROKEN_OFF and "BOOT0 high" in done.stderr
        assert board.flash(BASE, 256) == b"\xff" * 256


def test_a_firmware_that_does_not_start() -> None:
    """Nor may it be for this board, as was said before."""
    with usb_board(BOARD, build(BOARD), Faults(leave=Leave.STAYS)) as board:
        board.until_application()
        done = flash(board, firmware("NUCLEO_F429ZI"), "--force")
    assert done.returncode == Code.NOT_BACK
    said = done.stderr[done.stderr.index("no prompt has come at USB 1-2. The ROM was to start") :]
    assert "does not answer any more; the file is for NUCLEO-F429ZI" in said
    assert "Press reset" in said and f"({boards.load(BOARD).boot0})" in said
    other = "To write other firmware, FILE, after a reset with BOOT0 high:\n  romboot flash FILE\n"
    assert f"compared.\n{other}" in said and said.endswith(" --erase-all\n")


def test_a_port_that_another_program_holds() -> None:
    with usb_board(BOARD, build(BOARD), Faults(modem_manager_s=9)) as board:
        board.until_application()
        done = flash(board, firmware())
        assert done.returncode == Code.HELD and "/dev/ttyACM0 is held by" in done.stderr


def test_a_device_that_another_dfu_util_has(
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Said by dfu-util 0.11 (main.c). Nothing is erased then, and its own work goes on."""
    program = tmp_path / "dfu-util"
    program.write_text("#!/bin/sh\necho dfu-util: Cannot claim interface - BUSY\nexit 74\n")
    program.chmod(0o755)
    monkeypatch.setattr(dfu_util, "program", lambda: str(program))
    device = Device("1-2", "A", {0: "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"})
    for module in (usb, dfu_util):
        monkeypatch.setattr(module, "roms" if module is usb else "devices", lambda: [device])
    assert main(["flash", str(small), "--usb", "1-2", "--yes"]) == Code.HELD
    said = capsys.readouterr().err
    assert "another program is at work on the DFU device at USB 1-2" in said
    assert "Nothing was changed" in said


def test_the_name_of_the_program_that_holds_a_port() -> None:
    """Not that of a virtual board, which has both ends."""
    ours, theirs = os.openpty()
    port = os.ttyname(theirs)
    code = f"import os, time; os.open({port!r}, os.O_RDWR); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        virtual_board = subprocess.Popen(["sleep", "60"], pass_fds=(ours, theirs))
        try:
            (holder,) = ports.holders(port)
            assert holder.endswith(f"(process {process.pid})")
        finally:
            process.kill()
            virtual_board.kill()
            virtual_board.wait()
    os.close(ours)
    os.close(theirs)


INT, TERM = signal.SIGINT, signal.SIGTERM
KILL = pytest.param(os.kill, TERM, "ended by SIGTERM", marks=pytest.mark.thorough)
GROUP = pytest.param(os.killpg, TERM, "ended by SIGTERM", marks=pytest.mark.thorough)


@pytest.mark.parametrize(("send", "number", "said"), [(os.killpg, INT, "Ctrl-C"), KILL, GROUP])
def test_it_ends_while_it_is_read_back(
    send: Callable[[int, int], None], number: int, said: str
) -> None:
    """With dfu-util: by Ctrl-C, which a terminal sends to both, and by `kill`, which one gets, or
    both."""
    with usb_board(BOARD) as board:
        board.until_rom()
        command = [*ROMBOOT, "flash", str(firmware()), "--yes"]
        with subprocess.Popen(
            command, env=board.environment(), cwd=ROOT, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout
            while not (line := process.stdout.readline()).startswith("write "):
                assert line, process.communicate()
            time.sleep(0.03)
            send(process.pid, number)
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 130, errors
        assert (
            f"romboot: {said}. The file is in the flash, but was not read back and compared; the"
            in errors
        )
        assert "To start the firmware that it has:\n  romboot leave" in errors


# --- without a bus -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "dev_id", "kib"),
    [
        ("@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg", 0x413, 1024),
        ("@Internal Flash   /0x08000000/16*128Kg", 0x450, 2048),
        ("@Internal Flash  /0x08000000/1536*128g", 0x447, 192),
        ("@Internal Flash  /0x08000000/0256*0002Kg", 0x415, 512),
    ],
)
def test_what_a_rom_says_of_its_sectors(layout: str, dev_id: int, kib: int) -> None:
    """UM0424; what people have seen dfu-util list."""
    assert usb.UsbRom(Device("1-2", "x", {0: layout})).sectors() == geometry.GEOMETRY[
        dev_id
    ].sectors(kib)


def test_what_a_rom_says_of_two_banks() -> None:
    """Of an F76x whose option nDBANK is 0, on the bench: no list of a real one was found."""
    facts = chip.load("STM32F767xx")
    said = rom_facts(facts, two_banks=True).usb
    assert said
    found = usb.UsbRom(Device("1-2", "x", {0: said.alternates[0]})).sectors()
    assert found == geometry.layout(0x451, 2048, 0, in_rom=True)


@pytest.mark.parametrize(
    "device",
    [
        Device("1-2", "x", {0: "@Internal Flash  /0x08000000/04*016Kg"}, "0300"),
        Device("1-2", "x", {0: "@Internal Flash  /0x08000000/02*016Ka,02*016Kg"}, "0200"),
    ],
)
def test_mboot_is_not_the_rom(device: Device) -> None:
    """Field reports, C9: bcdDevice 3.00 and no option bytes; another that keeps its sectors."""
    with pytest.raises(CliError, match="bootloader of the board, such as mboot"):
        usb.rom(device)


def test_a_rom_without_option_bytes() -> None:
    """An STM32G0C1, as community.st.com 839156 has it: three times the flash."""
    flash = "@Internal Flash   /0x08000000/256*02Kg"
    assert (
        len(usb.rom(Device("1-1", "x", dict.fromkeys(range(3), flash), "0200")).sectors()) == 256
    )


@pytest.mark.skipif(os.name == "nt", reason="a script in place of dfu-util")
def test_a_signal_that_ends_dfu_util(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl-C goes to each program of the terminal. One that ends romboot too may come to that a
    little later; one for dfu-util alone is an error."""
    script = tmp_path / "dfu-util"
    monkeypatch.setattr(dfu_util, "program", lambda: str(script))
    for name, error in (("INT", KeyboardInterrupt), ("TERM", CliError)):
        script.write_text(f"#!/bin/sh\necho 'DFU state(2) = dfuIDLE'\nkill -{name} $$\n")
        script.chmod(0o755)
        with pytest.raises(error):
            dfu_util.run("1-2", ["-U", "x"], lambda *_: None)
    came: list[float] = []  # while it waits for it
    monkeypatch.setattr(dfu_util, "ended_by", came)
    monkeypatch.setattr(dfu_util, "time", Mock(sleep=came.append))
    with pytest.raises(KeyboardInterrupt):
        dfu_util.run("1-2", ["-U", "x"], lambda *_: None)


def test_a_prompt_on_another_cable_than_the_rom(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port of an ST-LINK is there while the ROM is on USB: it is where the prompt comes."""
    port = os.ttyname(os.openpty()[1])
    monkeypatch.setattr(usb, "roms", lambda: [Device("1-2", "x", {0: "@Internal Flash  /"})])
    job = Job(Namespace(json=False, rom=None, usb="1-2", device=port))
    with job.held:
        place, rom = job.find(ExitStack())
    assert place.device == port and rom and rom.facts["usb"] == "1-2"


def test_without_dfu_util(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is missed before the board leaves its prompt, and where there is a device only."""
    monkeypatch.setattr(dfu_util, "PROGRAM", "no-such-program")
    with pytest.raises(Exception, match="dfu-util is not installed"):
        dfu_util.devices()
    job = Job(Namespace(json=False, rom=None, usb=None))
    with pytest.raises(Exception, match="dfu-util is not installed"):
        job.rom_port(places.Place("COM3", "1-2"), PYBV11)
    for sysfs in (tmp_path, tmp_path / "none"):
        monkeypatch.setattr(dfu, "SYSFS", sysfs)
        assert usb.roms() == []
