"""The modules that go to the target: data only, as constants that a frozen build keeps in flash.

What each number is for is known to those who read it: chip.py, entry.py and facts.py. What the
jump needs is tuples, which cost a frozen build no heap. What is only told to the user, and the
index of chips, which has an entry for every family, are bytes: that takes much less flash.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

from ..paths import LIB
from . import cortex_m
from .family import M7, Area, AreaProtection, Check, Die, Family, Option, WriteProtection
from .language import Block, Kind, pack, steps

BYTES_A_LINE = 20
ALIGNMENT = 1024 * 1024  # of an MPU region that covers any SRAM; see cortex_m.open_region()
SERIES = 4  # what all DEV_IDs begin with
AREA, AREAS, ANY = 32, 33, 34  # in place of a bit of PCROP: see pcrop()
ANY_MASK = 0xFF
BY_AREAS = 2  # in place of a level

Value: TypeAlias = "int | str | bytes | tuple[Value, ...]"
Entry = TypeVar("Entry")


class Hex(int):
    """Printed as hexadecimal."""


def modules(families: Iterable[Family]) -> dict[str, str]:
    """File name in lib/romboot -> its text, for all of these families."""
    families = list(families)
    files = {"chip.py": with_chips((LIB / "romboot/chip.py").read_text(), families)}
    for family in families:
        source = f"{family.source}"
        about = f"{family}: what jump and reset need."
        files[f"{family.module}.py"] = _module(source, about, family_data(family))
        about = f"{family}: what only plan() and info() need."
        facts = {"FACTS": encoded(*family_facts(family).values())}
        files[f"{family.module}_facts.py"] = _module(source, about, facts)
    return files


def with_chips(text: str, families: Iterable[Family]) -> str:
    """The text of lib/romboot/chip.py, with an index of these families between its two marks."""
    before, _, rest = text.partition("# chips: begin\n")
    _, _, after = rest.partition("# chips: end\n")
    lines = ["_CHIPS = const(", *(f"    {line}" for line in _rows(chips(families))), ")"]
    marked = "\n".join(["# chips: begin", "# fmt: off", *lines, "# fmt: on", "# chips: end", ""])
    return before + marked + after


def chips(families: Iterable[Family]) -> bytes:
    """What to look at on each core, and the DEV_IDs that it can show there, of each family.

    An entry: how many bytes it has; core; address of IDCODE; register and bit of its clock, or 0.
    Then, for each family: how many DEV_IDs; of each the low byte (the rest is 4 in all of them);
    how many letters its name has, as in "f4", and they. The place of a DEV_ID is that of its die
    in DIES. A family with faulty revisions is there twice.
    """
    entries: dict[bytes, bytes] = {}
    for family in families:
        clock = family.idcode_clock
        look = struct.pack(
            ">H2IB",
            core(family),
            family.idcode,
            clock.register.address if clock else 0,
            clock.number if clock else 0,
        )
        for dev_ids in ([die.dev_id for die in family.dies], misread(family)):
            if dev_ids:
                name = family.module.removeprefix("stm32").encode()
                row = bytes([len(dev_ids), *map(low, dev_ids), len(name)]) + name
                entries[look] = entries.get(look, b"") + row
    found = [look + rows for look, rows in entries.items()]
    return b"".join(bytes([1 + len(entry)]) + entry for entry in found)


def low(dev_id: int) -> int:
    """The byte that tells it from other DEV_IDs."""
    if dev_id >> 8 != SERIES:
        raise ValueError(f"DEV_ID 0x{dev_id:03X} does not fit the index: change chip.find()")
    return dev_id & 0xFF


def core(family: Family) -> int:
    """CPUID.PARTNO; from bit 12 on an eighth of MPU_TYPE.DREGION if that is needed too: an STM32F7
    has the core of an STM32H7 with 8 regions (PM0253 4.6), and nothing at the address of its
    IDCODE."""
    return family.core.partno | (family.mpu_regions // 8 << 12 if family.core is M7 else 0)


def misread(family: Family) -> list[int]:
    """The same for DEV_IDs of faulty revisions: up to the last die that has one."""
    dev_ids = [die.misread or die.dev_id for die in family.dies]
    while dev_ids and family.dies[len(dev_ids) - 1].misread is None:
        del dev_ids[-1]
    return dev_ids


def family_data(family: Family) -> dict[str, Value]:
    """What every entry needs."""
    return {
        "ROM": (Hex(family.vectors), Hex(family.rom_end)),
        "FLASH": (Hex(family.flash), Hex(family.flash_size)),
        "WATCHDOG": (Hex(family.lsi.address), family.lsi_bit, Hex(family.iwdg)),
        "PROTECTION": protection_level(family),
        "USARTS": usarts(family),
        "USB": tuple(
            (
                Hex(port.clock.register.address + port.clock.number // 8),  # a byte: no big int
                port.clock.number % 8,
                Hex(port.register),
                Hex(port.mask),
                Hex(port.attached),
            )
            for port in family.usb
        ),
        "ARMV6M": family.core.armv6m,
        "REGION": Hex(cortex_m.open_region(family.mpu_regions)[0]),
        **rams(family),
        "CLOSED": tuple(
            (number, Hex(die.rom_id), tuple(map(Hex, die.closed)))
            for number, die in enumerate(family.dies)
            if die.closed
        ),
        "STATES": tuple(
            (state.kind, state.about, tuple(map(check, state.checks))) for state in family.states
        ),
        "DIES": tuple((die.rams[0].size // 1024, pack(steps(die.script))) for die in family.dies),
        "SCRIPT": (pack(steps(family.before)), pack(steps(family.after)) + end(family)),
    }


def protection_level(family: Family) -> tuple[Value, ...]:
    """(register, shift), () if there are no levels."""
    register = family.protection
    return (Hex(register.address), family.protection_shift) if register else ()


def check(of: Check) -> tuple[Value, ...]:
    """(address, mask, value)."""
    return (Hex(of.address), Hex(of.mask), Hex(of.value))


def end(family: Family) -> bytes:
    """The end of a script, which has no register: see chip.py."""
    return struct.pack(">3I", Kind.CHANGE, family.vectors, 0)


def rams(family: Family) -> dict[str, Value]:
    """RAM: where the first SRAM of each die starts; DIES has its size. MORE_RAM: (start, end) of
    the others, of the die that has most of them."""
    starts = {die.rams[0].base for die in family.dies}
    if len(starts) > 1:
        raise ValueError(f"{family}: the first SRAMs of its dies start elsewhere")
    more: dict[int, int] = {}
    for ram in (ram for die in family.dies for ram in die.rams):
        if not family.core.armv8m and (ram.base % ALIGNMENT or ram.size > ALIGNMENT):
            raise ValueError(f"{family}: an SRAM is not within an MPU region")
        if ram.base not in starts:
            more[ram.base] = max(ram.end, more.get(ram.base, 0))
    return {
        "RAM": Hex(starts.pop()),
        "MORE_RAM": tuple((Hex(base), Hex(end)) for base, end in more.items()),
    }


def usarts(family: Family) -> Value:
    """(offset of TC's register, offset of CR1, its UE and TE, ((bus, clocks, first, mask), ...)).

    Bit n of `clocks` is the clock of the USART at bus + n KiB, if bit n - first of mask is set;
    where that is not so, a USART has a bus of its own.
    """
    buses: dict[tuple[int, int], list[int]] = {}
    for usart in family.usarts:
        bus = usart.base - 1024 * usart.clock.number
        buses.setdefault((bus, usart.clock.register.address), []).append(usart.clock.number)
    status, control, enabled = family.usart_kind.value
    groups = tuple(
        (Hex(bus), Hex(clocks), min(bits), Hex(sum(1 << bit - min(bits) for bit in bits)))
        for (bus, clocks), bits in buses.items()
    )
    return (Hex(status), Hex(control), Hex(enabled), groups)


TUPLE, TEXT, BYTES, WORD = 0xFC, 0xFD, 0xFE, 0xFF


def encoded(*values: Value) -> bytes:
    """As facts.py decodes it: a number below TUPLE is a byte; all else is a byte that says what
    follows. TUPLE: the number of its bytes, 16 bits, and its values. TEXT, BYTES: the number of
    bytes, and they. WORD: 32 bits. All are big-endian."""
    found = b""
    for value in values:
        if isinstance(value, tuple):
            data = encoded(*value)
            found += struct.pack(">BH", TUPLE, len(data)) + data
        elif isinstance(value, int):
            found += bytes([value]) if value < TUPLE else struct.pack(">BI", WORD, value)
        else:
            data = value.encode("ascii") if isinstance(value, str) else value
            found += bytes([TEXT if isinstance(value, str) else BYTES, len(data)]) + data
    return found


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
        "DUAL_CORE": check(family.dual_core) if family.dual_core else (),
        "BLOCKS": tuple((block.base, block.name) for block in blocks(family)),
        "INTERFACES": tuple(listens),
        "NOTES": tuple(notes),
        "OPTIONS": tuple(options),
        "PROTECTED": protection(family.write_protection),
        "DIES": dies,
    }


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


def blocks(family: Family) -> list[Block]:
    """Those that the scripts write, highest first."""
    found = {
        register.block.base: register.block
        for die in family.dies
        for step in family.script(die)
        for register in step.registers
    }
    return [found[base] for base in sorted(found, reverse=True)]


def _module(source: str, about: str, constants: Mapping[str, Value]) -> str:
    lines = [f"# Generated by python -m tools.tables from {source}; do not edit."]
    lines += [f"# {about}", "", "# fmt: off"]
    for name, value in constants.items():
        lines += _assignment(name, value)
    return "\n".join(lines) + "\n"


def _assignment(name: str, value: Value) -> Iterator[str]:
    first, *rest = _lines(value)
    yield f"{name} = {first}"
    yield from rest


def _lines(value: Value) -> list[str]:
    """A value as source: on one line if that is short enough."""
    text = _text(value)
    if len(text) < 80 and "\n" not in text:
        return [text]
    if isinstance(value, bytes):
        return _parenthesized(_rows(value))
    if isinstance(value, str):
        return _wrapped(value)
    assert isinstance(value, tuple), value
    lines = ["("]
    for item in value:
        *before, last = _lines(item)
        lines += [f" {line}" for line in before] + [f" {last},"]
    return [*lines, ")"]


def _rows(value: bytes) -> list[str]:
    parts = (value[i : i + BYTES_A_LINE] for i in range(0, len(value), BYTES_A_LINE))
    return [_text(part) for part in parts]


def _wrapped(text: str) -> list[str]:
    words = text.split(" ")
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > 70:
            lines.append("")
        lines[-1] += word + " "
    lines[-1] = lines[-1][:-1]
    return _parenthesized([_text(line) for line in lines])


def _parenthesized(parts: list[str]) -> list[str]:
    return [f"({parts[0]}", *(f" {part}" for part in parts[1:-1]), f" {parts[-1]})"]


def _text(value: Value) -> str:
    if isinstance(value, Hex):
        return f"0x{int(value):X}"
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, str):
        assert '"' not in value and "\\" not in value
        return f'"{value}"'
    if isinstance(value, tuple):
        items = ", ".join(_text(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)


def _bytes(value: bytes) -> str:
    """As short as can be: the sources must fit into a board's file system."""
    parts = []
    for byte, following in zip(value, value[1:] + b"\0", strict=False):
        if 0x20 <= byte < 0x7F and chr(byte) not in '"\\':
            parts.append(chr(byte))
        elif byte or chr(following).isdigit():
            parts.append(f"\\x{byte:02x}")
        else:
            parts.append("\\0")
    return 'b"' + "".join(parts) + '"'
