"""A ROM at a serial port, by stm32loader's library."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterator, Sequence

from stm32loader.bootloader import CommandError, Stm32Bootloader

from ...tables.family import Die
from ..errors import CliError, Code
from ..report import Progress, Report, number, size
from . import serial_rom
from .geometry import BASE, GEOMETRY, Sector, layout
from .plan import Plan
from .rom import Pause, chip

BATCH, BATCH_BYTES = 32, 128 * 1024  # the most that one Erase takes: a bar moves, Ctrl-C is heard
READ = 256

# Requests a system reset (AIRCR.SYSRESETREQ, Armv7-M ARM B3.2.6) and waits for it:
#   ldr r0, [pc, #4]; ldr r1, [pc, #8]; str r1, [r0]; b .; .word 0xE000ED0C, 0x05FA0004
RESET = struct.pack("<4H2I", 0x4801, 0x4902, 0x6001, 0xE7FE, 0xE000ED0C, 0x05FA0004)
ROOM = 1024  # from the end of SRAM: it belongs to no ROM (AN2606, RAM in use)
# Where the SRAM that a ROM takes ends, if SRAM itself does not: DEV_ID (AN2606 rev 70 table 226)
ENDS = {
    **{0x435: 0x2000C000, 0x461: 0x20040000, 0x462: 0x20020000, 0x464: 0x20008000},
    **{0x456: 0x20002000, 0x467: 0x20020000, 0x468: 0x20005800, 0x469: 0x20018000},
    **{0x479: 0x20018000, 0x480: 0x24080000, 0x494: 0x20039000, 0x495: 0x2000C000},
}
NO_ROOM = (0x445,)  # it takes none

# These say that an erase is done when it has begun: DEV_ID and version of the ROM to where this is
# so and what a sector takes at the most. What comes too early may hang an H74x (AN2606 rev 70
# tables 136 and 108; DS12110)
EARLY = {(0x450, 0x91): (0x08100000, 4.0), (0x460, 0xB3): (BASE, 0.04)}
ALONE = (0x460, 0x467)  # an Erase of several sectors fails (tables 108, 110 and 112)

# The manual gives the first page of bank 2 this number, however small the banks are (RM0351 table
# 5, RM0444 table 11). Whether the ROM counts so is not known: if the other number is refused, or
# erases something else, this one is taken
SECOND = {0x415: 256, 0x467: 256}


class UartRom:
    """A ROM that has answered. `stack` closes its port."""

    verb = "Go to"

    def __init__(
        self, loader: Stm32Bootloader, port: str, baud: int, stack: contextlib.ExitStack
    ) -> None:
        self._loader, self.port, self._baud, self._stack = loader, port, baud, stack
        loader.get()  # it says which of the two erase commands it has
        self._said = serial_rom.describe(loader)
        self.dev_id = loader.get_id()
        self.chip = chip(self.dev_id)
        self._bank_2, self._jump = 0, 0  # its first sector; how its numbers may differ
        self.facts: dict[str, object] = {
            "interface": "UART", "port": port, "dev_id": f"0x{self.dev_id:03X}",
            "version": serial_rom.version(loader),
        }  # fmt: skip

    def __str__(self) -> str:
        return f"UART {self.port}, {self._said}"

    def sectors(self) -> tuple[Sector, ...]:
        """By the DEV_ID, the flash size in system memory, and the option bytes."""
        if self.chip is None:
            raise CliError(
                f"romboot does not know a chip with DEV_ID 0x{self.dev_id:03X}", Code.REFUSED
            )
        where = self.chip[0].flash_size
        start = where // READ * READ  # some ROMs read whole blocks of it only
        (kib,) = struct.unpack_from("<H", self._loader.read_memory(start, READ), where - start)
        other, word = GEOMETRY[self.dev_id].other, None
        if other:
            (word,) = struct.unpack("<I", self._loader.read_memory(other.option, 4))
        sectors = layout(self.dev_id, kib, word, in_rom=True)
        self._bank_2 = len(sectors) // 2
        self._jump = SECOND.get(self.dev_id, self._bank_2) - self._bank_2
        return sectors

    def write(self, plan: Plan, report: Report, pause: Pause) -> None:
        """Sector by sector: a mass erase is missing or does not work in some ROMs."""
        area, parts = sum(sector.size for sector in plan.sectors), plan.parts
        erased, (early, wait) = number(len(plan.sectors), "sector"), self._early()
        most = 1 if self.dev_id in ALONE else BATCH
        with report.bar("erase", area, erased, bytes=area) as bar:
            for batch in _batches(plan.erased, most):
                self._erase(batch, pause)
                if wait and batch[-1].base >= early:
                    time.sleep(wait)
                bar(sum(sector.size for sector in batch))
        total, written = sum(len(data) for _, data in parts), plan.image.size
        with report.bar("write", total, size(written), bytes=written) as bar:
            for at, data in parts:
                serial_rom.write(self._loader, at, data, lambda n: (bar(n), pause())[0])

    def _erase(self, batch: list[Sector], pause: Pause) -> None:
        numbers = [s.number for s in batch]
        others = [n + self._jump if n >= self._bank_2 else n for n in numbers]
        try:
            serial_rom.erase(self._loader, numbers, lambda _: pause())
            if others == numbers or all(self._is_blank(s) for s in batch):
                return
        except CommandError:
            if others == numbers:
                raise
        serial_rom.erase(self._loader, others, lambda _: pause())

    def _is_blank(self, sector: Sector) -> bool:
        return not self._loader.read_memory(sector.base, READ).strip(b"\xff")

    def _early(self) -> tuple[int, float]:
        """From where on an erase is waited for, and how long."""
        assert self.chip
        if self.dev_id not in {dev_id for dev_id, _ in EARLY}:
            return 0, 0.0
        version = self._loader.read_memory(self.chip[1].rom_id, 1)[0]
        return EARLY.get((self.dev_id, version), (0, 0.0))

    def read(self, address: int, length: int, progress: Progress) -> bytes:
        """What is there."""
        return serial_rom.read(self._loader, address, length, progress)

    def leave(self, address: int) -> None:
        """Go."""
        self._loader.go(address)
        self._stack.close()

    def reset(self) -> bool:
        """By a few instructions in SRAM, if the ROM is still there."""
        assert self.chip
        start = room(self.chip[1])
        if start is None:
            return False
        try:
            asked = serial_rom.connected(self.port, serial_rom.ASK_S, baud=self._baud)
            with asked as loader:
                loader.write_memory(start, struct.pack("<2I", start, start + 9) + RESET)
                loader.go(start)
        except (CliError, CommandError):
            return False
        return True

    def is_there(self) -> bool:
        """It answers."""
        try:
            with serial_rom.connected(self.port, serial_rom.ASK_S, baud=self._baud):
                return True
        except CliError:
            return False


def room(die: Die) -> int | None:
    """Where there is room for these instructions, None if nowhere. Their stack is below them, as
    some ROMs of an STM32H743 do not start what has it in the last 16 bytes of SRAM (AN2606 table
    136)."""
    return None if die.dev_id in NO_ROOM else ENDS.get(die.dev_id, die.rams[0].end) - ROOM


def _batches(sectors: Sequence[Sector], most: int) -> Iterator[list[Sector]]:
    batch: list[Sector] = []
    for sector in sectors:
        full = len(batch) == most or sum(s.size for s in [*batch, sector]) > BATCH_BYTES
        if batch and full:
            yield batch
            batch = []
        batch.append(sector)
    if batch:
        yield batch
