"""What a board at its prompt says of itself. Nothing of romboot has to be there.

Only a register of DBGMCU's clock is written on the way, and put back: some chips show their DEV_ID
with that alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ... import boards, tables
from ...tables import index, n6, no_row
from ...tables.family import Die, Family
from ..errors import CliError, Code
from ..port.prompt import Prompt
from ..rom.geometry import GEOMETRY, Sector, joined, layout
from ..rom.image import MBOOT

KIB = 1024
ERASED = (0xFFFFFFFF, 0)  # a word of erased flash; 0 on an L0 and L1
STM32 = "pyboard"  # sys.platform of MicroPython's stm32 port

WHO = """
import sys
i = sys.implementation
print(repr((sys.platform, sys.version, getattr(i, '_machine', ''), getattr(i, '_build', ''))))
"""

# A read of a DBGMCU without its clock gives 0. {cores}: see tools/tables/index.py.
CHIP = """
from machine import mem32
c = mem32[0xE000ED00] >> 4 & 0xFFF
m = (mem32[0xE000ED90] & 0xF800) << 1
if c == 0xD21:
    c, m = c | (mem32[0x40022044] >> 27 > 0) << 12, 0
for k, a, e, b in {cores}:
    if k in (c, c | m):
        v = e and mem32[e]
        if e:
            mem32[e] = v | 1 << b
        d = mem32[a] & 0xFFFFFFFF
        if e:
            mem32[e] = v
        print((k, a, d))
"""

# The file system in flash is found by its first bytes. Nothing behind the flash is read.
FLASH = """
from machine import mem16, mem32
n = mem16[{size}]
e = {base} + n * 1024
print(n, [mem32[a] & 0xFFFFFFFF for a in {words}])
print([mem32[a] & 0xFFFFFFFF if a < e else 0 for a in {start}])
try:
    from uctypes import bytearray_at as at
    r = range({base}, min({base} + 0x10000, e - 0x400), 0x400)
    print([a for a in r if {mboot} in at(a, 0x420)])
    from pyb import Flash
    f = Flash(start=0)
    n = f.ioctl(4, 0) * f.ioctl(5, 0)
    b = bytearray(64)
    f.readblocks(0, b)
    print((n, [a for a in {places} if a < e and at(a, 64) == b]))
except (ImportError, TypeError, OSError, ValueError):
    pass
