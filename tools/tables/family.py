"""What romboot says of a family and of each of its dies. compiler.py puts it into lib/romboot/.

Every number has its source beside it in the family's table, and a test against something
independent in host_tests/tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from .geometry import Geometry
from .language import Block, Register, Script, Step, steps


@dataclass(frozen=True)
class Core:
    """A Cortex-M: its CPUID.PARTNO, and whether it is ARMv6-M or ARMv8-M; else it is ARMv7-M."""

    name: str
    partno: int
    armv6m: bool = False
    armv8m: bool = False


M0 = Core("Cortex-M0", 0xC20, armv6m=True)
M0PLUS = Core("Cortex-M0+", 0xC60, armv6m=True)
M3 = Core("Cortex-M3", 0xC23)
M4 = Core("Cortex-M4", 0xC24)
M7 = Core("Cortex-M7", 0xC27)
M33 = Core("Cortex-M33", 0xD21, armv8m=True)


@dataclass(frozen=True)
class Bit:
    """A bit of a register."""

    register: Register
    number: int


class UsartKind(Enum):
    """Offset of the register with TC, which is bit 6: SR of V1 (F1, F2, F4, L1), ISR of V2 (all
    later ones)."""

    V1 = 0x00
    V2 = 0x1C


@dataclass(frozen=True)
class Usart:
    """A USART, UART or LPUART that may be a console."""

    name: str
    base: int
    clock: Bit


@dataclass(frozen=True)
class UsbPort:
    """A USB device. The bits of mask in register read `attached` while the host sees a device."""

    name: str
    clock: Bit
    register: int
    mask: int
    attached: int


def otg(name: str, base: int, clock: Bit) -> UsbPort:
    """USB OTG core (RM0090 34.16.4): DCTL at 0x804, SDIS is bit 1."""
    return UsbPort(name, clock, base + 0x804, 1 << 1, 0)


def usb_fs(name: str, base: int, clock: Bit) -> UsbPort:
    """USB full-speed device (RM0367 30.6.2): BCDR at 0x58, DPPU is bit 15."""
    return UsbPort(name, clock, base + 0x58, 1 << 15, 1 << 15)


@dataclass(frozen=True)
class Area:
    """A part of the flash: its first page (or smaller unit) under `mask` in `start`, its last one
    in `end` from `shift` on. There is none if the first is behind the last.

    second_bank: pages are counted from the middle of the flash.
    """

    start: Register
    end: Register
    shift: int
    mask: int
    second_bank: bool = False

    def pages(self, words: Mapping[int, int]) -> range:
        """Their numbers. words: what is at each address."""
        first = words[self.start.address] & self.mask
        return range(first, (words[self.end.address] >> self.shift & self.mask) + 1)


@dataclass(frozen=True)
class Pcrop:
    """Proprietary code readout protection.

    It is on if in one of the registers this bit, or any bit under the mask, is set, or if one of
    the areas is there. An area in one register is that of a bank. One that is 0 in two registers
    counts as none: a die without it reads so. A bit (no mask) also changes what the bits of
    WriteProtection mean: 1 marks a part under PCROP.
    about: the sentence that info() and plan() say, without its full stop.
    """

    registers: tuple[Register, ...]
    about: str
    bit: int | None = None
    mask: int = 0
    areas: tuple[Area, ...] = ()

    def _areas(self, die: Die) -> tuple[Area, ...]:
        of_banks = all(area.start == area.end for area in self.areas)
        return self.areas[: len(die.sectors)] if of_banks else self.areas

    def read(self, die: Die) -> tuple[Register, ...]:
        """The registers that say whether it is on."""
        ends = (register for area in self._areas(die) for register in (area.start, area.end))
        return (*self.registers, *ends)

    def is_on(self, die: Die, words: Mapping[int, int]) -> bool:
        """words: what is at each address."""
        mask = self.mask or (1 << self.bit if self.bit is not None else 0)
        if mask:
            return any(words[r.address] & mask for r in self.registers)
        return any(
            area.pages(words) and (area.start == area.end or area.pages(words).stop > 1)
            for area in self._areas(die)
        )


@dataclass(frozen=True)
class Check:
    """A word that can be read, at an address, and what it is under a mask if something is so."""

    address: int
    mask: int
    value: int


def is_set(register: Register, bit: int) -> Check:
    """This bit is 1."""
    return Check(register.address, 1 << bit, 1 << bit)


@dataclass(frozen=True)
class State:
    """What software can set, or option bytes, and no step of a script can clear.

    about: what it is, for a sentence. It is there if all the checks are so.
    lasting: a reset does not clear it either.
    harmless: the ROM can live with it, so it stays if there is no way through a reset.
    """

    about: str
    checks: tuple[Check, ...]
    lasting: bool = False
    harmless: bool = False

    @property
    def kind(self) -> int:
        """As chip.states() takes it."""
        return 2 if self.harmless else self.lasting


@dataclass(frozen=True)
class Bank:
    """Write protection: a bit for each sector in a register, from `shift` on.

    base: address of the first sector, None for the middle of the flash. kib: sizes of the
    sectors; the last one is that of all further ones.
    """

    register: Register
    shift: int
    base: int | None
    kib: tuple[int, ...]


@dataclass(frozen=True)
class TwoBanks:
    """The banks that a flash has while an option bit is 0. Each has a size for every bit of its
    register."""

    bit: Bit
    banks: tuple[Bank, ...]


@dataclass(frozen=True)
class WriteProtection:
    """A sector is protected if its bit is `level`. unit: what a bit stands for. Of Die.two_banks
    only the host knows: info() on the board says that it does not."""

    level: int
    banks: tuple[Bank, ...]
    unit: str = "sectors"
    by_areas: bool = field(default=False, init=False)

    def read(self, die: Die) -> tuple[Register, ...]:
        """The registers that say it."""
        return tuple(bank.register for bank, _ in zip(self.banks, die.sectors, strict=False))

    def protected(
        self, words: Mapping[int, int], die: Die, flash: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """First address and end of each protected sector. words: what is at each address."""
        banks, counts, other = self.banks, die.sectors, die.two_banks
        if other and not words[other.bit.register.address] >> other.bit.number & 1:
            banks, counts = other.banks, tuple(len(bank.kib) for bank in other.banks)
        for bank, count in zip(banks, counts, strict=False):
            word = words[bank.register.address] >> bank.shift
            at = flash + size // 2 if bank.base is None else bank.base
            for number in range(count):
                end = at + bank.kib[min(number, len(bank.kib) - 1)] * 1024
                if word >> number & 1 == self.level:
                    yield at, end
                at = end


@dataclass(frozen=True)
class AreaProtection:
    """Write protection by areas. Die.sectors says which there are: a 1 for each.

    page_kib: of a page, unless Die.page_kib is another. Where Die.dual_bank is 0 pages are twice
    as large, and those of all areas are counted from the start of the flash.
    """

    areas: tuple[Area, ...]
    page_kib: int
    by_areas: bool = field(default=True, init=False)

    def read(self, die: Die) -> tuple[Register, ...]:
        """As of WriteProtection."""
        areas = tuple(area.start for area, _ in zip(self.areas, die.sectors, strict=False))
        return areas + ((die.dual_bank.register,) if die.dual_bank else ())

    def protected(
        self, words: Mapping[int, int], die: Die, flash: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """As of WriteProtection, of each area."""
        page, second = 1024 * (die.page_kib or self.page_kib), flash + size // 2
        bit = die.dual_bank
        if bit and not words[bit.register.address] >> bit.number & 1:
            page, second = 2 * page, flash
        for area, _ in zip(self.areas, die.sectors, strict=False):
            base, pages = second if area.second_bank else flash, area.pages(words)
            if pages:
                yield base + pages.start * page, base + pages.stop * page


@dataclass(frozen=True)
class Option:
    """What to say (a sentence without its full stop) if a bit, or so many `bits` from it on, have
    this value; or none of these values, which are those with nothing to say: then the sentence
    has a place for what they have."""

    register: Register
    bit: int
    value: int | tuple[int, ...]
    about: str
    bits: int = 1


@dataclass(frozen=True)
class Interface:
    """Where a ROM listens. ids: the bootloader IDs that have it, if it is not every ID."""

    name: str
    pins: str
    ids: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.pins}"


@dataclass(frozen=True)
class Note:
    """What a user of the ROM must know, without a full stop. ids: as of Interface."""

    about: str
    ids: tuple[int, ...] = ()


def only(ids: tuple[int, ...], *interfaces: Interface) -> tuple[Interface, ...]:
    """These interfaces, of ROMs with such IDs only."""
    return tuple(Interface(i.name, i.pins, ids) for i in interfaces)


@dataclass(frozen=True)
class Ram:
    """Internal SRAM where code can run and stacks may lie. Addresses in bytes."""

    base: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.base + self.size


@dataclass(frozen=True)
class Disputed:
    """A number of which others say something else than the table.

    fact: its name in docs/facts.md, * for any text. sources: who says so, as docs/facts.md names
    them. said: their value, as docs/facts.md shows it; "" if fact is a pattern. why: the reason
    for the value of the table.
    """

    fact: str
    sources: tuple[str, ...]
    said: str
    why: str


def bits_of_others(registers: str, source: str = "SVD") -> tuple[Disputed, ...]:
    """Reset bits that ST's file of a die has, and only other dies of the family have.

    registers: as in "AHB2RSTR 14 17, APB2RSTR 15".
    """
    return tuple(
        Disputed(
            f"RCC.{name} bit {bit}", (source,), "1",
            "the file has the bits of all the family; the headers of these parts have not got it",
        )
        for name, *bits in (each.split() for each in registers.split(","))
        for bit in bits
    )  # fmt: skip


@dataclass(frozen=True)
class Die:
    """One DEV_ID.

    rams: contiguous, executable; the first is used if the main stack lies in none of them.
    script: what differs from die to die, between Family.before and Family.after.
    rom_id: address of the bootloader ID byte; ids: the values that AN2606 knows.
    sectors: how many bits of write protection each bank has.
    page_kib, dual_bank: see AreaProtection. two_banks: see WriteProtection.
    notes: on its ROMs; options: of the option bytes, and where they show.
    closed: IDs of ROMs that go back to the application when they are jumped into.
    misread: the DEV_ID that a faulty revision shows.
    geometry: its sectors, where they are not those of the family.
    """

    dev_id: int
    name: str
    rams: tuple[Ram, ...]
    script: Script
    rom_id: int
    ids: tuple[int, ...]
    interfaces: tuple[Interface, ...]
    sectors: tuple[int, ...]
    notes: tuple[Note, ...] = ()
    options: tuple[Option, ...] = ()
    closed: tuple[int, ...] = ()
    misread: int | None = None
    page_kib: int = 0
    dual_bank: Bit | None = None
    geometry: Geometry | None = None
    two_banks: TwoBanks | None = None
    disputed: tuple[Disputed, ...] = ()

    def __str__(self) -> str:
        return f"0x{self.dev_id:03X}"

    def listens(self, rom_id: int) -> tuple[Interface, ...]:
        """The interfaces of a ROM with this ID, which AN2606 must know."""
        return tuple(i for i in self.interfaces if rom_id in (i.ids or self.ids))

    def notes_on(self, rom_id: int) -> tuple[Note, ...]:
        """The notes on a ROM with this ID, which AN2606 must know."""
        return tuple(note for note in self.notes if rom_id in (note.ids or self.ids))


@dataclass(frozen=True)
class Family:
    """A family: what its dies share, and they."""

    name: str
    """As ST writes it, STM32F4. The module on the target has this name in lower case."""
    core: Core
    idcode: int
    """Address of DBGMCU_IDCODE (DBG_IDCODE, IDC): DEV_ID in bits 11:0, REV_ID in bits 31:16."""
    vectors: int
    """The ROM's vector table."""
    rom_end: int
    """First address behind the ROM."""
    flash: int
    flash_size: int
    """Address of the flash size in KiB, 16 bits."""
    unique_id: tuple[int, int, int]
    """Addresses of its three words."""
    geometry: Geometry
    """The sectors of its flash, as delivered."""
    protection: Register | None
    """Has the readout protection level in 8 bits from protection_shift on: 0xAA is level 0, 0xCC
    level 2, all else level 1. None: product states instead (see `states`)."""
    lsi: Register
    """Has LSION in bit lsi_bit and LSIRDY above it: the independent watchdog keeps LSI on."""
    iwdg: int
    write_protection: WriteProtection | AreaProtection
    usart_kind: UsartKind
    usarts: tuple[Usart, ...]
    usb: tuple[UsbPort, ...]
    mpu_regions: int
    before: Script
    after: Script
    dies: tuple[Die, ...]
    blocks: tuple[Block, ...]
    """Peripherals that the scripts name."""
    protection_shift: int = 0
    lsi_bit: int = 0
    nsbootadd0: bool = False
    """Bits 31:27 of the word at 0x40022044 are not 0, as it is FLASH_NSBOOTADD0R: so the library
    tells families with a Cortex-M33 apart."""
    idcode_clock: Bit | None = None
    """Without this clock DBGMCU reads as 0."""
    pcrop: Pcrop | None = None
    states: tuple[State, ...] = ()
    dual_core: Check | None = None
    """So in the line identifier of a die with a second core. The upper 16 bits of each line
    identifier of the family are those of this value; what has others is none."""
    disputed: tuple[Disputed, ...] = ()
    """Of several dies."""

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        """The table it is written in."""
        return f"tools/tables/{self.module.removeprefix('stm32')}.py"

    @property
    def module(self) -> str:
        """Of lib/romboot."""
        return self.name.lower()

    def die(self, dev_id: int) -> Die:
        """The die with a DEV_ID. KeyError if the family has none."""
        for die in self.dies:
            if die.dev_id == dev_id:
                return die
        raise KeyError(f"{self.name} has no die 0x{dev_id:03X}")

    def only(self, die: Die) -> Family:
        """As if no other die were of this family."""
        return replace(self, dies=(die,))

    def script(self, die: Die) -> Iterator[Step]:
        """All steps of a die, up to the end of the script, which chip.py adds."""
        return steps([self.before, die.script, self.after])
