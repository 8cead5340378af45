"""A memory chip on the board, behind the FMC or QUADSPI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .blocks.base import RegisterBlock
from .blocks.external import ExternalMemoryController
from .cpu.memory import Memory

# Where each bank is seen (RM0090 37.4, 36.4; RM0390 12.3.8)
WINDOWS = {
    ("sdram", 1): 0xC0000000,
    ("sdram", 2): 0xD0000000,
    **{("nor", bank): 0x60000000 + (bank - 1) * 0x04000000 for bank in range(1, 5)},
    ("qspi", 1): 0x90000000,
}
CONTROLLERS = {"sdram": ("FMC",), "nor": ("FMC", "FSMC"), "qspi": ("QUADSPI",)}


@dataclass(eq=False)
class ExternalMemory:
    """kind "sdram" (bank 1 or 2), "nor" (also PSRAM, bank 1 to 4) or "qspi"; size in bytes."""

    kind: str
    size: int
    bank: int = 1
    there: bool = False
    """The CPU can reach it now."""
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        if (self.kind, self.bank) not in WINDOWS:
            raise ValueError(
                f"there is no external memory {self.kind!r} in bank {self.bank}; the bench has "
                + ", ".join(f"{kind} {bank}" for kind, bank in WINDOWS)
            )
        self.memory = Memory(self.size, name=self.kind)

    @property
    def base(self) -> int:
        return WINDOWS[self.kind, self.bank]

    @property
    def is_flash(self) -> bool:
        """It may keep an image without power; a "nor" bank can also be PSRAM."""
        return self.kind in ("nor", "qspi")

    @property
    def writable(self) -> bool:
        return self.kind != "qspi"

    def reachable(self, blocks: Mapping[str, RegisterBlock]) -> bool:
        """Its controller has a clock, is not in reset and has been set up for it."""
        for name in CONTROLLERS[self.kind]:
            controller = blocks.get(name)
            if isinstance(controller, ExternalMemoryController):
                return controller.reachable(self.kind, self.bank)
        return False