"""

USED = """
from machine import mem32
print([a for s, e, n in {runs} for a in range(s, e, n) if mem32[a] & 0xFFFFFFFF not in {erased}])
"""


@dataclass(frozen=True)
class AtPrompt:
    """A board at its prompt. Addresses and sizes in bytes.

    machine, version, build: of its firmware, as in "PYBv1.1 with STM32F405RG", "v1.25.0 on
    2025-04-15", "PYBV11"; build may be empty.
    vectors_at_start: what is at the first address of the file now may be an application.
    mboot: it is in flash. protected: (start, end) of what is write-protected.
    pcrop: a sentence if there is readout protection of sectors. filesystem: (start, size).
    layout: the word of the register that tells the layout of the flash. known: its file.
    """

    port: str
    machine: str
    version: str
    build: str
    family: Family
    die: Die
    flash_kib: int
    vectors_at_start: bool
    mboot: bool
    protection_level: int
    protected: tuple[tuple[int, int], ...]
    pcrop: str
    filesystem: tuple[int, int] | None
    layout: int | None = None
    known: boards.Board | None = None

    @property
    def flash(self) -> int:
        """Its first address."""
        return self.family.flash

    @property
    def sectors(self) -> tuple[Sector, ...]:
        """Of its flash."""
        return layout(self.die.dev_id, self.flash_kib, self.layout, in_rom=False)


class Who(NamedTuple):
    """What MicroPython says of itself, as in AtPrompt."""

    platform: str
    version: str
    machine: str
    build: str


class UnknownChipError(CliError):
    """romboot has no table for it."""

    code = Code.REFUSED


def who(prompt: Prompt) -> Who:
    """Any MicroPython."""
    platform, version, machine, build = ast.literal_eval(prompt.run(WHO))
    return Who(platform, version.rpartition("MicroPython ")[2], machine, build)


def ask(prompt: Prompt, start: int) -> AtPrompt:
    """The board at this prompt. start: where the file begins that it may get.

    Raises:
        CliError: it is no STM32, or one that romboot does not know.
    """
    platform, version, machine, build = who(prompt)
    if platform != STM32:
        raise CliError(
            f"this is MicroPython on {platform}, not on an STM32: {machine}", Code.REFUSED
        )
    family, die = chip(prompt, machine)
    facts = _Facts(prompt, family, die, start)
    known = boards.identify(build, machine)
    return AtPrompt(
        port=prompt.port,
        machine=machine,
        version=version,
        build=build,
        family=family,
        die=die,
        flash_kib=facts.flash_kib,
        vectors_at_start=facts.vectors_at_start,
        mboot=facts.mboot,
        protection_level=facts.protection_level,
        protected=tuple(facts.protected()),
        pcrop=facts.pcrop,
        filesystem=facts.filesystem or (known.filesystem if known else None),
        layout=facts.layout,
        known=known,
    )


def used(prompt: Prompt, sectors: Sequence[Sector]) -> list[int]:
    """Where those of them begin that are not erased, by their first word."""
    runs = [
        (start, end, size)
        for size in sorted({s.size for s in sectors})
        for start, end in joined([s for s in sectors if s.size == size])
    ]
    return ast.literal_eval(prompt.run(USED.format(runs=runs, erased=ERASED)))


def chip(prompt: Prompt, machine: str) -> tuple[Family, Die]:
    """Whose core and DEV_ID the chip has. machine: what the board calls itself."""
    if n6.SERIES in machine:
        raise CliError(f"{machine}: {n6.WHY}", Code.REFUSED)
    clocks = [(f, f.idcode_clock) for f in tables.FAMILIES]
    where = {
        (index.core(f), f.idcode, c.register.address if c else 0, c.number if c else 0)
        for f, c in clocks
    }
    found = prompt.run(CHIP.format(cores=sorted(where))).split("\n")
    said = [ast.literal_eval(line) for line in found if line]
    for core, address, idcode in said:
        for family in tables.FAMILIES:
            for die in family.dies:
                ids = (die.dev_id, die.misread)
                known = index.core(family) == core and family.idcode == address
                if known and idcode & 0xFFF in ids:
                    return family, die
    for _, _, idcode in said:
        if none := no_row.DIES.get(idcode & 0xFFF):
            raise CliError(f"{machine}: {none.sentence}", Code.REFUSED)
    raise UnknownChipError(
        f"{machine}: romboot does not know this chip ({' '.join(found).strip() or 'no core of it'}"
        "), so not how to enter its ROM either. The way without: BOOT0 high, then reset"
    )


class _Facts:
    """The answers of one look at the flash and its option bytes."""

    def __init__(self, prompt: Prompt, family: Family, die: Die, start: int) -> None:
        self._family, self._die = family, die
        pcrop = family.pcrop.read(die) if family.pcrop else ()
        read = (family.protection, *family.write_protection.read(die), *pcrop)
        other = GEOMETRY[die.dev_id].other
        words = [register.address for register in read if register]
        words += [other.register] if other else []
        start = max(start, family.flash)
        code = FLASH.format(
            size=family.flash_size, words=words, base=family.flash, start=(start, start + 4),
            mboot=MBOOT, places=_places(GEOMETRY[die.dev_id].sectors(2 * KIB)),
        )  # fmt: skip
        first, vectors, *more = prompt.run(code).splitlines()
        size, _, values = first.partition(" ")
        self.flash_kib = int(size)
        self._words = dict(zip(words, ast.literal_eval(values), strict=True))
        self.layout = self._words[other.register] if other else None
        self._vectors = ast.literal_eval(vectors)
        mboot, files = [*(ast.literal_eval(line) for line in more), (), ()][:2]
        self.mboot = bool(mboot)
        self.filesystem = _found(files)

    @property
    def vectors_at_start(self) -> bool:
        """There may be an application."""
        stack, entry = self._vectors
        flash = range(self._family.flash, self._family.flash + self.flash_kib * KIB)
        return stack % 4 == 0 and stack < 0xE0000000 and entry & 1 == 1 and entry in flash

    @property
    def protection_level(self) -> int:
        family = self._family
        if not family.protection:
            return 0
        byte = self._words[family.protection.address] >> family.protection_shift & 0xFF
        return 0 if byte == 0xAA else 2 if byte == 0xCC else 1

    @property
    def pcrop(self) -> str:
        pcrop = self._family.pcrop
        return pcrop.about if pcrop and pcrop.is_on(self._die, self._words) else ""

    def protected(self) -> Iterator[tuple[int, int]]:
        family, size = self._family, self.flash_kib * KIB
        return family.write_protection.protected(self._words, self._die, family.flash, size)


def _places(sectors: Sequence[Sector]) -> str:
    """Where a file system may begin, as code: at a sector, or every 2 KiB."""
    if min(s.size for s in sectors) >= 16 * KIB:
        return repr(tuple(s.base for s in sectors))
    return f"range({sectors[0].base}, {sectors[-1].end}, {2 * KIB})"


def _found(files: Any) -> tuple[int, int] | None:
    if not files or not files[1]:
        return None
    size, (start, *_) = files
    return start, size
