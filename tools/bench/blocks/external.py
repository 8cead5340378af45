"""FMC, FSMC and QUADSPI: when external memory can be reached (RM0090 37, RM0390 12, RM0433 22).

The memory chips belong to the board; these blocks only say whether the CPU can reach them. A
memory cannot be reached once its controller is reset, loses its clock or has its bank disabled.
"""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System

MBKEN, FMCEN = 1, 1 << 31  # FMC_BCRx; FMCEN in BCR1 of an H7: the controller itself
SDRAM_LOAD_MODE = 4  # FMC_SDCMR.MODE
SDRAM_BANKS = {1: 1 << 4, 2: 1 << 3}  # SDCMR.CTB1, CTB2
QUADSPI_EN, MEMORY_MAPPED = 1, 3 << 26  # QUADSPI_CR, QUADSPI_CCR.FMODE


class ExternalMemoryController(RegisterBlock):
    """It calls `System.remap` when the result of `reachable` may have changed."""

    def reachable(self, kind: str, bank: int) -> bool:
        raise NotImplementedError

    @property
    def enabled(self) -> bool:
        return self.clocked and not self.held

    def hold(self, held: bool) -> None:
        super().hold(held)
        self.system.remap()

    def set_clock(self, on: bool) -> None:
        super().set_clock(on)
        self.system.remap()

    def reset(self) -> None:
        super().reset()
        self.system.remap()


class Fmc(ExternalMemoryController):
    """kind "sdram", bank 1 or 2; kind "nor" (and PSRAM), bank 1 to 4."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._sdram: set[int] = set()  # banks that went through their start-up commands
        for bank in range(1, 5):
            self.on_write(f"BCR{bank}", lambda value, bank=bank: self._write_bcr(bank, value))
        if self.has("SDCMR"):
            self.on_write("SDCMR", self._write_sdcmr)

    def reachable(self, kind: str, bank: int) -> bool:
        enabled = self.enabled and not self.by_name["BCR1"].mask & FMCEN & ~self.get("BCR1")
        if kind == "sdram":
            return enabled and bank in self._sdram
        return enabled and bool(self.get(f"BCR{bank}") & MBKEN)

    def reset(self) -> None:
        self._sdram = set()
        super().reset()

    def _write_bcr(self, bank: int, value: int) -> None:
        if self.store(f"BCR{bank}", value):
            self.system.remap()

    def _write_sdcmr(self, value: int) -> None:
        self.store("SDCMR", value)
        if value & 7 == SDRAM_LOAD_MODE:  # the last step of the start-up (RM0090 37.7.3)
            self._sdram |= {bank for bank, bit in SDRAM_BANKS.items() if value & bit}
            self.system.remap()


class Quadspi(ExternalMemoryController):
    """kind "qspi": the flash can be reached while the controller is in memory-mapped mode."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        for name in ("CR", "CCR"):
            self.on_write(name, lambda value, name=name: self._write(name, value))

    def reachable(self, kind: str, bank: int) -> bool:
        mapped = self.get("CCR") & MEMORY_MAPPED == MEMORY_MAPPED
        return self.enabled and bool(self.get("CR") & QUADSPI_EN) and mapped

    def _write(self, name: str, value: int) -> None:
        value &= ~self.by_name[name].self_clearing
        if self.store(name, value):
            self.system.remap()
