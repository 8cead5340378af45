"""A die as data: `chips/<CMSIS name>.toml` on top of `families/<family>.toml`.

A chip file says only what the die adds to its family or changes in it; tables are merged key by
key, and `name = false` leaves out what is below. With `extends` a file is on top of another of the
same folder. Which peripherals a die has follows from its RCC: a block exists if its enable bit
does.

A peripheral is a row: name = [base, "kind version", clock enable, reset, IRQs...]. Its registers
are described only if it is one of the core blocks (RCC, FLASH, PWR, SYSCFG, EXTI, DBGMCU), which
software must restore itself, or if its kind has behaviour (`kinds.toml`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from .blocks.registers import Register, kinds, parse

HERE = Path(__file__).parent
KIB = 1024
DEFAULT_SIZE = 0x400


@dataclass(frozen=True)
class RegisterBit:
    """One bit of an RCC register, such as AHB1ENR.0."""

    register: str
    bit: int

    @property
    def mask(self) -> int:
        return 1 << self.bit

    def __str__(self) -> str:
        return f"RCC.{self.register} bit {self.bit}"


@dataclass(frozen=True, eq=False)
class Peripheral:
    """A block: address, registers, and its connections to RCC and NVIC.

    Attributes:
        kind, version: such as "usart" and "v1".
        registers: those that are described.
        whole: the block has no others; if not, the rest keeps what is written.
    """

    name: str
    base: int
    size: int
    kind: str
    version: str
    registers: tuple[Register, ...] = ()
    whole: bool = False
    enable: RegisterBit | None = None
    reset: RegisterBit | None = None
    irqs: tuple[int, ...] = ()

    @property
    def bus(self) -> str:
        """The bus that clocks it, such as "APB1"; "" if nothing gates its clock."""
        return self.enable.register.partition("ENR")[0].rstrip("LH") if self.enable else ""

    # Cached for each die: the fuzz makes hundreds of chips.

    @cached_property
    def by_name(self) -> Mapping[str, Register]:
        return {register.name: register for register in self.registers}

    @cached_property
    def by_offset(self) -> Mapping[int, Register]:
        return {register.offset: register for register in self.registers}

    @cached_property
    def reset_values(self) -> Mapping[int, int]:
        """By offset."""
        return {register.offset: register.reset for register in self.registers}

    @cached_property
    def writable(self) -> Mapping[str, tuple[int, int]]:
        """Name -> offset, and the bits that software can change."""
        return {register.name: (register.offset, register.writable) for register in self.registers}


@dataclass(frozen=True)
class Region:
    """Some memory. kind: flash, eeprom, sram, tcm (never cached), ccm (not executable), backup
    (kept by a reset, protected by DBP), buffer (packet memory of a peripheral), alias (another
    address of all of the region `of`), system, otp, factory or options."""

    name: str
    base: int
    size: int
    kind: str
    enable: RegisterBit | None = None
    of: str = ""

    @property
    def end(self) -> int:
        return self.base + self.size

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.end


@dataclass(frozen=True)
class FlashSector:
    """The smallest unit that can be erased; ST calls it sector or page."""

    base: int
    size: int
    bank: int
    number: int
    """Counted from 0 in its bank."""


@dataclass(frozen=True)
class Remap:
    """The field of SYSCFG that says what is seen at address 0, and the names of memories (or of
    kinds of external memory) by its value. `banks` is the bit of the same register that shows
    bank 2 of the flash before bank 1; 0: there is none."""

    register: str
    mask: int
    shows: tuple[str, ...]
    banks: int

    def value(self, name: str) -> int:
        return self.shows.index(name)


@dataclass(frozen=True)
class Kept:
    """Bits that a system reset keeps, so that the audit does not compare them."""

    bits: int
    why: str


@dataclass(frozen=True, eq=False)
class Chip:
    """A die. Frequencies in Hz, times in ns, addresses and sizes in bytes.

    `remap` is None where nothing can be mapped to address 0. `kept` is by name of a block or of a
    register, such as "RTC" and "RCC.BDCR".
    """

    name: str
    family: str
    dev_id: int
    irq_count: int
    core: Mapping[str, Any]
    clocks: Mapping[str, Any]
    startup_ns: Mapping[str, int]
    flash: Mapping[str, Any]
    factory: Mapping[str, Any]
    rom: Mapping[str, Any]
    rcc: Mapping[str, Any]
    remap: Remap | None
    kept: Mapping[str, Kept]
    exti_irqs: tuple[int, ...]
    alternate_functions: Mapping[str, int]
    memory: tuple[Region, ...]
    peripherals: tuple[Peripheral, ...]

    @property
    def reset_source(self) -> str:
        """What drives SYSCLK after a reset: the first of the switch, if it does not name one."""
        switch = self.rcc["switch"]
        return switch.get("reset") or switch["sources"][0]

    def region(self, name: str) -> Region:
        return next(region for region in self.memory if region.name == name)

    def peripheral(self, name: str) -> Peripheral:
        return next(p for p in self.peripherals if p.name == name)

    def register_address(self, peripheral: str, register: str) -> int:
        """The address of a register that is described, such as ("RCC", "APB1ENR"). Raises
        KeyError."""
        block = self.peripheral(peripheral)
        return block.base + block.by_name[register].offset

    def sectors(self, *, two_banks: bool = False) -> tuple[FlashSector, ...]:
        """Main flash, from the lowest address up; or as an option byte can divide it."""
        return _sectors(self, two_banks)


@cache
def load(name: str) -> Chip:
    """The die `name`, such as "STM32F429xx".

    Raises:
        ValueError: there is no chip file of that name.
    """
    path = HERE / "chips" / f"{name}.toml"
    if not path.is_file():
        raise ValueError(
            f"the bench has no chip {name!r}. There are {', '.join(names())}. To add one, write "
            f"tools/bench/chips/{name}.toml."
        )
    return _chip(name, _read(path))


@cache
def _read(path: Path) -> dict[str, Any]:
    """A file, on top of the one that it extends, or of its family."""
    data = tomllib.loads(path.read_text())
    if below := data.pop("extends", ""):
        return _merge(_read(path.with_stem(below)), data)
    if family := data.get("family"):
        return _merge(_read(HERE / "families" / f"{family}.toml"), data)
    return data


def names() -> list[str]:
    """The dies that have a chip file."""
    return sorted(path.stem for path in (HERE / "chips").glob("*.toml"))


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and "at" not in value:
            merged[key] = _merge(old, value)
        elif value is False and key in merged and not isinstance(old, bool):
            del merged[key]
        else:
            merged[key] = value
    return merged


def _chip(name: str, data: Mapping[str, Any]) -> Chip:
    return Chip(
        name=name,
        family=data["family"],
        dev_id=data["dev_id"],
        irq_count=data["irq_count"],
        core=data["core"],
        clocks=data["clocks"],
        startup_ns=data["startup_ns"],
        flash=data["flash"] | {"banks": data["memory"]["FLASH"]["banks"]},
        factory=data["factory"],
        rom=data["rom"],
        rcc=data["rcc"],
        remap=_remap(data["remap"]) if "remap" in data else None,
        kept={name: _kept(line) for name, line in data["kept"].items()},
        exti_irqs=tuple(data["exti"]["irqs"]),
        alternate_functions=data["alternate_functions"],
        memory=tuple(_region(name, line) for name, line in data["memory"].items()),
        peripherals=tuple(_peripherals(data)),
    )


def _remap(data: Mapping[str, Any]) -> Remap:
    return Remap(data["register"], data["mask"], tuple(data["shows"]), data.get("banks", 0))


def _kept(line: str | list[Any]) -> Kept:
    """A table row: a reason for a whole block, or bits and a reason for a register."""
    return Kept(0xFFFFFFFF, line) if isinstance(line, str) else Kept(*line)


def _region(name: str, line: Mapping[str, Any]) -> Region:
    enable = _bit(line.get("enable", ""))
    return Region(name, line["base"], line["size"], line["kind"], enable, line.get("of", ""))


def _bit(text: str) -> RegisterBit | None:
    if not text:
        return None
    register, bit = text.split(".")
    return RegisterBit(register, int(bit))


def _peripherals(data: Mapping[str, Any]) -> Iterator[Peripheral]:
    core = {name: parse(table) for name, table in data["registers"].items()}
    implemented = {register.name: register.mask for register in core["RCC"]}
    idcode = Register("IDCODE", 0, data["dev_id"], 0xFFFF0FFF, frozenset("r"), unknown=0xFFFFF000)
    core["DBGMCU"] = (idcode, *core["DBGMCU"])
    resets, sizes = data["resets"], data["sizes"]
    for name, (base, kind, enable, reset, *irqs) in data["peripherals"].items():
        gate = _bit(enable)
        if gate and not implemented.get(gate.register, 0) & gate.mask:
            continue
        registers = core.get(name) or kinds().get(kind, ())
        registers = _with_resets(registers, resets.get(kind, {}) | resets.get(name, {}))
        kind, version = kind.split()
        yield Peripheral(
            name=name,
            base=base,
            size=sizes.get(name, DEFAULT_SIZE),
            kind=kind,
            version=version,
            registers=registers,
            whole=name in core or kind == "gpio",
            enable=gate,
            reset=_bit(reset),
            irqs=tuple(irqs),
        )


def _with_resets(
    registers: tuple[Register, ...], resets: Mapping[str, int]
) -> tuple[Register, ...]:
    return tuple(replace(r, reset=resets.get(r.name, r.reset)) for r in registers)


@cache
def _sectors(die: Chip, two_banks: bool) -> tuple[FlashSector, ...]:
    region = die.region("FLASH")
    banks = 2 if two_banks else die.flash["banks"]
    sizes = [int(k * KIB) for k in die.flash["two_banks_kib" if two_banks else "sectors_kib"]]
    bank_size, found = region.size // banks, []
    for bank in range(banks):
        base, number = region.base + bank * bank_size, 0
        while base < region.base + (bank + 1) * bank_size:
            # A bank larger than the list goes on with its last size.
            size = sizes[min(number, len(sizes) - 1)]
            found.append(FlashSector(base, size, bank + 1, number))
            base, number = base + size, number + 1
    return tuple(found)
