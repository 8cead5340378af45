"""A ROM at a serial port, by stm32loader's library."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from stm32loader.bootloader import CommandError, Stm32Bootloader

from ...tables.family import Die, Family
from .. import rom
from .geometry import Sector
from .plan import Plan

BATCH, BATCH_BYTES = 32, 128 * 1024  # the most that one Erase takes: a bar moves, Ctrl-C is heard
READ = 256

# Requests a system reset (AIRCR.SYSRESETREQ, Armv7-M ARM B3.2.6) and waits for it:
#   ldr r0, [pc, #4]; ldr r1, [pc, #8]; str r1, [r0]; b .; .word 0xE000ED0C, 0x05FA0004
RESET = struct.pack("<4H2I", 0x4801, 0x4902, 0x6001, 0xE7FE, 0xE000ED0C, 0x05FA0004)
ROOM = 1024  # from the end of SRAM: it belongs to no ROM (AN2606, RAM in use)


class UartRom:
    """Where it is, and what it does."""

    verb = "Go"

    def __init__(self, loader: Stm32Bootloader, port: str) -> None:
        self._loader = loader
        self.port = port
        loader.get()  # it says which of the two erase commands it has
        self.said = rom.describe(loader)
        self.dev_id = loader.get_id()

    def __str__(self) -> str:
        return f"UART {self.port}, {self.said}"

    def flash_kib(self, family: Family) -> int:
        """What the chip says in system memory. Some ROMs read whole blocks of it only."""
        start = family.flash_size // READ * READ
        block = self._loader.read_memory(start, READ)
        (kib,) = struct.unpack_from("<H", block, family.flash_size - start)
        return kib

    def erase(self, plan: Plan, progress: rom.Progress) -> None:
        """Sector by sector: a mass erase is missing or does not work in some ROMs."""
        for batch in _batches(plan.sectors):
            rom.erase(self._loader, [sector.number for sector in batch], lambda _: None)
            progress(sum(sector.size for sector in batch))

    def write(self, plan: Plan, progress: rom.Progress) -> None:
        """The image, into erased flash."""
        for at, data in plan.blocks:
            rom.write(self._loader, at, data, progress)

    def differs(self, plan: Plan, progress: rom.Progress) -> int | None:
        """The first address where the flash is not the image; None if it is."""
        for at, data in plan.blocks:
            found = self.read(at, len(data), progress)
            if found != data:
                wrong = (
                    i for i, pair in enumerate(zip(found, data, strict=True)) if len({*pair}) > 1
                )
                return at + next(wrong)
        return None

    def read(self, address: int, length: int, progress: rom.Progress) -> bytes:
        """What is there."""
        return rom.read(self._loader, address, length, progress)

    def leave(self, address: int) -> None:
        """Start the application there."""
        self._loader.go(address)

    def reset(self, die: Die) -> bool:
        """A system reset, by a few instructions in SRAM. False if the ROM does not take them."""
        ram = die.rams[0]
        start = ram.end - ROOM
        try:
            self._loader.write_memory(start, struct.pack("<2I", ram.end, start + 9) + RESET)
            self._loader.go(start)
        except CommandError:
            return False
        return True


def _batches(sectors: Sequence[Sector]) -> Iterator[list[Sector]]:
    batch: list[Sector] = []
    for sector in sectors:
        full = len(batch) == BATCH or sum(s.size for s in [*batch, sector]) > BATCH_BYTES
        if batch and full:
            yield batch
            batch = []
        batch.append(sector)
    if batch:
        yield batch
