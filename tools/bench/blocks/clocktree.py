"""From the registers of RCC to frequencies (RM0090 6.2, 6.3.2, 6.3.3). All in Hz."""

from __future__ import annotations

from dataclasses import dataclass

SW_HSI, SW_HSE, SW_PLL, SW_PLLR = range(4)  # CFGR.SW; PLLR only on F446, F412, F413, F469
PLLSRC_HSE = 1 << 22  # PLLCFGR
AHB_SHIFTS = (1, 2, 3, 4, 6, 7, 8, 9)  # HPRE 8 to 15: there is no division by 32


@dataclass(frozen=True)
class Frequencies:
    hclk: int
    pclk1: int
    pclk2: int


def frequencies(source: int, cfgr: int, pllcfgr: int, hsi: int, hse: int) -> Frequencies:
    """`source` is the one in use (SWS). An HSE that is not there counts as HSI: it cannot be
    selected, but a configuration may name it. A PLL that multiplies by 0 is as good as stopped:
    1 Hz."""
    system = sysclk(source, pllcfgr, hsi, hse or hsi)
    shift, shift1, shift2 = ahb_shift(cfgr >> 4 & 15), apb_shift(cfgr >> 10), apb_shift(cfgr >> 13)
    shifts = (shift, shift + shift1, shift + shift2)
    return Frequencies(*(max(system >> by, 1) for by in shifts))


def sysclk(source: int, pllcfgr: int, hsi: int, hse: int) -> int:
    if source == SW_HSI:
        return hsi
    if source == SW_HSE:
        return hse
    vco = (hse if pllcfgr & PLLSRC_HSE else hsi) * (pllcfgr >> 6 & 0x1FF)
    vco //= max(pllcfgr & 0x3F, 1)
    divider = pllcfgr >> 28 & 7 if source == SW_PLLR else ((pllcfgr >> 16 & 3) + 1) * 2
    return vco // max(divider, 1)


def ahb_shift(hpre: int) -> int:
    return AHB_SHIFTS[hpre - 8] if hpre >= 8 else 0


def apb_shift(ppre: int) -> int:
    ppre &= 7
    return ppre - 3 if ppre >= 4 else 0
