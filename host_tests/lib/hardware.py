"""What an STM32F4 does when the script writes: just enough for the script to end, and to be wrong.

Ready flags follow their switch, SWS follows SW, flags are cleared by ones, a register without
its clock cannot be written. The bench models far more; here the script is all that runs.
"""

from __future__ import annotations

from host_tests.lib.fake_machine import Registers

RCC = 0x40023800
CR, PLLCFGR, CFGR = RCC, RCC + 0x04, RCC + 0x08
APB2ENR = RCC + 0x44
MEMRMP = 0x40013800
SYSCFG_ENABLE = 1 << 14
FLASH_SR, FLASH_CR = 0x40023C0C, 0x40023C10
EXTI_PR = 0x40013C14
OSCILLATORS = (0, 16, 24, 26, 28)  # HSI, HSE, PLL, PLLI2S, PLLSAI: xON; xRDY is the next bit
CLEARED_BY_ONES = (FLASH_SR, EXTI_PR, 0xE000ED28, 0xE000ED2C)


class WrongError(AssertionError):
    """The script did what a chip would not have let pass."""


class Hardware:
    """Attach to Registers: it reacts to each write."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        registers.react = self

    def __call__(self, address: int, before: int, value: int) -> None:
        poke = self._registers.poke
        if address == CR:
            if self._registers.peek(CFGR) & 3 == 2 and not value & 1 << 24:
                raise WrongError("the PLL is switched off while SYSCLK comes from it")
            if before & 1 << 16 and value & 1 << 16:
                value = value & ~(1 << 18) | before & 1 << 18  # HSEBYP: only while HSE is off
            poke(CR, self._ready(value))
        elif address == PLLCFGR and self._registers.peek(CR) & 1 << 24:
            raise WrongError("PLLCFGR is written while the PLL is on")
        elif address == CFGR:
            poke(CFGR, value & ~0xC | (value & 3) << 2)
        elif address in CLEARED_BY_ONES:
            poke(address, before & ~value)
        elif address == MEMRMP and not self._registers.peek(APB2ENR) & SYSCFG_ENABLE:
            raise WrongError("MEMRMP is written while SYSCFG has no clock")

    def _ready(self, value: int) -> int:
        for on in OSCILLATORS:
            value = value & ~(2 << on) | (value >> on & 1) << on + 1
        return value
