"""A chip for romboot on the host: registers that remember, and a log of who wrote what."""

from __future__ import annotations

import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import ClassVar

from tools.tables import dies, f4

CPUID = 0xE000ED00
MPU_TYPE = 0xE000ED90
IDCODE = 0xE0042000
OPTCR = 0x40023C14
VECTORS = 0x1FFF0000
FLASH_SIZE = 0x1FFF7A22
UNIQUE_ID = 0x1FFF7A10
SRAM = 0x20000000
H7 = {
    0x5200201C: 0x1BC6AAF0,
    **dict.fromkeys((0x52002028, 0x52002128), 0xFF),  # PRAR_CUR
    **dict.fromkeys((0x52002038, 0x52002138), 0xFFFFFFFF),  # WPSN_CUR
}
L1 = {0x40023C1C: 0x00F800AA}
F0 = {0x1FFFF800: 0x00FF55AA, 0x4002201C: 0xFFFFFF00, 0x40022020: 0xFFFFFFFF}
H5 = {  # Open, no TrustZone, SRAM kept by a reset
    0x40022050: 0x2D30EDF8,
    0x40022070: 0xC300007C,
    **dict.fromkeys((0x400220E8, 0x400221E8), 0xFFFFFFFF),  # WRPxR_CUR
}
# Option bytes (RM0090 3.9.10, 3.9.11; RM0367 3.7.8; RM0433 4.9): level 0, nothing protected.
AS_DELIVERED = {
    "STM32F4": {OPTCR: 0x7FFFAAED, 0x40023C18: 0x0FFF0000},
    "STM32F7": {OPTCR: 0xFFFFAAFD, 0x40023C18: 0x00400080},
    "STM32F72": {OPTCR: 0xC0FFAAFD, 0x40023C18: 0x00400080, 0x40023C1C: 0x80000000},
    "STM32G0": {
        0x40022020: 0xFFFFFEAA,
        **dict.fromkeys((0x40022024, 0x40022034, 0x40022044, 0x40022054), 0x1FF),  # PCROPxxSR
        **dict.fromkeys((0x4002202C, 0x40022030, 0x4002204C, 0x40022050), 0x7F),  # WRPxxR
    },
    "STM32G4": {
        0x40022020: 0xFFEFF8AA,
        **dict.fromkeys((0x40022024, 0x40022044), 0x7FFF),  # PCROPxSR
        **dict.fromkeys((0x4002202C, 0x40022030, 0x4002204C, 0x40022050), 0x7F),  # WRPxxR
    },
    **dict.fromkeys(("STM32F0", "STM32F04", "STM32F05", "STM32F07"), F0),
    "STM32L0": {0x4002201C: 0x807000AA},
    **dict.fromkeys(("STM32L1", "STM32L1A"), L1),
    "STM32L4": {
        0x40022020: 0xFFEFF8AA,
        **dict.fromkeys((0x40022024, 0x40022044), 0xFFFF),  # PCROPxSR
        **dict.fromkeys((0x4002202C, 0x40022030, 0x4002204C, 0x40022050), 0xFF),  # WRPxxR
    },
    "STM32WB": {
        0x58004020: 0x3DFFF1AA,
        **dict.fromkeys((0x58004024, 0x58004034), 0x1FF),  # PCROP1xSR
        **dict.fromkeys((0x5800402C, 0x58004030), 0xFF),  # WRP1xR
    },
    "STM32WL": {
        0x58004020: 0x3FFFF0AA,
        **dict.fromkeys((0x58004024, 0x58004034), 0xFF),  # PCROP1xSR
        **dict.fromkeys((0x5800402C, 0x58004030), 0x7F),  # WRP1xR
    },
    "STM32H5": H5,
    "STM32H503": H5,
    "STM32U5": {
        0x40022040: 0x1FEFF8AA,
        0x40022044: 0x0800007F,  # NSBOOTADD0R
        **dict.fromkeys((0x40022058, 0x4002205C, 0x40022068, 0x4002206C), 0x8000007F),  # WRPxxR
    },
    "STM32H7": H7,
    "STM32H7A": H7,
}
ROM_START = 0x3A1  # from the vector table on


