"""What romboot flash reads out of a file, and which sectors it needs."""

from __future__ import annotations

import contextlib
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from stm32loader.bootloader import CommandError

from tools.bench import chip
from tools.bench.image import Segment
from tools.bench.rom_adapter import rom_facts
from tools.cli.errors import CliError, Code
from tools.cli.report import Report
from tools.cli.rom import geometry, plan
from tools.cli.rom.image import Image, load
from tools.cli.rom.uart import UartRom
from tools.firmware import build

BASE = 0x08000000
KIB = 1024
CHIPS = sorted(p.stem for p in (Path(chip.__file__).parent / "chips").glob("*.toml"))


def dfu(*elements: tuple[int, bytes]) -> bytes:
    """A DfuSe file (UM0391) with one target."""
    body = b"".join(struct.pack("<2I", at, len(data)) + data for at, data in elements)
    target = struct.pack("<6sBI255s2I", b"Target", 0, 0, b"", len(body), len(elements)) + body
    whole = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(target), 1) + target
    whole += struct.pack("<4H3sB", 0, 0xDF11, 0x0483, 0x011A, b"UFD", 16)
    return whole + struct.pack("<I", zlib.crc32(whole) ^ 0xFFFFFFFF)


def fake(*pieces: tuple[int, bytes]) -> Image:
    return Image(Path("x.hex"), tuple(pieces), (), (), False)


def at_f429(image: Image, erase_all: bool = False) -> plan.Plan:
    return plan.make(image, geometry.GEOMETRY[0x419].sectors(2048), erase_all)


def test_a_dfu_file_of_several_elements(tmp_path: Path) -> None:
    path = tmp_path / "firmware.dfu"
    elements = ((BASE + 0x20000, b"second piece"), (BASE, b"first"))
    path.write_bytes(dfu(*elements))
    assert load(path, None).pieces == tuple(sorted(elements))
    path.write_bytes(dfu(*elements).replace(b"second", b"zweite"))
    with pytest.raises(CliError, match="checksum of the DfuSe file is wrong"):
        load(path, None)


def test_the_bytes_of_each_format_are_the_same(tmp_path: Path) -> None:
    elf = load(build("NUCLEO_F429ZI"), None)
    (tmp_path / "a.dfu").write_bytes(dfu(*elf.pieces))
    assert load(tmp_path / "a.dfu", None).pieces == elf.pieces
    (tmp_path / "a.bin").write_bytes(elf.pieces[-1][1])
    (piece,) = load(tmp_path / "a.bin", elf.pieces[-1][0]).pieces
    assert piece == elf.pieces[-1]
    assert elf.machines == ("NUCLEO-F429ZI with STM32F429",)
    assert elf.versions == ("v1.25.0 on 2025-04-15",) and not elf.mboot


@pytest.mark.parametrize("name", ["firmware.uf2", "firmware.bin"])
def test_uf2_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"UF2\n" + bytes(508))
    with pytest.raises(CliError, match="only bootloaders that show a USB drive") as raised:
        load(path, None)
    assert raised.value.code == Code.REFUSED


def test_what_is_too_much_to_read(tmp_path: Path) -> None:
    """A device that never ends; 1 GiB, without a block on the disk."""
    (tmp_path / "a.bin").symlink_to("/dev/zero")
    (tmp_path / "b.bin").touch()
    os.truncate(tmp_path / "b.bin", 1 << 30)
    for name, why in (("a.bin", "is no regular file"), ("b.bin", "has 1024 MiB: no STM32 has")):
        with pytest.raises(CliError, match=why):
            load(tmp_path / name, None)


def test_two_contents_for_one_address(tmp_path: Path) -> None:
    path = tmp_path / "a.dfu"
    path.write_bytes(dfu((BASE, b"12345"), (BASE + 4, b"5")))
    with pytest.raises(CliError, match="two contents for 0x08000004"):
        load(path, None)


# --- sectors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHIPS)
def test_the_sectors_are_those_of_the_bench(name: str) -> None:
    """Its sizes come from another source: tools/bench/families."""
    facts = chip.load(name)
    kib = sum(r.size for r in facts.memory if r.kind == "flash") // KIB
    ours = geometry.GEOMETRY[facts.dev_id].sectors(kib)
    theirs = bench_sectors(facts)
    assert [(s.base, s.size) for s in ours] == theirs
    assert [s.number for s in ours] == list(range(len(ours)))


