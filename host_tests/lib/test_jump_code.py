"""The machine code of jump.py, as mpy-cross makes it: which instructions, and how many bytes."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from host_tests.lib import thumb
from host_tests.lib.calls import FRAME, resident
from host_tests.lib.conftest import Board
from host_tests.lib.thumb import Instruction
from tools import machine_code

LSL_R6_R2_2 = 0x0096  # how long the resident part is, and where it lies
ADD_R6_R6_R3 = 0x18F6
# What ARMv6-M has not, and the look at CPUID before it: cmp r4, #15 and bne (ARCHITECTURE), or
# lsls r3, r3, #19 and bpl (PARTNO, bit 8).
GUARDED = {
    (0x2C0F, 0xD1): [(0xF380, 0x8811), (0xB661, None)],  # msr BASEPRI, r0; cpsie f
    (0x04DB, 0xD5): [(0xF383, 0x880A), (0xF383, 0x880B)],  # msr MSPLIM, r3; msr PSPLIM, r3
}

needs_binutils = pytest.mark.skipif(
    shutil.which("arm-none-eabi-objdump") is None,
    reason="arm-none-eabi-objdump is not installed (Debian package binutils-arm-none-eabi)",
)


@pytest.fixture(scope="module")
def code() -> bytes:
    return machine_code.assemble()


@pytest.fixture(scope="module")
def listing(code: bytes) -> list[Instruction]:
    return list(thumb.instructions(code))


def test_the_resident_part_is_read_word_by_word(code: bytes, board: Board) -> None:
    """It begins at a whole word, as the code does, and is as long as reset.py leaves room."""
    start, length = resident(code)
    assert start % 4 == 0
    assert length == board.reset._RESIDENT
    assert length + 2 * FRAME + 7 <= board.entry._LAST_STEPS


def test_the_code_that_copies_is_not_copied_over(code: bytes, listing: list[Instruction]) -> None:
    """With what lies behind it the resident part is no longer than four times its length."""
    start, length = resident(code)
    at = next(at for at, i in enumerate(listing) if i.first == LSL_R6_R2_2)
    assert listing[at + 1].first == ADD_R6_R6_R3
    assert len(code) - start <= 4 * length


def test_it_runs_on_every_cortex_m(listing: list[Instruction]) -> None:
    """ARMv6-M only, but for what a look at CPUID guards."""
    foreign = [i for i in listing if not thumb.in_armv6m(i)]
    guarded = []
    for at, instruction in enumerate(listing):
        branch = listing[at + 1] if at + 1 < len(listing) else instruction
        if expected := GUARDED.get((instruction.first, branch.first >> 8)):
            target = branch.offset + 4 + 2 * (branch.first & 0xFF)
            inside = [i for i in foreign if branch.offset < i.offset < target]
            assert [(i.first, i.second) for i in inside] == expected
            guarded += inside
    assert sorted(guarded, key=lambda i: i.offset) == foreign
    assert len(guarded) == sum(map(len, GUARDED.values()))


@needs_binutils
def test_binutils_reads_the_same_instructions(
    code: bytes, listing: list[Instruction], tmp_path: Path
) -> None:
    """The second opinion about where instructions start, and that each is one."""
    file = tmp_path / "code.bin"
    file.write_bytes(code)
    command = ["arm-none-eabi-objdump", "-D", "-bbinary", "-marm", "-Mforce-thumb", str(file)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\s+([0-9a-f]+):\t([0-9a-f]{4}(?: [0-9a-f]{4})?)\s+\t?(.*)$", text, re.M)
    assert [int(offset, 16) for offset, _, _ in found] == [i.offset for i in listing]
    assert not [line for line in found if "UNDEFINED" in line[2] or ".short" in line[2]]


@needs_binutils
def test_the_instructions_given_as_numbers_are_what_their_comments_say(
    tmp_path: Path,
) -> None:
    """`data(2, ...)  # mnemonic`, after Arm's assembler."""
    given = re.findall(r"data\(2, ([^)]*)\)  # (\w+ ?[^:;\n]*)", machine_code.SOURCE.read_text())
    assert len(given) == machine_code.SOURCE.read_text().count("data(2, ") > 20
    expected = [int(number, 16) for numbers, _ in given for number in numbers.split(",")]
    assert assembled([mnemonic.strip() for _, mnemonic in given], tmp_path) == expected


def assembled(mnemonics: list[str], folder: Path) -> list[int]:
    """Their halfwords, one instruction after the other."""
    source = [".syntax unified", ".thumb"]
    for mnemonic in mnemonics:
        # For v7-M, binutils takes LDM and STM of one register for something wider.
        armv7m = "BASEPRI" in mnemonic or mnemonic == "cpsie f"
        arch = "armv7-m" if armv7m else "armv8-m.main" if "SPLIM" in mnemonic else "armv6-m"
        source += [f".arch {arch}", mnemonic]
    (folder / "all.s").write_text("\n".join(source) + "\n")
    subprocess.run(["arm-none-eabi-as", "all.s", "-o", "all.o"], check=True, cwd=folder)
    objcopy = ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", "all.o", "all.bin"]
    subprocess.run(objcopy, check=True, cwd=folder)
    binary = (folder / "all.bin").read_bytes()
    return list(struct.unpack(f"<{len(binary) // 2}H", binary))


def test_the_bytes_for_builds_without_the_assembler_are_the_same_code(code: bytes) -> None:
    current = machine_code.TARGET.read_text()
    assert machine_code.render(current, code) == current
