"""The sectors of the flash of each die, by DEV_ID, as the tables have them."""

from __future__ import annotations

from collections.abc import Iterator

from ...tables import dies
from ...tables.geometry import BASE, KIB, Sector

__all__ = ["BASE", "GEOMETRY", "KIB", "Sector", "joined", "layout"]

GEOMETRY = {die.dev_id: die.geometry or family.geometry for family, die in dies()}


def layout(dev_id: int, flash_kib: int, word: int | None, *, in_rom: bool) -> tuple[Sector, ...]:
    """The sectors of a flash. word: what Other.register reads, or in_rom Other.option; None for
    the layout as delivered."""
    geometry = GEOMETRY[dev_id]
    other = geometry.other
    if other and word is not None and other.only_kib in (0, flash_kib):
        bit = other.option_bit if in_rom else other.bit
        geometry = other.geometry if word >> bit & 1 == other.value else geometry
    return geometry.sectors(flash_kib)


def joined(sectors: list[Sector]) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of sectors that follow each other."""
    start = end = 0
    for sector in sectors:
        if sector.base != end:
            if end:
                yield start, end
            start = sector.base
        end = sector.end
    if end:
        yield start, end
