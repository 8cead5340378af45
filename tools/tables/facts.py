"""What only info() and plan() say of a family, as bytes, which take the least flash. The module
facts.py of the library decodes them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from . import pairs, registers
from .family import Area, AreaProtection, Die, Family, Option, WriteProtection
from .literals import Value

TUPLE, TEXT, BYTES, WORD = 0xFC, 0xFD, 0xFE, 0xFF

AREA, AREAS, ANY = 32, 33, 34  # in place of a bit of PCROP: see pcrop()
ANY_MASK = 0xFF
BY_AREAS = 2  # in place of a level

Entry = TypeVar("Entry")


def family_facts(family: Family) -> dict[str, tuple[Value, ...]]:
    """What info() and plan() say of it. DIES: in the order of family_data().

    DIES has for each die its name, the address of the bootloader ID, its versions, the numbers of
    its options and sectors(). A version is (IDs, numbers of its interfaces, numbers of its notes).
    """
    listens, notes, options = Numbered[str](), Numbered[str](), Numbered[Value]()
    dies = tuple(
        (
            die.name,
            die.rom_id,
            versions(die, listens, notes),
            options.of(map(option, die.options)),
            sectors(die, family.write_protection),
        )
        for die in family.dies
    )
    return {
        "UNIQUE_ID": family.unique_id,
        "PCROP": pcrop(family),
        "DUAL_CORE": dual_core(family),
        "REGISTERS": tuple(registers.rows(family)),
        "INTERFACES": tuple(listens),
        "NOTES": tuple(notes),
        "OPTIONS": tuple(options),
        "PROTECTED": protection(family.write_protection),
        "DIES": dies,
    }


def dual_core(family: Family) -> tuple[Value, ...]:
    """(address, mask, value) of the check, () if no die has a second core."""
    check = family.dual_core
    return (check.address, check.mask, check.value) if check else ()


class Numbered(list[Entry]):
    """Entries, each once, by number."""

    def of(self, entries: Iterable[Entry]) -> bytes:
        """The numbers of these, which are added if need be."""
        found = list(entries)
        self.extend(entry for entry in dict.fromkeys(found) if entry not in self)
        return bytes(map(self.index, found))


def versions(die: Die, listens: Numbered[str], notes: Numbered[str]) -> Value:
    """ROMs that differ in nothing that info() says share a row."""
    rows: dict[tuple[bytes, bytes], bytes] = {}
    for rom_id in die.ids:
        row = (
            listens.of(str(interface) for interface in die.listens(rom_id)),
            notes.of(note.about for note in die.notes_on(rom_id)),
        )
        rows[row] = rows.get(row, b"") + bytes([rom_id])
    return tuple((ids, *row) for row, ids in rows.items())


def option(found: Option) -> Value:
    """(register, mask, its value, what to say then), or (register, mask, its values with which
    nothing is to be said, what to say else)."""
    mask, value = (1 << found.bits) - 1 << found.bit, found.value
    assert isinstance(value, tuple) == ("%" in found.about), found.about  # how facts.py knows
    shifted: Value = (
        value << found.bit if isinstance(value, int) else tuple(v << found.bit for v in value)
    )
    return (found.register.address, mask, shifted, found.about)


def protection(found: WriteProtection | AreaProtection) -> tuple[Value, ...]:
    """(level, unit, ((register, shift, base or 0, sizes in units of 4 KiB), ...)), or (BY_AREAS,
    unit, ((start, end, shift, mask, in the second bank), ...))."""
    if isinstance(found, AreaProtection):
        areas = tuple((*area(each), each.second_bank) for each in found.areas)
        return (BY_AREAS, "pages", areas)
    rows = tuple(
        (bank.register.address, bank.shift, bank.base or 0, bytes(kib // 4 for kib in bank.kib))
        for bank in found.banks
    )
    return (found.level, found.unit, rows)


def sectors(die: Die, found: WriteProtection | AreaProtection) -> Value:
    """How many bits of write protection each bank has; or how many areas there are, KiB of a page,
    and register and bit that say by 0 that the flash is one bank, if there is such a bit."""
    if not isinstance(found, AreaProtection):
        return bytes(die.sectors)
    bit = die.dual_bank
    one_bank = (bit.register.address, bit.number) if bit else ()
    return (len(die.sectors), die.page_kib or found.page_kib, *one_bank)


def area(found: Area) -> tuple[int, int, int, int]:
    """(start, end, shift, mask)."""
    return (found.start.address, found.end.address, found.shift, found.mask)


def pcrop(family: Family) -> tuple[Value, ...]:
    """(bit, registers, what to say); bit is AREA if each of them is an area, AREAS if an area is
    (start, end, mask), ANY if it is any of bits 7:0."""
    found = family.pcrop
    if not found:
        return (0, (), "")
    registers = tuple(each.address for each in found.registers)
    if found.bit is not None:
        return (found.bit, registers, found.about)
    if found.mask:
        assert found.mask == ANY_MASK, family
        return (ANY, registers, found.about)
    start, end, shift, mask = zip(*map(area, found.areas), strict=True)
    if start == end:
        assert {*shift} == {16} and {*mask} == {0xFFF}, family
        return (AREA, start, found.about)
    assert {*shift} == {0}, family
    return (AREAS, tuple(zip(start, end, mask, strict=True)), found.about)


def texts(values: Iterable[Value]) -> Iterator[str]:
    """All that is text in these values."""
    for value in values:
        if isinstance(value, tuple):
            yield from texts(value)
        elif isinstance(value, str):
            yield value


def packed(family: Family) -> bytes:
    """The pairs that texts are made of, in place of the values of a tuple, and family_facts()."""
    values = tuple(family_facts(family).values())
    found = pairs.frequent(texts(values))
    return _tuple(b"".join(found)) + encoded(values, found)


def encoded(values: Iterable[Value], found: Sequence[bytes] = ()) -> bytes:
    """As facts.py decodes it: a number below TUPLE is a byte; all else is a byte that says what
    follows. TUPLE: the number of its bytes, 16 bits, and its values. TEXT, BYTES: the number of
    bytes, and they; a text is shortened by these pairs. WORD: 32 bits. All are big-endian."""
    data = b""
    for value in values:
        if isinstance(value, tuple):
            data += _tuple(encoded(value, found))
        elif isinstance(value, int):
            data += bytes([value]) if value < TUPLE else struct.pack(">BI", WORD, value)
        elif isinstance(value, str):
            text = pairs.shortened(value, found)
            data += bytes([TEXT, len(text)]) + text
        else:
            data += bytes([BYTES, len(value)]) + value
    return data


def _tuple(data: bytes) -> bytes:
    return struct.pack(">BH", TUPLE, len(data)) + data
