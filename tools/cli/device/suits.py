"""Is a file for this board? Each reason against it is a sentence with both names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ... import boards
from ...tables import dies
from ...tables.family import Die
from ..job.asked import AtPrompt
from ..rom.geometry import BASE, GEOMETRY, Sector
from ..rom.image import Image
from ..rom.plan import Plan
from ..rom.rom import Rom

PART = re.compile(r"STM32([A-Z]+\d)(\w+)")
SLOTS = range(0x20000000, 0x40000000)  # where an SRAM of the chip is (Armv7-M ARM, B3.1)
BLOCK = 1 << 24  # SRAM of an H7 is in several of these


def against(image: Image, board: AtPrompt, plan: Plan) -> list[str]:
    """Why this image must not go into the board at this prompt; empty if it may."""
    return [
        *_name(image, board),
        *_vectors(image, board.die, board.flash),
        *(below(board.known, plan) or _bootloader(image, board)),
        *_protection(board, plan),
    ]


def against_chip(image: Image, die: Die, flash: int) -> list[str]:
    """The same where only the chip is known, as its ROM says."""
    chips = {machine.rpartition(" with ")[2] for machine in image.machines}
    wrong = chips and not any(is_of(chip, die) for chip in chips)
    name = [f"the file is for {_all(chips)}, and this chip is {die.name}"] if wrong else []
    return [*name, *_vectors(image, die, flash)]


def against_rom(image: Image, rom: Rom, sectors: Sequence[Sector]) -> list[str]:
    """The same where only the ROM has been asked. Some say which chip they are of, the others
    what sectors it has."""
    if rom.chip:
        family, die = rom.chip
        return against_chip(image, die, family.flash)
    others = [
        f"the file is for {machine}, whose flash has other sectors than the board in DFU mode"
        for machine in image.machines
        if (known := _sectors_of(machine)) and not set(_places(sectors)) & known
    ]
    return [*others, *_vectors(image, None, BASE)]


def other_sectors(plan: Plan, there: Sequence[Sector]) -> list[str]:
    """The ROM must have the sectors of the plan."""
    if {*_places(plan.sectors)} <= {*_places(there)}:
        return []
    return [
        "the ROM says that its flash has other sectors than those of the board at the prompt: is "
        "it the ROM of another board?"
    ]


def _sectors_of(machine: str) -> set[tuple[int, int]]:
    chip = machine.rpartition(" with ")[2]
    found = [GEOMETRY[die.dev_id] for _, die in dies() if is_of(chip, die)]
    found += [geometry.other.geometry for geometry in found if geometry.other]
    return {place for geometry in found for place in _places(geometry.sectors(1 << 11))}


def _places(sectors: Sequence[Sector]) -> list[tuple[int, int]]:
    return [(s.base, s.size) for s in sectors]


def is_of(chip: str, die: Die) -> bool:
    """A name of MicroPython, STM32F405RG, is one of "STM32F405/407/415/417" or of
    "STM32F401xD/xE"."""
    return any(chip.startswith(name.split("x")[0]) for name in names(die.name))


def names(die: str) -> list[str]:
    """STM32F405/407 -> STM32F405, STM32F407; each part that is no whole name ends one."""
    first, *others = die.split("/")
    return [first, *(first[: len(first) - len(o)] + o for o in others)]


def _name(image: Image, board: AtPrompt) -> Iterator[str]:
    if image.machines and board.who.machine not in image.machines:
        yield f"the file is for {_all(set(image.machines))}, and this board is {board.who.machine}"


def _vectors(image: Image, die: Die | None, flash: int) -> Iterator[str]:
    """die: None if nobody knows which it is."""
    if image.vectors is None or (image.start != flash and not image.has_vectors):
        return
    stack, entry = image.vectors
    rams = die.rams if die else ()
    ends = [ram.end for ram in rams if ram.base // BLOCK == (stack - 1) // BLOCK]
    if stack % 4:
        yield (
            f"its stack begins at 0x{stack:08X}, which is no multiple of 4: is it firmware, and "
            "for this address?"
        )
    elif die and stack in SLOTS and ends and stack > max(ends):
        yield (
            f"its stack begins at 0x{stack:08X}, and the SRAM of {die.name} ends at "
            f"0x{max(ends):08X}"
        )
    if not entry & 1 or not any(at <= entry < at + len(data) for at, data in image.pieces):
        yield f"its first instruction would be at 0x{entry:08X}, which is not part of it"
    elif entry < flash:
        yield f"its first instruction is at 0x{entry:08X}, which is not in the flash"


def _bootloader(image: Image, board: AtPrompt) -> Iterator[str]:
    """Images for mboot begin behind it."""
    if image.start > board.flash and image.has_vectors and not board.vectors_at_start:
        yield (
            f"the file begins at 0x{image.start:08X}: it is for a board with mboot, or another "
            f"bootloader, at 0x{board.flash:08X}, and this board's own firmware begins there"
        )
    if image.mboot and not image.machines:
        yield "the file is mboot, a bootloader, and no MicroPython: no prompt would come"
    elif image.start == board.flash and board.mboot and not image.mboot:
        yield (
            f"the file begins at 0x{board.flash:08X}, where this board has mboot: it would be "
            "gone, and with it the way to update that its users know"
        )


def below(known: boards.Board | None, plan: Plan) -> list[str]:
    """What lies below the application of this board, by its file in boards/, must stay."""
    if not known or not any(sector.base < known.app_base for sector in plan.sectors):
        return []
    return [
        f"sectors below 0x{known.app_base:08X} would be erased, where {known.build} has "
        f"{known.below}: an application for this board begins at 0x{known.app_base:08X}"
    ]


def _protection(board: AtPrompt, plan: Plan) -> Iterator[str]:
    if board.protection_level:
        yield (
            f"readout protection is at level {board.protection_level}: the ROM neither reads, "
            "writes nor erases flash. To lift level 1 erases all of it: `stm32flash -k PORT`, or "
            "dfu-util with -s 0x08000000:force:unprotect"
        )
    if board.pcrop:
        yield board.pcrop
    sectors = [s for s in plan.sectors if any(s.touches(*area) for area in board.protected)]
    if sectors:
        yield (
            f"{len(sectors)} of the {len(plan.sectors)} sectors that the file needs are "
            f"write-protected, from 0x{sectors[0].base:08X} on: the ROM would drop what is "
            "written there without an error. `stm32flash -u PORT` lifts that"
        )


def _all(names: set[str]) -> str:
    return " or ".join(sorted(names))
