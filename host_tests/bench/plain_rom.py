"""A chip that is only bytes, and a clock set by hand: the bootloader without a virtual STM32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.bench.rom.facts import KIB, MS, Area, FlashTiming, RomFacts, Sector
from tools.bench.rom.memory import RDP_LEVEL_0, BusFault

F4_BANK = (16 * KIB,) * 4 + (64 * KIB,) + (128 * KIB,) * 7  # RM0090 tables 5 and 6: 1 MiB


# DS8626 (F405/F407) and DS9405 (F427/F429), tables "Flash memory programming" and "Flash memory
# programming with VPP": t_prog, t_ERASE16KB, t_ERASE64KB, t_ERASE128KB, t_ME, typical values.
F4_TIMING = FlashTiming(
    program=16_000,
    at_once=(1, 2, 4, 8),
    sector={
        16 * KIB: (400 * MS, 300 * MS, 250 * MS, 230 * MS),
        64 * KIB: (1200 * MS, 700 * MS, 550 * MS, 490 * MS),
        128 * KIB: (2000 * MS, 1300 * MS, 1000 * MS, 875 * MS),
    },
    mass=(16_000 * MS, 11_000 * MS, 8_000 * MS, 6_900 * MS),
)


def f4_sectors(banks: int) -> Iterator[Sector]:
    """The sectors of an F4 with one or two banks of 1 MiB (RM0090 3.4)."""
    base = 0x0800_0000
    for bank in range(1, banks + 1):
        for size in F4_BANK:
            yield Sector(base, size, bank)
            base += size


# STM32F429ZI, bootloader V9.1: AN2606 "STM32F42xxx/43xxx devices", RM0090 2.3 and 3.4 to 3.8.
F429ZI = RomFacts(
    dev_id=0x419,
    protocol=0x31,
    sectors=tuple(f4_sectors(2)),
    ram=(Area(0x2000_3000, 0x2003_0000),),
    system=Area(0x1FFF_0000, 0x1FFF_7800),
    timing=F4_TIMING,
    otp=Area(0x1FFF_7800, 0x1FFF_7A10),
    options=(Area(0x1FFF_C000, 0x1FFF_C010), Area(0x1FFE_C000, 0x1FFE_C010)),
    startup_ns=74_000_000,
)


@dataclass
class PlainOptions:
    """As delivered: nothing protected, no bank boot, BOR off (RM0090 3.7.1)."""

    rdp: int = RDP_LEVEL_0
    user: int = 0xEF
    nwrp: int = 0xFF_FFFF

    @property
    def writable(self) -> int:
        return self.nwrp


class PlainMemory:
    """`RomMemory` of bytearrays: flash, SRAM, system memory with OTP and unique id."""

    def __init__(self, facts: RomFacts = F429ZI) -> None:
        sram = facts.ram[0]
        self.options = PlainOptions()
        self._sram = sram.start & ~0xFFFF
        last = facts.sectors[-1]
        self._areas = {
            facts.sectors[0].base: bytearray(b"\xff" * (last.end - facts.sectors[0].base)),
            self._sram: bytearray(sram.end - self._sram),
            facts.system.start: bytearray(b"\xff" * 0x8000),  # with OTP, unique id, flash size
        }

    def _find(self, address: int, length: int) -> tuple[bytearray, int]:
        for base, area in self._areas.items():
            if base <= address and address + length <= base + len(area):
                return area, address - base
        raise BusFault(f"{length} bytes at 0x{address:08X}")

    def read(self, address: int, length: int) -> bytes:
        area, offset = self._find(address, length)
        return bytes(area[offset : offset + length])

    def write(self, address: int, data: bytes) -> None:
        area, offset = self._find(address, len(data))
        area[offset : offset + len(data)] = data

    def clear_ram(self) -> None:
        sram = self._areas[self._sram]
        sram[:] = bytes(len(sram))


class ManualClock:
    """`after` for tests: time passes when `advance` is called."""

    def __init__(self) -> None:
        self.now = 0
        self._due: list[tuple[int, Callable[[], object]]] = []

    def after(self, ns: int, fn: Callable[[], object]) -> None:
        self._due.append((self.now + ns, fn))

    def advance(self, ns: int) -> None:
        self.now += ns
        due = [fn for when, fn in self._due if when <= self.now]
        self._due = [event for event in self._due if event[0] > self.now]
        for fn in due:
            fn()
