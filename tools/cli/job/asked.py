"""What a board at its prompt says of itself. Nothing of romboot has to be there.

Only a register of DBGMCU's clock is written on the way, and put back: some chips show their DEV_ID
with that alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ... import boards, tables
from ...tables import index, n6, no_row
from ...tables.family import Die, Family
from ..errors import CliError, Code
from ..hosted.who import STM32, Who, who
from ..port.prompt import Prompt
from ..rom.geometry import GEOMETRY, Sector, joined, layout
from ..rom.image import MBOOT

KIB = 1024
ERASED = (0xFFFFFFFF, 0)  # a word of erased flash; 0 on an L0 and L1
# What index.core() of a family on this chip may be, by CPUID and MPU_TYPE (ARM DDI 0403E B3.2), or
# by Family.nsbootadd0 of a Cortex-M33.
CORE = """
from machine import mem16,mem32
c=mem32[0xE000ED00]>>4&0xFFF
print((c|(mem32[0x40022044]>>27>0)<<12,) if c==0xD21 else (c,c|(mem32[0xE000ED90]&0xF800)<<1))
"""

# A read of a DBGMCU without its clock gives 0. {places}: address of IDCODE; register and bit of
# its clock, or 0.
CHIP = """
for a,e,b in {places}:
 if e:
  v=mem32[e]
  mem32[e]=v|1<<b
 print((a,mem32[a]&0xFFFFFFFF))
 if e:mem32[e]=v
"""

# mboot is where the vector table of the application is not. The file system in flash is found by
# its first bytes. Nothing behind the flash is read.
FLASH = """
n=mem16[{size}]
s={base}
e=s+n*1024
print(n,[mem32[a]&0xFFFFFFFF for a in {words}])
print([mem32[a]&0xFFFFFFFF if a<e else 0 for a in {start}])
try:
 from uctypes import bytearray_at as at
 print(mem32[0xE000ED08] not in (0,s) and {mboot} in at(s,min(0x10000,n*1024)))
 from pyb import Flash
 f=Flash(start=0)
 n=f.ioctl(4,0)*f.ioctl(5,0)
 b=bytearray(64)
 f.readblocks(0,b)
 print((n,[a for a in {places} if a<e and at(a,64)==b]))
except (ImportError,TypeError,OSError,ValueError):pass
"""

USED = """
print([a for s, e, n in {runs} for a in range(s, e, n) if mem32[a] & 0xFFFFFFFF not in {erased}])
"""


@dataclass(frozen=True)
class AtPrompt:
    """A board at its prompt. Addresses and sizes in bytes.

    who: what its firmware says of itself. idcode: of DBGMCU.
    vectors_at_start: what is at the first address of the file now may be an application.
    mboot: it is in flash. protected: (start, end) of what is write-protected.
    pcrop: a sentence if there is readout protection of sectors. filesystem: (start, size).
    layout: the word of the register that tells the layout of the flash. known: its file.
    """

    port: str
    who: Who
    family: Family
    die: Die
    idcode: int
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


class UnknownChipError(CliError):
    """romboot has no table for it."""

    code = Code.REFUSED


def ask(prompt: Prompt, start: int) -> AtPrompt:
    """The board at this prompt. start: where the file begins that it may get.

    Raises:
        CliError: it is no STM32, or one that romboot does not know.
    """
    said = who(prompt)
    if said.platform != STM32:
        raise CliError(
            f"this is MicroPython on {said.platform}, not on an STM32: {said.machine}",
            Code.REFUSED,
        )
    family, die, idcode = chip(prompt, said)
    facts = _Facts(prompt, family, die, start)
    known = boards.identify(said.build, said.machine)
    return AtPrompt(
        port=prompt.port,
        who=said,
        family=family,
        die=die,
        idcode=idcode,
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


def chip(prompt: Prompt, said: Who) -> tuple[Family, Die, int]:
    """The family and the die whose core and DEV_ID the chip has, and its IDCODE."""
    if n6.SERIES in said.machine:
        raise CliError(f"{said.machine}: {n6.WHY}", Code.REFUSED)
    cores = ast.literal_eval(prompt.run(CORE))
    families = [family for family in tables.FAMILIES if index.core(family) in cores]
    clocks = [(f.idcode, f.idcode_clock) for f in families]
    places = {(a, c.register.address if c else 0, c.number if c else 0) for a, c in clocks}
    lines = prompt.run(CHIP.format(places=sorted(places))).splitlines() if places else []
    found = [ast.literal_eval(line) for line in lines]
    for address, idcode in found:
        for family in families:
            for die in family.dies:
                if family.idcode == address and idcode & 0xFFF in (die.dev_id, die.misread):
                    return family, die, idcode
    for _, idcode in found:
        if none := no_row.DIES.get(idcode & 0xFFF):
            raise CliError(f"{said.machine}: {none.sentence}", Code.REFUSED)
    raise UnknownChipError(
        f"{said.machine}: romboot does not know this chip ({' '.join(lines) or 'no core of it'}), "
        "so not how to enter its ROM either. The way without: BOOT0 high, then reset"
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
        self.mboot, files = [*(ast.literal_eval(line) for line in more), False, ()][:2]
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
    return f"range(s,e,{2 * KIB})"


def _found(files: Any) -> tuple[int, int] | None:
    if not files or not files[1]:
        return None
    size, (start, *_) = files
    return start, size
