"""Which sectors a file needs, and what is written into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...bench.image import Segment, blocks, flatten
from .codes import Code, FlashError
from .geometry import Sector, joined
from .image import Image


@dataclass(frozen=True)
class Plan:
    """sectors: to be erased, each once, before anything is written. every: all there are.
    whole: all of them are erased. image: what is written."""

    image: Image
    sectors: tuple[Sector, ...]
    every: tuple[Sector, ...]
    whole: bool

    @property
    def blocks(self) -> list[Segment]:
        """What is written, in pieces that begin at multiples of 256."""
        return blocks(list(self.image.pieces))

    @property
    def runs(self) -> list[Segment]:
        """The same, one piece for each run of sectors, so that no two pieces share a sector. Gaps
        within a run are as erased."""
        found: list[Segment] = []
        for start, end in joined(list(self.sectors_of_image)):
            found.append(flatten([p for p in self.image.pieces if start <= p[0] < end]))
        return found

    @property
    def sectors_of_image(self) -> tuple[Sector, ...]:
        """Those that the file touches."""
        return touched(self.image.pieces, self.every)

    def overlap(self, start: int, size: int) -> int:
        """Bytes between these addresses that are erased."""
        parts = (min(s.end, start + size) - max(s.base, start) for s in self.sectors)
        return sum(part for part in parts if part > 0)


def make(image: Image, sectors: Sequence[Sector], erase_all: bool) -> Plan:
    """The plan for a flash with these sectors.

    Raises:
        FlashError: part of the image is outside the flash.
    """
    outside = [(at, data) for at, data in image.pieces if not _inside(at, len(data), sectors)]
    if outside:
        at, data = outside[0]
        raise FlashError(
            Code.REFUSED,
            f"{image.path} has {len(data)} bytes for 0x{at:08X} to 0x{at + len(data) - 1:08X}, "
            f"and the flash of this chip is {_flash(sectors)}: it is for another chip, or that "
            "part of it is for memory which the ROM cannot write",
        )
    needed = touched(image.pieces, sectors)
    return Plan(image, tuple(sectors) if erase_all else needed, tuple(sectors), erase_all)


def touched(pieces: Sequence[Segment], sectors: Sequence[Sector]) -> tuple[Sector, ...]:
    """The sectors where these go."""
    return tuple(s for s in sectors if any(s.touches(at, at + len(data)) for at, data in pieces))


def _inside(at: int, size: int, sectors: Sequence[Sector]) -> bool:
    return any(start <= at and at + size <= end for start, end in joined(list(sectors)))


def _flash(sectors: Sequence[Sector]) -> str:
    runs = (f"0x{start:08X} to 0x{end - 1:08X}" for start, end in joined(list(sectors)))
    return " and ".join(runs)
