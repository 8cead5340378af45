"""Dies of these families that AN2606 rev 70 (table 226) lists, and that no table has. The host
calls them by their names."""

from __future__ import annotations

from typing import NamedTuple


class NoRow(NamedTuple):
    """A die without a row, and why it has none."""

    name: str
    why: str

    @property
    def sentence(self) -> str:
        """For the user."""
        return (
            f"this is an {self.name}, which romboot does not enter: {self.why}. Use the BOOT0 pin"
        )


NO_PORT = "MicroPython's stm32 port does not know it, and no way into its ROM was tried"
# BOOT0: AN2606 table 2, patterns 1 (F410) and 17. Where the ROM is stands in AN2606 and in ST's
# own code for these chips (STM32CubeH5, 0x0BFAC000; STM32CubeH7RS, 0x1FF18000). What a row of the
# F410 lacks: its RCC_PLLCFGR is 7F003010 after a reset by the SVD file alone, unlike any other F4.
DIES = {
    0x458: NoRow("STM32F410", NO_PORT),
    0x47A: NoRow("STM32H5E4/5E5/5F4/5F5", NO_PORT),
    0x485: NoRow(
        "STM32H7Rx/7Sx",
        "the ROM hangs if a program has protected the clocks of its external memory "
        "(RCC_CKPROTR; AN2606 62.4), and MicroPython's stm32 port does not know it",
    ),
}