def bench_sectors(facts: chip.Chip) -> list[tuple[int, int]]:
    return [(s.base, s.size) for s in rom_facts(facts).sectors]


def test_two_banks_are_those_of_the_bench() -> None:
    """nDBANK is 0 (RM0410 table 4)."""
    theirs = chip.load("STM32F767xx").sectors(two_banks=True)
    ours = geometry.layout(0x451, 2048, 0, in_rom=True)
    assert [(s.base, s.size) for s in ours] == [(s.base, s.size) for s in theirs]


@pytest.mark.parametrize(
    ("dev_id", "kib", "sectors", "last", "number"),
    [
        (0x433, 512, 8, 0x08060000, 7),  # F401xE
        (0x463, 1536, 16, 0x08160000, 15),  # F413xH: RM0430 table 5
        (0x419, 2048, 24, 0x081E0000, 23),  # F42x: RM0090 table 6
        (0x450, 1024, 8, 0x08160000, 11),  # H743xG: bank 2 at 0x08100000
        (0x450, 128, 1, 0x08000000, 0),  # H750
        (0x480, 2048, 256, 0x081FE000, 255),  # H7A3xI
        (0x447, 192, 1536, 0x0802FF80, 1535),  # L073xZ
        (0x452, 64, 4, 0x0800C000, 3),  # F730: RM0431 table 3
    ],
)
def test_known_flash(dev_id: int, kib: int, sectors: int, last: int, number: int) -> None:
    found = geometry.GEOMETRY[dev_id].sectors(kib)
    assert (len(found), found[-1].base, found[-1].number) == (sectors, last, number)
    assert sum(s.size for s in found) == kib * KIB


