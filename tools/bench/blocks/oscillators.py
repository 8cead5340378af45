"""The oscillators and PLLs: which bit starts them, which one says that they run (RM0090 6.2)."""

from __future__ import annotations

from dataclasses import dataclass

HSION, HSEON, PLLON, PLLI2SON, PLLSAION = (1 << bit for bit in (0, 16, 24, 26, 28))  # RCC.CR
LSEON = 1  # RCC.BDCR
LSION = 1  # RCC.CSR


@dataclass(frozen=True)
class Oscillator:
    """An "on" bit and the "ready" bit that follows it, the next one up in the same register."""

    name: str
    register: str
    on: int
    cir: int
    """Bit number of its ready flag in RCC.CIR; enable and clear are 8 and 16 further up."""

    @property
    def ready(self) -> int:
        return self.on << 1


OSCILLATORS = (
    Oscillator("LSI", "CSR", LSION, 0),
    Oscillator("LSE", "BDCR", LSEON, 1),
    Oscillator("HSI", "CR", HSION, 2),
    Oscillator("HSE", "CR", HSEON, 3),
    Oscillator("PLL", "CR", PLLON, 4),
    Oscillator("PLLI2S", "CR", PLLI2SON, 5),
    Oscillator("PLLSAI", "CR", PLLSAION, 6),
)
PLLS = ("PLL", "PLLI2S", "PLLSAI")
