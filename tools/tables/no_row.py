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


DIES = {
    # BOOT0: AN2606 table 2, patterns 1 (F410) and 17
    0x458: NoRow(
        "STM32F410",
        "MicroPython has no port for it, and no way into its ROM was tried on a virtual chip",
    ),
    0x47A: NoRow("STM32H5E4/5E5/5F4/5F5", "where its ROM is stands in AN2606 alone"),
    0x485: NoRow(
        "STM32H7Rx/7Sx",
        "where its ROM is stands in AN2606 alone, and so does what must be done with the clocks "
        "of its external memory before a jump (62.4)",
    ),
}
