"""What romboot flash reads out of a file, and which sectors it needs."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from tools.bench import chip
from tools.bench.rom_adapter import rom_facts
from tools.cli.flash import geometry, plan
from tools.cli.flash.codes import Code, FlashError
from tools.cli.flash.image import Image, load
from tools.firmware import build
from tools.tables import dies

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
    assert load(path, BASE).pieces == tuple(sorted(elements))
    path.write_bytes(dfu(*elements).replace(b"second", b"zweite"))
    with pytest.raises(FlashError, match="checksum of the DfuSe file is wrong"):
        load(path, BASE)


def test_the_bytes_of_each_format_are_the_same(tmp_path: Path) -> None:
    elf = load(build("NUCLEO_F429ZI"), BASE)
    (tmp_path / "a.dfu").write_bytes(dfu(*elf.pieces))
    assert load(tmp_path / "a.dfu", BASE).pieces == elf.pieces
    (tmp_path / "a.bin").write_bytes(elf.pieces[-1][1])
    (piece,) = load(tmp_path / "a.bin", elf.pieces[-1][0]).pieces
    assert piece == elf.pieces[-1]
    assert elf.machines == ("NUCLEO-F429ZI with STM32F429",)
    assert elf.versions == ("v1.25.0 on 2025-04-15",) and not elf.mboot


@pytest.mark.parametrize("name", ["firmware.uf2", "firmware.bin"])
def test_uf2_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"UF2\n" + bytes(508))
    with pytest.raises(FlashError, match="only bootloaders that show a USB drive") as raised:
        load(path, BASE)
    assert raised.value.code == Code.REFUSED


def test_two_contents_for_one_address(tmp_path: Path) -> None:
    path = tmp_path / "a.dfu"
    path.write_bytes(dfu((BASE, b"12345"), (BASE + 4, b"5")))
    with pytest.raises(FlashError, match="two contents for 0x08000004"):
        load(path, BASE)


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


def test_each_die_of_the_tables_has_sectors() -> None:
    for _, die in dies():
        assert die.dev_id in geometry.GEOMETRY, f"{die.name}: tools/cli/flash/geometry.py"


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


def test_pieces_that_share_a_sector_are_one_run() -> None:
    """Or the second would erase the first."""
    chosen = at_f429(fake((BASE, b"1234"), (BASE + 0x100, b"5678"), (BASE + 0x20000, b"9ABC")))
    (start, data), (second, _) = chosen.runs
    assert (start, data[:4], data[0x100:]) == (BASE, b"1234", b"5678")
    assert set(data[4:0x100]) == {0xFF} and second == BASE + 0x20000


@pytest.mark.parametrize("at", [0x08200000, 0x081FFFFF, 0x90000000, 0x1FFFC000])
def test_an_address_outside_the_flash(at: int) -> None:
    with pytest.raises(FlashError, match="flash of this chip is 0x08000000 to 0x081FFFFF") as e:
        at_f429(fake((at, b"12")))
    assert e.value.code == Code.REFUSED
