"""The bits of write protection stand for the sectors that the bench has, read from the manuals for
itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.bench import chip
from tools.tables import dies
from tools.tables.family import AreaProtection, Die, Family, WriteProtection

FLASH = 0x08000000


def of_die(dev_id: int) -> tuple[Family, Die]:
    ((family, die),) = ((f, d) for f, d in dies() if d.dev_id == dev_id)
    return family, die


def ours(dev_id: int, flash_size: int) -> Iterator[tuple[int, int]]:
    """Address and size of what each bit stands for."""
    family, die = of_die(dev_id)
    protection = family.write_protection
    assert isinstance(protection, WriteProtection)
    for bank, count in zip(protection.banks, die.sectors, strict=False):
        at = bank.base or FLASH + flash_size // 2
        for i in range(count):
            size = bank.kib[min(i, len(bank.kib) - 1)] * 1024
            yield at, size
            at += size


def test_in_two_banks_a_bit_stands_for_two_sectors_of_the_bench() -> None:
    """Of an F76x whose option nDBANK is 0; also with 1 MiB."""
    family, die = of_die(0x451)
    protection, other = family.write_protection, die.two_banks
    assert isinstance(protection, WriteProtection) and other
    optcr = other.bit.register.address
    sectors = chip.load("STM32F767xx").sectors(two_banks=True)
    for bit in range(12):
        words = {optcr: 0xFFFF << 16 & ~(1 << 16 + bit) & ~(1 << 29)}
        first, second = sectors[2 * bit : 2 * bit + 2]
        found = list(protection.protected(words, die, FLASH, 2048 * 1024))
        assert found == [(first.base, second.base + second.size)]
    half = list(protection.protected({optcr: 0xDFBF << 16}, die, FLASH, 1024 * 1024))
    assert half == [(FLASH + 512 * 1024, FLASH + 544 * 1024)]
    single = list(protection.protected({optcr: 0xFFDF << 16}, die, FLASH, 2048 * 1024))
    assert single == [(FLASH + 256 * 1024, FLASH + 512 * 1024)]


BY_AREAS = [
    name for name in chip.names() if of_die(chip.load(name).dev_id)[0].write_protection.by_areas
]


@pytest.mark.parametrize("name", BY_AREAS)
def test_each_page_of_an_area_is_one_of_the_bench(name: str) -> None:
    """Two areas in each bank, which reach to its last page."""
    bench = chip.load(name)
    family, die = of_die(bench.dev_id)
    protection = family.write_protection
    assert isinstance(protection, AreaProtection)
    areas = [area for area, _ in zip(protection.areas, die.sectors, strict=False)]
    for bank in range(1, bench.flash["banks"] + 1):
        base = FLASH + (bank - 1) * bench.region("FLASH").size // 2
        pages = [sector for sector in bench.sectors() if sector.bank == bank]
        mine = [area for area in areas if area.second_bank == (bank == 2)]
        assert len(mine) == 2
        for page in pages:
            kib = die.page_kib or protection.page_kib
            assert page.base == base + page.number * kib * 1024
        assert all(pages[-1].number <= area.mask for area in mine)


@pytest.mark.parametrize("name", [name for name in chip.names() if name not in BY_AREAS])
def test_each_bit_stands_for_the_sector_of_the_bench(name: str) -> None:
    bench = chip.load(name)
    size = bench.region("FLASH").size
    step = bench.flash.get("protect_kib", 0) * 1024
    theirs = [sector.base for sector in bench.sectors() if not step or sector.base % step == 0]
    bits = [(at, end) for at, end in ours(bench.dev_id, size) if at < FLASH + size]  # 512 KiB F412
    found = [at for at, _ in bits]
    theirs = theirs[: bench.flash.get("protect_bits")]  # the last one is for all that follow
    assert found == theirs
    last, length = bits[-1]
    assert last + length == FLASH + size
