"""The bits of write protection stand for the sectors that the bench has, read from the manuals for
itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.bench import chip
from tools.tables import dies

FLASH = 0x08000000


def ours(dev_id: int, flash_size: int) -> Iterator[tuple[int, int]]:
    """Address and size of what each bit stands for."""
    ((family, die),) = ((f, d) for f, d in dies() if d.dev_id == dev_id)
    for bank, count in zip(family.write_protection.banks, die.sectors, strict=False):
        at = bank.base or FLASH + flash_size // 2
        for i in range(count):
            size = bank.kib[min(i, len(bank.kib) - 1)] * 1024
            yield at, size
            at += size


@pytest.mark.parametrize("name", chip.names())
def test_each_bit_stands_for_the_sector_of_the_bench(name: str) -> None:
    bench = chip.load(name)
    size = bench.region("FLASH").size
    step = bench.flash.get("protect_kib", 0) * 1024
    theirs = [sector.base for sector in bench.sectors() if not step or sector.base % step == 0]
    bits = [(at, end) for at, end in ours(bench.dev_id, size) if at < FLASH + size]  # 512 KiB F412
    found = [at for at, _ in bits]
    if bench.dev_id == 0x463:
        found.append(0x08160000)  # the last bit of an F413 is that of sector 15, too
    assert found == theirs
    last, length = bits[-1]
    assert last + length == FLASH + size
