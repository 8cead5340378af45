"""SYSCFG: what is seen at address 0, and which port an EXTI line listens to (RM0090 9)."""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System

MEM_MODE = 0x7
FB_MODE, SWP_FMC = 1 << 8, 3 << 10
CMP_PD, CMP_READY = 1 << 0, 1 << 8  # CMPCR


class Syscfg(RegisterBlock):
    """`boot_mode` is what the BOOT pins chose at the last reset: 0 flash, 1 system memory, 3 SRAM.
    MEMRMP.MEM_MODE takes this value at every reset, RCC's SYSCFGRST included."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.boot_mode = 0
        self.on_write("MEMRMP", self._write_memrmp)
        if self.has("CMPCR"):
            self.on_write("CMPCR", self._write_cmpcr)

    @property
    def mem_mode(self) -> int:
        return self.get("MEMRMP") & MEM_MODE

    def port_of(self, line: int) -> int:
        """The number of the port (0 is A) that EXTI line 0 to 15 listens to."""
        return self.get(f"EXTICR{line // 4 + 1}") >> 4 * (line % 4) & 0xF

    def reset(self) -> None:
        super().reset()
        self.put("MEMRMP", self.get("MEMRMP") | self.boot_mode)
        self.system.remap()

    def _write_memrmp(self, value: int) -> None:
        if value & (FB_MODE | SWP_FMC) & self.by_name["MEMRMP"].mask:
            self.system.report(
                f"the program writes 0x{value:X} to SYSCFG.MEMRMP: it swaps flash banks or "
                f"external memories, which the bench does not do"
            )
        if self.store("MEMRMP", value):
            self.system.remap()

    def _write_cmpcr(self, value: int) -> None:
        self.put("CMPCR", CMP_PD | CMP_READY if value & CMP_PD else 0)
