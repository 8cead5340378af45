"""SYSCFG: the memory at address 0, and the GPIO port of each EXTI line."""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System


class Syscfg(RegisterBlock):
    """`boot_mode` is what the BOOT pins chose at the last reset, as a value of the remap field,
    which takes it at every reset, RCC's SYSCFGRST included.

    The register with that field can be written while SYSCFG has no clock, but no manual promises
    it: such a mapping is a deviation. It works on silicon: machine.bootloader() of MicroPython's
    stm32 port remaps that way on every family, right after a reset, and takes the ROM's vectors
    from address 0; it has entered the ROM of real boards with F405 (micropython pull request 4862)
    and F411 (forum.micropython.org, topic 8811). Of other families nobody has said. The other
    registers do need the clock: without it an F429 ignores what is written to EXTICR
    (electronics.stackexchange.com, "STM32F429 ignoring writes to EXTI mux registers").
    """

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.boot_mode = 0
        self._unclocked = False  # the remap was written without the clock
        self._remap = system.chip.remap
        if self._remap:
            self.on_write(self._remap.register, self.write_remap)

    @property
    def shown_at_zero(self) -> str | None:
        """The name of the memory that is mapped to address 0; None where there is no choice."""
        if self._remap is None:
            return None
        value = self.get(self._remap.register) & self._remap.mask
        return self._remap.shows[value] if value < len(self._remap.shows) else ""

    @property
    def banks_swapped(self) -> bool:
        """Bank 2 of the flash is shown before bank 1."""
        return bool(self._remap and self.get(self._remap.register) & self._remap.banks)

    def swap_banks(self) -> None:
        """As the ROM does before it starts bank 2."""
        assert self._remap
        self.put(self._remap.register, self.get(self._remap.register) | self._remap.banks)

    @property
    def problem(self) -> str:
        """Why the present mapping is a deviation although the register is right; "" if it is
        not."""
        if not self._unclocked:
            return ""
        return "it was written while SYSCFG had no clock, which no manual allows"

    def write(self, offset: int, size: int, value: int) -> None:
        remap = self._remap
        at = offset & ~3
        if self.clocked or self.held or not remap or at != self.by_name[remap.register].offset:
            super().write(offset, size, value)
        else:
            self.writers[at](value if size == 4 else self._widen(offset, size, value))

    def port_of(self, line: int) -> int:
        """The number of the port (0 is A) of EXTI line 0 to 15."""
        return self.get(f"EXTICR{line // 4 + 1}") >> 4 * (line % 4) & 0xF

    def reset(self) -> None:
        self._unclocked = False
        super().reset()
        if self._remap:
            register = self._remap.register
            self.put(register, self.get(register) | self.boot_mode)
            self.system.remap()

    def write_remap(self, value: int) -> None:
        assert self._remap
        self._unclocked = not self.clocked
        if self.store(self._remap.register, value):
            self.system.remap()
