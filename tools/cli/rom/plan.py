"""Which sectors a file needs, and what is written into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...bench.image import Segment, blocks, flatten
from ..errors import CliError, Code
from .geometry import Sector, joined
from .image import Image

HEAD = 256  # bytes from the start of a vector table on; its first two words start the firmware
NOTHING = b"\xff" * 4  # to be written where only the erasing before that matters


@dataclass(frozen=True)
class Plan:
    """sectors: to be erased, each once, before anything is written. every: all there are.
    whole: all of them are erased. image: what is written."""

    image: Image
    sectors: tuple[Sector, ...]
    every: tuple[Sector, ...]
    whole: bool

    @property
    def first(self) -> Sector | None:
        """The sector where the vector table of the file goes, None if the file has none.

        It is erased first, and the vector table is written last. So a chip whose flashing was
        interrupted has no vector table, and nobody can start half a firmware.
        """
        if not self.image.has_vectors:
            return None
        return next(s for s in self.every if s.touches(self.image.start, self.image.start + 1))

    @property
    def erased(self) -> tuple[Sector, ...]:
        """The sectors to be erased, in this order."""
        first = self.first
        return tuple(sorted(self.sectors, key=lambda sector: sector != first))

    @property
    def contents(self) -> list[Segment]:
        """What is written, in pieces that begin at multiples of 256."""
        return blocks(list(self.image.pieces))

    @property
    def parts(self) -> list[Segment]:
        """The same in the order in which it is written, if everything has been erased before."""
        head, rest, size = self._head_and_rest()
        return blocks(rest, size) + head

    @property
    def elements(self) -> list[Segment]:
        """The same for dfu-util: before it writes an element it erases the sectors of it, but for
        the one that it has erased last."""
        first = self.first
        head, rest, size = self._head_and_rest()
        if first is None:
            return self._runs(rest)
        beside = blocks(cut(rest, first.base, first.end), size)
        elsewhere = self._runs(cut(rest, 0, first.base) + cut(rest, first.end, 1 << 32))
        mark = [(first.base, NOTHING)] if elsewhere and not self.whole else []
        return mark + elsewhere + beside + head

    def _head_and_rest(self) -> tuple[list[Segment], list[Segment], int]:
        """The vector table; everything else; and the size of which the border is a multiple."""
        pieces, size = list(self.image.pieces), HEAD
        if self.first is None:
            return [], pieces, size
        size = min(HEAD, self.first.size)
        end = (self.image.start // size + 1) * size
        return cut(pieces, 0, end), cut(pieces, end, 1 << 32), size

    def _runs(self, pieces: list[Segment]) -> list[Segment]:
        """One piece for each run of sectors, so that no two share a sector. Gaps within a run are
        as erased."""
        runs = (cut(pieces, *run) for run in joined(list(touched(pieces, self.every))))
        return [flatten(run) for run in runs]

    def overlap(self, start: int, size: int) -> int:
        """Bytes between these addresses that are erased."""
        parts = (min(s.end, start + size) - max(s.base, start) for s in self.sectors)
        return sum(part for part in parts if part > 0)


def make(image: Image, sectors: Sequence[Sector], erase_all: bool) -> Plan:
    """The plan for a flash with these sectors.

    Raises:
        CliError: part of the image is outside the flash.
    """
    outside = [(at, data) for at, data in image.pieces if not _inside(at, len(data), sectors)]
    if outside:
        at, data = outside[0]
        raise CliError(
            f"{image.path} has {len(data)} bytes for 0x{at:08X} to 0x{at + len(data) - 1:08X}, "
            f"and the flash of this chip is {flash_of(sectors)}: it is for another chip, or that "
            "part of it is for memory which the ROM cannot write",
            Code.REFUSED,
        )
    needed = touched(image.pieces, sectors)
    return Plan(image, tuple(sectors) if erase_all else needed, tuple(sectors), erase_all)


def cut(pieces: Sequence[Segment], start: int, end: int) -> list[Segment]:
    """What of them is from start on, before end."""
    found = [(max(at, start), data[max(start - at, 0) : max(end - at, 0)]) for at, data in pieces]
    return [(at, data) for at, data in found if data]


def touched(pieces: Sequence[Segment], sectors: Sequence[Sector]) -> tuple[Sector, ...]:
    """The sectors where these go."""
    return tuple(s for s in sectors if any(s.touches(at, at + len(data)) for at, data in pieces))


def _inside(at: int, size: int, sectors: Sequence[Sector]) -> bool:
    return any(start <= at and at + size <= end for start, end in joined(list(sectors)))


def flash_of(sectors: Sequence[Sector]) -> str:
    """Where they are, in words."""
    runs = (f"0x{start:08X} to 0x{end - 1:08X}" for start, end in joined(list(sectors)))
    return " and ".join(runs)