class Registers:
    """Words of memory, 0 until written. `log` has every write: (address, value, bytes).

    `react` is called after each write with (address, value before, value written): hardware.
    """

    def __init__(self) -> None:
        self.words: dict[int, int] = {}
        self.log: list[tuple[int, int, int]] = []
        self.react: Callable[[int, int, int], None] = lambda address, before, value: None

    def poke(self, address: int, value: int, size: int = 4) -> None:
        """Set without a trace, as the hardware does."""
        data = bytearray(struct.pack("<I", self.words.get(address & ~3, 0)))
        at = address & 3
        data[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        self.words[address & ~3] = int.from_bytes(data, "little")

    def peek(self, address: int, size: int = 4) -> int:
        word = self.words.get(address & ~3, 0) >> 8 * (address & 3)
        return word & (1 << 8 * size) - 1

    def write(self, address: int, value: int, size: int = 4) -> None:
        """As the program does."""
        before = self.peek(address & ~3)
        self.log.append((address, value & (1 << 8 * size) - 1, size))
        self.poke(address, value, size)
        self.react(address, before, self.peek(address & ~3))


class View:
    """mem8, mem16 or mem32 of `machine`. MicroPython's mem32 gives words as signed integers, and
    any of them takes an address as one."""

    def __init__(self, registers: Registers, size: int) -> None:
        self._registers = registers
        self._size = size

    def __getitem__(self, address: int) -> int:
        assert address % self._size == 0, f"unaligned read of 0x{address:08X}"
        value = self._registers.peek(address & 0xFFFFFFFF, self._size)
        return value - (1 << 32) if self._size == 4 and value >> 31 else value

    def __setitem__(self, address: int, value: int) -> None:
        assert address % self._size == 0, f"unaligned write of 0x{address:08X}"
        self._registers.write(address & 0xFFFFFFFF, value, self._size)


class Timer:
    """machine.Timer: remembers how it was armed; `fire` runs its callback."""

    ONE_SHOT, PERIODIC = 0, 1
    armed: list[Timer]  # those that run

    def __init__(self, number: int) -> None:
        self.number = number

    def init(self, *, mode: int, period: int, callback: Callable[[Timer], None]) -> None:
        self.mode, self.period, self._callback = mode, period, callback
        self.armed.append(self)

    def deinit(self) -> None:
        self.armed.remove(self)

    def fire(self) -> None:
        self._callback(self)


class Clock:
    """time: milliseconds that pass by sleeping, and one with each look. It wraps, as it does."""

    PERIOD = 1 << 30

    def __init__(self) -> None:
        self.now = self.PERIOD - 10
        self.slept: list[int] = []
        self.on_tick: Callable[[], None] = lambda: None

    def ticks_ms(self) -> int:
        self.now += 1
        self.on_tick()
        return self.now % self.PERIOD

    def ticks_add(self, ticks: int, ms: int) -> int:
        return (ticks + ms) % self.PERIOD

    def ticks_diff(self, new: int, old: int) -> int:
        half = self.PERIOD // 2
        return (new - old + half) % self.PERIOD - half

    def sleep_ms(self, ms: int) -> None:
        self.slept.append(ms)
        self.now += ms


class GoneError(BaseException):
    """helper() went: the real one does not come back."""


class Heap:
    """uctypes: gives buffers addresses, in SRAM and none on a page of its own. `flash`, the
    firmware, is there too."""

    FLASH = 0x08000000

    def __init__(self) -> None:
        self.flash = b""
        self.next = 0x20004A30
        self._buffers: dict[int, bytearray] = {}

    def addressof(self, buffer: bytearray) -> int:
        for address, known in self._buffers.items():
            if known is buffer:
                return address
        address, self.next = self.next, self.next + len(buffer) + 16
        self._buffers[address] = buffer
        return address

    def bytearray_at(self, address: int, size: int) -> memoryview | bytes:
        if (at := address - self.FLASH) >= 0 and at + size <= len(self.flash):
            return self.flash[at : at + size]
        for start, buffer in self._buffers.items():
            if start <= address and address + size <= start + len(buffer):
                return memoryview(buffer)[address - start : address - start + size]
        raise AssertionError(f"{size} bytes at 0x{address:08X} are in no buffer")


class Helper:
    """jump.helper(): what it would find, and what it was asked. `events` is shared with others."""

    CODE = bytes(range(164))  # stands for the resident part
    TASKS: ClassVar = {"LOOK": 0, "GO": 1, "COMPLETE": 2, "CONTROL": 3}

    def __init__(self, registers: Registers, events: list[str], heap: Heap) -> None:
        self.code_address = 0x0803BD40  # of the code: frozen into flash
        self.control = 0
        self.blocked_to_look = 0  # MSP that it reports, 0: the way is free
        self.blocked_to_go = 0
        self.image: bytearray | None = None
        self.log_when_gone: list[tuple[int, int, int]] = []
        self._registers = registers
        self._events = events
        self._heap = heap

    def __call__(self, image: bytearray | int, task: int) -> int:
        if isinstance(image, int):
            assert (image, task) == (0, self.TASKS["CONTROL"])
            return self.control
        if task == self.TASKS["LOOK"]:
            return self.blocked_to_look - (self.blocked_to_look >> 31 << 32)  # signed, as in asm
        if task == self.TASKS["COMPLETE"]:
            return self._complete(image)
        if self.blocked_to_go:
            return self.blocked_to_go
        self._events.append("go")
        self.image = image
        self.log_when_gone = list(self._registers.log)
        raise GoneError

    def _complete(self, image: bytearray) -> int:
        (words,) = struct.unpack_from("<I", image)
        image[4 * words : 4 * words + len(self.CODE)] = self.CODE
        return self._heap.addressof(image) + 4 * words + len(self.CODE)


class FakeChip:
    """An STM32 at MicroPython's prompt. What it is, it is by romboot's tables; an unknown DEV_ID
    reads as on an STM32F4."""

    def __init__(self, dev_id: int = 0x419, rev_id: int = 0x2003) -> None:
        self.registers = Registers()
        self.events: list[str] = []
        self.heap = Heap()
        self.helper = Helper(self.registers, self.events, self.heap)
        self.clock = Clock()
        self.os = SimpleNamespace(sync=lambda: self.events.append("sync"))
        self.machine = SimpleNamespace(
            mem8=View(self.registers, 1),
            mem16=View(self.registers, 2),
            mem32=View(self.registers, 4),
            Timer=type("Timer", (Timer,), {"armed": []}),
            disable_irq=lambda: self.events.append("disable_irq"),
        )
        self.pyb = SimpleNamespace(Flash=lambda: SimpleNamespace(ioctl=self._flash_ioctl))
        self.sys = SimpleNamespace(
            platform="pyboard", implementation=SimpleNamespace(version=(1, 25, 0, ""))
        )
        self.family = next((f for f, die in dies() if die.dev_id == dev_id), f4.FAMILY)
        poke = self.registers.poke
        architecture = 0xC if self.family.core.armv6m else 0xF
        poke(CPUID, 0x41000001 | architecture << 16 | self.family.core.partno << 4)
        poke(MPU_TYPE, self.family.mpu_regions << 8)
        self._idcode = rev_id << 16 | dev_id
        self.registers.react = self.clock_of_dbgmcu
        if not self.family.idcode_clock:
            poke(self.family.idcode, self._idcode)
        poke(self.family.vectors, SRAM + 0x2D0)
        poke(self.family.vectors + 4, self.family.vectors + ROM_START)
        for address, value in AS_DELIVERED[self.family.name].items():
            poke(address, value)

    def clock_of_dbgmcu(self, address: int, _before: int, value: int) -> None:
        """IDCODE reads 0 without it, where there is one."""
        clock = self.family.idcode_clock
        if clock and address == clock.register.address:
            on = value >> clock.number & 1
            self.registers.poke(self.family.idcode, self._idcode if on else 0)

    def _flash_ioctl(self, operation: int, _argument: int) -> None:
        assert operation == 3
        self.events.append("sync flash")

    @property
    def written(self) -> list[tuple[int, int, int]]:
        return self.registers.log

    @property
    def timers(self) -> list[Timer]:
        return self.machine.Timer.armed
