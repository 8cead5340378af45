"""SYSCFG: what is seen at address 0, and which port an EXTI line listens to (RM0090 9)."""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System

MEM_MODE = 0x7
FB_MODE, SWP_FMC = 1 << 8, 3 << 10
CMP_PD, CMP_READY = 1 << 0, 1 << 8  # CMPCR


class Syscfg(RegisterBlock):
    """`boot_mode` is what the BOOT pins chose at the last reset: 0 flash, 1 system memory, 3 SRAM.
    MEMRMP.MEM_MODE takes this value at every reset, RCC's SYSCFGRST included.

    MEMRMP can be written while SYSCFG has no clock, but no manual promises it: `mapped_unclocked`
    says that what is at 0 now came about so. It works on silicon: since 1.12 machine.bootloader()
    of MicroPython's stm32 port remaps that way, right after a reset, and takes the ROM's vectors
    from address 0; it has entered the ROM of real boards with F405 (micropython pull request 4862)
    and F411 (forum.micropython.org, topic 8811). The other registers do need the clock: without it
    an F429 ignores what is written to EXTICR (electronics.stackexchange.com, "STM32F429 ignoring
    writes to EXTI mux registers").
    """

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.boot_mode = 0
        self.mapped_unclocked = False
        self.on_write("MEMRMP", self._write_memrmp)
        if self.has("CMPCR"):
            self.on_write("CMPCR", self._write_cmpcr)

    def write(self, offset: int, size: int, value: int) -> None:
        if self.clocked or self.held or offset & ~3 != self.by_name["MEMRMP"].offset:
            super().write(offset, size, value)
        else:
            self._write_memrmp(value if size == 4 else self._widen(offset, size, value))

    @property
    def mem_mode(self) -> int:
        return self.get("MEMRMP") & MEM_MODE

    def port_of(self, line: int) -> int:
        """The number of the port (0 is A) that EXTI line 0 to 15 listens to."""
        return self.get(f"EXTICR{line // 4 + 1}") >> 4 * (line % 4) & 0xF

    def reset(self) -> None:
        super().reset()
        self.mapped_unclocked = False
        self.put("MEMRMP", self.get("MEMRMP") | self.boot_mode)
        self.system.remap()

    def _write_memrmp(self, value: int) -> None:
        if value & (FB_MODE | SWP_FMC) & self.by_name["MEMRMP"].mask:
            self.system.report(
                f"the program writes 0x{value:X} to SYSCFG.MEMRMP: it swaps flash banks or "
                f"external memories, which the bench does not do"
            )
        self.mapped_unclocked = not self.clocked
        if self.store("MEMRMP", value):
            self.system.remap()

    def _write_cmpcr(self, value: int) -> None:
        self.put("CMPCR", CMP_PD | CMP_READY if value & CMP_PD else 0)