@pytest.mark.parametrize(
    ("dev_id", "kib", "register", "option", "sectors", "bank_2"),
    [
        (0x419, 1024, 1 << 30, 1 << 14, 16, (0x08080000, 16, 12)),  # RM0090 Table 7
        (0x434, 1024, 0, 0, 12, None),
        (0x419, 2048, 1 << 30, 1 << 14, 24, (0x08100000, 16, 12)),  # DB1M: of no meaning
        (0x451, 2048, 0, 0, 24, (0x08100000, 16, 12)),  # RM0410 Table 4
        (0x451, 1024, 0, 0, 16, (0x08080000, 16, 12)),
        (0x451, 2048, 1 << 29, 1 << 13, 12, None),
        (0x470, 2048, 0, 0, 256, None),
        (0x470, 2048, 1 << 22, 1 << 22, 512, None),
        (0x469, 512, 0, 0, 128, None),
        (0x469, 512, 1 << 22, 1 << 22, 256, None),
    ],
)
def test_layouts_that_an_option_bit_chooses(
    dev_id: int, kib: int, register: int, option: int, sectors: int, bank_2: Any
) -> None:
    """By the register, through the prompt, and by the option bytes that the ROM reads."""
    found = geometry.layout(dev_id, kib, register, in_rom=False)
    assert found == geometry.layout(dev_id, kib, option, in_rom=True)
    assert len(found) == sectors and sum(s.size for s in found) == kib * KIB
    if bank_2:
        assert bank_2 in [(s.base, s.size // KIB, s.number) for s in found]


# --- the plan ----------------------------------------------------------------------------------


def test_only_the_sectors_that_the_file_touches() -> None:
    chosen = at_f429(fake((BASE, bytes(0x3000)), (BASE + 0x20000, bytes(0x20001))))
    assert [s.number for s in chosen.sectors] == [0, 5, 6]
    assert chosen.overlap(0x08004000, 112 * KIB) == 0
    assert len(at_f429(fake((BASE, b"x")), erase_all=True).sectors) == 24


def test_one_byte_more_is_one_sector_more() -> None:
    assert [s.number for s in at_f429(fake((BASE, bytes(0x4000)))).sectors] == [0]
    chosen = at_f429(fake((BASE, bytes(0x4001))))
    assert [s.number for s in chosen.sectors] == [0, 1]
    assert chosen.overlap(0x08004000, 112 * KIB) == 0x4000


def test_pieces_that_share_a_sector_are_one_element() -> None:
    """Or the second would erase the first."""
    chosen = at_f429(fake((BASE, b"1234"), (BASE + 0x100, b"5678"), (BASE + 0x20000, b"9ABC")))
    (start, data), (second, _) = chosen.elements
    assert (start, data[:4], data[0x100:0x104]) == (BASE, b"1234", b"5678")
    assert {*data[4:0x100], *data[0x104:]} == {0xFF} and second == BASE + 0x20000


def test_what_is_written_begins_and_ends_at_a_multiple_of_16() -> None:
    """AN2606 table 7. Of the ROM of an L47x, table 169: over DFU what is no multiple of 8 is
    corrupted. A piece that ends with its sector needs no other one."""
    chosen = at_f429(fake((BASE + 8, bytes(0x3FF8)), (BASE + 0x20004, bytes(0x501))))
    assert [s.number for s in chosen.sectors] == [0, 5]
    for part in chosen.elements, chosen.parts, chosen.contents:
        assert {(at % 16, len(data) % 16) for at, data in part} == {(0, 0)}
        assert max(at + len(data) for at, data in part if at < BASE + 0x4000) == BASE + 0x4000


@pytest.mark.parametrize(("dev_id", "kib", "version", "at", "erased", "slept"), [
    (0x450, 2048, 0x91, 0xE0000, [[7], [8], [9]], [4.0, 4.0]),
    (0x450, 2048, 0x92, 0xE0000, [[7], [8], [9]], []),
    (0x460, 128, 0xB3, 0x1000, [[2], [3], [4]], [0.04] * 3),
    (0x460, 128, 0xB4, 0x1000, [[2], [3], [4]], []),
    (0x466, 64, 0x53, 0x1000, [[2, 3, 4]], []),
    (0x467, 512, 0x92, 0x40000, [[128], [129], [130]], []),
])  # fmt: skip
def test_erases_that_a_rom_has_wrong(
    monkeypatch: pytest.MonkeyPatch, dev_id: int, kib: int, version: int, at: int,
    erased: list[list[int]], slept: list[float],
) -> None:  # fmt: skip
    """AN2606 rev 70. Table 136, H743: sectors of bank 2, 8 and 9, are waited for, not 7. Table
    108, G071: "erase only by one sector and wait 40 ms". Table 112, G0B1: "erase only by one
    sector when targeting Bank2". Table 102 says nothing like it of a G031."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    loader = Mock()
    loader.get_id.return_value, loader.get_version.return_value = dev_id, 0x31
    loader.read_memory.return_value = bytes([version])
    rom = UartRom(loader, "PORT", 115200, contextlib.ExitStack())
    sectors = geometry.GEOMETRY[dev_id].sectors(kib)
    length = 2 * next(s.size for s in sectors if s.base >= BASE + at) + 1
    rom.write(
        plan.make(fake((BASE + at, bytes(length))), sectors, False),
        Report(as_json=True),
        lambda: None,
    )
    calls = loader.extended_erase_memory.call_args_list
    assert ([call.args[0] for call in calls], waits) == (erased, slept)


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize("counts_on", [True, False])
@pytest.mark.parametrize(("dev_id", "kib"), [(0x415, 512), (0x467, 512), (0x467, 256)])
def test_pages_of_bank_2_whose_numbers_are_not_known(
    dev_id: int, kib: int, counts_on: bool, refuses: bool
) -> None:
    """The manual has them from 256 on (RM0351 table 5, RM0444 table 11). A ROM that counts so may
    refuse another number, or take it for a page of bank 1."""
    sectors = geometry.GEOMETRY[dev_id].sectors(kib)
    half, old = len(sectors) // 2, {s.base for s in sectors}

    def erase(numbers: list[int]) -> None:
        for n in numbers:
            if n < half or counts_on:
                old.discard(sectors[n].base)
            elif n >= 256:
                old.discard(sectors[n - 256 + half].base)
            elif refuses:
                raise CommandError("NACK")
            else:
                old.discard(sectors[n - half].base)

    def read(address: int, length: int) -> bytes:
        if address > sectors[-1].end:  # system memory
            return struct.pack("<H", kib) * (length // 2)
        return (b"\x00" if address in old else b"\xff") * length

    loader = Mock(get_id=lambda: dev_id, get_version=lambda: 0x31, read_memory=read)
    loader.extended_erase_memory = erase
    rom = UartRom(loader, "PORT", 115200, contextlib.ExitStack())
    image = fake((BASE, bytes(half * 2048 + 4096)))
    rom.write(plan.make(image, rom.sectors(), False), Report(as_json=True), lambda: None)
    assert old == {s.base for s in sectors[half + 2 :]}


VECTORS = struct.pack("<2I", 0x20010000, BASE + 0x20001)


@pytest.mark.parametrize(("dev_id", "kib"), [(0x419, 2048), (0x450, 2048), (0x447, 192)])
@pytest.mark.parametrize("pieces", [
    ((BASE, VECTORS + bytes(range(248)) * 60), (BASE + 0x20000, bytes(range(250)) * 200)),
    ((BASE, VECTORS + bytes(range(250)) * 700),),
    ((BASE + 0x8000, VECTORS + bytes(range(250)) * 500),),
])  # fmt: skip
@pytest.mark.parametrize("whole", [False, True])
def test_no_vector_table_until_the_end(
    pieces: tuple[Segment, ...], whole: bool, dev_id: int, kib: int
) -> None:
    """However far it gets: its sector is erased before anything else, and the table written last.
    By both ways the flash is the file in the end, and no byte is written twice."""
    chosen = plan.make(fake(*pieces), geometry.GEOMETRY[dev_id].sectors(kib), whole)
    table = pieces[0][0]
    for by_dfu_util in (False, True):
        flash = Flash(chosen.every, old=table)
        last = None
        if by_dfu_util and whole:
            flash.erase(*chosen.every)
        for sector in () if by_dfu_util else chosen.erased:
            flash.erase(sector)
        parts = chosen.elements if by_dfu_util else chosen.parts
        for number, (at, data) in enumerate(parts, 1):
            new = [s for s in plan.touched([(at, data)], chosen.every) if s != last]
            if by_dfu_util and not whole and new:
                flash.erase(*new)
                last = new[-1]
            flash.write(at, data)
            assert (flash.word(table) == VECTORS[:4]) == (number == len(parts))
        for at, data in pieces:
            assert flash.read(at, len(data)) == data
        assert flash.erased == set(chosen.sectors)


class Flash:
    """Erased before it is written, and no old vector table while anything else is touched."""

    def __init__(self, sectors: tuple[geometry.Sector, ...], old: int) -> None:
        self.bytes = bytearray(sectors[-1].end - BASE)  # none of it is erased
        self.old, self.erased = old, set[geometry.Sector]()

    def erase(self, *sectors: geometry.Sector) -> None:
        for s in sectors:
            self.bytes[s.base - BASE : s.end - BASE] = b"\xff" * s.size
        self.erased |= {*sectors}
        assert self.word(self.old) == b"\xff" * 4

    def write(self, at: int, data: bytes) -> None:
        assert set(self.read(at, len(data))) == {0xFF}
        self.bytes[at - BASE : at - BASE + len(data)] = data

    def read(self, at: int, length: int) -> bytes:
        return bytes(self.bytes[at - BASE : at - BASE + length])

    def word(self, at: int) -> bytes:
        return self.read(at, 4)


@pytest.mark.parametrize("name", ["a.dfu", "a.hex", "a.elf"])
def test_an_address_for_a_file_that_has_its_own(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(dfu((BASE, b"1234")))
    with pytest.raises(CliError, match=r"--address is for a \.bin") as raised:
        load(tmp_path / name, BASE)
    assert raised.value.code == Code.COMMAND_LINE


@pytest.mark.parametrize("at", [0x08200000, 0x081FFFFF, 0x90000000, 0x1FFFC000])
def test_an_address_outside_the_flash(at: int) -> None:
    with pytest.raises(CliError, match="flash of this chip is 0x08000000 to 0x081FFFFF") as e:
        at_f429(fake((at, b"12")))
    assert e.value.code == Code.REFUSED
