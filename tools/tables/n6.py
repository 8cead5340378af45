"""STM32N6: no table, only why. Its boot ROM is none of AN2606 (rev 70 does not name it).

Sources: ST's wiki, Security:BootRom for STM32N6 (what the ROM loads, and from where); ST's article
"Understanding the STM32N6 boot ROM" and its answers in community.st.com (BOOT0 and BOOT1 alone
choose the mode: td-p/815022; serial boot is BOOT0 high, BOOT1 low: td-p/797563); MicroPython's
ports/stm32/boards/NUCLEO_N657X0 and OPENMV_N6, which start from a signed mboot and have it as
machine.bootloader(). CPUID: ARM 101924 (Cortex-M55), PARTNO 0xD22.
"""

from __future__ import annotations

SERIES = "STM32N6"

WHY = (
    "the ROM of an STM32N6 takes signed images into RAM, if the BOOT pins say so at a reset, and "
    "no program can enter it: machine.bootloader() starts the board's own bootloader, mboot; "
    "for the ROM itself reset with BOOT0 high and BOOT1 low"
)
